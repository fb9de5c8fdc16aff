"""Events that runs wait for: `SYM_EVENTS` is followed while somebody listens, and what is wanted is written to the log.

A tracker tells the names that its runs wait for, each with the moment since when. Events from then on are looked at, the
ones that came before this was heard too; an event that is written twice changes nothing, since the fold knows for each
wait which it has seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from conductor.bus import BusError, NatsBus
from conductor.bus.tasks import stopped
from conductor.wire import bounds, subjects
from conductor.wire.base import WireError, decode
from conductor.wire.runs import Occurred
from conductor.wire.values import Value, pack

_log = logging.getLogger("symphony.kernel")

KEPT_COUNT_MAX = 4096
KEPT_BYTES_MAX = 16 * 1024 * 1024
"""Events of the last moments: a wait that is told late finds them here, without following the stream anew."""
RETRY_S = 0.5
LOOK_S = 1.0
"""How long nothing comes before the broker is asked whether anything was sent."""
IDLE_HEARTBEAT_S = 5.0
INACTIVE_S = 30.0
"""The broker forgets a consumer whose reader is gone for so long."""

Write = Callable[[str, int, int, bytes], bool]
"""Name, sequence, moment and value of an event; False where there is no room now."""


class Event(NamedTuple):
    """One event of the stream; the value is msgpack."""

    name: str
    sequence: int
    at_ms: int
    value: bytes


class MissedError(Exception):
    """Events were sent, and did not come: the stream is followed anew."""


class Listening:
    """Who listens for what, and the last events. Pure: it says what is to be written, and where to follow from."""

    def __init__(self) -> None:
        self._names: dict[int, dict[str, int]] = {}
        self._kept: deque[Event] = deque()
        self._bytes = 0
        self.since_ms: int | None = None
        """Every event from this moment on was seen, or will be; None while nothing is followed."""

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return any(self._names.values())

    def listen(self, partition: int, names: dict[str, int]) -> tuple[list[Event], int | None]:
        """All names of a partition. What it may have missed, and the moment to follow the stream anew from, if it must."""
        known = self._names.get(partition, {})
        new = {name: since for name, since in names.items() if known.get(name) != since}
        self._names[partition] = dict(names)
        if not new:
            return [], None
        first = min(new.values())
        if self.since_ms is None or first < self.since_ms:
            return [], first
        return [event for event in self._kept if event.at_ms >= new.get(event.name, 1 << 62)], None

    def forget(self, partition: int) -> None:
        """The partition is somebody else's."""
        self._names.pop(partition, None)

    def follow(self, since_ms: int) -> None:
        """The stream is followed anew from a moment."""
        self.since_ms = since_ms
        self._kept.clear()
        self._bytes = 0

    def stop(self) -> None:
        """The stream is not followed any more."""
        self.follow(0)
        self.since_ms = None

    def take(self, event: Event) -> list[int]:
        """An event came. The partitions that listen for it."""
        self._kept.append(event)
        self._bytes += len(event.value)
        while len(self._kept) > KEPT_COUNT_MAX or self._bytes > KEPT_BYTES_MAX:
            gone = self._kept.popleft()
            self._bytes -= len(gone.value)
            self.since_ms = max(self.since_ms or 0, gone.at_ms + 1)
        return [partition for partition, names in self._names.items() if event.name in names]


class Events:
    """Follows the stream while somebody listens."""

    def __init__(self, bus: NatsBus) -> None:
        self._bus = bus
        self._listening = Listening()
        self._writers: dict[int, Write] = {}
        self._from_ms: int | None = None
        self._taken_ms = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def listen(self, partition: int, names: dict[str, int], write: Write) -> None:
        """The names of events that a partition's runs wait for, as its tracker tells them."""
        self._writers[partition] = write
        missed, since_ms = self._listening.listen(partition, names)
        for event in missed:
            write(*event)
        if since_ms is not None:
            self._from_ms = since_ms if self._from_ms is None else min(self._from_ms, since_ms)
        if self._task is None and self._from_ms is not None:
            self._task = asyncio.create_task(self._run())
        self._wake.set()

    def forget(self, partition: int) -> None:
        """The partition is somebody else's."""
        self._listening.forget(partition)
        self._writers.pop(partition, None)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            since_ms, self._from_ms = self._from_ms, None
            if since_ms is None:
                self._listening.stop()
                await self._wake.wait()
                continue
            self._listening.follow(since_ms)
            self._taken_ms = since_ms
            try:
                await self._follow(since_ms)
            except MissedError as error:
                _log.info("events are followed anew: %s", error)
            except (BusError, TimeoutError, OSError, nats.errors.Error) as error:
                _log.warning("events are not followed: %s", error)
            except Exception:
                _log.exception("following events")
            if self._from_ms is None and self._listening.wanted:
                self._from_ms = self._taken_ms  # those of this moment come twice, which does no harm
                await asyncio.sleep(RETRY_S)

    async def _follow(self, since_ms: int) -> None:
        """Until nobody listens, or the stream has to be followed from an earlier moment.

        An ordered consumer of the client would be made anew by itself, but not one that begins at a moment: the broker
        refuses the number that the client adds to it. So the numbers are watched here.

        Raises:
            MissedError: something did not come.
            nats.errors.Error, TimeoutError: the broker does not answer, or knows the consumer no more.
        """
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=datetime.fromtimestamp(since_ms / 1000, UTC),
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=IDLE_HEARTBEAT_S,
            inactive_threshold=INACTIVE_S,
            mem_storage=True,
            num_replicas=1,
        )
        stream = self._bus.client.jetstream()
        followed = await stream.subscribe(subjects.EVENTS, stream="SYM_EVENTS", manual_ack=True, config=config)
        taken = 0
        try:
            while self._listening.wanted and self._from_ms is None:
                try:
                    message = await followed.next_msg(timeout=LOOK_S)
                except TimeoutError:
                    told = await followed.consumer_info()
                    sent = told.delivered.consumer_seq if told.delivered is not None else 0
                    if sent != taken:
                        raise MissedError(f"{sent} were sent, {taken} have come") from None
                    continue
                said = message.metadata
                if said.sequence.consumer != taken + 1:
                    raise MissedError(f"number {said.sequence.consumer} came after {taken}")
                taken += 1
                self._taken_ms = int(said.timestamp.timestamp() * 1000)
                value = value_of(message.data)
                if value is None:
                    _log.warning("an event on %s is neither JSON nor a message, or too large", message.subject)
                    continue
                name = message.subject.rpartition(".")[2]
                await self._write(Event(name, said.sequence.stream, self._taken_ms, value))
        finally:
            await _end(followed)

    async def _write(self, event: Event) -> None:
        for partition in self._listening.take(event):
            write = self._writers.get(partition)
            # The stream waits for the log: an event is not dropped because much is to be written.
            while write is not None and not write(*event):
                await asyncio.sleep(0.01)
                write = self._writers.get(partition)

    async def close(self) -> None:
        """Follow no more."""
        if self._task is not None:
            await stopped([self._task])


async def _end(followed: JetStreamContext.PushSubscription) -> None:
    """Where the broker is away it forgets the consumer by itself."""
    with contextlib.suppress(nats.errors.Error, OSError):
        await followed.unsubscribe()


def value_of(data: bytes) -> bytes | None:
    """The value of an event as msgpack: of an `Occurred`, or of plain JSON. None where it is neither, or too large."""
    if len(data) > bounds.INLINE_PAYLOAD_BYTES_MAX:
        return None
    try:
        return decode(data, Occurred).value
    except WireError:
        pass
    try:
        value: Value = json.loads(data)
        packed = pack(value)
    except (ValueError, WireError):
        return None
    return packed if len(packed) <= bounds.INLINE_PAYLOAD_BYTES_MAX else None
