"""Heartbeats compared with what was dispatched (rule 6: nothing is redone that is only late), and what the log is told."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from conductor.kernel.execution import Execution
from conductor.kernel.workers import Slot, Worker
from conductor.policy import Recovery
from conductor.wire.heartbeat import Heartbeat
from conductor.wire.log import Acquired, Decided, Lost, Retry
from conductor.wire.ready import Failure

UNSEEN_AFTER_MS = 2_000
"""A dispatch that no heartbeat covers for so long never arrived: a message on a live connection takes far less."""
RESTART_GRACE_MS = 100
"""A process that has just begun may not have read yet what was sent to it this lately."""


@dataclass(slots=True)
class Found:
    """What a heartbeat shows: attempts that are gone, were turned away, or are held though nobody wants them.

    `died` are those of the lost that went with an earlier process of the same name.
    """

    lost: list[Execution] = field(default_factory=list)
    died: list[Execution] = field(default_factory=list)
    refused: list[Execution] = field(default_factory=list)
    unwanted: list[Slot] = field(default_factory=list)
    released: int = 0


def compare(worker: Worker, beat: Heartbeat, epochs: dict[int, int], folded: dict[int, int], now_ms: int) -> Found:
    """What became of a worker's attempts.

    `epochs` are the ownership epochs of our partitions, `folded` how far each one's tracker has folded the log. An attempt
    is lost only where the worker saw it, lists it neither as held nor as stored, and the tracker has folded past every
    result that the worker says is stored: its own may be among those.
    """
    found = Found()
    if _is_another(worker, beat):
        worker.began_at_ms = now_ms
    worker.process = (beat.host, beat.pid) if beat.pid else None
    worker.beat, worker.beat_at_ms = beat.beat, now_ms
    if not worker.held and not worker.cancelled:
        return found
    seen = {a.partition: a.n for a in beat.seen if epochs.get(a.partition) == a.epoch}
    held = {(a.partition, a.n) for a in beat.held if epochs.get(a.partition) == a.epoch}
    stored = {(s.partition, s.n) for s in beat.stored if epochs.get(s.partition) == s.epoch}
    refused = {(a.partition, a.n) for a in beat.refused if epochs.get(a.partition) == a.epoch}
    for entry in beat.stored:
        worker.stored_sequence = max(worker.stored_sequence, entry.sequence)
    for slot, execution in list(worker.held.items()):
        if slot in refused:
            del worker.held[slot]
            found.refused.append(execution)
        elif slot in held or slot in stored or beat.truncated:
            continue
        elif _is_lost(worker, execution, slot, seen, folded, now_ms):
            del worker.held[slot]
            found.lost.append(execution)
            if execution.sent_at_ms < worker.began_at_ms:
                found.died.append(execution)
    for slot, execution in list(worker.cancelled.items()):
        if slot in held:
            found.unwanted.append(slot)  # rule 14: told again for as long as it is seen
        elif slot not in stored and not beat.truncated and _let_go(worker, execution, slot, seen, now_ms):
            del worker.cancelled[slot]
            found.released += 1
    return found


def _is_another(worker: Worker, beat: Heartbeat) -> bool:
    """Whether a heartbeat comes from another process than the one before. One that dies early has no beat beyond its first;
    in a container all have the same number."""
    anew = worker.process is not None and beat.pid > 0 and (beat.host, beat.pid) != worker.process
    return anew or beat.beat < worker.beat


def _is_lost(
    worker: Worker, execution: Execution, slot: Slot, seen: dict[int, int], folded: dict[int, int], now_ms: int
) -> bool:
    """Whether an attempt that the worker does not list will never answer."""
    if not _let_go(worker, execution, slot, seen, now_ms):
        return False
    if seen.get(slot[0], 0) < slot[1]:
        return True
    if execution.missing_since is None:
        execution.missing_since = worker.stored_sequence
    return folded.get(slot[0], 0) >= execution.missing_since


def _let_go(worker: Worker, execution: Execution, slot: Slot, seen: dict[int, int], now_ms: int) -> bool:
    """Whether a worker that lists an attempt neither as held nor as stored saw it once, or never will."""
    if seen.get(slot[0], 0) >= slot[1]:
        return True
    before = execution.sent_at_ms < worker.began_at_ms
    return now_ms - execution.sent_at_ms > (RESTART_GRACE_MS if before else UNSEEN_AFTER_MS)


def gone(worker: Worker) -> list[Execution]:
    """The worker is dead: everything it held."""
    lost = list(worker.held.values())
    worker.held.clear()
    worker.cancelled.clear()
    return lost


def expiry(execution: Execution, worker: Worker, now_ms: int) -> int | None:
    """When an attempt at a plain client counts as lost (rule 15); none elsewhere, where heartbeats tell."""
    if not worker.queue:
        return None
    return now_ms + min(execution.task.timeout_ms or 1 << 62, worker.timeout_ms or 60_000)


def overdue(worker: Worker, now_ms: int) -> list[Execution]:
    """Rule 15: attempts of a plain client whose time is over."""
    late = [(slot, e) for slot, e in worker.held.items() if e.expires_at_ms is not None and e.expires_at_ms <= now_ms]
    for slot, _ in late:
        del worker.held[slot]
    return [execution for _, execution in late]


def unwanted(worker: Worker, now_ms: int) -> list[Execution]:
    """Of a plain client, unwanted attempts whose time is over: it never says that it has let go of them."""
    late = [slot for slot, e in worker.cancelled.items() if e.expires_at_ms is not None and e.expires_at_ms <= now_ms]
    return [worker.cancelled.pop(slot) for slot in late]


def decision(failure: Failure, chosen: Recovery, policy: str) -> Decided:
    """A policy's choice as the log keeps it. Those that failed together do not come back together: half to all of the
    backoff is waited."""
    action = failure.actions[chosen.action]
    if isinstance(action, Retry) and failure.jitter:
        action = Retry(delay_ms=round(action.delay_ms * (0.5 + random.random() / 2)))  # noqa: S311 - spread only
    return Decided(
        run=failure.run,
        task=failure.task,
        generation=failure.generation,
        try_=failure.try_,
        action=action,
        policy=policy,
        probability=chosen.probability,
        reason=chosen.reason,
    )


def loss(execution: Execution, why: str, begun: bool = True) -> Decided:
    """An attempt that must not be done again unasked has failed: its document says what follows."""
    run, task, generation, try_ = execution.key
    message = f"no answer from {execution.task.capability}: {why}"
    action = Lost(message=message, begun=begun, attempts=max(execution.deaths, 1))
    return Decided(run=run, task=task, generation=generation, try_=try_, action=action, policy="kernel", reason=why)


def acquired(execution: Execution, token: int) -> Decided:
    """A run's own lock was granted: the tasks that it is held over may begin."""
    run, task, generation, try_ = execution.key
    action = Acquired(token=token)
    return Decided(
        run=run, task=task, generation=generation, try_=try_, action=action, policy="ledger", reason="granted"
    )
