"""Whose executions go first where there are more than slots: claimants by shares, and within one the policy. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from conductor.kernel.allowances import Allowances
from conductor.kernel.contention import Claimant, Contest, gather
from conductor.kernel.execution import Execution
from conductor.kernel.orders import Answer, Orders
from conductor.policy import Policy, Situation
from conductor.wire.stale import Candidate, Decision

CANDIDATES_MAX = 256
"""Candidates of a capability that the policy is asked about in a beat: its time must not grow with the backlog."""
CANDIDATES_MIN = 16
"""Of each claimant that has a turn, however many claimants there are."""
DECISIONS_MAX = 256
"""Logged choices of one beat; more tell a trainer nothing new about the same moment."""
ALTERNATIVES_MAX = 16


@dataclass(slots=True)
class Turns:
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
                contest.served(claimant, chosen[-1].share)
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
        seen = (self.waiting, self.room)
        self.decisions.append(_decision(queue, probabilities, reason, why, by, self.now_ms, seen))


def _decision(
    ordered: deque[Execution],
    given: Sequence[float],
    reason: str,
    why: tuple[str | None, str],
    policy: str,
    now_ms: int,
    seen: tuple[int, int],
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
        waiting=seen[0],
        free=seen[1],
    )
