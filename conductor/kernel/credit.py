"""How much the trackers may give out to this conductor: its bound on memory, and what its slots need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conductor.kernel.core import Core

FLOOR = 64
"""Of each capability, for whoever has no slots yet: shares and the policy choose among what is at hand."""
PER_SLOT = 2
"""Executions that the tracker may give out for each slot: one that runs, one that is at hand when it ends."""


def give_credit(core: Core) -> None:
    """Tell the trackers how much of each capability we will hold, and by what weights claimants share that."""
    windows = {name: slots * PER_SLOT + FLOOR for name, slots in core.workers.slots.items()}
    weights = core.allowances.stated_weights()
    for partition in core.partitions:
        core.reports.credit(partition, windows, FLOOR, weights)
