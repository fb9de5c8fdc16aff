"""`symphony pit stale`: what is archived, what goes and why, and how it is brought back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from conductor.cli import connect, versions
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.leaving import archive, erase, export
from conductor.cli.output import FAILED, Refusal, clock, emit, say, size, table

if TYPE_CHECKING:
    from conductor.wire.retention import Doomed, RetentionShow

PATIENCE_S = 60.0
"""A look goes through the whole archive: half a million runs take seconds."""


@click.group()
def stale() -> None:
    """The archive: retention, holds, training value, trajectories."""


stale.add_command(archive)
stale.add_command(export)
stale.add_command(erase)


@stale.command("show")
@place_options
@json_option
def show(data: Path, url: str | None, as_json: bool) -> None:
    """What is archived, held, on its way out, and gone."""
    from conductor.wire.grants import Nothing
    from conductor.wire.stale import StaleShow

    values = msgspec.to_builtins(connect.ask(Place(data, url), "stale", "show", Nothing(), StaleShow))
    if as_json:
        emit(values)
        return
    table("", ("", ""), [(name, value) for name, value in values.items() if name != "v"])


def _policy(place: Place, **said: Any) -> RetentionShow:
    from conductor.wire.retention import AskRetention, RetentionShow

    return connect.ask(place, "stale", "policy", AskRetention(**said), RetentionShow, patience_s=PATIENCE_S)


def _planned(shown: RetentionShow, as_json: bool) -> None:
    if as_json:
        emit(msgspec.to_builtins(shown))
        return
    say(f"of {shown.considered} runs {shown.going} would go, {size(shown.bytes)}; nothing was changed")
    rows = [(e.rule, e.runs, e.goes, size(e.bytes), e.saved) for e in shown.rules]
    table("By rule", ("rule", "runs", "go", "size", "saved"), rows, ("runs", "go", "size", "saved"))
    if shown.saved:
        say("saved by " + ", ".join(f"{what}: {count}" for what, count in sorted(shown.saved.items())))
    _doomed(shown.goes)


def _doomed(doomed: list[Doomed]) -> None:
    rows = [
        (d.run, d.workflow, d.rule, f"{d.value:.3f}", size(d.bytes), clock(d.due_at_ms or 0), d.reason) for d in doomed
    ]
    columns = ("run", "workflow", "rule", "value", "size", "not before", "why")
    table("", columns, rows, ("value", "size"))


@stale.group("policy")
def policy() -> None:
    """The policy: which runs stay how long, how many, in how much room."""


versions.add(policy, _policy)

limit_option = click.option(
    "--limit", type=click.IntRange(0, 1000), default=100, show_default=True, help="Runs by name"
)


@policy.command("try")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@limit_option
@place_options
@json_option
def policy_try(file: Any, limit: int, data: Path, url: str | None, as_json: bool) -> None:
    """Validate a policy and say what would go by it now, and why. Changes nothing."""
    _planned(_policy(Place(data, url), action="try", document=file.read(), limit=limit), as_json)


@stale.command("plan")
@limit_option
@place_options
@json_option
def plan(limit: int, data: Path, url: str | None, as_json: bool) -> None:
    """What goes by the policy in force, and why; and what saves the rest. Changes nothing."""
    _planned(_policy(Place(data, url), action="plan", limit=limit), as_json)


@stale.command("tombstones")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@place_options
@json_option
def tombstones(limit: int, data: Path, url: str | None, as_json: bool) -> None:
    """Runs that will be deleted, the earliest first. `undo` takes them back."""
    from conductor.wire.retention import AskTombstones, Tombstones

    found = connect.ask(Place(data, url), "stale", "tombstones", AskTombstones(limit=limit), Tombstones)
    if as_json:
        emit(msgspec.to_builtins(found))
        return
    say(f"{found.count} runs have a tombstone")
    _doomed(found.doomed)


@stale.command("undo")
@click.argument("runs", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every tombstone")
@click.option("--days", type=click.FloatRange(0, 36_500), default=7.0, show_default=True, help="They stay so long")
@place_options
@json_option
def undo(runs: tuple[str, ...], every: bool, days: float, data: Path, url: str | None, as_json: bool) -> None:
    """Take tombstones back, as long as their grace has not passed."""
    from conductor.wire.retention import Undo, Undone

    if not runs and not every:
        raise Refusal("name the runs that `symphony pit stale tombstones` lists, or say --all")
    ask = Undo(runs=[_run(run) for run in runs], every=every, days=days)
    done = connect.ask(Place(data, url), "stale", "undo", ask, Undone, patience_s=PATIENCE_S)
    if as_json:
        emit(msgspec.to_builtins(done))
    else:
        say(f"tombstones taken back: {done.runs}; the runs stay for {days:g} days")
    if runs and done.runs < len(set(runs)):
        missing = len(set(runs)) - done.runs
        raise Refusal(f"{missing} of the runs have no tombstone that could be undone: they stay, or are gone", FAILED)


def _run(text: str) -> str:
    if len(text) != 32 or any(letter not in "0123456789abcdef" for letter in text):
        raise Refusal(f"{text!r} is no run: give the 32 hexadecimal digits that `symphony runs list` shows")
    return text


@stale.command("explain")
@click.argument("subject", metavar="RUN|ARTIFACT")
@place_options
@json_option
def explain(subject: str, data: Path, url: str | None, as_json: bool) -> None:
    """What a run or an artifact is worth to learn from, part by part, and what becomes of it."""
    from conductor.wire.retention import AskWorth, Worth

    if len(subject) not in (32, 64) or any(letter not in "0123456789abcdef" for letter in subject):
        raise Refusal(f"{subject!r} is neither a run (32 hexadecimal digits) nor an artifact (64)")
    worth = connect.ask(Place(data, url), "stale", "explain", AskWorth(subject=subject), Worth, patience_s=PATIENCE_S)
    if as_json:
        emit(msgspec.to_builtins(worth))
    if not worth.found:
        raise Refusal(
            f"nothing that is archived has the name {subject}: is it still live? `symphony runs show`", FAILED
        )
    if as_json:
        return
    if worth.digest:
        say(f"{len(worth.named_by)} archived runs name it; the one that is worth most is {worth.run}:")
    say(worth.why)


@stale.command("hold")
@click.argument("run")
@click.option("--reason", required=True, help="Why it is held: a case, a person")
@click.option("--by", default="", help="Who holds it")
@place_options
@json_option
def hold(run: str, reason: str, by: str, data: Path, url: str | None, as_json: bool) -> None:
    """Hold a run: no policy has it go, nor what it was made of, until it is released."""
    _held(Place(data, url), run, True, reason, by, as_json)


@stale.command("release")
@click.argument("run")
@click.option("--reason", default="", help="Why it is released")
@click.option("--by", default="", help="Who releases it")
@place_options
@json_option
def release(run: str, reason: str, by: str, data: Path, url: str | None, as_json: bool) -> None:
    """Release a run that was held."""
    _held(Place(data, url), run, False, reason, by, as_json)


def _held(place: Place, run: str, held: bool, reason: str, by: str, as_json: bool) -> None:
    from conductor.wire.grants import Reply
    from conductor.wire.stale import Hold

    said = Hold(run=_run(run), held=held, reason=reason, by=by)
    reply = connect.ask(place, "stale", "hold", said, Reply)
    if not reply.ok:
        raise Refusal(f"{run}: {reply.message}", FAILED)
    if as_json:
        emit({"run": run, "held": held})
    else:
        say(f"{run} is {'held' if held else 'released'}")


@stale.command("trail")
@click.option("--from", "start", type=click.IntRange(0), default=0, help="The number of the first entry")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@place_options
@json_option
def trail(start: int, limit: int, data: Path, url: str | None, as_json: bool) -> None:
    """What was done by retention and by people, entry by entry, checked from the beginning."""
    from conductor.wire.store import AskTrail, Trail

    found = connect.ask(
        Place(data, url), "stale", "trail", AskTrail(start=start, limit=limit), Trail, patience_s=PATIENCE_S
    )
    if as_json:
        emit(msgspec.to_builtins(found))
    else:
        rows = [(e.number, clock(e.at_ms), e.what, (e.digest or "")[:16], e.detail) for e in found.entries]
        table("", ("number", "at", "what", "about", "detail"), rows, ("number",))
    if found.broken_at is not None:
        raise Refusal(f"entry {found.broken_at} does not follow from those before it: the trail was edited", FAILED)
