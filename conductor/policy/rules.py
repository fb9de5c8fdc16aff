"""The rules: longest remaining path, then fair share, then age. They need no training and are never late."""

from __future__ import annotations

from collections.abc import Sequence

from conductor.policy.interface import Ranked, Recovery, Situation
from conductor.wire.log import Fallback, Retry
from conductor.wire.ready import Failure, ReadyTask
from conductor.wire.runs import RunEnded

GRAIN_US = 1000
"""Remaining paths that differ by less than this are equal: estimates are no better, and age should then decide."""


class Rules:
    """Orders by priority, remaining path, running executions of the workflow, and age; recovers in the document's order."""

    name = "rules/1"

    def rank(self, situation: Situation, candidates: Sequence[ReadyTask], running: Sequence[int]) -> Ranked:
        keys = [
            (-task.priority, -(task.rest_us // GRAIN_US), share, task.ready_at_ms, task.run, index)
            for index, (task, share) in enumerate(zip(candidates, running, strict=True))
        ]
        keys.sort()
        return Ranked([key[-1] for key in keys], reason="priority, longest remaining path, fair share, age")

    def recover(self, failure: Failure) -> Recovery:
        first = failure.actions[0]
        if isinstance(first, Retry):
            return Recovery(0, reason=f"{failure.error.kind}: tries are left")
        if isinstance(first, Fallback):
            return Recovery(0, reason=f"{failure.error.kind}: the next fallback")
        return Recovery(0, reason=f"{failure.error.kind}: as the document says")

    def ended(self, ended: RunEnded) -> None:
        """The rules learn nothing."""
