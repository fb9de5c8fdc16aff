"""`symphony status`: services, workers and partitions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec

from conductor import __version__
from conductor.cli.connect import Place, connected, json_option, place_options, run
from conductor.cli.output import FAILED, duration, emit, say, table


@click.command()
@place_options
@json_option
@click.pass_context
def status(ctx: click.Context, data: Path, url: str | None, as_json: bool) -> None:
    """Show what runs, whether it is healthy, and how fast it was ready."""
    found = run(gather(Place(data, url)))
    if as_json:
        emit(found)
    else:
        _show(found)
    if not all(service["healthy"] for service in found["services"]):
        ctx.exit(FAILED)


async def gather(place: Place) -> dict[str, Any]:
    """The document of `status --json`."""
    from conductor.bus import BusError
    from conductor.embedded import inspect
    from conductor.embedded.layout import Layout

    place.find()
    state = None if place.url else Layout(place.data).read_state()
    async with connected(place, "operator") as bus:
        answering, pools = await asyncio.gather(inspect.services(bus), inspect.pool_show(bus), return_exceptions=True)
        if isinstance(answering, BaseException):
            raise answering
        names = {service["name"] for service in answering}
        services = [_broker(bus, state)]
        expected = [s for s in state.services if s.kind != "broker"] if state else []
        ids = {service["name"]: service for service in answering}
        for service in expected:
            name = "conductor" if service.kind == "conductor" else service.name
            known = ids.get(name, {})
            services.append(_service(name, service.kind, known, name in names, service.pid, service.ready_ms))
        for name in sorted(names - {service["name"] for service in services}):
            kind = "conductor" if name == "conductor" else "pit"
            services.append(_service(name, kind, ids[name], True, 0, None))
        shown = await inspect.partitions(bus, state.partitions if state else 1)
        asked = (inspect.conductor(bus, f"conductor-{number}") for number in range(state.conductors if state else 1))
        conductors = [one for one in await asyncio.gather(*asked) if one]
        if isinstance(pools, BusError):
            workers: list[Any] = []
        elif isinstance(pools, BaseException):
            raise pools
        else:
            workers = [msgspec.to_builtins(worker) for worker in pools.workers]
    return {
        "services": services,
        "workers": workers,
        "partitions": [msgspec.to_builtins(partition) for partition in shown],
        "policy": {
            "name": conductors[0].get("policy") if conductors else None,
            "slots": sum(one.get("slots", 0) for one in conductors) if conductors else None,
            "busy": sum(one.get("busy", 0) for one in conductors) if conductors else None,
        },
        "version": __version__,
    }


def _service(
    name: str, kind: str, known: dict[str, Any], healthy: bool, pid: int, ready: float | None
) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "id": known.get("id", ""),
        "version": known.get("version", ""),
        "pid": pid,
        "healthy": healthy,
        "ready_ms": ready,
    }


def _broker(bus: Any, state: Any) -> dict[str, Any]:
    info = bus.client._server_info
    known = {"id": info.get("server_id", ""), "version": info.get("version", "")}
    row = next((service for service in state.services if service.kind == "broker"), None) if state else None
    return _service("broker", "broker", known, bus.connected, row.pid if row else 0, row.ready_ms if row else None)


def _show(found: dict[str, Any]) -> None:
    rows = [
        (
            service["name"],
            service["kind"],
            "healthy" if service["healthy"] else "unhealthy",
            service["version"],
            service["pid"] or "",
            duration(service["ready_ms"]),
        )
        for service in found["services"]
    ]
    table("Services", ("service", "kind", "health", "version", "pid", "ready after"), rows, ("pid", "ready after"))
    workers = [
        (
            w["worker"],
            w.get("pool") or "",
            w["state"],
            f"{w['busy']}/{w['slots']}",
            len(w["capabilities"]),
            w["language"],
        )
        for w in found["workers"]
    ]
    table("Workers", ("worker", "pool", "state", "busy", "functions", "language"), workers, ("busy", "functions"))
    partitions = [(p["partition"], p["live"], p["open"], p["folded"], p["owner"] or "") for p in found["partitions"]]
    columns = ("partition", "live runs", "open tasks", "folded to", "owner")
    table("Partitions", columns, partitions, columns[:4])
    say(f"policy {found['policy']['name']}, version {found['version']}")
