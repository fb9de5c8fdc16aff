"""Makers of the messages that kernel tests need."""

from __future__ import annotations

import asyncio
from typing import Any

from conductor.bus.memory import MemoryBus
from conductor.kernel.core import Core
from conductor.kernel.execution import Execution
from conductor.kernel.holds import Holds
from conductor.kernel.lifecycle import Lifecycle
from conductor.kernel.office import Office
from conductor.kernel.partition import Owned, Partition
from conductor.kernel.reports import Reports
from conductor.kernel.spans import Spans
from conductor.observe.tracing import Tracer
from conductor.policy import Rules
from conductor.wire.grants import Lease, PoolGrant, ShareGrant
from conductor.wire.heartbeat import Heartbeat, Stored
from conductor.wire.ready import ReadyTask
from conductor.wire.tasks import Attempt


def task(number: int = 1, **said: Any) -> ReadyTask:
    """A ready task of a run of its own."""
    fields: dict[str, Any] = {
        "run": f"{number:032x}",
        "tenant": "acme",
        "workflow": "w",
        "task": "t",
        "capability": "f",
        "ready_at_ms": number,
    }
    return ReadyTask(**{**fields, **said})


def execution(number: int = 1, **said: Any) -> Execution:
    return Execution(task(number, **said), 0, (1, number))


def grant(*leases: tuple[str, int], dead: list[str] | None = None, **said: Any) -> PoolGrant:
    """Leases of `(worker, slots)` for the function `f`."""
    made = [
        Lease(lease=n, worker=worker, slots=slots, capabilities=["f"], expires_in_ms=3000, **said)
        for n, (worker, slots) in enumerate(leases)
    ]
    return PoolGrant(conductor="c", issuer="pool", sequence=1, leases=made, dead=dead or [])


def shares(sequence: int = 1, **said: Any) -> ShareGrant:
    return ShareGrant(conductor="c", issuer="arbitration", sequence=sequence, **said)


def beat(number: int = 1, seen: int = 0, held: tuple[int, ...] = (), stored: dict[int, int] | None = None, **said: Any):
    """A heartbeat of worker `w` about partition 0 in epoch 5."""
    return Heartbeat(
        worker="w",
        beat=number,
        seen=[Attempt(partition=0, epoch=5, n=seen)] if seen else [],
        held=[Attempt(partition=0, epoch=5, n=n) for n in held],
        stored=[Stored(partition=0, epoch=5, n=n, sequence=at) for n, at in (stored or {}).items()],
        **said,
    )


def core(bus: MemoryBus) -> tuple[Core, Office]:
    """A conductor's core that owns partition 0 in epoch 5 and dispatches. What it says, `reports` and the outbox have."""

    def ignore(*_: Any) -> None:
        """Nothing of it is looked at."""

    made = Core(
        Rules(),
        Lifecycle(bus, "c"),
        Spans(Tracer("test")),
        Reports("c"),
        ignore,
        ignore,
        ignore,
        ignore,
        Holds("c"),
        ignore,
        ignore,
    )
    office = made.offices[0] = Office(bus, "c", Partition(0, Owned(5, 1)), b"s" * 32, made)
    office.partition.ready = True
    office.partition.stale = False
    return made, office


async def close(office: Office) -> None:
    office.close()
    await asyncio.gather(*office._tasks, return_exceptions=True)
