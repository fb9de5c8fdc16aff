"""Off the path: ended runs to the archive, the log below its floor purged, submissions of ended runs dropped.

The conductor is the only hub: it carries records from the tracker to the Stale Manager and tells the tracker when they are
safe.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable

from conductor.bus import Bus, BusError
from conductor.kernel.partition import Partition
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import ArchiveBatch, Archived, Export
from conductor.wire.grants import Reply
from conductor.wire.stale import Purge

_log = logging.getLogger("symphony.kernel")

ARCHIVE_INTERVAL_S = 0.5
ARCHIVE_COUNT_MAX = 256
"""Runs of one export; the tracker answers with as many as fit a message."""
PURGE_INTERVAL_S = 10.0
SUBMISSIONS_KEPT = 1000
"""Beyond those of live runs: a margin for what is between the two streams at this moment."""


class Housekeeping:
    """Looks after the partitions that a conductor owns."""

    def __init__(self, bus: Bus, owned: Callable[[], Iterable[Partition]], partitions: int) -> None:
        self._bus = bus
        self._owned = owned
        self._partitions = partitions
        self._purged: dict[int, int] = {}
        self._tasks = [asyncio.create_task(self._archive()), asyncio.create_task(self._purge())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _archive(self) -> None:
        while True:
            await asyncio.sleep(ARCHIVE_INTERVAL_S)
            for partition in list(self._owned()):
                try:
                    await self._archive_some(partition)
                except (BusError, ValueError) as error:
                    _log.debug("the archive of partition %d waits: %s", partition.number, error)

    async def _archive_some(self, partition: Partition) -> None:
        while partition.ended:
            runs = list(partition.ended)[:ARCHIVE_COUNT_MAX]
            ask = encode(Export(partition=partition.number, runs=runs))
            data = await self._bus.request(subjects.pit("dag", "export", partition.number), ask)
            batch = decode(data, ArchiveBatch)
            told = [record.summary.run for record in batch.records]
            if told:
                # The records go on as the bytes that they came in: nothing is written twice.
                reply = decode(await self._bus.request(subjects.pit("stale", "archive"), data, 30), Reply)
                if not reply.ok:
                    raise BusError("unavailable", reply.message)
                done = encode(Archived(partition=partition.number, epoch=partition.owned.epoch, runs=told))
                await self._bus.request(subjects.pit("dag", "archived", partition.number), done)
            for run in (*told, *batch.unknown):
                partition.ended.pop(run, None)
            if not told and not batch.unknown:
                return

    async def _purge(self) -> None:
        while True:
            await asyncio.sleep(PURGE_INTERVAL_S)
            partitions = list(self._owned())
            try:
                for partition in partitions:
                    await self._purge_log(partition)
                if len(partitions) == self._partitions:
                    await self._purge_submissions(sum(partition.live for partition in partitions))
            except (BusError, ValueError, KeyError) as error:
                _log.debug("purging waits: %s", error)

    async def _purge_log(self, partition: Partition) -> None:
        if partition.floor <= self._purged.get(partition.number, 0):
            return
        ask = encode(Purge(partition=partition.number, floor=partition.floor))
        await self._bus.request(subjects.pit("stale", "purge"), ask, 30)
        self._purged[partition.number] = partition.floor

    async def _purge_submissions(self, live: int) -> None:
        """Rule 8: `SYM_IN` holds what has not ended. Its messages are copied to the log in order, and each holds a run at
        least: all but the last `live` of those that the log has can go."""
        log = json.loads(await self._bus.request("$JS.API.STREAM.INFO.SYM_LOG", b""))
        lag = next(source["lag"] for source in log.get("sources", []) if source["name"] == "SYM_IN")
        state = json.loads(await self._bus.request("$JS.API.STREAM.INFO.SYM_IN", b""))["state"]
        keep = live + SUBMISSIONS_KEPT + lag
        if lag > 0 or state["messages"] <= 2 * keep:
            return
        await self._bus.request("$JS.API.STREAM.PURGE.SYM_IN", json.dumps({"keep": keep}).encode(), 30)
