"""The attempts of one worker: which came, which are held, which results the broker has. Pure; heartbeats are read off it.

DESIGN.md's rule 6 hangs on it: a dispatch is repeated only when `seen` covers it and neither `held` nor `stored` lists it,
so an attempt must never be in none of the three while it lives.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from conductor.wire import bounds
from conductor.wire.heartbeat import Holding, Stored
from conductor.wire.tasks import Attempt

STORED_BEATS = 3
"""How many beats an attempt is listed after its result was acknowledged."""
REFUSED_COUNT_MAX = bounds.BATCH_COUNT_MAX
"""Refusals wait for one heartbeat only; more than a batch cannot be told in it."""
SOURCES_MAX = 64
"""(partition, epoch) pairs whose highest number is remembered; older ones belong to owners long gone."""

Key = tuple[int, int, int]
"""Partition, epoch, number."""
Identity = tuple[str, str, int, int]
"""Run, task path, generation, try: the execution that an attempt is of."""
UNNAMED: Identity = ("", "", 0, 1)


@dataclass(slots=True)
class _Kept:
    sequence: int
    beats: int


class Ledger:
    """What this worker knows of its attempts."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._held: dict[Key, Identity] = {}
        self._stored: dict[Key, _Kept] = {}
        self._refused: set[Key] = set()
        self._epochs: dict[int, int] = {}
        """By partition, of which there are few: the highest epoch of an owner that was heard of."""

    def __len__(self) -> int:
        return len(self._held)

    def owned(self, partition: int, epoch: int) -> None:
        """A partition has an owner of this epoch: what earlier ones send comes late (rule 3)."""
        self._epochs[partition] = max(epoch, self._epochs.get(partition, 0))

    def arrive(self, key: Key, identity: Identity = UNNAMED) -> bool:
        """Note a dispatch. False: it came before, or another owner has it since, and it must not be run."""
        partition, epoch, number = key
        if epoch < self._epochs.get(partition, 0):
            return False  # the owner since has dispatched it elsewhere, or will: its sender slept, or was cut off
        self._epochs[partition] = epoch
        source = (partition, epoch)
        highest = self._seen.get(source, -1)
        self._seen[source] = max(highest, number)
        self._seen.move_to_end(source)
        while len(self._seen) > SOURCES_MAX:
            self._seen.popitem(last=False)
        if key in self._held or key in self._stored:
            return False
        self._held[key] = identity
        return True

    def refuse(self, key: Key) -> None:
        """An attempt that this worker turns away; told in the next heartbeat."""
        self._held.pop(key, None)
        if len(self._refused) < REFUSED_COUNT_MAX:
            self._refused.add(key)

    def stored(self, key: Key, sequence: int) -> None:
        """The broker acknowledged the result of an attempt at a sequence of the log."""
        self._held.pop(key, None)
        self._stored[key] = _Kept(sequence, STORED_BEATS)

    @property
    def truncated(self) -> bool:
        """Whether more attempts are held than one heartbeat can list."""
        return len(self._held) > bounds.BATCH_COUNT_MAX

    def holds(self, key: Key) -> bool:
        """Whether the attempt is under way or its result not yet acknowledged."""
        return key in self._held

    def holding(self) -> list[Holding]:
        """What is held, with the executions: the answer to a new owner of a partition."""
        held = sorted(self._held.items())[: bounds.BATCH_COUNT_MAX]
        return [
            Holding(partition=p, epoch=e, n=n, run=run, task=task, generation=generation, try_=try_)
            for (p, e, n), (run, task, generation, try_) in held
            if run != UNNAMED[0]
        ]

    def beat(self) -> tuple[list[Attempt], list[Attempt], list[Stored], list[Attempt]]:
        """`seen, held, stored, refused` of one heartbeat; refusals are told once, stored ones thrice."""
        seen = [Attempt(partition=p, epoch=e, n=n) for (p, e), n in self._seen.items()]
        held = [Attempt(partition=p, epoch=e, n=n) for p, e, n in sorted(self._held)[: bounds.BATCH_COUNT_MAX]]
        # The highest sequences first: an attempt is given up only once the tracker has folded past all of them.
        newest = sorted(self._stored.items(), key=lambda entry: -entry[1].sequence)[: bounds.BATCH_COUNT_MAX]
        stored = [Stored(partition=p, epoch=e, n=n, sequence=kept.sequence) for (p, e, n), kept in newest]
        refused = [Attempt(partition=p, epoch=e, n=n) for p, e, n in sorted(self._refused)]
        self._refused.clear()
        for key, kept in list(self._stored.items()):
            kept.beats -= 1
            if kept.beats <= 0:
                del self._stored[key]
        return seen, held, stored, refused
