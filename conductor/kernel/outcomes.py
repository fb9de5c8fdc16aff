"""How attempts ended, worker by worker: what the Pool Manager judges its workers by. Pure: it counts."""

from __future__ import annotations

from conductor.wire import bounds
from conductor.wire.grants import Ended

AGAINST_THE_WORKER = frozenset({"internal", "resource", "unavailable", "timeout", "lost"})
"""Kinds of errors that another worker may not have had. What a function itself refuses (`user`, `contract`, its own kinds)
it would refuse anywhere."""


class Outcomes:
    """Counts since the last time they were told."""

    def __init__(self) -> None:
        self._by_worker: dict[str, list[int]] = {}

    def note(self, worker: str, kind: str | None) -> None:
        """An attempt gave a result, or an error of a kind."""
        counts = self._by_worker.get(worker)
        if counts is None:
            if len(self._by_worker) >= bounds.BATCH_COUNT_MAX:
                return
            counts = self._by_worker[worker] = [0, 0]
        counts[kind in AGAINST_THE_WORKER] += 1

    def take(self) -> list[Ended]:
        """What was counted; counting begins anew."""
        told = [Ended(worker=worker, done=done, failed=failed) for worker, (done, failed) in self._by_worker.items()]
        self._by_worker.clear()
        return told
