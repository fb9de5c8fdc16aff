"""The conductor's loop: beats that take all that arrived, decide once, and send one message a destination.

On the path of a step nothing is awaited but the arrival of messages: grants were given ahead, tasks go as core messages,
and what must stand in the log is written by others while the next beat goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TypeVar

from conductor.bus import Artifacts, BusError, Mailbox, NatsBus
from conductor.bus.tasks import stopped
from conductor.kernel import clock
from conductor.kernel.asking import Asking
from conductor.kernel.core import Core
from conductor.kernel.events import Events
from conductor.kernel.granting import granted
from conductor.kernel.holds import Holds
from conductor.kernel.housekeeping import RETRY_WINDOW_S, Housekeeping
from conductor.kernel.levels import level
from conductor.kernel.lifecycle import Lifecycle
from conductor.kernel.office import ROLL_TIME_S, Office
from conductor.kernel.ownership import LOOK_INTERVAL_S, RENEW_INTERVAL_S, Ownership
from conductor.kernel.partition import Partition, is_level
from conductor.kernel.reports import Reports
from conductor.kernel.resolve import Resolutions
from conductor.kernel.room import Room
from conductor.kernel.spans import Spans
from conductor.kernel.steps import Steps
from conductor.kernel.supply import Frames, Supplies
from conductor.kernel.wake import Wake
from conductor.observe import metrics
from conductor.observe.tracing import Tracer
from conductor.policy import Policy, Rules
from conductor.wire import subjects
from conductor.wire.base import WireError, decode
from conductor.wire.grants import Grant, PoolGrant
from conductor.wire.heartbeat import Heartbeat
from conductor.wire.holds import HoldGrant
from conductor.wire.ready import Frame, Ready

_log = logging.getLogger("symphony.kernel")
M = TypeVar("M")

STOP_TIME_S = 3.0
LEVEL_INTERVAL_S = 1.0
IDLE_WAIT_S = 0.25
"""The longest that a beat waits with nothing arriving: leases expire and time-outs are looked at so often."""


@dataclass(frozen=True, slots=True)
class ConductorOptions:
    """`name` stands in the subjects of its grants; `secret` is the mesh's, shared with the trackers."""

    name: str
    secret: bytes
    partitions: int = 1
    retry_window_s: float = RETRY_WINDOW_S
    """How long a run that did not succeed stays with its tracker; later a retry has it back from the archive."""


class Conductor:
    """One conductor process."""

    def __init__(self, bus: NatsBus, options: ConductorOptions, policy: Policy | None = None) -> None:
        self._bus = bus
        self.options = options
        self._wake = Wake()
        self._ownership = Ownership(bus, options.name, options.partitions)
        artifacts = Artifacts(bus)
        spans = Spans(Tracer("symphony-conductor"))
        self._frames = Frames(artifacts, self._stored, spans.stored)
        self._supplies = Supplies(artifacts, spans.supplied)
        self._resolutions = Resolutions(bus)
        self._events = Events(bus)
        self.core = Core(
            policy or Rules(),
            Lifecycle(bus, options.name),
            spans,
            Reports(options.name),
            self._supplies,
            self._frames,
            self._resolutions,
            self._events,
            Holds(options.name),
            self.lose,
            self._wake.set,
            clock.steady_ms(),
        )
        self._asking = Asking(bus, self.core.orders)
        self.steps = Steps(bus, self.core, options.name)
        self.stopping = asyncio.Event()
        self._listening_at = time.monotonic()

    def _stored(self, digest: str) -> None:
        self.core.stored(digest)

    def stop(self) -> None:
        """Finish the beat under way, and end."""
        self.stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Until stopped."""
        ready = await self._bus.subscribe("sym.ready.*", notify=self._wake.set)
        frames = await self._bus.subscribe("sym.ready.*.frame", notify=self._wake.set)
        grants = await self._bus.subscribe(subjects.grant(self.options.name), notify=self._wake.set)
        beats = await self._bus.subscribe(subjects.HEARTBEATS, notify=self._wake.set)
        holds = await self._bus.subscribe(subjects.holds(self.options.name), notify=self._wake.set)
        await self._bus.flush()
        self._listening_at = time.monotonic()
        window_s = self.options.retry_window_s
        housekeeping = Housekeeping(self._bus, lambda: self.core.partitions, self.options.partitions, window_s)
        room = Room(self._bus, lambda: self.core.partitions, self.options.partitions)
        keeper = asyncio.create_task(self._keep())
        steps = asyncio.create_task(self.steps.run())
        try:
            while not self.stopping.is_set():
                await self._rest()
                began = time.perf_counter()
                self._take(ready, frames, grants, beats, holds)
                self.core.act(self._ownership.fresh)
                self._asking.send()
                await self._send()
                metrics.BEATS.inc()
                metrics.BEAT_SECONDS.observe(time.perf_counter() - began)
                await asyncio.sleep(0)  # the client's reader runs between beats: a busy loop must not starve it
        finally:
            await stopped([keeper, steps])
            await housekeeping.close()
            await room.close()
            # A broker that is gone takes no farewell; leases expire by themselves.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIME_S):
                    await self._close()

    async def _rest(self) -> None:
        """Until something arrives, a timer is due, or a while has passed."""
        now_ms = clock.wall_ms()
        dues = [p.next_due_at_ms for p in self.core.partitions if p.next_due_at_ms is not None]
        await self._wake.wait(min([IDLE_WAIT_S, *(max((due - now_ms) / 1000, 0.001) for due in dues)]))

    def _take(self, ready: Mailbox, frames: Mailbox, grants: Mailbox, beats: Mailbox, holds: Mailbox) -> None:
        """Everything that has arrived. Grants come first: what they bring, this beat may spend."""
        core = self.core
        core.begin(clock.steady_ms(), clock.wall_ms())
        for message in grants.take_all():
            grant = _read(message.data, Grant)  # type: ignore[arg-type]  # a union stands for a type here
            if isinstance(grant, PoolGrant):
                core.pool_grant(grant)
            elif grant is not None:
                core.share_grant(grant)
        for message in frames.take_all():
            if (frame := _read(message.data, Frame)) is not None and frame.partition in core.offices:
                self._frames.add(frame)
        levels = []
        for message in ready.take_all():
            told = _read(message.data, Ready)
            if told is not None and (office := core.offices.get(told.partition)) is not None:
                core.ready(office, told)
                if is_level(told):
                    levels.append((office.partition, told))
        for partition, told in levels:
            partition.check_level(told)
        self._granted(holds)
        for message in beats.take_all():
            if (beat := _read(message.data, Heartbeat)) is not None:
                core.heartbeat(beat)

    def _granted(self, holds: Mailbox) -> None:
        for message in holds.take_all():
            if (held := _read(message.data, HoldGrant)) is not None:
                granted(self.core, held)

    async def _send(self) -> None:
        messages = self.core.reports.messages()
        for office in self.core.offices.values():
            messages += office.outbox.messages()
        messages += self.core.holds.messages(self.core.epochs)
        for subject, data in messages:
            try:
                await self._bus.publish(subject, data)
            except BusError as error:
                _log.warning("%s was not sent; the next level or heartbeat will show it: %s", subject, error)
        self._bus.send()

    async def _keep(self) -> None:
        """Off the path: hold the partitions, and say every second what we have and want."""
        renewed_at = levelled_at = 0.0
        while not self.stopping.is_set():  # `asyncio.wait_for` may swallow a cancellation
            now = time.monotonic()
            try:
                if now - renewed_at >= RENEW_INTERVAL_S:
                    renewed_at = now
                    await self._hold()
                await self._take_office()
            except BusError as error:
                _log.warning("holding partitions: %s", error)
            if now - levelled_at >= LEVEL_INTERVAL_S:
                levelled_at = now
                level(self.core)
                self._wake.set()
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def _hold(self) -> None:
        for number in await self._ownership.renew():
            self.lose(number)
        await self._ownership.enrol()
        surplus = self._ownership.surplus()
        if surplus is not None:
            _log.info("partition %d goes to another conductor", surplus)
            self._forget(surplus)
            await self._ownership.give(surplus)

    async def _take_office(self) -> None:
        for number in await self._ownership.look():
            owned = await self._ownership.take(number)
            if owned is not None:
                partition = Partition(number, owned)
                office = Office(self._bus, self.options.name, partition, self.options.secret, self.core, self._listened)
                self.core.offices[number] = office
                office.begin()
                level(self.core)
                self._wake.set()

    def _listened(self) -> bool:
        """Whether every worker that lives has had the time to be heard."""
        return time.monotonic() - self._listening_at > ROLL_TIME_S

    def lose(self, number: int) -> None:
        """The partition is somebody else's: forget what we held for it."""
        self._ownership.drop(number)
        if self._forget(number):
            _log.warning("partition %d is lost to another conductor", number)

    def _forget(self, number: int) -> bool:
        office = self.core.offices.pop(number, None)
        if office is None:
            return False
        self.core.forget(office)
        self._events.forget(number)
        office.close()
        return True

    async def _close(self) -> None:
        for office in self.core.offices.values():
            office.close()
        await self._ownership.release()
        await self.core.lifecycle.close()
        await self._frames.close()
        await self._supplies.close()
        await self._resolutions.close()
        await self._events.close()
        await self._asking.close()
        self.core.spans.close()


def _read(data: bytes, kind: type[M]) -> M | None:
    try:
        return decode(data, kind)
    except WireError as error:
        _log.warning("a %s cannot be read: %s", getattr(kind, "__name__", "grant"), error)
        return None
