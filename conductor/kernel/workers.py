"""Leased workers: their slots, what they hold for this conductor, and how dispatches to them are numbered. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from conductor.kernel.execution import Execution
from conductor.wire.grants import Lease, PoolGrant

Slot = tuple[int, int]
"""Partition and dispatch number: unique for a worker in the life of one ownership."""


@dataclass(slots=True)
class Worker:
    """A worker as this conductor may use it. `slots` are those leased; none once the lease is gone."""

    name: str
    slots: int = 0
    capabilities: frozenset[str] = frozenset()
    expires_at_ms: int = 0
    queue: bool = False
    timeout_ms: int | None = None
    held: dict[Slot, Execution] = field(default_factory=dict)
    cancelled: dict[Slot, Execution] = field(default_factory=dict)
    """Attempts that are wanted no more, until the worker lets go of them: they take a slot still."""
    numbers: dict[int, int] = field(default_factory=dict)
    stored_sequence: int = 0
    """The highest sequence at which the broker has one of its results, as its heartbeats say."""
    beat: int = -1
    """The number of its last heartbeat: a lower one comes from another process under the same name."""
    beat_at_ms: int = 0
    process: tuple[str, int] | None = None
    """Host and process id of its last heartbeat; None where it says none."""
    began_at_ms: int = 0
    """When another process under its name was first heard: what was sent before went with the one before. 0: never."""

    @property
    def free(self) -> int:
        return self.slots - len(self.held) - len(self.cancelled)

    def ahead(self, share: float) -> int:
        """How many may wait at it. None at a plain client: it takes what it registered for."""
        return 0 if self.queue or not self.slots else math.ceil(self.slots * share)

    def room(self, ahead: int) -> int:
        """Attempts that may still be sent, `ahead` of them to wait there until a slot falls free."""
        return self.slots + ahead - len(self.held) - len(self.cancelled)

    def number(self, partition: int) -> int:
        """The next dispatch number of a partition, from 1."""
        n = self.numbers.get(partition, 0) + 1
        self.numbers[partition] = n
        return n


class Workers:
    """All workers that a grant has named, and those gone that still hold attempts of ours."""

    def __init__(self) -> None:
        self.by_name: dict[str, Worker] = {}
        self._serving: dict[str, list[Worker]] = {}
        self.slots: dict[str, int] = {}
        """Leased slots by capability."""

    def __iter__(self) -> Iterator[Worker]:
        return iter(self.by_name.values())

    def grant(self, grant: PoolGrant, now_ms: int) -> list[Worker]:
        """Take a grant in: absolute, so what it does not name is revoked. Returns the workers that are dead."""
        named = set()
        for lease in grant.leases:
            named.add(lease.worker)
            self._lease(lease, now_ms)
        for worker in self.by_name.values():
            if worker.name not in named:
                worker.slots = 0
        dead = [self.by_name[name] for name in grant.dead if name in self.by_name and name not in named]
        self._index()
        return dead

    def _lease(self, lease: Lease, now_ms: int) -> None:
        worker = self.by_name.get(lease.worker)
        if worker is None:
            worker = self.by_name[lease.worker] = Worker(lease.worker)
        worker.slots = lease.slots
        worker.expires_at_ms = now_ms + lease.expires_in_ms
        worker.queue = lease.queue
        worker.timeout_ms = lease.timeout_ms
        if len(worker.capabilities) != len(lease.capabilities) or not worker.capabilities.issuperset(
            lease.capabilities
        ):
            worker.capabilities = frozenset(lease.capabilities)

    def _index(self) -> None:
        self._serving.clear()
        self.slots.clear()
        for worker in self.by_name.values():
            if worker.slots <= 0:
                continue
            for capability in worker.capabilities:
                self._serving.setdefault(capability, []).append(worker)
                self.slots[capability] = self.slots.get(capability, 0) + worker.slots

    def expire(self, now_ms: int) -> None:
        """Leases that were not renewed give no slots any more."""
        late = [worker for worker in self.by_name.values() if worker.slots and worker.expires_at_ms <= now_ms]
        for worker in late:
            worker.slots = 0
        idle = [w.name for w in self.by_name.values() if not w.slots and not w.held and not w.cancelled]
        for name in idle:
            # Its numbers go on where they were if it comes back within this ownership: forgetting them would give a
            # number twice, which the worker would take for a dispatch that came before.
            if not self.by_name[name].numbers:
                del self.by_name[name]
        if late:
            self._index()

    def serving(self, capability: str, share_ahead: float = 0.0) -> list[Worker]:
        """Workers with room for a capability, the freest first: load spreads without being looked at twice.

        `share_ahead` of its slots, from 0 to 1, may wait at a worker besides.
        """
        found = [worker for worker in self._serving.get(capability, ()) if worker.room(worker.ahead(share_ahead)) > 0]
        if len(found) > 1:
            found.sort(key=_freest)
        return found

    def leased(self, capability: str) -> list[Worker]:
        """Workers that serve a capability, with room or without."""
        return self._serving.get(capability, [])

    def forget(self, partition: int) -> list[Execution]:
        """The partition is somebody else's now: what is held for it is not ours to free. Returns those being cancelled,
        which are held nowhere else."""
        cancelled = []
        for worker in self.by_name.values():
            for slot in [slot for slot in worker.held if slot[0] == partition]:
                del worker.held[slot]
            for slot in [slot for slot in worker.cancelled if slot[0] == partition]:
                cancelled.append(worker.cancelled.pop(slot))
            worker.numbers.pop(partition, None)
        return cancelled

    def total(self) -> tuple[int, int]:
        """Leased slots, and those in use."""
        leased = sum(worker.slots for worker in self.by_name.values())
        return leased, sum(len(worker.held) + len(worker.cancelled) for worker in self.by_name.values())


def _freest(worker: Worker) -> tuple[int, str]:
    return (-worker.free, worker.name)


def names(workers: Iterable[Worker]) -> list[str]:
    """Their names, in order."""
    return sorted(worker.name for worker in workers)
