"""An execution that the tracker gave out: where it stands here, from ready to settled."""

from __future__ import annotations

from conductor.kernel.accounts import Used
from conductor.wire.ready import ReadyTask

Key = tuple[str, str, int, int]
"""Run, task path, generation, try: the identity of DESIGN.md's rule 1."""
Place = tuple[int, int]
"""Of a tracker's message: the epoch of the emitter, and its number. Every emitter counts from 0 on."""
SUSPECT_DEATHS = 2
"""A worker dies now and then. One execution that two died with may be why."""
DEATHS_MAX = 3
"""Workers that may die of one execution, as far as anybody can tell; the fold then makes it a dead letter."""


def line_of(task: ReadyTask) -> str:
    """What it waits in: those of one function, range of versions and requirements may go to the same workers."""
    line = task.capability if task.range is None else f"{task.capability}@{task.range}"
    needs = task.requires
    if needs is None:
        return line
    labels = ",".join(f"{name}={value}" for name, value in sorted(needs.labels.items()))
    resources = ",".join(f"{name}={count:g}" for name, count in sorted(needs.resources.items()))
    return f"{line}#{needs.pool or ''};{labels};{resources}"


def parts_of(line: str) -> tuple[str, str, bool]:
    """The capability of a line, its range of versions (empty: any), and whether it asks for more."""
    base, _, needs = line.partition("#")
    capability, _, wanted = base.partition("@")
    return capability, wanted, bool(needs)


class Execution:
    """One execution. It waits for a slot, or a worker has it (`worker` and `n` are set)."""

    __slots__ = (
        "blocked",
        "deaths",
        "expires_at_ms",
        "fences",
        "key",
        "line",
        "missing_since",
        "n",
        "partition",
        "renewal",
        "sent_at_ms",
        "share",
        "span",
        "task",
        "token",
        "told",
        "usage",
        "worker",
    )

    def __init__(self, task: ReadyTask, partition: int, told: Place) -> None:
        self.task = task
        self.key: Key = (task.run, task.task, task.generation, task.try_)
        self.line = line_of(task)
        self.partition = partition
        self.told = told
        """The message that brought it: what a resync is compared with."""
        self.worker: str | None = None
        self.n = 0
        self.sent_at_ms = 0
        self.expires_at_ms: int | None = None
        """When it counts as lost without an answer: set for plain clients, which send no heartbeats (rule 15)."""
        self.blocked = bool(task.frames) or task.wants is not None
        """Parts of its inputs are still on their way to the Artifact Store, or something is not granted to it yet."""
        self.token: int | None = None
        """Of the hold that it was granted; 0 where a rate alone allowed it to start."""
        self.renewal = 0
        """How often an attempt of it was lost under its hold: each next one has a greater token."""
        self.fences = task.fences
        self.span: bytes | None = None
        self.missing_since: int | None = None
        """Its worker lists it no more since the broker had results up to this sequence: its own may be among them."""
        self.usage: Used | None = None
        self.share = 1.0
        """How many slots it counts as where tenants' shares are compared: more where it takes much of a scarce resource."""
        self.deaths = 0
        """How many workers died that had it."""

    @property
    def awaits_grant(self) -> bool:
        """Whether it waits for a lock, a semaphore or a rate."""
        return self.token is None and self.task.wants is not None

    @property
    def is_scope(self) -> bool:
        """It is no task but a run, which holds a key over several of its tasks: no worker runs it."""
        return self.task.wants is not None and self.task.wants.scope
