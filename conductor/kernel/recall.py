"""Archived runs that are asked to go on: read from the archive, off the path, and written to the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from conductor.bus import BusError
from conductor.bus.interface import Bus
from conductor.wire import subjects
from conductor.wire.base import WireError, decode, encode
from conductor.wire.log import Recalled
from conductor.wire.stale import ArchivedRun, ReadRun

_log = logging.getLogger("symphony.kernel")

UNDER_WAY_MAX = 4
"""Each may be two megabytes, which then wait for the broker."""
RETRY_S = 0.5
READ_TIME_S = 15.0
EVERYBODY = "-"
"""The fold knows who asks, and whose the run is."""


class Recalls:
    """Reads runs of one partition; what it finds is handed to the log's writer."""

    def __init__(self, bus: Bus, partition: int, epoch: int, write: Callable[[Recalled], None]) -> None:
        self._bus = bus
        self._partition = partition
        self._epoch = epoch
        self._write = write
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(UNDER_WAY_MAX)

    def need(self, run: str) -> None:
        """Read a run, unless that is under way."""
        if run not in self._tasks:
            self._tasks[run] = asyncio.create_task(self._recall(run))

    async def _recall(self, run: str) -> None:
        async with self._room:
            while True:
                try:
                    state, why = await self._read(run)
                    break
                except (BusError, WireError) as error:
                    _log.warning("run %s is not read from the archive yet: %s", run, error)
                    await asyncio.sleep(RETRY_S)
        del self._tasks[run]
        self._write(Recalled(partition=self._partition, epoch=self._epoch, run=run, state=state, why=why))

    async def _read(self, run: str) -> tuple[bytes, str]:
        """What it can go on by; without it, why there is nothing."""
        subject = subjects.pit("stale", "read", EVERYBODY)
        answer = await self._bus.request(subject, encode(ReadRun(run=run, state=True)), READ_TIME_S)
        found = decode(answer, ArchivedRun)
        if not found.found:
            return b"", "the archive does not have it any more: run it anew"
        return found.state, "" if found.state else "its archive kept no state to go on by: run it anew"

    def close(self) -> None:
        """Stop reading; what waits is asked for again by the next owner's resync."""
        for task in self._tasks.values():
            task.cancel()
