"""An execution that the tracker gave out: where it stands here, from ready to settled."""

from __future__ import annotations

from conductor.kernel.accounts import Used
from conductor.wire.ready import ReadyTask

Key = tuple[str, str, int, int]
"""Run, task path, generation, try: the identity of DESIGN.md's rule 1."""
SUSPECT_DEATHS = 2
"""A worker dies now and then. One execution that two died with may be why."""
DEATHS_MAX = 3
"""Workers that may die of one execution, as far as anybody can tell; the fold then makes it a dead letter."""


class Execution:
    """One execution. It waits for a slot, or a worker has it (`worker` and `n` are set)."""

    __slots__ = (
        "blocked",
        "deaths",
        "expires_at_ms",
        "key",
        "missing_since",
        "n",
        "partition",
        "sent_at_ms",
        "sequence",
        "span",
        "task",
        "usage",
        "worker",
    )

    def __init__(self, task: ReadyTask, partition: int, sequence: int) -> None:
        self.task = task
        self.key: Key = (task.run, task.task, task.generation, task.try_)
        self.partition = partition
        self.sequence = sequence
        """The number of the ready message that brought it: what a resync is compared with."""
        self.worker: str | None = None
        self.n = 0
        self.sent_at_ms = 0
        self.expires_at_ms: int | None = None
        """When it counts as lost without an answer: set for plain clients, which send no heartbeats (rule 15)."""
        self.blocked = bool(task.frames)
        """Parts of its inputs are still on their way to the Artifact Store."""
        self.span: bytes | None = None
        self.missing_since: int | None = None
        """Its worker lists it no more since the broker had results up to this sequence: its own may be among them."""
        self.usage: Used | None = None
        self.deaths = 0
        """How many workers died that had it."""
