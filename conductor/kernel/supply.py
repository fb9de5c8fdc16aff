"""What must be fetched or stored before the ring can go on: frames of composed inputs, and artifacts that maps go over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from conductor.bus import Artifacts, BusError
from conductor.bus.tasks import stopped
from conductor.wire import bounds
from conductor.wire.log import Supplied
from conductor.wire.ready import ArtifactNeed, Frame

_log = logging.getLogger("symphony.kernel")

FRAMES_BYTES_MAX = 1024 * 1024 * 1024
"""Of composed values that are being put together; above it the oldest are dropped, and a resync sends them again."""
STORED_MAX = 65_536
"""Digests known to be stored. One that was forgotten is stored again, which the store finds to be there."""
SUPPLY_BYTES_MAX = 64 * bounds.FRAME_BYTES_MAX
"""An artifact that a map goes over stands in the log as a whole."""
UNDER_WAY_MAX = 16
RETRY_S = 0.5


class Frames:
    """Puts frames together and stores what they make; `stored` hears of each digest that the store has.

    `told` hears what was sent there: the digest, the moments of beginning and end in microseconds, the size in bytes.
    """

    def __init__(
        self, artifacts: Artifacts, stored: Callable[[str], None], told: Callable[[str, int, int, int], None]
    ) -> None:
        self._artifacts = artifacts
        self._notify = stored
        self._told = told
        self._parts: OrderedDict[str, dict[int, bytes]] = OrderedDict()
        self._size = 0
        self._stored: OrderedDict[str, None] = OrderedDict()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(UNDER_WAY_MAX)

    def add(self, frame: Frame) -> None:
        """Take a piece; the last one starts the storing."""
        if frame.digest in self._stored:
            self._notify(frame.digest)
            return
        if frame.digest in self._tasks:
            return
        parts = self._parts.setdefault(frame.digest, {})
        if frame.index not in parts:
            parts[frame.index] = frame.data
            self._size += len(frame.data)
        if len(parts) == frame.count:
            del self._parts[frame.digest]
            data = b"".join(parts[index] for index in sorted(parts))
            self._size -= len(data)
            self._tasks[frame.digest] = asyncio.create_task(self._store(frame.digest, data, frame.media_type))
        while self._size > FRAMES_BYTES_MAX and self._parts:
            _, dropped = self._parts.popitem(last=False)
            self._size -= sum(map(len, dropped.values()))

    def has(self, digest: str) -> bool:
        """Whether the store is known to have it."""
        return digest in self._stored

    def knows(self, digest: str) -> bool:
        """Whether it is stored or on its way there."""
        return digest in self._stored or digest in self._tasks or digest in self._parts

    async def _store(self, digest: str, data: bytes, media_type: str) -> None:
        async with self._room:
            began_us = time.time_ns() // 1000
            while True:
                try:
                    await self._artifacts.put(data, media_type)
                    break
                except BusError as error:
                    _log.warning("a composed input of %d bytes is not stored yet: %s", len(data), error)
                    await asyncio.sleep(RETRY_S)
        self._told(digest, began_us, time.time_ns() // 1000, len(data))
        self._stored[digest] = None
        while len(self._stored) > STORED_MAX:
            self._stored.popitem(last=False)
        del self._tasks[digest]
        self._notify(digest)

    async def close(self) -> None:
        await stopped(self._tasks.values())


class Supplies:
    """Reads artifacts that maps go over and hands their pieces to the log.

    `told` hears what was read: the need, the moments of beginning and end in microseconds, the size in bytes or the error.
    """

    def __init__(
        self, artifacts: Artifacts, told: Callable[[ArtifactNeed, tuple[int, int], int | None, str | None], None]
    ) -> None:
        self._artifacts = artifacts
        self._told = told
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(UNDER_WAY_MAX)

    def need(self, need: ArtifactNeed, partition: int, epoch: int, write: Callable[[list[Supplied]], None]) -> None:
        """Fetch an artifact, unless that is under way."""
        # Under an epoch of its own: what is under way for an earlier one goes to a writer that writes no more.
        name = f"{partition} {epoch} {need.digest}"
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._fetch(name, need, partition, epoch, write))

    async def _fetch(
        self, name: str, need: ArtifactNeed, partition: int, epoch: int, write: Callable[[list[Supplied]], None]
    ) -> None:
        digest = need.digest
        async with self._room:
            began_us = time.time_ns() // 1000
            while True:
                try:
                    data = await self._artifacts.get(digest, SUPPLY_BYTES_MAX)
                    break
                except BusError as error:
                    if error.kind in ("not_found", "invalid"):
                        _log.warning("a map cannot have artifact %s: %s", digest, error)
                        self._told(need, (began_us, time.time_ns() // 1000), None, str(error))
                        write([Supplied(partition=partition, epoch=epoch, digest=digest, missing=True)])
                        del self._tasks[name]
                        return
                    await asyncio.sleep(RETRY_S)
        self._told(need, (began_us, time.time_ns() // 1000), len(data), None)
        size = bounds.FRAME_BYTES_MAX
        count = max(-(-len(data) // size), 1)
        write(
            [
                Supplied(
                    partition=partition,
                    epoch=epoch,
                    digest=digest,
                    index=index,
                    count=count,
                    data=data[index * size : (index + 1) * size],
                )
                for index in range(count)
            ]
        )
        del self._tasks[name]

    async def close(self) -> None:
        await stopped(self._tasks.values())
