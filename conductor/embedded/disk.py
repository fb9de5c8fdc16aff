"""The disk: submissions are refused before it is full, and a broker that gave up comes back once there is room again.

A stream of the broker that failed to write takes nothing more until the broker is started again, and all of them may be
switched off. Nothing that it acknowledged is lost by that, but nothing goes on either. So it shall not come to it: below a
reserve the intake is marked as refused, which the conductor acts on (`kernel/room.py`); what is under way has the reserve,
ends, and is purged. Where others fill the disk all the same, the broker is started again once some of the reserve is free.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

from conductor.bus import BusError, NatsBus
from conductor.bus.streams import REFUSED_FOR
from conductor.bus.tasks import stopped
from conductor.embedded.processes import Process
from conductor.wire import bounds

_log = logging.getLogger("symphony.embedded")

LOOK_INTERVAL_S = 1.0
API_TIME_S = 2.0
SILENT_LOOKS = 3
"""Looks at which a connected broker's streams do not answer before they count as switched off."""
FULL_BYTES = 2 * bounds.MESSAGE_BYTES_MAX
"""With less than this free a write may have failed. A stream of the broker that failed to write once takes nothing more,
though it answers questions: only a new start helps."""
OPEN_ABOVE = 1.25
"""Of the reserve: what marks the intake at the reserve itself would mark it again and again."""


class Disk:
    """Looks after the disk that a broker's data lies on. `reserve_bytes` are kept free of submissions."""

    def __init__(self, folder: Path, reserve_bytes: int, bus: NatsBus, broker: Process) -> None:
        self._folder = folder
        self._reserve = reserve_bytes
        self._bus = bus
        self._broker = broker
        self._silent = 0
        self._was_full = False
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop looking."""
        await stopped([self._task])

    def free(self) -> int:
        """Bytes that can still be written."""
        return shutil.disk_usage(self._folder).free

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            with contextlib.suppress(OSError):
                await self.look(self.free())

    async def look(self, free: int) -> None:
        """Mark the intake or take the mark away, and start a broker again that may have given up."""
        if free < FULL_BYTES:
            if not self._was_full:
                _log.error("the disk of %s is full: make room, and the broker will be started again", self._folder)
            self._was_full = True
        try:
            config = (await self._ask("STREAM.INFO.SYM_IN"))["config"]
            self._silent = 0
            await self._mark(config, free)
        except (BusError, KeyError, ValueError) as error:
            _log.debug("the broker's streams do not answer: %s", error)
            self._silent += self._bus.connected  # one that is gone is its supervisor's to start
        if free >= self._reserve // 4 and (self._was_full or self._silent >= SILENT_LOOKS):
            self._silent, self._was_full = 0, False
            _log.warning("there is room on the disk again: the broker, which may have given up, is started again")
            self._broker.kill()

    async def _mark(self, config: dict[str, Any], free: int) -> None:
        metadata = dict(config.get("metadata") or {})
        marked = REFUSED_FOR in metadata
        if not marked and free < self._reserve:
            metadata[REFUSED_FOR] = f"the disk has {free >> 20:,} MiB left"
            _log.warning("%s: submissions are refused", metadata[REFUSED_FOR])
        elif marked and free > self._reserve * OPEN_ABOVE:
            del metadata[REFUSED_FOR]
        else:
            return
        await self._ask("STREAM.UPDATE.SYM_IN", config | {"metadata": metadata})

    async def _ask(self, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = json.dumps(body).encode() if body else b""
        answer: dict[str, Any] = json.loads(await self._bus.request(f"$JS.API.{call}", data, API_TIME_S))
        if (error := answer.get("error")) is not None:
            raise BusError("unavailable", f"{call}: {error.get('description')}")
        return answer
