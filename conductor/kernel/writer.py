"""The conductor's writes to the log of one partition: fenced, in batches, one outstanding, repeated until they stand."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from conductor.bus.errors import BusError
from conductor.bus.interface import EXPECTED_SEQUENCE, EXPECTED_SUBJECT, Bus
from conductor.bus.tasks import stopped
from conductor.kernel.execution import Key
from conductor.kernel.partition import Owned
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.log import (
    Decided,
    DecidedBatch,
    Due,
    FoldVersion,
    Happened,
    Quarantine,
    QuarantinedBatch,
    Recalled,
    Resolved,
    Served,
    Serving,
    Supplied,
)

_log = logging.getLogger("symphony.kernel")

DECISIONS_MAX = 1024
"""Decisions of one message."""
WAITING_MAX = 100_000
"""Decisions that wait for the broker; each belongs to an execution that credit allowed, so more cannot come."""
EVENTS_MAX = 1024
"""Messages that wait for the broker when an event comes; the stream of events then waits, and keeps them."""
QUARANTINES_MAX = 256
"""Runs of one message: each is a mistake of the tracker, so few come at all."""
RETRY_FIRST_S, RETRY_LAST_S = 0.02, 1.0


def fence(partition: int, owned: Owned) -> dict[str, str]:
    """The headers by which the broker refuses a write of whoever owns the partition no more (rule 3)."""
    return {EXPECTED_SEQUENCE: str(owned.fence), EXPECTED_SUBJECT: subjects.log_event(partition, "owner")}


class LogWriter:
    """Writes what the owner says: `decided`, `due`, `supplied`, `resolved`, `recalled`, `served`, `happened`, `quarantined`
    and `version` events.

    A refusal of kind `fenced` means that the partition has another owner: `lost` is called and nothing is written again.
    """

    def __init__(
        self, bus: Bus, partition: int, owned: Owned, stored: Callable[[list[Key]], None], lost: Callable[[], None]
    ) -> None:
        self._bus = bus
        self._partition = partition
        self._owned = owned
        self._stored = stored
        self._lost = lost
        self._decisions: list[Decided] = []
        self._due_at_ms: int | None = None
        self._others: deque[tuple[str, bytes]] = deque()
        self._quarantined: dict[str, Quarantine] = {}
        self._fold_version = 0
        self._wake = asyncio.Event()
        self._headers = fence(partition, owned)
        self.fenced = False
        self._task = asyncio.create_task(self._run())

    def decide(self, decided: Decided) -> None:
        """Queue a decision; those of one beat travel together."""
        if len(self._decisions) < WAITING_MAX:
            self._decisions.append(decided)
            self._wake.set()

    def due(self, at_ms: int) -> None:
        """Queue the word that time came."""
        self._due_at_ms = at_ms
        self._wake.set()

    def supply(self, pieces: list[Supplied]) -> None:
        """Queue the pieces of an artifact that maps go over."""
        self._others.extend(("supplied", encode(piece)) for piece in pieces)
        self._wake.set()

    def resolve(self, resolved: Resolved) -> None:
        """Queue a registered workflow that tasks wait for."""
        self._others.append(("resolved", encode(resolved)))
        self._wake.set()

    def recall(self, recalled: Recalled) -> None:
        """Queue an archived run that is asked to go on."""
        self._others.append(("recalled", encode(recalled)))
        self._wake.set()

    def serve(self, functions: list[Serving]) -> None:
        """Queue what workers serve now."""
        served = Served(partition=self._partition, epoch=self._owned.epoch, functions=functions)
        self._others.append(("served", encode(served)))
        self._wake.set()

    def happened(self, name: str, sequence: int, at_ms: int, value: bytes) -> bool:
        """Queue an event that runs wait for. False: there is no room now."""
        if len(self._others) >= EVENTS_MAX:
            return False
        epoch = self._owned.epoch
        event = Happened(partition=self._partition, epoch=epoch, name=name, sequence=sequence, at_ms=at_ms, value=value)
        self._others.append(("happened", encode(event)))
        self._wake.set()
        return True

    def quarantine(self, runs: list[Quarantine]) -> None:
        """Queue the word that the fold failed on runs. Told again at each resync, so what is over the bound is not lost."""
        for run in runs:
            if len(self._quarantined) < QUARANTINES_MAX:
                _log.error("run %s is quarantined: %s", run.run, run.reason)
                self._quarantined[run.run] = run
                self._wake.set()

    def version(self, version: int) -> None:
        """Queue the version by which the partition is folded from then on (rule 12). The tracker repeats the wish every
        second until it has folded the event; it is written once."""
        if version > self._fold_version:
            self._fold_version = version
            _log.info("partition %d goes on with version %d of the fold", self._partition, version)
            told = FoldVersion(partition=self._partition, epoch=self._owned.epoch, version=version)
            self._others.append(("version", encode(told)))
            self._wake.set()

    @property
    def idle(self) -> bool:
        return not (self._decisions or self._others or self._quarantined) and self._due_at_ms is None

    async def close(self) -> None:
        """Stop writing; what waits is lost, and is asked for again by the next owner's resync."""
        await stopped([self._task])

    async def _run(self) -> None:
        while not self.fenced:
            await self._wake.wait()
            self._wake.clear()
            while not self.idle and not self.fenced:
                await self._write_next()

    async def _write_next(self) -> None:
        if self._due_at_ms is not None:
            at_ms, self._due_at_ms = self._due_at_ms, None
            await self._write("due", encode(Due(partition=self._partition, epoch=self._owned.epoch, at_ms=at_ms)))
        if self._decisions:
            batch, self._decisions = self._decisions[:DECISIONS_MAX], self._decisions[DECISIONS_MAX:]
            message = DecidedBatch(partition=self._partition, epoch=self._owned.epoch, decisions=batch)
            if await self._write("decided", encode(message)):
                self._stored([(d.run, d.task, d.generation, d.try_) for d in batch])
        if self._others:
            await self._write(*self._others.popleft())
        if self._quarantined:
            runs, self._quarantined = list(self._quarantined.values()), {}
            told = QuarantinedBatch(partition=self._partition, epoch=self._owned.epoch, runs=runs)
            await self._write("quarantined", encode(told))

    async def _write(self, event: str, data: bytes) -> bool:
        """Until the broker has it. A write that was acknowledged too late is repeated: the fold takes the first."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                await self._bus.publish_log(subjects.log_event(self._partition, event), data, self._headers)
                return True
            except BusError as error:
                if error.kind == "fenced":
                    _log.warning("partition %d has another owner: %s", self._partition, error)
                    self.fenced = True
                    self._lost()
                    return False
                _log.warning("%s of partition %d is not stored yet: %s", event, self._partition, error)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_LAST_S)
