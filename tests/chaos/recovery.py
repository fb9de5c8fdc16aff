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
IN_FLIGHT_S = 0.5
"""What a process that was killed has sent may arrive so long after."""


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
    """One fault's recovery; seconds are None until everything that it concerned has come back."""

    role: str
    kind: str
    began_s: float
    name: str
    alone: bool
    """Nothing else was wrong at the time."""
    dispatch_s: float | None = None
    step_s: float | None = None
    back_s: float | None = None
    """When the last of its partitions that are back was."""
    epochs: dict[int, int] = field(default_factory=dict)
    """Of those who had the partitions before: only a later one's dispatch counts."""


class Observer:
    """Follows dispatches and results, and completes the measures that wait for them."""

    def __init__(self, bus: NatsBus) -> None:
        self._bus = bus
        self.owners: dict[int, tuple[str, int]] = {}
        """By partition: the conductor that dispatched last, and its epoch."""
        self.emitters: dict[int, int] = {}
        """By partition: the highest epoch of a tracker that gave out tasks."""
        self.holders: dict[str, dict[int, str]] = {"conductor": {}, "tracker": {}}
        """By role and partition: who holds the lease. A tracker's holder begins with its process number."""
        self.measures: list[Measure] = []
        self._waiting: list[tuple[Measure, set[int]]] = []
        self._steps: list[Measure] = []
        self.dispatched = 0

    async def run(self) -> None:
        """Until cancelled."""
        handlers: dict[str, Callable[[bytes], None]] = {
            "task": self._tasks, "log": self._results, "ready": self._ready
        }  # fmt: skip
        mailbox = await self._bus.subscribe("sym.task.>", "sym.log.*.result", "sym.ready.*", "$KV.sym_owners.*.*")
        while True:
            await mailbox.wait()
            for message in mailbox.take_all():
                words = message.subject.split(".")
                if words[0] == "$KV":
                    self._lease(words[2], words[3], message.data)
                else:
                    handlers[words[1]](message.data)
            await asyncio.sleep(0)

    def _lease(self, role: str, partition: str, holder: bytes) -> None:
        if role in self.holders and partition.isdigit():
            self.holders[role][int(partition)] = holder.decode()

    def begin(self, role: str, kind: str, name: str, pid: int, alone: bool) -> None:
        """A process was killed or stopped just now."""
        scope = set(self.owners)
        if role in self.holders:
            scope &= {n for n, holder in self.holders[role].items() if holder == name or holder.startswith(f"{pid}-")}
        if not scope:
            return  # it stood by: nothing was interrupted
        measure = Measure(role, kind, time.monotonic(), name, alone)
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
            if batch.partition not in missing or self._lives(entry, "conductor", batch.partition, batch.epoch):
                continue
            back = batch.epoch if measure.role == "conductor" else self.emitters.get(batch.partition, 0)
            if measure.role in ("conductor", "tracker") and back <= measure.epochs[batch.partition]:
                continue  # what the one before had sent already
            missing.discard(batch.partition)
            measure.back_s = now_s - measure.began_s
            if not missing:
                self._complete(entry)
            elif now_s - measure.began_s > PATIENCE_S:
                self._waiting.remove(entry)

    def _lives(self, entry: tuple[Measure, set[int]], role: str, partition: int, epoch: int) -> bool:
        """Whether it was another process that had a partition when one of them was killed, as it has it still.

        Who has a lease is heard of a moment late: such a partition was not interrupted, and waits for no later epoch.
        """
        measure, missing = entry
        killed = measure.role == role and measure.kind != "stop"
        if not killed or epoch != measure.epochs[partition] or time.monotonic() - measure.began_s < IN_FLIGHT_S:
            return False
        missing.discard(partition)
        if not missing:
            self._complete(entry)
        return True

    def _complete(self, entry: tuple[Measure, set[int]]) -> None:
        """All partitions are back; where none was away there is nothing to measure."""
        measure, _ = entry
        measure.dispatch_s = measure.back_s
        self._waiting.remove(entry)
        if measure.back_s is None:
            self.measures.remove(measure)
            self._steps = [other for other in self._steps if other is not measure]

    def _ready(self, data: bytes) -> None:
        told = msgspec.msgpack.decode(data, type=_Emitted)
        for entry in list(self._waiting):
            if told.partition in entry[1]:
                self._lives(entry, "tracker", told.partition, told.epoch)
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
