"""`symphony run`: run a workflow and wait for its end."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from conductor.cli import connect
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import FAILED, Refusal, emit, say

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic in some versions only
    """`200ms`, `30s`, `5m`, `2h`, `1d`, as in documents; milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _DURATION.match(str(value))
        if found is None:
            self.fail(f"{value!r} is not a duration: write 200ms, 30s, 5m, 2h or 1d", param, ctx)
        return round(float(found[1]) * _UNITS_MS[found[2]])


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line said."""

    target: str
    inputs: list[str]
    priority: int | None
    deadline_ms: int | None
    budget: float | None
    key: str | None
    wait: bool
    timeout_ms: int | None
    time_scale: float | None
    as_json: bool


@click.command()
@click.argument("workflow")
@click.option("-i", "--input", "inputs", multiple=True, metavar="KEY=VALUE", help="An input; KEY=@FILE takes a file")
@click.option("--priority", type=click.IntRange(0, 9), help="9 goes first")
@click.option("--deadline", type=Duration(), help="The run ends as timed_out after this")
@click.option("--budget", type=click.FloatRange(0), help="Money that the run may cost")
@click.option("--key", help="Makes the submission idempotent: the same key is the same run")
@click.option("--no-wait", is_flag=True, help="Return once the run is accepted")
@click.option("--timeout", type=Duration(), help="Your own patience; the run goes on")
@click.option(
    "--time-scale", type=click.FloatRange(0, min_open=True), help="The input time_scale, where it is declared"
)
@click.option("--embedded", is_flag=True, help="Start a system for this run, and stop it afterwards")
@place_options
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    workflow: str,
    inputs: tuple[str, ...],
    priority: int | None,
    deadline: int | None,
    budget: float | None,
    key: str | None,
    no_wait: bool,
    timeout: int | None,
    time_scale: float | None,
    embedded: bool,
    data: Path,
    url: str | None,
    as_json: bool,
) -> None:
    """Run WORKFLOW: a .yaml or .json document, module:name of a Python workflow, or a registered name."""
    if embedded and no_wait:
        raise Refusal("--embedded stops its system at the end: it cannot go with --no-wait")
    request = Request(
        workflow, list(inputs), priority, deadline, budget, key, not no_wait, timeout, time_scale, as_json
    )
    code = connect.run(_embedded(request) if embedded else _run(request, Place(data, url)))
    ctx.exit(code)


async def _embedded(request: Request) -> int:
    async with temporary_system(request.target) as place:
        return await _run(request, place)


@asynccontextmanager
async def temporary_system(target: str) -> AsyncIterator[Place]:
    """A system in a temporary folder, with workers for the functions of a Python target."""
    from conductor.embedded import System, SystemOptions
    from conductor.embedded.pit import default_workers

    workers = default_workers()
    if ".py" in target or ":" in target:
        module = target.partition(":")[0]
        workers += f",{module}=1x4"
    with tempfile.TemporaryDirectory(prefix="symphony-") as folder:
        async with System(SystemOptions(Path(folder), workers=workers)):
            yield Place(Path(folder))


async def _run(request: Request, place: Place) -> int:
    from conductor.cli import follow
    from conductor.workflow.client import SubmitOptions

    async with connect.client(place) as client:
        source = await follow.source_of(request.target, client)
        packed = source.packed()
        checked = await client.check(packed)
        follow.refuse_problems(source, checked)
        values = await follow.read_inputs(request.inputs, checked, client)
        if request.time_scale is not None:
            if "time_scale" not in checked.inputs:
                raise Refusal(f"--time-scale: {request.target} declares no input time_scale")
            values["time_scale"] = request.time_scale
        follow.refuse_problems(source, await client.check(packed, values))
        watch = request.wait and not request.as_json and _terminal()
        said = SubmitOptions(request.key, request.priority, request.deadline_ms, request.budget, watch)
        name = checked.workflow or "workflow"
        submit = client.draft(name, packed, values, said)
        await client.submit([submit])
        if not request.wait:
            if request.as_json:
                emit({"run": submit.run, "status": "queued"})
            else:
                say(f"{submit.run} is accepted; `symphony runs watch {submit.run}` follows it")
            return 0
        return await _follow(request, client, submit.run, name)


async def _follow(request: Request, client: Any, run_id: str, name: str) -> int:
    from conductor.cli import follow

    limit = None if request.timeout_ms is None else request.timeout_ms / 1000
    try:
        async with asyncio.timeout(limit):
            with follow.Progress(f"{name} {run_id}") as progress:
                async for event in client.events(run_id):
                    progress.take(event)
                    if event.ended is not None:
                        ended = event.ended
    except TimeoutError:
        text = f"the run {run_id} goes on after your --timeout; `symphony runs watch {run_id}` follows it"
        raise Refusal(text, FAILED) from None
    end = await follow.document(client, ended)
    if request.as_json:
        emit(end)
    else:
        follow.tell_end(end)
    return 0 if end["status"] == "succeeded" else FAILED


def _terminal() -> bool:
    import sys

    return sys.stdout.isatty()
