"""What a beat does with what arrived: the conductor's state, and how each message changes it. It sends nothing itself."""

from __future__ import annotations

import logging
from collections.abc import Callable

from conductor.kernel import recovery
from conductor.kernel.adoption import heard
from conductor.kernel.allowances import Allowances
from conductor.kernel.credit import give_credit
from conductor.kernel.dispatch import dispatch
from conductor.kernel.events import Events
from conductor.kernel.execution import Execution, Key
from conductor.kernel.granting import let_go
from conductor.kernel.holds import Holds
from conductor.kernel.lifecycle import Lifecycle
from conductor.kernel.losses import again, gone, lost
from conductor.kernel.office import Office
from conductor.kernel.orders import Orders
from conductor.kernel.outcomes import Outcomes
from conductor.kernel.partition import Partition
from conductor.kernel.reports import Reports
from conductor.kernel.resolve import Resolutions
from conductor.kernel.roster import Roster
from conductor.kernel.spans import Spans
from conductor.kernel.supply import Frames, Supplies
from conductor.kernel.waiting import Waiting
from conductor.kernel.workers import Workers
from conductor.observe import metrics
from conductor.policy import Policy
from conductor.wire.grants import PoolGrant, ShareGrant
from conductor.wire.heartbeat import Heartbeat
from conductor.wire.log import Decided
from conductor.wire.ready import ArtifactNeed, Failure, Ready, Settled, WorkflowNeed
from conductor.wire.runs import RunEnded

_log = logging.getLogger("symphony.kernel")

ALIVE_MS = 750
HEARD_MS = 500
"""Two heartbeats. Who was heard here so lately is not dead, whatever a Pool Manager says that slept or was cut off."""
SLEPT_MS = 500
"""Beats are at most 250 ms apart: a longer gap means that this process was stopped, and heard nobody."""


class Core:
    """The state behind the beats of one conductor. Time is an argument."""

    def __init__(
        self,
        policy: Policy,
        lifecycle: Lifecycle,
        spans: Spans,
        reports: Reports,
        supplies: Supplies,
        frames: Frames,
        resolutions: Resolutions,
        events: Events,
        holds: Holds,
        lose: Callable[[int], None],
        wake: Callable[[], None],
        started_ms: int = 0,
    ) -> None:
        self.policy = policy
        self.lifecycle = lifecycle
        self.spans = spans
        self.reports = reports
        self.lose = lose
        self.wake = wake
        self.offices: dict[int, Office] = {}
        self.workers = Workers()
        self.waiting = Waiting()
        self.allowances = Allowances(started_ms)
        self.orders = Orders()
        self.now_ms = self.wall_ms = started_ms
        """Of this beat, by the two clocks of `clock.py`. What is counted from before the first one would be over at once,
        were it counted from 0."""
        self._supplies = supplies
        self._frames = frames
        self._resolutions = resolutions
        self._events = events
        self._held_back: dict[str, set[Key]] = {}
        self.holds = holds
        self.touched: list[Execution] = []
        """Executions that may hold something for nobody: looked at once a beat."""
        self.heard_at: dict[str, int] = {}
        self.roster = Roster()
        self.outcomes = Outcomes()
        self.settled: dict[str, int] = {}
        """Counted here, and told to the metrics once a second: a label's lookup costs more than the rest of it."""

    @property
    def partitions(self) -> list[Partition]:
        return [office.partition for office in self.offices.values()]

    @property
    def epochs(self) -> dict[int, int]:
        """Of our ownership, by partition."""
        return {number: office.partition.owned.epoch for number, office in self.offices.items()}

    def begin(self, now_ms: int, wall_ms: int) -> None:
        """A beat, by the two clocks. Silence while this process slept is no sign of anybody's death."""
        gap_ms = now_ms - self.now_ms
        if gap_ms > SLEPT_MS:
            self.heard_at = {name: at + gap_ms for name, at in self.heard_at.items()}
        self.now_ms, self.wall_ms = now_ms, wall_ms

    # From the tracker.

    def ready(self, office: Office, message: Ready) -> None:
        """A beat of the tracker. Failures come first: the spans of their tries tell what was decided."""
        partition = office.partition
        if not partition.arrived(message):
            return
        office.ended(message)
        for failure in message.failures:
            self.decide(office, failure)
        for settled in message.settled:
            self._settle(office, settled)
        for task in message.tasks:
            self.accept(office, partition.add(task))
        for unwanted in message.unwanted:
            self._unwanted(office, (unwanted.run, unwanted.task, unwanted.generation, unwanted.try_))
        for artifact in message.needs:
            self.need(office, artifact)
        for workflow in message.needs_workflows:
            self.resolve(office, workflow)
        for run in message.needs_runs:
            office.recalls.need(run)
        if message.listens is not None:
            self.listen(office, message.listens)
        for started in message.started:
            partition.begun(started.run)
            self.reports.started(started, self.wall_ms)
        for ended in message.ended:
            self.end(office, ended)
        office.writer.quarantine(message.quarantined)
        office.writer.version(message.fold_version)

    def accept(self, office: Office, execution: Execution | None) -> None:
        """An execution that is new here waits for a slot, and for the composed parts of its inputs to be stored."""
        if execution is None:
            return
        if execution.blocked:
            missing = [digest for digest in execution.task.frames if not self._frames.has(digest)]
            self.holds.want(execution)
            self.look(execution)
            for digest in missing:
                self._held_back.setdefault(digest, set()).add(execution.key)
                if not self._frames.knows(digest):
                    office.partition.stale = True  # a frame was lost on its way: a resync sends it again
        if office.partition.ready and not execution.is_scope:
            self.waiting.add(execution)

    def look(self, execution: Execution) -> None:
        """Whether it still has to wait for parts of its inputs, or for what it wants to be granted."""
        stored = all(self._frames.has(digest) for digest in execution.task.frames)
        execution.blocked = execution.awaits_grant or not stored

    def alive(self) -> set[str]:
        """Workers that beat lately."""
        return {name for name, at in self.heard_at.items() if self.now_ms - at < ALIVE_MS}

    def open_office(self, office: Office, complete: bool) -> None:
        """Rule 7: the workers have been heard. What none of them holds may be dispatched.

        Where they are not `complete`, one that is gone may have begun it: then it is lost, where once more would do harm.
        """
        office.partition.ready = True
        for execution in office.partition.takeover.left(office.partition.open):
            if complete:
                self.waiting.add(execution)
            else:
                lost(self, execution, "its conductor is gone, and a worker too", begun=False)
        for adopted in office.partition.takeover.leaving.values():
            office.outbox.cancel_attempt(adopted.worker, adopted.attempt)
        self.wake()

    def forget(self, office: Office) -> None:
        """The partition is somebody else's: what waits for it here waits no more, and its attempts are not counted here."""
        for execution in (*office.partition.open.values(), *self.workers.forget(office.partition.number)):
            self.waiting.remove(execution)
            self.release(execution)
        self.holds.forget(office.partition.number)

    def need(self, office: Office, need: ArtifactNeed) -> None:
        """A map goes over an artifact: it has to stand in the log."""
        partition = office.partition
        self._supplies.need(need, partition.number, partition.owned.epoch, office.writer.supply)

    def resolve(self, office: Office, need: WorkflowNeed) -> None:
        """Tasks name a registered workflow: it has to stand in the log."""
        partition = office.partition
        self._resolutions.need(need, partition.number, partition.owned.epoch, office.writer.resolve)

    def listen(self, office: Office, names: dict[str, int]) -> None:
        """Runs wait for events of these names, and of no others."""
        self._events.listen(office.partition.number, names, office.writer.happened)

    def stored(self, digest: str) -> None:
        """The store has a composed part: executions and ends that waited for it go on."""
        keys = self._held_back.pop(digest, set())
        for office in self.offices.values():
            for key in keys:
                if (execution := office.partition.open.get(key)) is not None:
                    self.look(execution)
            for ended in [e for e in office.unstored.values() if all(self._frames.has(other) for other in e.frames)]:
                del office.unstored[ended.run]
                self.reports.ended(ended)
        self.wake()

    def end(self, office: Office, ended: RunEnded) -> None:
        """A run ended: it is told once what its outputs refer to is stored."""
        if not office.partition.end(ended):
            return
        metrics.RUNS_ENDED.labels(ended.status).inc()
        self.policy.ended(ended)
        self.spans.ended(ended)
        if all(self._frames.has(digest) for digest in ended.frames):
            self.reports.ended(ended)
        else:
            office.unstored[ended.run] = ended

    def _settle(self, office: Office, settled: Settled) -> None:
        execution = None
        self.outcomes.note(settled.worker, settled.kind)
        worker = self.workers.by_name.get(settled.worker)
        if worker is not None and settled.epoch == office.partition.owned.epoch:
            slot = (office.partition.number, settled.n)
            execution = worker.held.pop(slot, None) or worker.cancelled.pop(slot, None)
        if execution is not None:
            self.release(execution, settled.run_us)
            if execution.span is not None:
                self.spans.settled(execution, settled, self.wall_ms * 1000, (self.wall_ms - self.now_ms) * 1000)
            if execution.task.watch:
                self.reports.task(execution.task, settled.status, settled.worker, self.wall_ms)
            if settled.accepted and office.partition.open.get(execution.key) is execution:
                del office.partition.open[execution.key]
                return
        if settled.accepted:
            for key in office.partition.takeover.settled(settled):
                if (adopted := office.partition.open.pop(key, None)) is not None:
                    self.touched.append(adopted)
            # Another attempt than the one that we know of ended it: after a takeover, or after a re-dispatch.
            for key in [k for k in office.partition.open if k[0] == settled.run and k[1] == settled.task]:
                self._unwanted(office, key)

    def _unwanted(self, office: Office, key: Key) -> None:
        if (execution := office.partition.open.pop(key, None)) is not None:
            self.drop(office, execution)

    def drop(self, office: Office, execution: Execution) -> None:
        """Nobody wants it any more: it leaves the queue, or its worker is told to stop and keeps the slot until it has."""
        adopted = office.partition.takeover.adopted.pop(execution.key, None)
        if adopted is not None:
            office.partition.takeover.leaving[execution.key] = adopted
            office.outbox.cancel_attempt(adopted.worker, adopted.attempt)
            return
        worker = self.workers.by_name.get(execution.worker or "")
        slot = (execution.partition, execution.n)
        if worker is None or worker.held.pop(slot, None) is None:
            self.waiting.remove(execution)
            self.touched.append(execution)
            return
        worker.cancelled[slot] = execution
        office.outbox.cancel(worker, slot)

    def release(self, execution: Execution, run_us: int = 0) -> None:
        if execution.usage is not None:
            self.allowances.end(execution.task, execution.usage, run_us, execution.share)
            execution.usage = None
        execution.worker = None
        if execution.task.wants is not None:
            self.touched.append(execution)

    # Decisions.

    def decide(self, office: Office, failure: Failure) -> None:
        """A failed try needs a choice: the policy makes it, within what the document allows."""
        if not office.partition.undecided(failure):
            return
        chosen = self.policy.recover(failure)
        by = chosen.by or self.policy.name
        decided = recovery.decision(failure, chosen, by)
        self.decided(office, decided)
        self.reports.recovery(office.partition, failure, chosen, by, self.wall_ms)

    def decided(self, office: Office, decided: Decided) -> None:
        key = (decided.run, decided.task, decided.generation, decided.try_)
        metrics.DECISIONS.labels(type(decided.action).__name__.lower()).inc()
        office.partition.deciding[key] = decided
        self.spans.decided(key, decided)
        office.writer.decide(decided)

    # From Pool Manager, Arbitration and workers.

    def pool_grant(self, grant: PoolGrant) -> None:
        """Leases: absolute, from the Pool Manager."""
        before = dict(self.workers.slots)
        self.roster.dead = frozenset(grant.dead)
        dead = self.workers.grant(grant, self.now_ms)
        for worker in self.workers:
            # Whoever gets the first attempt may die of it before it beats again: its successor has to be told from it.
            if worker.process is None and (last := self.roster.heard.get(worker.name)) is not None:
                worker.process, worker.beat = last.process, max(worker.beat, last.beat)
        for worker in dead:
            # It is told dead for ten seconds: if it is, the next grant finds it silent here as well.
            if self.now_ms - self.heard_at.get(worker.name, self.now_ms - HEARD_MS) >= HEARD_MS:
                gone(self, worker, "its worker is dead: three heartbeats missed", died=True)
        for lease in grant.leases:
            if lease.queue and 0 in self.offices:
                self.lifecycle.plain(lease)
        if before != self.workers.slots:
            give_credit(self)

    def share_grant(self, grant: ShareGrant) -> None:
        """Shares and allowances: absolute, from Arbitration."""
        self.allowances.grant(grant, self.now_ms)

    def heartbeat(self, beat: Heartbeat) -> None:
        """A worker's state: compared with what it was sent."""
        if 0 in self.offices:
            self.lifecycle.beat(beat, self.now_ms)
        self.heard_at[beat.worker] = self.now_ms
        self.roster.beat(beat, self.now_ms)
        heard(self, beat)
        worker = self.workers.by_name.get(beat.worker)
        if worker is None:
            return
        if beat.state == "stopped":
            gone(self, worker, "its worker stopped")
            return
        folded = {number: office.partition.folded for number, office in self.offices.items()}
        cancelled = dict(worker.cancelled)
        found = recovery.compare(worker, beat, self.epochs, folded, self.now_ms)
        for slot in cancelled.keys() - worker.cancelled.keys():
            self.release(cancelled[slot])
        for execution in found.lost:
            lost(self, execution, "its worker does not have it", died=execution in found.died)
        for execution in found.refused:
            again(self, execution)
        for slot in found.unwanted:
            if (office := self.offices.get(slot[0])) is not None:
                office.outbox.cancel(worker, slot)

    # What a beat does of itself.

    def act(self, fresh: bool = True) -> None:
        """Plain clients' time, leases' time, timers, missed messages; then one decision about who goes where."""
        for worker in self.workers:
            if worker.queue and worker.held:
                for execution in recovery.overdue(worker, self.now_ms):
                    lost(self, execution, "its time is over")
            if worker.queue and worker.cancelled:
                for execution in recovery.unwanted(worker, self.now_ms):
                    self.release(execution)
        self.workers.expire(self.now_ms)
        for office in self.offices.values():
            office.tell_due(self.wall_ms, self.now_ms)
            if office.partition.stale and not office.resyncing:
                office.begin_resync()
        if self.touched:
            let_go(self)
        if fresh and self.waiting.lines:
            dispatch(self)
