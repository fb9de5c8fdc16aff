"""What a conductor says besides tasks: credit, demand, claims, run events and the log of its choices. Pure: it collects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from conductor.kernel.partition import Partition
from conductor.policy import Recovery
from conductor.wire import bounds, subjects
from conductor.wire.base import encode
from conductor.wire.grants import Claim, Demand, Ended, Usage
from conductor.wire.ready import Credit, Failure, ReadyTask, Started, Weight
from conductor.wire.runs import RunEnded, RunEvent
from conductor.wire.stale import Candidate, Decision, DecisionBatch

MESSAGES_MAX = 65_536
"""Messages of one beat; run events beyond it are dropped, since they are lossy by design and `show` tells the truth."""


@dataclass(frozen=True, slots=True)
class Work:
    """By capability: executions that wait, how long they will hold slots, how many will be late, and how many began."""

    backlog: dict[str, int]
    work_us: dict[str, int]
    late: dict[str, int]
    started: dict[str, int]


def _bounded(counts: dict[str, int]) -> dict[str, int]:
    return dict(islice(counts.items(), bounds.FUNCTIONS_COUNT_MAX))


class Reports:
    """Collects messages; `messages` hands them over."""

    def __init__(self, conductor: str) -> None:
        self.conductor = conductor
        self._out: list[tuple[str, bytes]] = []

    def messages(self) -> list[tuple[str, bytes]]:
        """Everything said since the last call."""
        out, self._out = self._out, []
        return out

    def say(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """What was written elsewhere."""
        for subject, data in messages:
            self._say(subject, data)

    def credit(self, partition: Partition, windows: dict[str, int], default: int, weights: list[Weight]) -> None:
        """How many executions of each capability we will hold, and by what weights claimants share that."""
        message = Credit(
            partition=partition.number,
            epoch=partition.owned.epoch,
            conductor=self.conductor,
            windows=dict(list(windows.items())[: bounds.FUNCTIONS_COUNT_MAX]),
            default=default,
            weights=weights[: bounds.BATCH_COUNT_MAX],
        )
        self._say(subjects.pit("dag", "credit", partition.number), encode(message))

    def demand(self, partitions: Iterable[Partition], work: Work, ended: list[Ended]) -> None:
        """That we live, what we own and what waits, and how attempts ended since the last time."""
        owned = list(partitions)
        message = Demand(
            conductor=self.conductor,
            partitions=[partition.number for partition in owned],
            epoch=max((partition.owned.epoch for partition in owned), default=0),
            backlog=_bounded(work.backlog),
            work_us=_bounded(work.work_us),
            late=_bounded(work.late),
            started=_bounded(work.started),
            ended=ended,
        )
        self._say(subjects.pit("pool", "demand"), encode(message))

    def claim(self, usage: list[Usage], heard: int, number: int = 0) -> None:
        """What was used, and what waits, since the last time."""
        usage = usage[: bounds.BATCH_COUNT_MAX]
        message = Claim(conductor=self.conductor, usage=usage, heard=heard, number=number)
        self._say(subjects.pit("arbitration", "claim"), encode(message))

    def started(self, started: Started, now_ms: int) -> None:
        """A run was accepted."""
        if started.watch:
            self._event(started.tenant, RunEvent(run=started.run, event="started", at_ms=now_ms, status="running"))

    def task(self, task: ReadyTask, status: str, worker: str, now_ms: int) -> None:
        """A task of a watched run changed."""
        event = RunEvent(run=task.run, event="task", at_ms=now_ms, task=task.task, status=status, worker=worker)
        self._event(task.tenant, event)

    def ended(self, ended: RunEnded) -> None:
        """A run ended: told to whoever listens, watched or not."""
        event = RunEvent(run=ended.run, event="ended", at_ms=ended.ended_at_ms, status=ended.status, ended=ended)
        self._event(ended.tenant, event)

    def choices(self, partitions: list[Partition], decisions: list[Decision]) -> None:
        """The policy's choices of a beat, for the archive of trajectories."""
        if not partitions:
            return
        first = partitions[0]
        message = DecisionBatch(
            partition=first.number, epoch=first.owned.epoch, conductor=self.conductor, decisions=decisions
        )
        self._say(subjects.decision(first.number), encode(message))

    def recovery(self, partition: Partition, failure: Failure, chosen: Recovery, policy: str, now_ms: int) -> None:
        """A choice after a failure, with the actions that the document allowed."""
        labels = [type(action).__name__.lower() for action in failure.actions]
        decision = Decision(
            at_us=now_ms * 1000,
            kind="recover",
            run=failure.run,
            tenant=failure.tenant,
            workflow=failure.workflow,
            task=failure.task,
            generation=failure.generation,
            try_=failure.try_,
            capability=failure.capability,
            policy=policy,
            chosen=chosen.action,
            candidates=[
                Candidate(label=label, probability=chosen.probability if index == chosen.action else 0.0)
                for index, label in enumerate(labels)
            ],
            reason=chosen.reason,
        )
        self.choices([partition], [decision])

    def _event(self, tenant: str, event: RunEvent) -> None:
        self._say(subjects.run_event(tenant, event.run, event.event), encode(event))

    def _say(self, subject: str, data: bytes) -> None:
        if len(self._out) < MESSAGES_MAX:
            self._out.append((subject, data))
