"""Shares between claimants: tenants and their workflows, by weight, with Arbitration's order while it is fresh."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from conductor.kernel.allowances import Allowances
from conductor.kernel.execution import Execution
from conductor.kernel.orders import FRESH_MS, INTERVAL_MS, RETRY_MS, Orders
from conductor.kernel.placement import Placement, place
from conductor.kernel.waiting import Waiting
from conductor.kernel.workers import Workers
from conductor.policy import Rules
from conductor.wire.grants import Contend, Order, Placed, Share
from tests.conductor.kernel.support import execution, grant, shares

NOW = 1_000_000
RUN_MS = 100


class Floor:
    """Workers whose slots are always wanted: claimants with work without end, on a clock of its own.

    `claimants` are `(tenant, workflow)`; each keeps `deep` executions waiting. `run_ms` is how long each one's take.
    """

    def __init__(
        self,
        claimants: dict[tuple[str, str], int],
        slots: int,
        weights: list[Share],
        orders: Orders | None = None,
        deep: int = 20,
        starvation_ms: int = 30_000,
    ) -> None:
        self.run_ms = claimants
        self.deep = deep
        self.orders = orders
        self.allowances = Allowances()
        self.allowances.grant(shares(shares=weights, starvation_ms=starvation_ms), NOW)
        self.workers = Workers()
        self.workers.grant(grant(("w", slots)), NOW)
        self.waiting = Waiting()
        self.now_ms = NOW
        self.count = 0
        self.ends: list[tuple[int, int, Execution]] = []
        self.started: list[tuple[int, tuple[str, str]]] = []
        self.slot_ms: Counter[tuple[str, str]] = Counter()
        self._settled_ms = NOW

    def beat(self) -> Placement:
        """Fill the queue up, place, and let time pass until the next one ends."""
        held = Counter((e.task.tenant, e.task.workflow) for e in self.waiting.lines.get("f", {}).values())
        for (tenant, workflow), _ in self.run_ms.items():
            for _ in range(self.deep - held[(tenant, workflow)]):
                self.count += 1
                said = {"tenant": tenant, "workflow": workflow, "ready_at_ms": self.now_ms}
                self.waiting.add(execution(self.count, **said))
        placed = place(self.waiting, self.workers, self.allowances, Rules(), self.now_ms, self.orders, "c")
        for one, _ in placed.starts:
            who = (one.task.tenant, one.task.workflow)
            self.started.append((self.now_ms, who))
            self.ends.append((self.now_ms + self.run_ms[who], one.n, one))
        self._pass()
        return placed

    def _pass(self) -> None:
        self.ends.sort(key=lambda end: end[:2])
        at_ms, _, one = self.ends.pop(0)
        self.now_ms = at_ms
        who = (one.task.tenant, one.task.workflow)
        self.slot_ms[who] += self.run_ms[who]
        self.workers.by_name["w"].held.pop((0, one.n))
        assert one.usage is not None
        self.allowances.end(one.task, one.usage, self.run_ms[who] * 1000)
        while self.now_ms - self._settled_ms >= 1_000:
            self._settled_ms += 1_000
            self.allowances.settle({})

    def run(self, seconds: int) -> None:
        until = self.now_ms + seconds * 1_000
        while self.now_ms < until:
            self.beat()

    def ratio(self, one: tuple[str, str], other: tuple[str, str]) -> float:
        return self.slot_ms[one] / max(self.slot_ms[other], 1)


def order(*placed: tuple[str, str, int], decision: str = "arbitration-1") -> Order:
    places = [
        Placed(tenant=tenant, workflow=workflow, slots=slots, rationale=f"{tenant}/{workflow} gets {slots}")
        for tenant, workflow, slots in placed
    ]
    return Order(decision=decision, order=places)


def answer(orders: Orders, said: Order, asked_ms: int) -> None:
    orders.answered(Contend(conductor="c", capability="f", slots=1, now_ms=asked_ms, claimants=[]), said)


A, B = ("acme", "a"), ("acme", "b")


@pytest.mark.parametrize("slots", [1, 2, 4, 16])
def test_time_follows_the_weights_of_workflows_in_the_long_run(slots: int) -> None:
    floor = Floor({A: RUN_MS, B: RUN_MS}, slots, [Share(tenant="acme", workflow="a", weight=3.0)])
    floor.run(40)
    assert 2.7 < floor.ratio(A, B) < 3.3


def test_it_is_time_that_is_shared_and_not_starts() -> None:
    floor = Floor({A: 400, B: 50}, 4, [])
    floor.run(40)
    assert 0.8 < floor.ratio(A, B) < 1.25


def test_a_tenant_gains_nothing_by_many_workflows() -> None:
    many = {("big", f"w{n}"): RUN_MS for n in range(5)}
    floor = Floor({**many, ("small", "w"): RUN_MS}, 4, [])
    floor.run(30)
    big = sum(time for who, time in floor.slot_ms.items() if who[0] == "big")
    assert 0.9 < big / floor.slot_ms[("small", "w")] < 1.1


def test_the_bound_on_starvation_holds_whatever_the_weights_say() -> None:
    floor = Floor({A: RUN_MS, B: RUN_MS}, 2, [Share(tenant="acme", workflow="a", weight=1e6)], starvation_ms=5_000)
    floor.run(30)
    times = [at for at, who in floor.started if who == B]
    gaps = [later - earlier for earlier, later in zip([NOW, *times], [*times, floor.now_ms], strict=False)]
    assert max(gaps) <= 5_000 + 2 * RUN_MS
    assert floor.ratio(A, B) > 20, "and no more than the bound asks for"


def test_work_that_waits_long_behind_its_own_does_not_undo_the_shares() -> None:
    """Everything of a deep backlog is older than the bound; that its claimant is served tells that it does not starve."""
    floor = Floor(
        {A: RUN_MS, B: RUN_MS}, 2, [Share(tenant="acme", workflow="a", weight=3.0)], deep=200, starvation_ms=1_000
    )
    floor.run(30)
    assert 2.5 < floor.ratio(A, B) < 3.5


def test_a_higher_priority_goes_before_shares_and_arbitration_may_set_it() -> None:
    waiting = Waiting()
    for number in range(8):
        said = {"workflow": "a"} if number % 2 else {"workflow": "b", "priority": 7}
        waiting.add(execution(number + 1, ready_at_ms=NOW, **said))
    allowances, workers = Allowances(), Workers()
    workers.grant(grant(("w", 2)), NOW)
    placed = place(waiting, workers, allowances, Rules(), NOW)
    assert {e.task.workflow for e, _ in placed.starts} == {"b"}
    allowances.grant(shares(shares=[Share(tenant="acme", workflow="a", priority=9)]), NOW)
    workers.grant(grant(("w", 2), ("v", 2)), NOW)
    placed = place(waiting, workers, allowances, Rules(), NOW)
    assert {e.task.workflow for e, _ in placed.starts} == {"a"}


def test_the_policy_decides_among_the_executions_of_one_claimant() -> None:
    waiting = Waiting()
    for number, workflow in enumerate("aabb"):
        waiting.add(execution(number + 1, workflow=workflow, ready_at_ms=NOW, rest_us=number * 1_000_000))
    workers = Workers()
    workers.grant(grant(("w", 2)), NOW)
    placed = place(waiting, workers, Allowances(), Rules(), NOW)
    assert sorted(e.key[0][-1] for e, _ in placed.starts) == ["2", "4"]


def test_an_order_decides_while_it_is_fresh_and_its_reason_is_logged() -> None:
    orders = Orders()
    floor = Floor({A: RUN_MS, B: RUN_MS}, 4, [], orders)
    answer(orders, order((*B, 3), (*A, 1)), NOW)
    placed = floor.beat()
    assert Counter(e.task.workflow for e, _ in placed.starts) == {"b": 3, "a": 1}
    first = placed.decisions[0]
    assert (first.workflow, first.order, first.rationale) == ("b", "arbitration-1", "acme/b gets 3")


def test_in_the_time_of_an_order_slots_are_given_in_its_proportion() -> None:
    orders = Orders()
    floor = Floor({A: 10, B: 10}, 1, [], orders)
    answer(orders, order((*A, 6), (*B, 2)), NOW)
    for _ in range(40):
        assert floor.beat().decisions[0].order == "arbitration-1"
    assert Counter(who for _, who in floor.started[:40]) == {A: 30, B: 10}


def test_who_gets_nothing_in_an_order_is_served_once_nobody_else_wants_a_slot() -> None:
    orders = Orders()
    floor = Floor({A: RUN_MS, B: RUN_MS}, 4, [], orders, deep=3)
    answer(orders, order((*A, 4), (*B, 0)), NOW)
    assert Counter(e.task.workflow for e, _ in floor.beat().starts) == {"a": 3, "b": 1}


def test_a_stale_order_is_dropped_and_shares_decide() -> None:
    orders = Orders()
    floor = Floor({A: RUN_MS, B: RUN_MS}, 4, [Share(tenant="acme", workflow="a", weight=3.0)], orders)
    answer(orders, order((*B, 4), (*A, 0)), NOW - FRESH_MS)
    placed = floor.beat()
    assert Counter(e.task.workflow for e, _ in placed.starts) == {"a": 3, "b": 1}
    assert placed.decisions[0].order is None
    assert placed.decisions[0].rationale.startswith("by shares: ")


def test_an_answer_that_comes_while_it_runs_keeps_a_starving_claimant_first() -> None:
    orders = Orders()
    floor = Floor({A: RUN_MS, B: RUN_MS}, 2, [], orders, starvation_ms=2_000)
    while floor.now_ms < NOW + 20_000:
        answer(orders, order((*A, 4), (*B, 0)), floor.now_ms)
        floor.beat()
    assert 8 <= sum(who == B for _, who in floor.started) <= 10


def test_contention_of_several_claimants_asks_one_question_at_a_time() -> None:
    orders = Orders()
    floor = Floor({A: RUN_MS, B: RUN_MS}, 4, [], orders)
    floor.run(2)
    (question,) = orders.take()
    assert (question.conductor, question.capability, question.now_ms) == ("c", "f", NOW)
    assert {(c.tenant, c.workflow, c.waiting) for c in question.claimants} == {(*A, 20), (*B, 20)}
    assert 4 <= question.slots < 40
    orders.answered(question, order((*A, 2), (*B, 2)))
    floor.run(2)
    (question,) = orders.take()
    orders.failed(question)
    floor.run(4)
    (again,) = orders.take()
    assert again.now_ms >= question.now_ms + RETRY_MS
    assert FRESH_MS > INTERVAL_MS, "contention that goes on is never without an order"


def test_contention_of_one_claimant_asks_nothing() -> None:
    orders = Orders()
    floor = Floor({A: RUN_MS}, 4, [], orders)
    floor.run(5)
    assert orders.take() == []
    assert floor.beat().decisions[0].rationale == ""


def test_questions_are_bounded_over_all_capabilities() -> None:
    orders = Orders()
    waiting, workers = Waiting(), Workers()
    pools = grant(*((f"w{number}", 1) for number in range(100)))
    leases = [replace(lease, capabilities=[f"f{number}"]) for number, lease in enumerate(pools.leases)]
    workers.grant(replace(pools, leases=leases), NOW)
    for number in range(100):
        for workflow in ("a", "b"):
            said = {"capability": f"f{number}", "workflow": workflow, "ready_at_ms": NOW}
            waiting.add(execution(number * 10 + ord(workflow), **said))
    place(waiting, workers, Allowances(), Rules(), NOW, orders, "c")
    assert len(orders.take()) == 8


def test_a_level_goes_before_shares_and_priorities_only_count_where_the_policy_has_them() -> None:
    placed = [
        Placed(tenant=who[0], workflow=who[1], slots=1, rationale="", factors={"level": level})
        for who, level in ((A, 0.0), (B, 20.0))
    ]
    question = Contend(conductor="c", capability="f", slots=2, now_ms=NOW, claimants=[])
    levels = {}
    for by in ("prioritised", "collaborative", "specialised"):
        orders = Orders()
        orders.answered(question, Order(decision="d", by=by, order=placed))
        found = orders.fresh("f", NOW)
        assert found is not None
        levels[by] = (found.level(A, 9), found.level(B, 5), found.level(("new", "w"), 7))
    assert levels["prioritised"] == (9.0, 20.0, 7.0), "what runs say since counts too"
    assert levels["collaborative"] == levels["specialised"] == (0.0, 20.0, 0.0), (
        "nobody pushes in by calling itself urgent"
    )
