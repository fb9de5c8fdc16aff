"""One partition as its owner sees it: what the tracker gave out, what was decided, and whether anything was missed. Pure.

Rules 4 and 5 of DESIGN.md: lower emitter epochs are ignored; a gap, or a level that does not match, asks for everything.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from conductor.kernel.execution import Execution, Key, Place
from conductor.kernel.takeover import Takeover
from conductor.wire import bounds
from conductor.wire.log import Decided, Lost
from conductor.wire.ready import Failure, Ready, ReadyTask, ResyncPage
from conductor.wire.runs import RunEnded

ENDED_KEPT_MAX = 100_000
"""Ended runs that wait for the archive, or were told lately: the tracker tells older ones again at a resync."""

BEFORE_ALL: Place = (0, 0)


@dataclass(slots=True)
class Owned:
    """What owning a partition means for writes: the epoch, and the sequence of our own `owner` event (rule 3)."""

    epoch: int
    fence: int
    first: bool = False
    """Nobody had it before: no worker can hold anything of it."""


@dataclass(slots=True)
class Partition:
    """The owner's memory of a partition. All of it is soft: a resync brings it back."""

    number: int
    owned: Owned
    emitter_epoch: int = 0
    sequence: int = 0
    folded: int = 0
    required: int = 0
    """What earlier emitters had folded when they were last heard. A tracker that sleeps through the end of its lease may
    tell of more than its successor knew when it began: from whoever has folded less, what ended would be done again."""
    live: int = 0
    floor: int = 0
    open: dict[Key, Execution] = field(default_factory=dict)
    deciding: dict[Key, Decided] = field(default_factory=dict)
    """Decisions on their way to the log: a failure that is told again meanwhile is not decided anew."""
    next_due_at_ms: int | None = None
    due_sent_at_ms: int = 0
    backlog: dict[str, int] = field(default_factory=dict)
    mismatches: int = 0
    stale: bool = True
    """Something was missed, or nothing is known yet: a resync is due."""
    ready: bool = False
    """Dispatching has begun: the workers have answered the roll, and the first resync is done (rule 7)."""
    ended: dict[str, RunEnded] = field(default_factory=dict)
    """Runs that ended and are not archived yet."""
    takeover: Takeover = field(init=False)
    """What workers still do for the owner before."""
    settled: dict[tuple[str, str], Place] = field(default_factory=dict)
    """By run and task: the place of the message that ended an execution while a resync was under way. A page may have been
    written before that message, and still list what ended; it goes another way, and may come in behind."""
    told: dict[str, None] = field(default_factory=dict)
    """Runs whose end was told lately, oldest first."""

    def __post_init__(self) -> None:
        self.takeover = Takeover(self.number)

    def arrived(self, message: Ready) -> bool:
        """Note a ready message's number. False: it must be passed over, being of an older emitter, or of a new one that has
        not folded yet what the one before told of."""
        if message.epoch < self.emitter_epoch:
            return False
        if message.epoch > self.emitter_epoch:
            self.emitter_epoch, self.required, self.stale = message.epoch, self.folded, True
        if message.folded < self.required:
            self.sequence, self.stale = message.sequence, True
            return False
        level = is_level(message)
        expected = self.sequence if level else self.sequence + 1
        if message.sequence != expected:
            self.stale = True
        self.sequence = message.sequence
        self.folded = max(self.folded, message.folded)
        self.live = message.live
        self.next_due_at_ms = message.next_due_at_ms
        self.backlog = message.backlog
        self.floor = max(self.floor, message.floor)
        return True

    def check_level(self, message: Ready) -> None:
        """Compare a level with what is known, after everything else in the beat was taken in."""
        if message.open == len(self.open):
            self.mismatches = 0
            return
        self.mismatches += 1
        # One mismatch may be a `lost` decision that the tracker has not folded yet; two in a row are a second apart.
        if self.mismatches >= 2:
            self.mismatches = 0
            self.stale = True

    @property
    def heard(self) -> Place:
        """The place of the last message that counted."""
        return self.emitter_epoch, self.sequence

    def add(self, task: ReadyTask) -> Execution | None:
        """An execution was given out; None where it is known already."""
        key = (task.run, task.task, task.generation, task.try_)
        known = self.open.get(key)
        if known is not None:
            known.told = self.heard
            return None
        if key in self.deciding:
            return None  # a `lost` of ours is on its way
        execution = self.open[key] = Execution(task, self.number, self.heard)
        return execution

    def settle(self, run: str, task: str) -> None:
        """An execution of a task ended, by the message that came in last."""
        self.settled[run, task] = self.heard

    def precedes(self, page: ResyncPage) -> bool:
        """Whether a page says less than is known: it is of an earlier emitter, or of a new one that is behind that."""
        required = self.required if page.epoch == self.emitter_epoch else self.folded
        return page.epoch < self.emitter_epoch or page.folded < required

    def overtaken(self, task: ReadyTask, page: ResyncPage) -> bool:
        """Whether what a page lists has ended since it was written."""
        return self.settled.get((task.run, task.task), BEFORE_ALL) > (page.epoch, page.sequence)

    def claims(self) -> list[Key]:
        """What workers are at, for the owner before us and for us: as many as one message holds."""
        ours = (key for key, execution in self.open.items() if execution.worker is not None)
        return [*dict.fromkeys([*self.takeover.adopted, *ours])][: bounds.BATCH_COUNT_MAX]

    def resynced(self, page: ResyncPage, listed: set[Key], claimed: Collection[Key] = ()) -> list[Execution]:
        """All pages have come. Returns what we had open and the tracker had not at that moment.

        A worker may be at something that the tracker has not given out yet, since it has just begun to emit: only of what
        was claimed is it known that nobody wants it.
        """
        gone = [
            e
            for key, e in self.open.items()
            if key not in listed and e.told <= (page.epoch, page.sequence) and (e.worker is None or key in claimed)
        ]
        for execution in gone:
            del self.open[execution.key]
        self.emitter_epoch, self.sequence = max(self.heard, (page.epoch, page.sequence))
        self.folded = max(self.folded, page.folded)
        return gone

    def end(self, ended: RunEnded) -> bool:
        """A run ended. False: it was told before."""
        if ended.run in self.told:
            return False
        self.told[ended.run] = None
        self.ended[ended.run] = ended
        while len(self.told) > ENDED_KEPT_MAX:
            oldest = next(iter(self.told))
            del self.told[oldest]
            self.ended.pop(oldest, None)
        return True

    def begun(self, run: str) -> None:
        """A run was accepted, or goes on though it had ended: its end, when it comes, is news."""
        self.told.pop(run, None)
        self.ended.pop(run, None)

    def undecided(self, failure: Failure) -> bool:
        """Whether a failure still needs a decision of ours.

        A `lost` of ours is none: the failure may be what came of it, told before the broker has acknowledged it. It is not
        told again, and a run whose failure was passed over would never end. Of two decisions of a try the first counts.
        """
        ours = self.deciding.get((failure.run, failure.task, failure.generation, failure.try_))
        return ours is None or isinstance(ours.action, Lost)


def is_level(message: Ready) -> bool:
    """Whether a message only repeats the level."""
    return not (
        message.tasks
        or message.settled
        or message.ended
        or message.failures
        or message.started
        or message.unwanted
        or message.needs
        or message.needs_workflows
        or message.needs_runs
        or message.listens is not None
        or message.quarantined
    )
