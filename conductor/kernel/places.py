"""Where an execution may run: what workers say of themselves against what tasks ask for. Pure.

Resources are counted at this conductor by what it gave out. Where several conductors lease slots of one worker, each counts
on the part of its resources that its part of the slots is; so together they never give out more than there is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from conductor.kernel.workers import Worker
from conductor.wire.heartbeat import Heartbeat
from conductor.wire.ready import ReadyTask, Requires

MANY = 1 << 30
"""More than any worker takes: nothing but its slots bounds it."""
BY_SLOTS = frozenset({"cpu", "memory"})
"""What every machine has: a worker that does not say how much is bounded by its slots. Of anything else it has none."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker said of itself in its last beat."""

    pool: str | None
    labels: dict[str, str]
    resources: dict[str, float]
    slots: int

    @classmethod
    def of(cls, beat: Heartbeat) -> Offer:
        return cls(beat.pool, beat.labels, beat.resources, beat.slots)


def takes(worker: Worker, offer: Offer | None, needs: Requires, empty: bool = False) -> int:
    """How many more executions that need this a worker may be given by what it offers; its slots are another matter.

    `empty`: as if it held nothing.
    """
    if offer is None or (needs.pool is not None and offer.pool != needs.pool):
        return 0
    if any(offer.labels.get(name) != value for name, value in needs.labels.items()):
        return 0
    most = MANY
    for name, count in needs.resources.items():
        has = offer.resources.get(name)
        if count <= 0 or (has is None and name in BY_SLOTS):
            continue
        share = worker.slots / offer.slots if offer.slots else 0.0
        held = () if empty else (*worker.held.values(), *worker.cancelled.values())
        used = sum(_needed(one.task, name) for one in held)
        # A little more than there is, so that what adds up to all of it in floats fits.
        most = min(most, max(math.floor(((has or 0.0) * share - used) / count + 1e-9), 0))
    return most


@dataclass(slots=True)
class Capacity:
    """All that the workers have together: what an execution's part of it is held against."""

    slots: int = 0
    resources: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, offers: Iterable[Offer]) -> Capacity:
        total = cls()
        for offer in offers:
            total.slots += offer.slots
            for name, count in offer.resources.items():
                total.resources[name] = total.resources.get(name, 0.0) + count
        return total

    def share(self, needs: Requires) -> float:
        """How many slots an execution counts as: its largest part of any resource, over the part that one slot is of all.

        At least one. The dominant share of Ghodsi et al., NSDI 2011, in units of a slot.
        """
        parts = (
            count / total for name, count in needs.resources.items() if (total := self.resources.get(name, 0.0)) > 0
        )
        return max(1.0, max(parts, default=0.0) * self.slots)


def _needed(task: ReadyTask, name: str) -> float:
    return 0.0 if task.requires is None else task.requires.resources.get(name, 0.0)
