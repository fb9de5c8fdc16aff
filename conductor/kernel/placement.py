"""Who goes first and where: the choice of one beat. Pure; shares and limits stand around the policy, never inside it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from conductor.kernel.allowances import Allowances
from conductor.kernel.execution import Execution, Key
from conductor.kernel.workers import Worker, Workers
from conductor.policy import Policy, Situation
from conductor.wire.stale import Candidate, Decision

CANDIDATES_MAX = 256
"""Candidates that the policy is asked about at once: its time must not grow with the backlog."""
DECISIONS_MAX = 256
"""Logged choices of one beat; more tell a trainer nothing new about the same moment."""
ALTERNATIVES_MAX = 16
TURN_US = 5_000
"""A turn of the ring under load, from one attempt's end to the next one's arrival."""
AHEAD_TURNS = 2
AHEAD_RUN_US_MAX = 250_000


@dataclass(slots=True)
class Placement:
    """What a beat starts, and the choices that were made for it."""

    starts: list[tuple[Execution, Worker]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


class Waiting:
    """Executions that wait for a slot, by capability, in the order they came."""

    def __init__(self) -> None:
        self.by_capability: dict[str, dict[Key, Execution]] = {}

    def add(self, execution: Execution) -> None:
        self.by_capability.setdefault(execution.task.capability, {})[execution.key] = execution

    def remove(self, execution: Execution) -> None:
        found = self.by_capability.get(execution.task.capability)
        if found is not None:
            found.pop(execution.key, None)
            if not found:
                del self.by_capability[execution.task.capability]

    def counts(self) -> dict[str, int]:
        return {capability: len(found) for capability, found in self.by_capability.items()}

    def usage(self) -> dict[tuple[str, str, str], int]:
        """How many wait, by tenant, workflow and capability."""
        counts: dict[tuple[str, str, str], int] = {}
        for found in self.by_capability.values():
            for execution in found.values():
                who = (execution.task.tenant, execution.task.workflow, execution.task.capability)
                counts[who] = counts.get(who, 0) + 1
        return counts


def place(waiting: Waiting, workers: Workers, allowances: Allowances, policy: Policy, now_ms: int) -> Placement:
    """Fill free slots. Where all fit nobody is asked; else shares choose the tenant and the policy its execution."""
    made = Placement()
    for capability in list(waiting.by_capability):
        ahead = share_ahead(allowances.run_us.get(capability))
        free = workers.serving(capability, ahead)
        if not free:
            continue
        ready = [e for e in waiting.by_capability[capability].values() if not e.blocked]
        if allowances.limits:
            ready = [e for e in ready if allowances.admits(e.task, now_ms)]
        if not ready:
            continue
        room = sum(worker.room(worker.ahead(ahead)) for worker in free)
        if len(ready) > room:
            ready = _order(capability, ready, room, allowances, policy, now_ms, made.decisions)
        rest = _fill(ready, free, 0.0, waiting, allowances, now_ms, made)
        if rest and ahead:
            _fill(rest, free, ahead, waiting, allowances, now_ms, made)
    return made


def share_ahead(run_us: float | None) -> float:
    """What share of a worker's slots may wait there as well, so that none is empty while a result goes round the ring.

    The shorter a function runs, the more slots fall free within a turn of the ring. A long one is not sent ahead at all: it
    might wait behind another while a slot elsewhere falls free.
    """
    if run_us is None or run_us > AHEAD_RUN_US_MAX:
        return 0.0
    return min(1.0, AHEAD_TURNS * TURN_US / max(run_us, 1.0))


def _fill(
    ready: list[Execution],
    workers: list[Worker],
    ahead: float,
    waiting: Waiting,
    allowances: Allowances,
    now_ms: int,
    made: Placement,
) -> list[Execution]:
    """Give executions to workers in turn, the freest first. Returns those for which there was no room."""
    limited = bool(allowances.limits)
    # Rooms are counted here and not asked for again: this loop runs once for every step of every workflow.
    free: deque[Any] = deque([worker, worker.room(worker.ahead(ahead))] for worker in workers)
    queued = waiting.by_capability.get(ready[0].task.capability, {})
    for place, execution in enumerate(ready):
        if limited and not allowances.admits(execution.task, now_ms):
            continue  # the ones before it in this beat used the rest of the limit
        while free and free[0][1] <= 0:
            free.popleft()
        if not free:
            return ready[place:]
        entry = free[0]
        entry[1] -= 1
        worker = entry[0]
        free.rotate(-1)
        del queued[execution.key]
        execution.worker = worker.name
        execution.n = worker.number(execution.partition)
        worker.held[(execution.partition, execution.n)] = execution
        execution.usage = allowances.start(execution.task)
        made.starts.append((execution, worker))
    if not queued:
        waiting.by_capability.pop(ready[0].task.capability, None)
    return []


def _order(
    capability: str,
    ready: list[Execution],
    room: int,
    allowances: Allowances,
    policy: Policy,
    now_ms: int,
    decisions: list[Decision],
) -> list[Execution]:
    """More claimants than slots: the starving first, then tenants by share, each tenant's in the policy's order."""
    overdue = now_ms - allowances.starvation_ms
    starving = sorted((e for e in ready if e.task.ready_at_ms <= overdue), key=lambda e: e.task.ready_at_ms)
    if len(starving) >= room:
        return starving
    tenants: dict[str, list[Execution]] = {}
    for execution in ready:
        if execution.task.ready_at_ms > overdue:
            tenants.setdefault(execution.task.tenant, []).append(execution)
    queues: dict[str, deque[Execution]] = {}
    situation = Situation(capability, now_ms, len(ready), room)
    for tenant, candidates in tenants.items():
        considered = candidates[:CANDIDATES_MAX]
        running = [allowances.workflow_share(e.task) for e in considered]
        ranked = policy.rank(situation, [e.task for e in considered], running)
        queues[tenant] = deque(considered[index] for index in ranked.order)
        if len(decisions) < DECISIONS_MAX:
            decisions.append(_decision(queues[tenant], ranked.probabilities, ranked.reason, policy, now_ms))
    chosen = starving
    share = {tenant: allowances.share(tenant) for tenant in queues}
    step = {tenant: 1 / allowances.weights.get((tenant, None), 1.0) for tenant in queues}
    while len(chosen) < room and queues:
        tenant = min(queues, key=lambda name: (share[name], name))
        chosen.append(queues[tenant].popleft())
        share[tenant] += step[tenant]
        if not queues[tenant]:
            del queues[tenant]
    return chosen


def _decision(ordered: deque[Execution], probabilities: object, reason: str, policy: Policy, now_ms: int) -> Decision:
    given = list(probabilities) if isinstance(probabilities, (list, tuple)) else []
    first = ordered[0].task
    candidates = [
        Candidate(
            label=f"{execution.task.workflow}/{execution.task.task}",
            probability=given[place] if place < len(given) else float(place == 0),
            features=[
                float(execution.task.priority),
                float(execution.task.rest_us),
                float(max(now_ms - execution.task.ready_at_ms, 0)),
            ],
        )
        for place, execution in zip(range(ALTERNATIVES_MAX), ordered, strict=False)
    ]
    return Decision(
        at_us=now_ms * 1000,
        kind="start",
        run=first.run,
        tenant=first.tenant,
        workflow=first.workflow,
        task=first.task,
        generation=first.generation,
        try_=first.try_,
        capability=first.capability,
        policy=policy.name,
        candidates=candidates,
        reason=reason,
    )
