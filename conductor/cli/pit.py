"""`symphony pit`: the five infrastructure extensions, seen from inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from conductor.cli import connect
from conductor.cli.arbitration import arbitration
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import duration, emit, table
from conductor.cli.pools import pools
from conductor.cli.retention import stale
from conductor.cli.store import store


@click.group()
def pit() -> None:
    """Pool Manager, DAG Tracker, Artifact Store, Arbitration, Stale Manager."""


@pit.command()
@place_options
@json_option
def status(data: Path, url: str | None, as_json: bool) -> None:
    """The five: version, health, time to readiness."""
    from conductor.cli.status import gather

    found = connect.run(gather(Place(data, url)))
    services = [service for service in found["services"] if service["kind"] == "pit"]
    if as_json:
        emit({"services": services})
        return
    rows = [
        (s["name"], "healthy" if s["healthy"] else "unhealthy", s["version"], s["pid"] or "", duration(s["ready_ms"]))
        for s in services
    ]
    table("", ("service", "health", "version", "pid", "ready after"), rows, ("pid", "ready after"))


def _group(name: str, what: str) -> click.Group:
    group = click.Group(name, help=what)
    pit.add_command(group)
    return group


pit.add_command(pools)
dag = _group("dag", "The fold of the log")
pit.add_command(arbitration)
pit.add_command(store)
pit.add_command(stale)


@dag.command("show")
@click.option("--partition", type=click.IntRange(0), default=0, show_default=True)
@place_options
@json_option
def dag_show(partition: int, data: Path, url: str | None, as_json: bool) -> None:
    """A partition: what is folded, live, open and snapshotted."""
    from conductor.wire.dag import DagShow
    from conductor.wire.grants import Nothing

    _fields(connect.ask(Place(data, url), "dag", "status", Nothing(), DagShow, partition), as_json)


def _fields(shown: Any, as_json: bool) -> None:
    values = msgspec.to_builtins(shown)
    if as_json:
        emit(values)
    else:
        table("", ("", ""), [(name.replace("_", " "), value) for name, value in values.items() if name != "v"])
