"""How soon every service answers."""

from __future__ import annotations

from conductor.measure.load import fresh
from conductor.measure.rows import Row
from conductor.measure.scenarios import Site

ROUNDS = 5


async def ready(durable: bool) -> list[Row]:
    """From exec to the first answer on `$SRV.PING`, of each service in a process of its own."""
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        async with fresh(Site(workers="none", pit="each"), durable) as system:
            for service in system.state().services:
                if service.ready_ms is not None:
                    name = "conductor" if service.kind == "conductor" else service.name
                    times.setdefault(name, []).append(service.ready_ms)
    return [spread(f"ready_{name}", measured) for name, measured in times.items()]


def spread(name: str, measured: list[float]) -> Row:
    """A row of a few times, in milliseconds: the middle one, and the last as p99."""
    measured = sorted(measured)
    middle, last = measured[len(measured) // 2], measured[min(len(measured) - 1, round(len(measured) * 0.99))]
    return {"name": name, "unit": "ms", "value": middle, "p50": middle, "p99": last, "runs": len(measured)}
