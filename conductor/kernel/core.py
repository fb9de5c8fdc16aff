"""What a beat does with what arrived: the conductor's state, and how each message changes it. It sends nothing itself."""

from __future__ import annotations

import logging
from collections.abc import Callable

from conductor.kernel import recovery
from conductor.kernel.allowances import Allowances
from conductor.kernel.credit import give_credit
from conductor.kernel.dispatch import dispatch
from conductor.kernel.events import Events
from conductor.kernel.execution import DEATHS_MAX, Execution, Key
from conductor.kernel.lifecycle import Lifecycle
from conductor.kernel.office import Office
from conductor.kernel.orders import Orders
from conductor.kernel.partition import Partition
from conductor.kernel.placement import Waiting
from conductor.kernel.reports import Reports
from conductor.kernel.resolve import Resolutions
from conductor.kernel.roster import Roster
from conductor.kernel.spans import Spans
from conductor.kernel.supply import Frames, Supplies
from conductor.kernel.workers import Worker, Workers
from conductor.observe import metrics
from conductor.policy import Policy
from conductor.wire.grants import PoolGrant, ShareGrant
from conductor.wire.heartbeat import Heartbeat
from conductor.wire.log import Decided
from conductor.wire.ready import ArtifactNeed, Failure, Ready, Settled, WorkflowNeed
from conductor.wire.runs import RunEnded

_log = logging.getLogger("symphony.kernel")

ALIVE_MS = 750


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
        self.heard_at: dict[str, int] = {}
        self.roster = Roster()
        self.settled: dict[str, int] = {}
        """Counted here, and told to the metrics once a second: a label's lookup costs more than the rest of it."""

    @property
    def partitions(self) -> list[Partition]:
        return [office.partition for office in self.offices.values()]

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
            execution.blocked = bool(missing)
            for digest in missing:
                self._held_back.setdefault(digest, set()).add(execution.key)
                if not self._frames.knows(digest):
                    office.partition.stale = True  # a frame was lost on its way: a resync sends it again
        if office.partition.ready:
            self.waiting.add(execution)

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
                self._lost(execution, "its conductor is gone, and a worker too", begun=False)
        self.wake()

    def forget(self, office: Office) -> None:
        """The partition is somebody else's: what waits for it here waits no more, and its attempts are not counted here."""
        for execution in (*office.partition.open.values(), *self.workers.forget(office.partition.number)):
            self.waiting.remove(execution)
            self._release(execution)

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
                    execution.blocked = not all(self._frames.has(other) for other in execution.task.frames)
            for ended in [e for e in office.unstored.values() if all(self._frames.has(other) for other in e.frames)]:
                del office.unstored[ended.run]
                self.reports.ended(ended)
        self.wake()

    def end(self, office: Office, ended: RunEnded) -> None:
        """A run ended: it is told once what its outputs refer to is stored."""
        if not office.partition.end(ended):
            return
        metrics.RUNS_ENDED.labels(ended.status).inc()
        self.spans.ended(ended)
        if all(self._frames.has(digest) for digest in ended.frames):
            self.reports.ended(ended)
        else:
            office.unstored[ended.run] = ended

    def _settle(self, office: Office, settled: Settled) -> None:
        execution = None
        worker = self.workers.by_name.get(settled.worker)
        if worker is not None and settled.epoch == office.partition.owned.epoch:
            slot = (office.partition.number, settled.n)
            execution = worker.held.pop(slot, None) or worker.cancelled.pop(slot, None)
        if execution is not None:
            self._release(execution, settled.run_us)
            if execution.span is not None:
                self.spans.settled(execution, settled, self.wall_ms * 1000, (self.wall_ms - self.now_ms) * 1000)
            if execution.task.watch:
                self.reports.task(execution.task, settled.status, settled.worker, self.wall_ms)
            if settled.accepted and office.partition.open.get(execution.key) is execution:
                del office.partition.open[execution.key]
                return
        if settled.accepted:
            for key in office.partition.takeover.settled(settled):
                office.partition.open.pop(key, None)
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
            office.outbox.cancel_attempt(adopted.worker, adopted.attempt)
            return
        worker = self.workers.by_name.get(execution.worker or "")
        slot = (execution.partition, execution.n)
        if worker is None or worker.held.pop(slot, None) is None:
            self.waiting.remove(execution)
            return
        worker.cancelled[slot] = execution
        office.outbox.cancel(worker, slot)

    def _release(self, execution: Execution, run_us: int = 0) -> None:
        if execution.usage is not None:
            self.allowances.end(execution.task, execution.usage, run_us)
            execution.usage = None
        execution.worker = None

    # Decisions.

    def decide(self, office: Office, failure: Failure) -> None:
        """A failed try needs a choice: the policy makes it, within what the document allows."""
        if not office.partition.undecided(failure):
            return
        chosen = self.policy.recover(failure)
        decided = recovery.decision(failure, chosen, self.policy.name)
        self._decided(office, decided)
        self.reports.recovery(office.partition, failure, chosen, self.policy.name, self.wall_ms)

    def _decided(self, office: Office, decided: Decided) -> None:
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
        for worker in self.workers.grant(grant, self.now_ms):
            self.gone(worker, "its worker is dead: three heartbeats missed", died=True)
        for lease in grant.leases:
            if lease.queue and 0 in self.offices:
                self.lifecycle.plain(lease)
        if before != self.workers.slots:
            give_credit(self)

    def share_grant(self, grant: ShareGrant) -> None:
        """Shares and allowances: absolute, from Arbitration."""
        self.allowances.grant(grant, self.now_ms)

    def gone(self, worker: Worker, why: str, died: bool = False) -> None:
        """A worker is dead or has stopped: what it held is lost."""
        self.lifecycle.lost(worker.name, why, self.now_ms)
        self.heard_at.pop(worker.name, None)
        for execution in worker.cancelled.values():
            self._release(execution)
        for execution in recovery.gone(worker):
            self._lost(execution, why, died=died)
        self.lose_adopted({worker.name}, why)

    def lose_adopted(self, workers: set[str], why: str) -> None:
        """What workers did for an earlier owner will never be answered."""
        for office in list(self.offices.values()):
            self._lost_adopted(office, office.partition.takeover.of(workers), why)

    def _lost_adopted(self, office: Office, keys: list[Key], why: str) -> None:
        for key in keys:
            office.partition.takeover.adopted.pop(key, None)
            if (execution := office.partition.open.get(key)) is not None and office.partition.ready:
                self._lost(execution, why)

    def heartbeat(self, beat: Heartbeat) -> None:
        """A worker's state: compared with what it was sent."""
        if 0 in self.offices:
            self.lifecycle.beat(beat, self.now_ms)
        self.heard_at[beat.worker] = self.now_ms
        self.roster.beat(beat, self.now_ms)
        self._heard(beat)
        worker = self.workers.by_name.get(beat.worker)
        if worker is None:
            return
        if beat.state == "stopped":
            self.gone(worker, "its worker stopped")
            return
        epochs = {number: office.partition.owned.epoch for number, office in self.offices.items()}
        folded = {number: office.partition.folded for number, office in self.offices.items()}
        cancelled = dict(worker.cancelled)
        found = recovery.compare(worker, beat, epochs, folded, self.now_ms)
        for slot in cancelled.keys() - worker.cancelled.keys():
            self._release(cancelled[slot])
        for execution in found.lost:
            self._lost(execution, "its worker does not have it", died=execution in found.died)
        for execution in found.refused:
            self._again(execution)
        for slot in found.unwanted:
            if (office := self.offices.get(slot[0])) is not None:
                office.outbox.cancel(worker, slot)

    def _heard(self, beat: Heartbeat) -> None:
        """Rule 7: an answer to the roll, or news of what the owner before dispatched."""
        for office in list(self.offices.values()):
            partition = office.partition
            if not partition.ready:
                office.heard(beat)
                continue
            for attempt in partition.takeover.unwanted(beat, partition.open):
                office.outbox.cancel_attempt(beat.worker, attempt)
            missed = partition.takeover.missed(beat, partition.folded)
            self._lost_adopted(office, missed, "its worker does not have it")

    def _again(self, execution: Execution) -> None:
        """It waits for a slot once more, under the same identity: the next dispatch gets another number."""
        self._release(execution)
        execution.missing_since = None
        if (office := self.offices.get(execution.partition)) and office.partition.open.get(execution.key) is execution:
            self.waiting.add(execution)

    def _lost(self, execution: Execution, why: str, begun: bool = True, died: bool = False) -> None:
        """An attempt that will never answer: done again where that does no harm, else a failure of kind `lost`.

        One that took too many workers with it does harm, whatever its function says.
        """
        execution.deaths += died
        office = self.offices.get(execution.partition)
        plain = execution.expires_at_ms is not None
        safe = execution.task.retry_safe and self.lifecycle.retry_safe(execution.task.capability)
        if safe and not plain and execution.deaths < DEATHS_MAX:
            metrics.REDISPATCHES.inc()
            self._again(execution)
            return
        self._release(execution)
        if office is None or office.partition.open.get(execution.key) is not execution:
            return
        del office.partition.open[execution.key]
        self._decided(office, recovery.loss(execution, why, begun))

    # What a beat does of itself.

    def act(self, fresh: bool = True) -> None:
        """Plain clients' time, leases' time, timers, missed messages; then one decision about who goes where."""
        for worker in self.workers:
            if worker.queue and worker.held:
                for execution in recovery.overdue(worker, self.now_ms):
                    self._lost(execution, "its time is over")
        self.workers.expire(self.now_ms)
        for office in self.offices.values():
            office.tell_due(self.wall_ms, self.now_ms)
            if office.partition.stale and not office.resyncing:
                office.begin_resync()
        if fresh and self.waiting.by_capability:
            dispatch(self)
