"""How long the system was out: from a fault to the next dispatch and to the next completed step, as the bus shows it.

An observer beside the system hears dispatches and results as they pass. It measures, and judges nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from conductor.bus import NatsBus

PATIENCE_S = 60.0


class _Tasks(msgspec.Struct):
    """The part of a `TaskBatch` that is looked at."""

    partition: int
    epoch: int
    conductor: str
    tasks: list[msgspec.Raw] = []


class _Emitted(msgspec.Struct):
    """The part of a `Ready` that is looked at."""

    partition: int
    epoch: int
    tasks: list[msgspec.Raw] = []


class _Results(msgspec.Struct):
    worker: str


@dataclass
class Measure:
    """One fault's recovery. `scope` says which partitions have to come back; seconds are None until they have."""

    role: str
    kind: str
    began_s: float
    name: str
    scope: set[int]
    by: str | None
    """Whoever had them before, where a successor's dispatch is what counts."""
    alone: bool
    """Nothing else was wrong at the time."""
    dispatch_s: float | None = None
    step_s: float | None = None
    takeover_s: float | None = None
    epochs: dict[int, int] = field(default_factory=dict)


class Observer:
    """Follows dispatches and results, and completes the measures that wait for them."""

    def __init__(self, bus: NatsBus) -> None:
        self._bus = bus
        self.owners: dict[int, tuple[str, int]] = {}
        """By partition: the conductor that dispatched last, and its epoch."""
        self.emitters: dict[int, int] = {}
        self.measures: list[Measure] = []
        self._waiting: list[tuple[Measure, set[int]]] = []
        self._steps: list[Measure] = []
        self.dispatched = 0

    async def run(self) -> None:
        """Until cancelled."""
        handlers: dict[str, Callable[[bytes], None]] = {
            "task": self._tasks, "log": self._results, "ready": self._ready
        }  # fmt: skip
        mailbox = await self._bus.subscribe("sym.task.>", "sym.log.*.result", "sym.ready.*")
        while True:
            await mailbox.wait()
            for message in mailbox.take_all():
                handlers[message.subject.split(".")[1]](message.data)
            await asyncio.sleep(0)

    def begin(self, role: str, kind: str, name: str, alone: bool) -> None:
        """A process was killed, stopped or cut off just now."""
        scope = set(self.owners)
        by = None
        if role == "conductor":
            scope = {number for number, (owner, _) in self.owners.items() if owner == name}
            by = name
        if not scope:
            return  # it stood by: nothing was interrupted
        measure = Measure(role, kind, time.monotonic(), name, set(scope), by, alone)
        measure.epochs = {number: self._epoch(role, number) for number in scope}
        self.measures.append(measure)
        self._waiting.append((measure, set(scope)))
        self._steps.append(measure)

    def _epoch(self, role: str, number: int) -> int:
        return self.emitters.get(number, 0) if role == "tracker" else self.owners[number][1]

    def _tasks(self, data: bytes) -> None:
        batch = msgspec.msgpack.decode(data, type=_Tasks)
        if not batch.tasks:
            return
        self.dispatched += len(batch.tasks)
        now_s = time.monotonic()
        self.owners[batch.partition] = (batch.conductor, batch.epoch)
        for entry in list(self._waiting):
            measure, missing = entry
            if batch.partition not in missing:
                continue
            back = batch.epoch if measure.role == "conductor" else self.emitters.get(batch.partition, 0)
            if measure.role in ("conductor", "tracker") and back <= measure.epochs[batch.partition]:
                continue  # what the one before had sent already
            missing.discard(batch.partition)
            if not missing:
                measure.dispatch_s = now_s - measure.began_s
                self._waiting.remove(entry)
            elif now_s - measure.began_s > PATIENCE_S:
                self._waiting.remove(entry)

    def _ready(self, data: bytes) -> None:
        told = msgspec.msgpack.decode(data, type=_Emitted)
        if told.tasks:
            self.emitters[told.partition] = max(told.epoch, self.emitters.get(told.partition, 0))

    def _results(self, data: bytes) -> None:
        worker = msgspec.msgpack.decode(data, type=_Results).worker
        now_s = time.monotonic()
        for measure in list(self._steps):
            if measure.role in ("worker", "python") and worker != measure.name:
                continue
            if measure.role in ("conductor", "tracker") and measure.dispatch_s is None:
                continue  # results of what was dispatched before
            measure.step_s = now_s - measure.began_s
            self._steps.remove(measure)
