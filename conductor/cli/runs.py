"""`symphony runs`: list, show, watch, and what happened; `control.py` holds what is asked of a run."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from conductor.cli import connect, control, filters, signals
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import FAILED, Refusal, age, clock, duration, emit, moment, say, table

BAR_CELLS = 40
"""How wide a run is drawn, beside columns that leave about as much of a terminal of a hundred."""


LOOK_S, LOOK_NODES_PER_S = 0.5, 2_000
"""Between two looks at a run that is watched, and how many of its tasks may be listed a second."""


@click.group()
def runs() -> None:
    """Live runs and archived ones."""


@runs.command("list")
@filters.filter_options
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True)
@place_options
@json_option
def list_(limit: int, data: Path, url: str | None, as_json: bool, **said: Any) -> None:
    """Runs, newest first."""
    wanted = filters.run_filter(said)

    async def work() -> Any:
        async with connect.client(Place(data, url)) as client:
            return await client.list(wanted, limit)

    found = connect.run(work())
    if as_json:
        emit({"runs": [_row(summary) for summary in found]})
        return
    lines = [(s.run, s.workflow, s.status, s.tasks.total, duration(_took(s)), age(s.submitted_at_ms)) for s in found]
    if not lines and sys.stdout.isatty():
        say("no runs" + (" that fit" if not filters.is_empty(wanted) else "") + ": `symphony run WORKFLOW` begins one")
        return
    table("", ("run", "workflow", "status", "tasks", "duration", "age"), lines, ("tasks", "duration", "age"))


def _row(summary: Any) -> dict[str, Any]:
    import msgspec

    return {
        "run": summary.run,
        "workflow": summary.workflow,
        "version": summary.version,
        "status": summary.status,
        "tasks": msgspec.to_builtins(summary.tasks),
        "duration_ms": _took(summary),
        "submitted_at": moment(summary.submitted_at_ms),
        "ended_at": moment(summary.ended_at_ms) if summary.ended_at_ms else None,
        "parent": summary.parent,
    }


def _took(summary: Any) -> float:
    from conductor.cli.follow import so_far_ms

    return so_far_ms(summary.status, summary.duration_us, summary.submitted_at_ms)


@runs.command()
@click.argument("run")
@click.option("--at", "sequence", type=click.IntRange(1), help="As it was at this sequence of its history")
@place_options
@json_option
def show(run: str, sequence: int | None, data: Path, url: str | None, as_json: bool) -> None:
    """A run with its tasks, their inputs and outputs."""
    if sequence is not None:
        _show_past(run, sequence, Place(data, url), as_json)
        return
    document = connect.run(_shown(run, Place(data, url)))
    if as_json:
        emit(document)
        return
    from conductor.cli.follow import tell_end

    tell_end(document)
    lines = [
        (
            n["task"],
            n["capability"] or "",
            n["status"],
            n["attempts"],
            n["worker"] or "",
            duration(n["queued_ms"]),
            duration(n["run_ms"]),
        )
        for n in document["nodes"]
    ]
    columns = ("task", "call", "status", "attempts", "worker", "queued", "ran")
    table("", columns, lines, ("attempts", "queued", "ran"))
    from conductor.cli import waits

    for why in filter(None, map(waits.sentence, document["nodes"])):
        say(why)
    if sys.stdout.isatty():
        for node in document["nodes"]:
            if node["error"]:
                say(f"{node['task']}: {node['error']['kind']}: {node['error']['message']}")


def _show_past(run: str, sequence: int, place: Place, as_json: bool) -> None:
    from conductor.workflow.past import as_it_was

    async def work() -> Any:
        async with connect.client(place) as client:
            return await as_it_was(client, control.run_id(run), sequence)

    then = connect.run(work())
    if then is None:
        raise control.no_run(run)
    if "began" in then:
        raise Refusal(f"the run {run} began at sequence {then['began']}, after {sequence}")
    if "note" in then:
        say(f"from its history alone: {then['note']}", err=True)
    if as_json:
        emit({"run": run, "at": sequence, **then})
        return
    say(f"run {run} was {then['status']} at {sequence}")
    lines = [(n["task"], n["status"], n["attempts"], n["worker"] or "", n["detail"]) for n in then["nodes"]]
    table("", ("task", "status", "attempts", "worker", "detail"), lines, ("attempts",))


async def _shown(run: str, place: Place) -> dict[str, Any]:
    from conductor.cli import follow, waits
    from conductor.wire.values import unpack
    from conductor.workflow.client import ended_of

    async with connect.client(place) as client:
        view = await client.show(control.run_id(run), nodes=True, values=True)
        if view is None:
            raise control.no_run(run)
        document = await follow.document(client, ended_of(view))
        document["parent"] = view.parent
        document["nodes"] = [
            {
                "task": node.task,
                "capability": node.capability,
                "status": node.status,
                "attempts": node.attempts,
                "worker": node.worker,
                "start_ms": None if node.ready_at_ms is None else max(node.ready_at_ms - view.submitted_at_ms, 0),
                "queued_ms": round(node.queued_us / 1000, 3),
                "run_ms": round(node.run_us / 1000, 3),
                "end_ms": None if node.ended_at_ms is None else max(node.ended_at_ms - view.submitted_at_ms, 0),
                "inputs": unpack(node.inputs) if node.inputs else None,
                "outputs": unpack(node.outputs) if node.outputs else None,
                "child": node.child,
                "keys": node.keys,
                "error": None if node.error is None else {"kind": node.error.kind, "message": node.error.message},
            }
            for node in view.nodes
        ]
        await waits.add(client, view.run, document["nodes"], view.nodes)
        return document


@runs.command()
@click.argument("run")
@place_options
@json_option
@click.pass_context
def watch(ctx: click.Context, run: str, data: Path, url: str | None, as_json: bool) -> None:
    """Follow a run until it ends."""

    async def work() -> dict[str, Any]:
        from conductor.cli import follow

        async with connect.client(Place(data, url)) as client:
            if await client.show(control.run_id(run)) is None:
                raise control.no_run(run)
            with follow.Progress(f"run {run}") as progress:
                looking = asyncio.create_task(_look(client, run, progress)) if sys.stdout.isatty() else None
                try:
                    async for event in client.events(run):
                        if event.ended is not None:
                            return await follow.document(client, event.ended)
                finally:
                    if looking is not None:
                        looking.cancel()
            raise AssertionError("the last event is the end")

    end = connect.run(work())
    if as_json:
        emit(end)
    else:
        from conductor.cli.follow import tell_end

        tell_end(end)
    ctx.exit(0 if end["status"] == "succeeded" else FAILED)


async def _look(client: Any, run: str, progress: Any) -> None:
    """Draw the state of a run again and again: its tasks' events go only to a submitter that asked for them. A run of many
    tasks is looked at more seldom, for each look lists them all."""
    from conductor.bus import BusError

    while True:
        view = None
        with suppress(BusError):
            view = await client.show(run, nodes=True)
        if view is not None:
            progress.see(view)
        await asyncio.sleep(LOOK_S + (len(view.nodes) / LOOK_NODES_PER_S if view is not None else 0))


@runs.command()
@click.argument("run")
@place_options
@json_option
def history(run: str, data: Path, url: str | None, as_json: bool) -> None:
    """What happened to a run, event by event, as the log has it; and why it had its turn where slots were short."""
    from conductor.bus import BusError
    from conductor.wire.stale import RunDecisions
    from conductor.workflow.turns import turns

    async def work() -> Any:
        async with connect.client(Place(data, url)) as client:
            number = control.run_id(run)
            entries, logged = await client.history(number), RunDecisions()
            with suppress(BusError):  # the events are known without the archive too
                logged = await turns(client, number)
            return entries, logged

    entries, logged = connect.run(work())
    if entries is None:
        raise control.no_run(run)
    decisions = [decision for decision in logged.decisions if decision.kind == "start"]
    if as_json:
        import msgspec

        emit({"run": run, "history": msgspec.to_builtins(entries), "decisions": msgspec.to_builtins(decisions)})
        return
    lines = [
        (
            e.sequence,
            clock(e.at_ms),
            e.event,
            e.task or "",
            e.attempt or "",
            "" if e.accepted else "not applied",
            e.by,
            e.detail,
        )
        for e in entries
    ]
    table("", ("sequence", "at", "event", "task", "attempt", "", "by", "detail"), lines, ("sequence", "attempt"))
    _tell_turns(decisions, logged.cut)


def _tell_turns(decisions: list[Any], cut: bool) -> None:
    """Why a task went first where more wanted slots than there were."""
    turns = [(clock(d.at_us / 1000), d.task, d.order or d.policy, d.rationale or d.reason) for d in decisions]
    if turns:
        table("Turns", ("at", "task", "by", "why"), turns)
    if cut:
        say("earlier turns are in the trajectories: `symphony pit stale show` tells how many")


@runs.command()
@click.argument("run")
@place_options
@json_option
def trace(run: str, data: Path, url: str | None, as_json: bool) -> None:
    """The run's trace: its identifier, and its spans as the tracker knows them."""
    document = connect.run(_shown(run, Place(data, url)))
    spans = [
        {
            "name": f"task {n['task']}",
            "worker": n["worker"],
            "start_ms": n["start_ms"],
            "end_ms": n["end_ms"],
            "queued_ms": n["queued_ms"],
            "run_ms": n["run_ms"],
            "status": n["status"],
        }
        for n in document["nodes"]
    ]
    if as_json:
        emit({"run": run, "trace_id": document["trace_id"], "spans": spans})
        return
    say(f"trace {document['trace_id']}  ({document['workflow']}, {duration(document['duration_ms'])})")
    whole = max([document["duration_ms"], *((s["start_ms"] or 0) + s["queued_ms"] + s["run_ms"] for s in spans)]) or 1.0
    lines = [(s["name"], s["status"], duration(s["queued_ms"]), duration(s["run_ms"]), _bar(s, whole)) for s in spans]
    table("", ("span", "status", "queued", "ran", "when"), lines, ("queued", "ran"))


def _bar(span: dict[str, Any], whole_ms: float) -> str:
    """Where a span lies within its run: light while it waited, dark while it ran; never less than one cell."""
    if span["start_ms"] is None:
        return ""
    places: list[float] = [span["start_ms"], span["start_ms"] + span["queued_ms"]]
    places.append(places[-1] + span["run_ms"])
    if not span["run_ms"] and span["end_ms"] is not None:  # it waited for something from outside, and ran nowhere
        places[1:] = [span["end_ms"], span["end_ms"]]
    begin, sent, end = (min(round(BAR_CELLS * at / whole_ms), BAR_CELLS) for at in places)
    sent = min(sent, BAR_CELLS - 1)
    return " " * min(begin, sent) + "░" * max(sent - begin, 0) + "█" * max(end - sent, 1)


control.add(runs)
runs.add_command(signals.signal)
