"""`symphony runs cancel|pause|resume|retry|rollback|move`: of one run, or of all that a filter names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from conductor.cli import connect, filters
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import FAILED, Refusal, emit, say

F = TypeVar("F", bound=Callable[..., Any])

ENDED = ("succeeded", "failed", "cancelled", "timed_out")


def run_id(text: str) -> str:
    """A run's identifier.

    Raises:
        Refusal: it is not one.
    """
    if len(text) != 32 or any(letter not in "0123456789abcdef" for letter in text):
        raise Refusal(f"{text!r} is no run: give the 32 hexadecimal digits that `symphony runs list` shows")
    return text


def no_run(run: str) -> Refusal:
    """Nobody knows this run."""
    return Refusal(f"there is no run {run}: `symphony runs list` shows those that there are", FAILED)


def add(group: click.Group) -> None:
    """Add the verbs to `symphony runs`."""
    for command in (cancel, pause, resume, retry, rollback, move):
        group.add_command(command)


def _ask(event: str, run: str, message: Any, place: Place, as_json: bool) -> None:
    """Ask one run, and say what became of it."""

    async def work() -> Any:
        async with connect.client(place) as client:
            if await client.show(run) is None:
                raise no_run(run)
            entry = await client.control(event, message)
            if entry is None and event in ("retry", "rollback"):
                from conductor.workflow.past import why_not_again

                why = await why_not_again(client, run)
                if why is not None:
                    raise Refusal(f"{event} of {run} was not applied: {why}", FAILED)
            return entry

    entry = connect.run(work())
    if entry is not None and not entry.accepted:
        raise Refusal(f"{event} of {run} was not applied: {entry.detail}", FAILED)
    state = "applied" if entry is not None else "accepted"
    if as_json:
        emit({"run": run, event: state, "detail": entry.detail if entry is not None else ""})
    else:
        detail = f": {entry.detail}" if entry is not None and entry.detail else ""
        say(f"the {event} of {run} is {state}{detail}")


def _meant(function: F) -> F:
    """The words of a verb that takes a run or a filter."""
    for option in (
        json_option,
        place_options,
        filters.filter_options,
        click.option("--yes", is_flag=True, help="With a filter: do it, and not only tell which runs are meant"),
        click.option("--reason", default="", help="Kept in the run's history"),
        click.argument("run", required=False),
    ):
        function = option(function)
    return function


def _each(
    event: str,
    run: str | None,
    message: Callable[[str], Any],
    fits: Callable[[str], bool],
    yes: bool,
    place: Place,
    as_json: bool,
    said: dict[str, Any],
) -> None:
    """Ask one run, or all of a filter whose status fits. `message` makes the message to a run."""
    wanted = filters.run_filter(said)
    if run is not None:
        if not filters.is_empty(wanted):
            raise Refusal(f"runs {event}: give a run or a filter, not both")
        _ask(event, run_id(run), message(run), place, as_json)
        return
    if filters.is_empty(wanted):
        raise Refusal(f"`runs {event}` needs a run, or a filter such as --workflow or --older-than")

    async def work() -> Any:
        async with connect.client(place) as client:

            async def act(each: str) -> None:
                await client.say(event, message(each))

            return await filters.bulk(client, event, wanted, fits, yes, act)

    filters.tell_bulk(connect.run(work()), as_json)


@click.command()
@_meant
def cancel(run: str | None, reason: str, yes: bool, data: Path, url: str | None, as_json: bool, **said: Any) -> None:
    """End a run, or those of a filter; a completion that the log has before wins."""
    from conductor.wire.runs import Cancel

    def message(run: str) -> Cancel:
        return Cancel(run=run, reason=reason)

    _each("cancel", run, message, lambda status: status not in ENDED, yes, Place(data, url), as_json, said)


@click.command()
@_meant
def pause(run: str | None, reason: str, yes: bool, data: Path, url: str | None, as_json: bool, **said: Any) -> None:
    """Begin nothing new of a run; what runs goes on."""
    from conductor.wire.control import PauseRun

    def message(run: str) -> PauseRun:
        return PauseRun(run=run, reason=reason)

    _each("pause", run, message, lambda status: status not in (*ENDED, "paused"), yes, Place(data, url), as_json, said)


@click.command()
@_meant
def resume(run: str | None, reason: str, yes: bool, data: Path, url: str | None, as_json: bool, **said: Any) -> None:
    """Go on after a pause."""
    from conductor.wire.control import ResumeRun

    def message(run: str) -> ResumeRun:
        return ResumeRun(run=run, reason=reason)

    _each("resume", run, message, lambda status: status == "paused", yes, Place(data, url), as_json, said)


@click.command()
@click.option("--from", "from_", metavar="TASK", help="This task and all that hangs on it, whatever became of them")
@_meant
def retry(
    run: str | None, from_: str | None, reason: str, yes: bool, data: Path, url: str | None, as_json: bool, **said: Any
) -> None:
    """Run again what failed, and keep what succeeded."""
    from conductor.wire.control import RetryRun

    def message(run: str) -> RetryRun:
        return RetryRun(run=run, from_=from_, reason=reason)

    _each("retry", run, message, lambda status: status in ENDED[1:], yes, Place(data, url), as_json, said)


@click.command()
@click.argument("run")
@click.option(
    "--to", "checkpoint", required=True, metavar="CHECKPOINT", help="The name of a checkpoint that was passed"
)
@click.option("--reason", default="", help="Kept in the run's history")
@place_options
@json_option
def rollback(run: str, checkpoint: str, reason: str, data: Path, url: str | None, as_json: bool) -> None:
    """Go back to a checkpoint: what came after it is undone where it can be, and run again."""
    from conductor.wire.control import RollbackRun

    message = RollbackRun(run=run_id(run), checkpoint=checkpoint, reason=reason)
    _ask("rollback", run, message, Place(data, url), as_json)


@click.command()
@click.argument("run")
@click.argument("workflow")
@click.option("--reason", default="", help="Kept in the run's history")
@place_options
@json_option
def move(run: str, workflow: str, reason: str, data: Path, url: str | None, as_json: bool) -> None:
    """Go on by another version of the document, where the tasks that are done still stand in it."""
    from conductor.cli import follow
    from conductor.wire.control import MoveRun

    place = Place(data, url)

    async def checked() -> bytes:
        async with connect.client(place) as client:
            source = await follow.source_of(workflow, client)
            packed = source.packed()
            follow.refuse_problems(source, await client.check(packed))
            return bytes(packed)

    _ask("move", run_id(run), MoveRun(run=run, document=connect.run(checked()), reason=reason), place, as_json)
