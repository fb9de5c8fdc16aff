"""How long a takeover takes: from the kill of an owner to the next dispatch, with nobody's help."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from conductor.bus import BusOptions, NatsBus
from conductor.bus.lease import Lease
from conductor.embedded import System, SystemOptions, inspect
from conductor.kernel.ownership import BUCKET
from conductor.measure.ready import spread
from conductor.measure.rows import Row
from conductor.wire import subjects
from conductor.workflow import read_bytes
from conductor.workflow.client import Client, SubmitOptions

PARTITIONS = 2
PROBE_INTERVAL_S = 0.02
STANDBYS = 4
"""Processes of the kind that is killed: the supervisor starts one again later each time that it ends soon."""
REST_S = 1.0
"""Between two kills, with a standby there: it has heard the workers then."""


async def measure(kills: int, disk: str | None) -> list[Row]:
    """Kill conductors, then trackers, `kills` times each, always the one that has partition 0.

    The clock runs from the kill to the end of the first one-task run of that partition that was submitted after it.
    """
    results = []
    with tempfile.TemporaryDirectory(prefix="symphony-bench-", dir=disk) as folder:
        options = SystemOptions(Path(folder), workers="stock=1x64", partitions=PARTITIONS, conductors=STANDBYS)
        async with System(options) as system:
            results.append(await _series("takeover_conductor", system, _conductor, kills))
        options = SystemOptions(
            Path(folder) / "each", pit="each", workers="stock=1x64", partitions=PARTITIONS, trackers=STANDBYS
        )
        async with System(options) as system:
            results.append(await _series("takeover_tracker", system, _tracker, kills))
    return results


async def _series(name: str, system: Any, owner: Callable[[Any, Any], Awaitable[int]], kills: int) -> Row:
    clients = [
        await NatsBus.connect(BusOptions(system.url, user, system.layout.cred(user), wait_s=10))
        for user in ("operator", "client-default")
    ]
    operator, client = clients[0], Client(clients[1])
    took = []
    for _ in range(kills):
        await _standing_by(operator, name.removeprefix("takeover_"))
        await asyncio.sleep(REST_S)
        await _ended(client)
        victim = await owner(system, operator)
        began = time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        await _ended(client)
        took.append((time.perf_counter() - began) * 1000)
    for bus in clients:
        await bus.close()
    return spread(name, took)


async def _standing_by(bus: Any, kind: str) -> None:
    """Another process of the kind is there. A tracker answers once for itself, and once for each partition it emits."""
    name, least = ("conductor", 2) if kind == "conductor" else ("dag", 2 + PARTITIONS)
    while sum(service["name"] == name for service in await inspect.services(bus)) < least:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(PROBE_INTERVAL_S)


async def _ended(client: Any) -> None:
    """A run of partition 0 has ended."""
    packed = read_bytes(b'{"workflow": "w", "version": "1.0.0", "tasks": {"a": {"call": "test.noop"}}}').packed()
    while True:
        submit = client.draft("w", packed, {}, SubmitOptions())
        if subjects.partition_of(submit.run, PARTITIONS) == 0:
            break
    await client.submit([submit])
    await asyncio.wait_for(client.wait(submit.run), 60)


async def _conductor(system: Any, bus: Any) -> int:
    """The process of the conductor that has partition 0."""
    while True:
        for name in system.options.names:
            if 0 in await inspect.owned(bus, [name]):
                return int(next(process.pid for process in system.processes if process.name == name))
        await asyncio.sleep(PROBE_INTERVAL_S)


async def _tracker(_: Any, bus: Any) -> int:
    """The process of the tracker that emits partition 0, as its lease names it."""
    while True:
        holder = await Lease(bus, BUCKET, "tracker.0", "").holder()
        if holder is not None:
            return int(holder.partition("-")[0])
        await asyncio.sleep(PROBE_INTERVAL_S)
