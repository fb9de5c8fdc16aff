"""Who goes first and where: the choice of one beat. Pure; shares and limits stand around the policy, never inside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from conductor.kernel.allowances import Allowances
from conductor.kernel.contention import Claimant, Contest, gather
from conductor.kernel.execution import SUSPECT_DEATHS, Execution, Key, parts_of
from conductor.kernel.orders import Answer, Orders
from conductor.kernel.places import MANY
from conductor.kernel.workers import Worker, Workers
from conductor.policy import Policy, Situation
from conductor.wire.ready import Requires
from conductor.wire.stale import Candidate, Decision

CANDIDATES_MAX = 256
"""Candidates of a capability that the policy is asked about in a beat: its time must not grow with the backlog."""
CANDIDATES_MIN = 16
"""Of each claimant that has a turn, however many claimants there are."""
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


LATE_LOOKED_AT = 1_024
"""Of the executions that wait for one capability, once a second: a pool cannot start more processes than for so many."""


class Waiting:
    """Executions that wait for a slot, by function and range of versions, in the order they came."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[Key, Execution]] = {}
        self.suspects: set[Key] = set()
        """Those that workers died with. Almost always none: then nobody looks for them."""

    def add(self, execution: Execution) -> None:
        if execution.deaths >= SUSPECT_DEATHS:
            self.suspects.add(execution.key)
        self.lines.setdefault(execution.line, {})[execution.key] = execution

    def remove(self, execution: Execution) -> None:
        self.suspects.discard(execution.key)
        found = self.lines.get(execution.line)
        if found is not None:
            found.pop(execution.key, None)
            if not found:
                del self.lines[execution.line]

    def counts(self) -> dict[str, int]:
        """How many a worker could take now, by capability: those that wait for a key need no more workers."""
        counts: dict[str, int] = {}
        for line, found in self.lines.items():
            if count := sum(not e.awaits_grant for e in found.values()):
                capability, _, _ = parts_of(line)
                counts[capability] = counts.get(capability, 0) + count
        return counts

    def late(self, by_ms: int) -> dict[str, int]:
        """How many miss their deadlines unless they start by then, by capability; the first `LATE_LOOKED_AT` of each are
        looked at."""
        counts: dict[str, int] = {}
        for line, found in self.lines.items():
            late = 0
            for execution in islice(found.values(), LATE_LOOKED_AT):
                task = execution.task
                late += task.deadline_at_ms is not None and task.deadline_at_ms - task.rest_us // 1000 < by_ms
            if late:
                capability, _, _ = parts_of(line)
                counts[capability] = counts.get(capability, 0) + late
        return counts

    def usage(self) -> dict[tuple[str, str, str], int]:
        """How many wait, by tenant, workflow and capability."""
        counts: dict[tuple[str, str, str], int] = {}
        for found in self.lines.values():
            for execution in found.values():
                who = (execution.task.tenant, execution.task.workflow, execution.task.capability)
                counts[who] = counts.get(who, 0) + 1
        return counts


def place(
    waiting: Waiting,
    workers: Workers,
    allowances: Allowances,
    policy: Policy,
    now_ms: int,
    orders: Orders | None = None,
    conductor: str = "",
    fits: Callable[[str, str, str], bool] = lambda *_: False,
    takes: Callable[[Worker, Requires], int] = lambda *_: 0,
) -> Placement:
    """Fill free slots. Where all fit nobody is asked; else shares choose the claimant and the policy its execution.

    Where several claimants want them, `orders` may have Arbitration's answer, and gets the question for the next one.
    `fits` says whether a worker serves a version of a function that is in a range, `takes` how many more executions that
    need a pool, labels or resources it may be given.
    """
    made = Placement()
    for line in list(waiting.lines):
        capability, wanted, needs = parts_of(line)
        ahead = share_ahead(allowances.run_us.get(capability))
        free = workers.serving(capability, ahead)
        if wanted:
            free = [worker for worker in free if fits(worker.name, capability, wanted)]
        most: dict[str, int] = {}
        if needs and (requires := next(iter(waiting.lines[line].values())).task.requires) is not None:
            most = {worker.name: takes(worker, requires) for worker in free}
            free = [worker for worker in free if most[worker.name] > 0]
            if requires.resources:
                ahead = 0.0  # one that waits at its worker would have what another needs
        if not free:
            continue
        ready = [e for e in waiting.lines[line].values() if not e.blocked]
        if allowances.limits:
            ready = [e for e in ready if allowances.admits(e.task, now_ms)]
        if waiting.suspects:
            ready = _apart(ready, free, waiting, allowances, now_ms, made, most)
        room = sum(min(worker.room(worker.ahead(ahead)), most.get(worker.name, MANY)) for worker in free)
        if not ready or room <= 0:
            continue
        if len(ready) > room:
            leased = workers.slots.get(capability, room)
            beat = _Beat(capability, room, leased, allowances, policy, now_ms, orders, conductor, made.decisions)
            ready = beat.order(ready)
        rest = _fill(ready, free, 0.0, waiting, allowances, now_ms, made, most)
        if rest and ahead:
            _fill(rest, free, ahead, waiting, allowances, now_ms, made, most)
    return made


def share_ahead(run_us: float | None) -> float:
    """What share of a worker's slots may wait there as well, so that none is empty while a result goes round the ring.

    The shorter a function runs, the more slots fall free within a turn of the ring. A long one is not sent ahead at all: it
    might wait behind another while a slot elsewhere falls free.
    """
    if run_us is None or run_us > AHEAD_RUN_US_MAX:
        return 0.0
    return min(1.0, AHEAD_TURNS * TURN_US / max(run_us, 1.0))


def _apart(
    ready: list[Execution],
    workers: list[Worker],
    waiting: Waiting,
    allowances: Allowances,
    now_ms: int,
    made: Placement,
    most: dict[str, int],
) -> list[Execution]:
    """Start suspects, those with the fewest deaths first, each at a worker that has no other. Returns the rest.

    All that a dead worker held come under suspicion with the one that killed it. Together again, they would go on dying
    of it until each was taken for poison; one at a time, the others end.
    """
    suspects = [execution for execution in ready if execution.deaths >= SUSPECT_DEATHS]
    suspects.sort(key=lambda execution: (execution.deaths, execution.task.ready_at_ms))
    alone = [w for w in workers if w.free > 0 and all(held.deaths < SUSPECT_DEATHS for held in w.held.values())]
    for execution, worker in zip(suspects, alone, strict=False):
        _fill([execution], [worker], 0.0, waiting, allowances, now_ms, made, most)
    return [execution for execution in ready if execution.deaths < SUSPECT_DEATHS]


def _fill(
    ready: list[Execution],
    workers: list[Worker],
    ahead: float,
    waiting: Waiting,
    allowances: Allowances,
    now_ms: int,
    made: Placement,
    most: dict[str, int],
) -> list[Execution]:
    """Give executions to workers in turn, the freest first. Returns those for which there was no room."""
    limited = bool(allowances.limits)
    # Rooms are counted here and not asked for again: this loop runs once for every step of every workflow.
    free: deque[Any] = deque(
        [worker, min(worker.room(worker.ahead(ahead)), most.get(worker.name, MANY))] for worker in workers
    )
    queued = waiting.lines.get(ready[0].line, {})
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
        if most:
            most[worker.name] -= 1
        free.rotate(-1)
        del queued[execution.key]
        if execution.deaths >= SUSPECT_DEATHS:
            waiting.suspects.discard(execution.key)
        execution.worker = worker.name
        execution.n = worker.number(execution.partition)
        worker.held[(execution.partition, execution.n)] = execution
        execution.usage = allowances.start(execution.task, now_ms)
        made.starts.append((execution, worker))
    if not queued:
        waiting.lines.pop(ready[0].line, None)
    return []


@dataclass(slots=True)
class _Beat:
    """Who goes where there are more executions than slots of one capability."""

    capability: str
    room: int
    leased: int
    allowances: Allowances
    policy: Policy
    now_ms: int
    orders: Orders | None
    conductor: str
    decisions: list[Decision]
    waiting: int = 0
    candidates_max: int = CANDIDATES_MAX
    contest: Contest | None = None

    def order(self, ready: list[Execution]) -> list[Execution]:
        """As many as there is room for, first served first."""
        claimants = gather(ready, self.allowances, self.now_ms)
        self.waiting = len(ready)
        if len(claimants) == 1:
            overdue = claimants[0].overdue
            if len(overdue) < self.room:
                self.rank(claimants[0])
            queue = claimants[0].queue or overdue
            return [execution for execution, _ in zip(queue, range(self.room), strict=False)]
        self.candidates_max = max(CANDIDATES_MAX // len(claimants), CANDIDATES_MIN)
        contest = self.contest = Contest(self.capability, claimants, self.allowances, self.answer(), self.now_ms)
        if self.orders is not None and self.orders.due(self.capability, self.now_ms):
            self.orders.ask(contest.question(self.conductor, self.room, self.leased))
        chosen: list[Execution] = []
        for claimant in chain(contest.starving(), contest.turns()):
            if len(chosen) >= self.room:
                break
            if claimant.queue is None:
                self.rank(claimant)
            if claimant.queue:
                chosen.append(claimant.queue.popleft())
                contest.served(claimant)
        return chosen

    def answer(self) -> Answer | None:
        return None if self.orders is None else self.orders.fresh(self.capability, self.now_ms)

    def rank(self, claimant: Claimant) -> None:
        """Put its executions in line: those past the bound by age, then the policy's order; what the policy was not asked
        about follows as it came."""
        asked = claimant.rest[: self.candidates_max]
        queue = claimant.queue = deque(claimant.overdue)
        probabilities: Sequence[float] = ()
        by = self.policy.name
        reason = f"waited longer than {self.allowances.starvation_ms} ms, the oldest first"
        if asked:
            running = self.allowances.running(*claimant.who, self.capability)
            situation = Situation(self.capability, self.now_ms, self.waiting, self.room)
            ranked = self.policy.rank(situation, [e.task for e in asked], [running] * len(asked))
            queue.extend(asked[index] for index in ranked.order)
            queue.extend(claimant.rest[self.candidates_max :])
            if not claimant.overdue:
                probabilities, reason, by = ranked.probabilities, ranked.reason, ranked.by or by
        if len(self.decisions) >= DECISIONS_MAX:
            return
        why = (None, "") if self.contest is None else self.contest.rationale(claimant)
        self.decisions.append(_decision(queue, probabilities, reason, why, by, self.now_ms))


def _decision(
    ordered: deque[Execution],
    given: Sequence[float],
    reason: str,
    why: tuple[str | None, str],
    policy: str,
    now_ms: int,
) -> Decision:
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
        policy=policy,
        candidates=candidates,
        reason=reason,
        order=why[0],
        rationale=why[1],
    )
