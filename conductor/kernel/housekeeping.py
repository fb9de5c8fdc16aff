"""Off the path: ended runs to the archive, the log below its floor purged, artifacts that nobody needs deleted.

The conductor is the only hub: it carries records from the tracker to the Stale Manager and tells the tracker when they are
safe.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from conductor.bus import Bus, BusError
from conductor.bus.tasks import stopped
from conductor.kernel.partition import Partition
from conductor.kernel.writer import fence
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import ArchiveBatch, Archived, Export, Referred, Refers
from conductor.wire.grants import Reply
from conductor.wire.stale import Collect, Collected, Purge
from conductor.wire.store import ArtifactList, DeleteArtifacts, Deleted, ListArtifacts

_log = logging.getLogger("symphony.kernel")

ARCHIVE_INTERVAL_S = 0.5
ARCHIVE_COUNT_MAX = 256
"""Runs of one export; the tracker answers with as many as fit a message."""
RETRY_WINDOW_S = 3600.0
"""A run that did not succeed stays with its tracker so long, since that is when most are retried. Later a retry has it back
from the archive."""
RETRIABLE_COUNT_MAX = 2_000
"""Of a partition: beyond it the oldest go to the archive early, since a tracker's memory is for what is under way."""
PURGE_INTERVAL_S = 10.0

COLLECT_INTERVAL_S = 600.0
COLLECT_AGE_MS = 3_600_000
"""An artifact younger than this may be named by a message that is still on its way."""
COLLECT_PAGE = 1000
COLLECT_PASSES_MAX = 16
"""What a value names can go once the value has gone, so a pass may set more free: as deep as values nest in one another."""


class Housekeeping:
    """Looks after the partitions that a conductor owns."""

    def __init__(
        self,
        bus: Bus,
        owned: Callable[[], Iterable[Partition]],
        partitions: int,
        retry_window_s: float = RETRY_WINDOW_S,
    ) -> None:
        self._bus = bus
        self._retry_window_s = retry_window_s
        self._owned = owned
        self._partitions = partitions
        self._purged: dict[int, int] = {}
        self._tasks = [asyncio.create_task(work()) for work in (self._archive, self._purge, self._collect)]

    async def close(self) -> None:
        await stopped(self._tasks)

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
            runs = self._due(partition, int(time.time() * 1000))
            if not runs:
                return
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
                subject = subjects.log_event(partition.number, "archived")
                await self._bus.publish_log(subject, done, fence(partition.number, partition.owned))
            for run in (*told, *batch.unknown):
                partition.ended.pop(run, None)
            if not told and not batch.unknown:
                return

    def _due(self, partition: Partition, now_ms: int) -> list[str]:
        """Runs for the archive: those that succeeded at once; the others once nobody is likely to retry them, or where too
        many of them wait."""
        failed = sum(ended.status != "succeeded" for ended in partition.ended.values())
        before_ms = now_ms - round(self._retry_window_s * 1000)
        due = []
        for run, ended in partition.ended.items():
            waits = ended.status != "succeeded"
            if waits and ended.ended_at_ms > before_ms and failed <= RETRIABLE_COUNT_MAX:
                continue
            failed -= waits
            due.append(run)
            if len(due) >= ARCHIVE_COUNT_MAX:
                break
        return due

    async def _purge(self) -> None:
        while True:
            await asyncio.sleep(PURGE_INTERVAL_S)
            try:
                for partition in list(self._owned()):
                    await self._purge_log(partition)
            except (BusError, ValueError) as error:
                _log.debug("purging waits: %s", error)

    async def _collect(self) -> None:
        """Artifacts that nothing needs any more. Who owns the first partition asks all trackers: only then is it sure."""
        while True:
            await asyncio.sleep(COLLECT_INTERVAL_S)
            try:
                if any(partition.number == 0 for partition in self._owned()):
                    await self.collect(int(time.time() * 1000))
            except (BusError, ValueError) as error:
                _log.debug("collecting artifacts waits: %s", error)

    async def collect(self, now_ms: int, age_ms: int = COLLECT_AGE_MS) -> int:
        """Delete artifacts older than `age_ms` that neither a kept run, nor one of the trackers, nor a stored value names.

        Returns how many went.

        Raises:
            BusError: the store, the archive or a tracker does not answer; what was not deleted yet stays.
        """
        gone = 0
        for _ in range(COLLECT_PASSES_MAX):
            passed = await self._collect_once(now_ms, now_ms - age_ms)
            gone += passed
            if passed == 0:
                break
        return gone

    async def _collect_once(self, now_ms: int, before_ms: int) -> int:
        cursor, gone = 0, 0
        while True:
            ask = encode(ListArtifacts(limit=COLLECT_PAGE, cursor=cursor))
            page = decode(await self._bus.request(subjects.pit("store", "list"), ask, 30), ArtifactList)
            old = [artifact.digest for artifact in page.artifacts if artifact.created_at_ms < before_ms]
            free = await self._unreferenced(old, now_ms) if old else []
            went = 0
            if free:
                delete = encode(DeleteArtifacts(digests=free, before_ms=before_ms))
                # The store keeps what a stored value names: a list of runs cannot tell, since only the value says so.
                reply = await self._bus.request(subjects.pit("store", "delete"), delete, 60)
                went = decode(reply, Deleted).deleted
            gone += went
            if page.next is None:
                return gone
            cursor = max(page.next - went, 0)

    async def _unreferenced(self, digests: list[str], now_ms: int) -> list[str]:
        live: set[str] = set()
        for number in range(self._partitions):
            ask = encode(Refers(partition=number, digests=digests))
            data = await self._bus.request(subjects.pit("dag", "refers", number), ask, 30)
            live.update(decode(data, Referred).digests)
        # The archive is asked last: a run that goes from a tracker to it meanwhile is in one of the two answers.
        collect = encode(Collect(candidates=digests, live=sorted(live), now_ms=now_ms))
        answer = decode(await self._bus.request(subjects.pit("stale", "collect"), collect, 30), Collected)
        return answer.unreferenced

    async def _purge_log(self, partition: Partition) -> None:
        if partition.floor <= self._purged.get(partition.number, 0):
            return
        ask = encode(Purge(partition=partition.number, floor=partition.floor))
        await self._bus.request(subjects.pit("stale", "purge"), ask, 30)
        self._purged[partition.number] = partition.floor
