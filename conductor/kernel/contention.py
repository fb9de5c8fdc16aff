"""More executions than slots: in which turn those who want them are served. Pure.

A claimant is a workflow of a tenant. Whoever wanted a slot for longer than the bound and got none goes first, once. Then
the highest priority; among equals Arbitration's order says who is next while there is a fresh one, else the shares: the
tenant that has the least slot time for its weight, and of that tenant the workflow that has the least for its own. Where
the policy of Arbitration divides a capability's slots otherwise, its order says that too. The kernel's own policy decides
among the executions of one claimant.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator

from conductor.kernel.accounts import Account
from conductor.kernel.allowances import Allowances
from conductor.kernel.execution import Execution
from conductor.kernel.orders import FRESH_MS, Answer, Who
from conductor.wire.grants import Claimant as Stated
from conductor.wire.grants import Contend

CLAIMANTS_MAX = 256
"""Claimants of one question: those that have waited longest. The others take part as newcomers."""
SLOTS_ASKED_MAX = 256
Key = tuple[float, float, float, int]


class Side:
    """A tenant or a workflow in this contest: what it has, its weight, and what this beat gave it."""

    __slots__ = ("account", "given", "weight")

    def __init__(self, account: Account, weight: float) -> None:
        self.account = account
        self.weight = weight
        self.given = 0.0

    def share(self, typical_us: float) -> float:
        """Slot time over the weight, with the next start counted in."""
        return self.account.load_us(self.given + 1, typical_us) / self.weight


class Claimant:
    """A tenant's workflow that wants slots. `queue` is the policy's order once it was asked."""

    __slots__ = ("fixed", "overdue", "place", "priority", "queue", "rest", "tenant", "urgent", "who", "workflow")

    def __init__(self, who: Who, place: int, fixed: int | None, tenant: Side, workflow: Side) -> None:
        self.who = who
        self.place = place
        self.fixed = fixed
        """Its priority, where Arbitration sets one in place of the runs' own."""
        self.tenant = tenant
        self.workflow = workflow
        self.overdue: list[Execution] = []
        self.rest: list[Execution] = []
        self.queue: deque[Execution] | None = None
        self.priority = -1
        self.urgent = 0
        """How many of its executions have its priority."""

    @property
    def waiting(self) -> int:
        """How many of its executions wanted slots when the beat began."""
        return len(self.overdue) + len(self.rest)

    @property
    def wants(self) -> bool:
        """Whether it still does."""
        return self.queue is None or bool(self.queue)

    def waited_ms(self, now_ms: int) -> int:
        """How long it has wanted a slot and got none."""
        # Those that are overdue stand by age.
        oldest_ms = self.overdue[0].task.ready_at_ms if self.overdue else min(map(_age, self.rest))
        return max(now_ms - max(oldest_ms, self.workflow.account.served_ms), 0)


def gather(ready: list[Execution], allowances: Allowances, now_ms: int) -> list[Claimant]:
    """Who wants slots, in the order of their first executions; those that waited past the bound apart."""
    overdue_ms = now_ms - allowances.starvation_ms
    found: dict[Who, Claimant] = {}
    tenants: dict[str, Side] = {}
    for execution in ready:
        task = execution.task
        who = (task.tenant, task.workflow)
        claimant = found.get(who)
        if claimant is None:
            tenant = tenants.get(task.tenant)
            if tenant is None:
                tenant = Side(allowances.accounts.of(task.tenant), allowances.weight(task.tenant))
                tenants[task.tenant] = tenant
            workflow = Side(allowances.accounts.of(*who), allowances.weight(*who))
            fixed = allowances.fixed_priority(*who)
            claimant = found[who] = Claimant(who, len(found), fixed, tenant, workflow)
        (claimant.overdue if task.ready_at_ms <= overdue_ms else claimant.rest).append(execution)
        priority = task.priority if claimant.fixed is None else claimant.fixed
        if priority > claimant.priority:
            claimant.priority, claimant.urgent = priority, 1
        elif priority == claimant.priority:
            claimant.urgent += 1
    for claimant in found.values():
        claimant.overdue.sort(key=_age)
    return list(found.values())


class Contest:
    """The turns of a beat between several claimants of one capability."""

    def __init__(
        self,
        capability: str,
        claimants: list[Claimant],
        allowances: Allowances,
        answer: Answer | None,
        now_ms: int,
    ) -> None:
        self._capability = capability
        self._claimants = claimants
        self._allowances = allowances
        self._answer = answer
        self._now_ms = now_ms
        self._typical_us = allowances.typical_us(capability)
        self._heap: list[tuple[Key, Claimant]] = []

    def starving(self) -> list[Claimant]:
        """Those whom shares and priorities kept waiting past the bound, the longest first: each has one turn."""
        waits = [(claimant.waited_ms(self._now_ms), claimant) for claimant in self._claimants if claimant.overdue]
        late = [(waited, c) for waited, c in waits if waited >= self._allowances.starvation_ms]
        return [claimant for _, claimant in sorted(late, key=lambda one: (-one[0], one[1].place))]

    def turns(self) -> Iterator[Claimant]:
        """Who is served next, until nobody wants more. Whoever takes a turn tells it with `served` first."""
        # Keys only grow as others are served, so one that has grown meanwhile goes back: no turn looks at everybody.
        self._heap = [(self._key(c), c) for c in self._claimants if c.wants]
        heapq.heapify(self._heap)
        while self._heap:
            key, claimant = self._heap[0]
            now = self._key(claimant)
            if now > key:
                heapq.heapreplace(self._heap, (now, claimant))
                continue
            heapq.heappop(self._heap)
            yield claimant
            if claimant.wants:
                heapq.heappush(self._heap, (self._key(claimant), claimant))

    def served(self, claimant: Claimant, share: float = 1.0) -> None:
        """It took one of its executions, which counts as `share` slots."""
        claimant.tenant.given += share
        claimant.workflow.given += share
        if self._answer is not None:
            given = self._answer.given
            given[claimant.who] = given.get(claimant.who, 0) + 1

    def _key(self, claimant: Claimant) -> Key:
        priority = claimant.priority
        if claimant.queue and claimant.fixed is None:
            priority = claimant.queue[0].task.priority
        own = claimant.workflow.share(self._typical_us)
        if self._answer is not None:
            place = self._answer.places.get(claimant.who, CLAIMANTS_MAX + claimant.place)
            return (
                -self._answer.level(claimant.who, priority),
                self._answer.turn(claimant.who),
                0.0 if claimant.who in self._answer.slots else own,
                place,
            )
        return (-priority, claimant.tenant.share(self._typical_us), own, claimant.place)

    def rationale(self, claimant: Claimant) -> tuple[str | None, str]:
        """Why it has its turns: Arbitration's decision and sentence, or none and the shares."""
        if self._answer is not None and claimant.who in self._answer.rationales:
            return self._answer.decision, self._answer.rationales[claimant.who]
        tenant, workflow = claimant.tenant, claimant.workflow
        has, own = (side.account.load_us(side.given, self._typical_us) / 1e6 for side in (tenant, workflow))
        text = (
            f"by shares: its tenant has {has:.1f} slot seconds at weight {tenant.weight:g}, "
            f"it has {own:.1f} at weight {workflow.weight:g}"
        )
        return None, text

    def question(self, conductor: str, room: int, leased: int) -> Contend:
        """What Arbitration is asked: whose are the slots that are free, or will be while its answer is fresh."""
        soon = int(leased * FRESH_MS * 1000 / self._typical_us)
        waiting = sum(claimant.waiting for claimant in self._claimants)
        # Half of what waits at most: where everybody gets all that it asks for, the answer would be no order.
        slots = max(room, min(room + soon, waiting // 2, SLOTS_ASKED_MAX))
        waits = [(claimant.waited_ms(self._now_ms), claimant) for claimant in self._claimants]
        waits.sort(key=lambda one: (-one[0], one[1].place))
        return Contend(
            conductor=conductor,
            capability=self._capability,
            slots=slots,
            now_ms=self._now_ms,
            claimants=[_stated(claimant, waited) for waited, claimant in waits[:CLAIMANTS_MAX]],
        )


def _stated(claimant: Claimant, waited_ms: int) -> Stated:
    first = (claimant.overdue or claimant.rest)[0].task
    return Stated(
        tenant=claimant.who[0],
        workflow=claimant.who[1],
        priority=claimant.priority,
        waiting=claimant.urgent,
        running=max(round(claimant.workflow.account.running), 0),
        held=max(claimant.workflow.account.running, 0.0),
        share=(claimant.overdue or claimant.rest)[0].share,
        waited_ms=waited_ms,
        rest_us=first.rest_us,
        deadline_at_ms=first.deadline_at_ms,
    )


def _age(execution: Execution) -> int:
    return execution.task.ready_at_ms
