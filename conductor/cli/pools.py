"""`symphony pit pools`: workers with their lives and their health, the pools behind them, and how large these may be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from conductor.cli import connect
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import FAILED, Refusal, duration, emit, say, table

if TYPE_CHECKING:
    from conductor.wire.grants import PoolShow, PoolView, WorkerView


@click.group()
def pools() -> None:
    """Workers and pools."""


def _shown(place: Place) -> PoolShow:
    from conductor.wire.grants import Nothing, PoolShow

    return connect.ask(place, "pool", "show", Nothing(), PoolShow)


@pools.command("show")
@place_options
@json_option
def show(data: Path, url: str | None, as_json: bool) -> None:
    """Workers with their slots and their health, and declared pools with what they should have."""
    shown = _shown(Place(data, url))
    if as_json:
        emit(msgspec.to_builtins(shown))
        return
    rows = [
        (
            w.worker,
            w.pool or "",
            w.state,
            f"{w.busy}/{w.slots}",
            f"{w.error_rate:.1%}",
            w.breaker.replace("_", " "),
            duration(w.ready_ms),
            w.restarts,
        )
        for w in shown.workers
    ]
    table(
        "Workers",
        ("worker", "pool", "state", "busy", "errors", "breaker", "ready after", "restarts"),
        rows,
        ("busy", "errors", "ready after", "restarts"),
    )
    _pools(shown.pools)


def _pools(views: list[PoolView]) -> None:
    lines = [
        (p.pool, f"{p.min}-{p.max}", p.running, p.wanted, duration(p.backlog_ms), duration(p.load_ms), p.why)
        for p in views
    ]
    columns = ("pool", "processes", "running", "wanted", "slots' time waiting", "load time", "why")
    table("Pools", columns, lines, columns[2:6])


@pools.command("explain")
@click.argument("name")
@place_options
@json_option
def explain(name: str, data: Path, url: str | None, as_json: bool) -> None:
    """Why a worker is leased or not and how it has spent its time; or why a pool has as many processes as it has."""
    shown = _shown(Place(data, url))
    workers = [worker for worker in shown.workers if name in (worker.worker, worker.pool, *worker.capabilities)]
    views = [view for view in shown.pools if view.pool == name]
    if not workers and not views:
        text = f"there is neither a worker nor a pool nor a capability {name!r}; `symphony pit pools show` lists them"
        raise Refusal(text, FAILED)
    if as_json:
        emit({"workers": msgspec.to_builtins(workers), "pools": msgspec.to_builtins(views)})
        return
    for view in views:
        say(
            f"pool {view.pool}: {view.running} processes run, {view.wanted} are wanted (from {view.min} to {view.max}): "
            f"{view.why}"
        )
        for reason in view.exits:
            say(f"  {reason}")
    for worker in workers:
        _worker(worker)


def _worker(worker: WorkerView) -> None:
    spent = ", ".join(f"{state} {duration(ms)}" for state, ms in worker.state_ms.items() if ms)
    say(f"{worker.worker} is {worker.state}: {worker.why}")
    say(f"  {worker.language} {worker.version} on {worker.host}, process {worker.pid}; {spent or 'just heard of'}")
    say(
        f"  {worker.error_rate:.2%} of what it did lately failed by its own fault; {worker.ejections} times out of late"
    )


@pools.command("scale")
@click.argument("target")
@click.option("--min", "least", type=click.IntRange(0), help="Processes that are always kept")
@click.option("--max", "most", type=click.IntRange(1), help="Processes that there are at most")
@click.option("--reason", default="", help="Kept with the change")
@place_options
@json_option
def scale(
    target: str, least: int | None, most: int | None, reason: str, data: Path, url: str | None, as_json: bool
) -> None:
    """Other bounds for the processes of a pool, or of every pool whose workers offer a capability; over restarts too."""
    from conductor.wire.grants import PoolShow, Scale

    if least is None and most is None:
        raise Refusal("say --min, --max or both: nothing else can be scaled")
    ask = Scale(target=target, min=least, max=most, reason=reason)
    shown = connect.ask(Place(data, url), "pool", "scale", ask, PoolShow)
    if as_json:
        emit({"pools": msgspec.to_builtins(shown.pools)})
        return
    _pools(shown.pools)
