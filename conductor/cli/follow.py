"""Submitting one run from the command line and following it: checks, inputs, progress, and the document of its end."""

from __future__ import annotations

import re
import sys
import time
from typing import Any

from conductor.cli.output import console, duration, say
from conductor.cli.output import value as shown
from conductor.wire.dag import Checked, RunView
from conductor.wire.runs import RunEnded, RunEvent
from conductor.wire.values import is_reference, unpack
from conductor.workflow.client import ENDED, Client
from conductor.workflow.errors import Mistake, WorkflowError
from conductor.workflow.inputs import FileInput, parse_inputs
from conductor.workflow.reader import Source, read_file, read_text

RESOLVED_BYTES_MAX = 64 * 1024 * 1024
"""Of a large output that is shown as a value: more belongs into a file (`symphony artifacts get`)."""
_REGISTERED = re.compile(r"^[a-z0-9][a-z0-9-]*(@[0-9A-Za-z.+-]+)?$")


async def source_of(target: str, client: Client) -> Source:
    """The document that WORKFLOW names: a file, `module:name`, or a registered workflow.

    Raises:
        WorkflowError: there is none, or it cannot be read.
    """
    if target.endswith((".yaml", ".yml", ".json")):
        return read_file(target)
    if ".py" in target or ":" in target:
        from conductor.worker.load import workflow

        return workflow(target).source()
    if not _REGISTERED.match(target):
        raise WorkflowError.one(
            target, "this names no workflow", "give a .yaml file, module:name, or a registered name"
        )
    from conductor.cli.registry import Registry

    name, _, version = target.partition("@")
    text = await Registry(client).get(name, version or None)
    if text is None:
        raise WorkflowError.one(
            target, "no workflow of this name is registered", "see `symphony workflows list`, or add the file's ending"
        )
    return read_text(text, target)


def refuse_problems(source: Source, checked: Checked) -> None:
    """Raise what the tracker found, each with its line and column.

    Raises:
        WorkflowError: there are problems.
    """
    if not checked.problems:
        return
    mistakes = []
    for problem in checked.problems:
        line, column = source.place(problem.at)
        column += problem.column or 0
        where = f"{problem.at}: " if problem.at and not line else ""
        mistakes.append(Mistake(source.name, line, column, f"{where}{problem.message}", problem.remedy))
    raise WorkflowError(mistakes)


async def read_inputs(said: list[str], checked: Checked, client: Client) -> dict[str, Any]:
    """`-i` values by their declared types; files and large values go to the Artifact Store."""
    parsed = parse_inputs(said, checked.inputs)
    values: dict[str, Any] = {}
    for name, value in parsed.items():
        if isinstance(value, FileInput):
            values[name] = await client.stored.put_file(value.path, value.media_type)
        else:
            values[name] = value
    return await client.spill(values)


async def resolved(client: Client, ended: RunEnded) -> Any:
    """The outputs of a run for people: values that were too large to travel are fetched; files stay references."""
    if ended.outputs is None:
        return None
    value = unpack(ended.outputs)
    if _packed(value):
        return await _fetch(client, value, ended)
    if isinstance(value, dict):
        return {key: await _fetch(client, item, ended) if _packed(item) else item for key, item in value.items()}
    return value


def _packed(value: Any) -> bool:
    return is_reference(value) and value.get("media_type") == "application/msgpack"


async def _fetch(client: Client, mark: dict[str, Any], ended: RunEnded) -> Any:
    if mark.get("size", 0) > RESOLVED_BYTES_MAX:
        return mark
    return unpack(await client.stored.output(mark["digest"], RESOLVED_BYTES_MAX, ended))


async def document(client: Client, ended: RunEnded) -> dict[str, Any]:
    """The document of `run --json`."""
    error = ended.error
    return {
        "run": ended.run,
        "workflow": ended.workflow,
        "status": ended.status,
        "outputs": await resolved(client, ended),
        "error": None
        if error is None
        else {"kind": error.kind, "task": error.task, "message": error.message, "retryable": error.retryable},
        "tasks": {
            "total": ended.tasks.total,
            "succeeded": ended.tasks.succeeded,
            "failed": ended.tasks.failed,
            "skipped": ended.tasks.skipped,
            "retried": ended.tasks.retried,
        },
        "duration_ms": so_far_ms(ended.status, ended.duration_us, ended.submitted_at_ms),
        "overhead_ms": round(max(ended.duration_us - ended.function_us, 0) / 1000, 3),
        "trace_id": ended.trace[:16].hex() if ended.trace else ended.run,
    }


def so_far_ms(status: str, duration_us: int, submitted_at_ms: int) -> float:
    """How long a run took, or has taken so far: the tracker reckons it at the end."""
    if status in ENDED:
        return round(duration_us / 1000, 3)
    return round(max(time.time() * 1000 - submitted_at_ms, 0.0), 3)


class Progress:
    """Live progress on a terminal: one line a task, the items of a map together. In a pipe it says nothing."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tasks: dict[str, dict[str, int]] = {}
        self._live: Any = None

    def __enter__(self) -> Progress:
        if sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(self._draw(), console=console(), refresh_per_second=10, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update(self._draw())
            self._live.stop()

    def take(self, event: RunEvent) -> None:
        """An event of the run."""
        if self._live is None or event.task is None or event.status is None:
            return
        counts = self._tasks.setdefault(event.task.partition("[")[0], {})
        counts[event.status] = counts.get(event.status, 0) + 1
        if event.status != "running":
            counts["running"] = max(counts.get("running", 0) - 1, 0)
        self._live.update(self._draw())

    def see(self, view: RunView) -> None:
        """The state of the run, for one whose events nobody asked for: it replaces what the events told."""
        if self._live is None:
            return
        self._tasks = {}
        for node in view.nodes:
            counts = self._tasks.setdefault(node.task.partition("[")[0], {})
            column = {"cached": "succeeded", "ready": "running"}.get(node.status, node.status)
            counts[column] = counts.get(column, 0) + 1
        self._live.update(self._draw())

    def _draw(self) -> Any:
        from rich.table import Table

        drawn = Table(title=self._title, box=None, title_justify="left", pad_edge=False)
        for column in ("task", "waiting", "running", "succeeded", "failed"):
            drawn.add_column(column, justify="left" if column == "task" else "right")
        for task, counts in self._tasks.items():
            waiting = counts.get("waiting", 0)
            failed = counts.get("failed", 0)
            drawn.add_row(
                task,
                f"[yellow]{waiting}[/]" if waiting else "",
                f"[cyan]{counts.get('running', 0)}[/]",
                f"[green]{counts.get('succeeded', 0)}[/]",
                f"[red]{failed}[/]" if failed else "0",
            )
        return drawn


def tell_end(end: dict[str, Any]) -> None:
    """The end of a run, in lines for a person."""
    tasks, took = end["tasks"], duration(end["duration_ms"])
    counts = f"{tasks['total']} tasks, {tasks['retried']} retried"
    if end["status"] in ENDED:
        counts += f", overhead {duration(end['overhead_ms'])}"
        say(f"{end['workflow']} {end['status']} in {took} ({counts})")
    else:
        say(f"{end['workflow']} is {end['status']}, {took} so far ({counts}, {tasks['succeeded']} succeeded)")
    if end["error"]:
        place = f" in {end['error']['task']}" if end["error"]["task"] else ""
        say(f"  error: {end['error']['kind']}{place}: {end['error']['message']}")
    for name, given in (end["outputs"] or {}).items():
        text = shown(given)
        say(f"  {name}: {text if len(text) <= 300 else text[:297] + '...'}")
    say(f"  run {end['run']}, trace {end['trace_id']}")
