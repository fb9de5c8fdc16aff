"""Room for submissions (rule 8 of DESIGN.md): refused while the house is full, dropped once their runs have ended.

The broker refuses by itself what does not fit into `SYM_IN`. What it cannot know is told to it here: a log that is nearly
full, a tracker with as many live runs as it may have or with more memory than it should hold. Then `SYM_IN` is set to take
no further message, so that every publisher hears the same refusal, whatever client it is. Results, decisions and cancels
go to other streams and are not touched: what is under way ends, and that makes the room.

The owner of partition 0 looks after it. What is closed when that one dies, the next owner finds closed, and opens.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from conductor.bus import Bus, BusError
from conductor.bus.streams import REFUSED_FOR
from conductor.bus.tasks import stopped
from conductor.kernel.partition import Partition
from conductor.observe import metrics
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import DagShow
from conductor.wire.grants import Nothing

_log = logging.getLogger("symphony.kernel")

LOOK_INTERVAL_S = 1.0
"""What may come in between two looks is bounded by the broker's own rate, and small beside the bounds."""
OPEN_BELOW = 0.85
"""A gate that opened at the bound itself would open and close all the time."""
LOG_FULL = 0.9
"""Of the log's bytes: the rest is for the results of what is under way."""
CLOSED = 1
"""Messages that `SYM_IN` takes while it is closed. None at all cannot be said: 0 is no bound."""
KEPT_COUNT = 1000
"""Messages that may lie there without need: purging has a price, and so few are none."""


def pressure(trackers: Iterable[DagShow], log: dict[str, Any]) -> tuple[float, str]:
    """How full the fullest of the bounds is (1 is full), and which it is. `log` is the broker's word on `SYM_LOG`."""
    found = [(0.0, "nothing")]
    for shown in trackers:
        if shown.live_max:
            found.append((shown.live / shown.live_max, f"partition {shown.partition} has {shown.live:,} live runs"))
        if shown.memory_high_bytes and shown.live:  # what a tracker without runs holds, waiting would not free
            text = f"the tracker of partition {shown.partition} holds {shown.memory_bytes >> 20:,} MiB"
            found.append((shown.memory_bytes / shown.memory_high_bytes, text))
    most = log["config"].get("max_bytes", -1)
    if most > 0:
        used = log["state"]["bytes"] / most
        found.append((used / LOG_FULL, f"the log is full to {used:.0%}"))
    return max(found)


def droppable(stream: dict[str, Any], copied: int, live: int = 0) -> int:
    """The sequence up to which a stream's messages may go; 0: none, or too few to be worth it.

    `copied` is the sequence up to which the log has them. What it has not is never dropped: a `lag` of 0, which the broker
    also tells while the log is full and refuses copies, proves nothing. Each of the last `live` messages may be of a run
    that has not ended.
    """
    state = stream["state"]
    upto = min(copied, state["last_seq"] - live)
    count = upto - state["first_seq"] + 1
    half_full = state["bytes"] * 2 > stream["config"]["max_bytes"] > 0
    return upto if count > KEPT_COUNT or (count > 0 and half_full) else 0


class Room:
    """Closes and opens `SYM_IN`, and drops from it and from `SYM_CONTROL` what is needed no more."""

    def __init__(self, bus: Bus, owned: Callable[[], Iterable[Partition]], partitions: int) -> None:
        self._bus = bus
        self._owned = owned
        self._partitions = partitions
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop looking; everything stays as it is."""
        await stopped([self._task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            if not any(partition.number == 0 for partition in self._owned()):
                continue
            try:
                await self.look()
            except (BusError, ValueError, KeyError) as error:
                _log.debug("making room waits: %s", error)

    async def look(self) -> None:
        """Look at all bounds once.

        Raises:
            BusError: a tracker or the broker does not answer; nothing is opened or dropped then.
        """
        shown = [
            decode(await self._bus.request(subjects.pit("dag", "status", number), encode(Nothing())), DagShow)
            for number in range(self._partitions)
        ]
        log, intake, control = [await self._ask(f"STREAM.INFO.{s}") for s in ("SYM_LOG", "SYM_IN", "SYM_CONTROL")]
        await self._gate(pressure(shown, log), intake["config"])
        copied = {source["name"]: source.get("seq", 0) for source in log.get("sources", [])}
        live = sum(tracker.live for tracker in shown)
        await self._drop(intake, droppable(intake, copied.get("SYM_IN", 0), live))
        await self._drop(control, droppable(control, copied.get("SYM_CONTROL", 0)))

    async def _gate(self, pressed: tuple[float, str], config: dict[str, Any]) -> None:
        full, why = pressed
        if (told := (config.get("metadata") or {}).get(REFUSED_FOR)) is not None:
            full, why = max(full, 1.0), told
        closed = config.get("max_msgs", -1) == CLOSED
        if closed and full < OPEN_BELOW:
            closed = False
            await self._ask("STREAM.UPDATE.SYM_IN", config | {"max_msgs": -1})
            _log.info("submissions are taken again")
        elif not closed and full >= 1:
            closed = True
            await self._ask("STREAM.UPDATE.SYM_IN", config | {"max_msgs": CLOSED})
            _log.warning("submissions are refused as busy: %s", why)
        metrics.GATE_CLOSED.set(closed)

    async def _drop(self, stream: dict[str, Any], upto: int) -> None:
        if upto:  # the broker keeps the message at the sequence that it is told
            await self._ask(f"STREAM.PURGE.{stream['config']['name']}", {"seq": upto + 1})

    async def _ask(self, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = json.dumps(body).encode() if body else b""
        answer: dict[str, Any] = json.loads(await self._bus.request(f"$JS.API.{call}", data))
        if (error := answer.get("error")) is not None:
            raise BusError("unavailable", f"{call}: {error.get('description')}")
        return answer
