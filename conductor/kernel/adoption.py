"""What workers do for an earlier owner of a partition (rule 7): heard of in their beats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conductor.kernel.granting import left
from conductor.kernel.losses import lost_adopted
from conductor.wire.heartbeat import Heartbeat

if TYPE_CHECKING:
    from conductor.kernel.core import Core


def heard(core: Core, beat: Heartbeat) -> None:
    """An answer to the roll, or news of what the owner before dispatched."""
    for office in list(core.offices.values()):
        partition = office.partition
        if not partition.ready:
            office.heard(beat)
            continue
        for attempt in partition.takeover.unwanted(beat, partition.open):
            office.outbox.cancel_attempt(beat.worker, attempt)
        left(core, office, partition.takeover.let_go(beat))
        missed = partition.takeover.missed(beat, partition.folded)
        lost_adopted(core, office, missed, "its worker does not have it")
