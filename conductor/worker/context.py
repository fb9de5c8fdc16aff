"""What a running function may ask of its attempt: `context()`."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from conductor.worker.errors import Cancelled


@dataclass(frozen=True, slots=True)
class TaskContext:
    """The attempt that a function runs for. `deadline_at_ms` is in milliseconds since the Unix epoch."""

    run: str
    task: str
    attempt: int
    generation: int
    worker: str
    capability: str
    deadline_at_ms: int | None = None
    fences: Mapping[str, int] = field(default_factory=dict)
    """The tokens of the keys that are held for it, by key: a later holder has a greater one, so that what a key guards can
    refuse whoever comes with a lower one than it has seen."""
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def cancelled(self) -> bool:
        """Whether the attempt is wanted no more; long synchronous functions ask now and then."""
        return self.stop.is_set()

    def check(self) -> None:
        """Raise `Cancelled` where the attempt is wanted no more."""
        if self.stop.is_set():
            raise Cancelled

    def remaining_s(self) -> float | None:
        """Seconds until the deadline; None without one."""
        return None if self.deadline_at_ms is None else self.deadline_at_ms / 1000 - time.time()


_CURRENT: contextvars.ContextVar[TaskContext] = contextvars.ContextVar("task_context")


def context() -> TaskContext:
    """The attempt under way.

    Raises:
        LookupError: outside of a function that a worker runs.
    """
    return _CURRENT.get()


def entered(attempt: TaskContext) -> contextvars.Token[TaskContext]:
    """Make an attempt the current one, in the calling context."""
    return _CURRENT.set(attempt)
