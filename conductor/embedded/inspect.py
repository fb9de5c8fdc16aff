"""What a running system says of itself: its micro services, workers and partitions, gathered for `status`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec

from conductor.bus import BusError, NatsBus
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import DagShow
from conductor.wire.grants import Nothing, PoolShow

GATHER_S = 0.25
"""How long answers to a ping of everybody are waited for: services on loopback take a millisecond."""


async def pool_show(bus: NatsBus) -> PoolShow:
    """The Pool Manager's view.

    Raises:
        BusError: it does not answer.
    """
    return decode(await bus.request(subjects.pit("pool", "show"), encode(Nothing())), PoolShow)


async def leased_workers(bus: NatsBus) -> int:
    """Workers that take tasks now; none where the Pool Manager does not answer."""
    try:
        shown = await pool_show(bus)
    except BusError:
        return 0
    return sum(worker.state in ("warm", "active") and bool(worker.capabilities) for worker in shown.workers)


async def services(bus: NatsBus) -> list[dict[str, Any]]:
    """Every micro service that answers `$SRV.INFO`: name, id, version, metadata, endpoints."""
    found: list[dict[str, Any]] = []

    async def take(message: Any) -> None:
        found.append(json.loads(message.data))

    inbox = bus.client.new_inbox()
    subscription = await bus.client.subscribe(inbox, cb=take)
    try:
        await bus.client.publish("$SRV.INFO", b"", reply=inbox)
        await asyncio.sleep(GATHER_S)
    finally:
        await subscription.unsubscribe()
    return found


async def partitions(bus: NatsBus, count: int) -> list[DagShow]:
    """The tracker's state of each partition; those that do not answer are left out."""

    async def one(number: int) -> DagShow | None:
        try:
            return decode(await bus.request(subjects.pit("dag", "status", number), encode(Nothing()), 2), DagShow)
        except BusError:
            return None

    shown = await asyncio.gather(*(one(number) for number in range(count)))
    return [show for show in shown if show is not None]


async def conductor(bus: NatsBus, name: str) -> dict[str, Any]:
    """A conductor's own state; empty where it does not answer."""
    try:
        data = await bus.request(subjects.pit("conductor", "show", name), b"", 2)
    except BusError:
        return {}
    found: dict[str, Any] = msgspec.msgpack.decode(data)
    return found


async def owned(bus: NatsBus, names: list[str]) -> set[int]:
    """The partitions whose owners, among these conductors, give tasks to workers."""
    shown = await asyncio.gather(*(conductor(bus, name) for name in names))
    return {part["partition"] for one in shown for part in one.get("partitions", []) if part["ready"]}
