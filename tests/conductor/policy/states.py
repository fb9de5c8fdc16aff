"""Recorded states of production: tasks that wanted the same slots, and a failure, as the tracker told of them."""

from __future__ import annotations

from conductor.policy import Situation
from conductor.wire.errors import ErrorValue
from conductor.wire.log import Fail, Fallback, Retry, Skip
from conductor.wire.ready import Failure, ReadyTask

SITUATION = Situation("text.count", 1_760_000_000_000, 40, 3)


def waiting(count: int = 6, **more: object) -> list[ReadyTask]:
    """Tasks of one workflow with paths of different lengths."""
    return [
        ReadyTask(
            run=f"{index:032x}",
            tenant="default",
            workflow="atlas",
            task=f"count[{index}]",
            capability="text.count",
            rest_us=40_000 + 7_000 * (index * 5 % 7),
            ready_at_ms=1_760_000_000_000 - 10 * index,
            deadline_at_ms=1_760_000_000_500 + 100 * index if index % 2 else None,
            **more,  # type: ignore[arg-type]
        )
        for index in range(count)
    ]


def failure(kind: str = "unavailable", try_: int = 1, retryable: bool = True) -> Failure:
    """A failed try of which a document allows everything."""
    return Failure(
        run="ab" * 16,
        tenant="default",
        workflow="atlas",
        task="merge",
        try_=try_,
        capability="text.merge",
        error=ErrorValue(kind=kind, message="no", retryable=retryable),
        actions=[Retry(delay_ms=200), Fallback(index=0), Skip(), Fail()],
        rest_us=90_000,
    )
