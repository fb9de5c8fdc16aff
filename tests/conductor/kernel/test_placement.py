"""Who goes first and where: shares and limits around the policy."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from conductor.kernel import placement
from conductor.kernel.allowances import Allowances
from conductor.kernel.placement import Placement, Sites
from conductor.kernel.waiting import Waiting
from conductor.kernel.workers import Workers
from conductor.policy import Rules
from conductor.wire.grants import Allowance, Share
from conductor.wire.holds import HoldKey, Wants
from tests.conductor.kernel.support import execution, grant, shares

NOW = 10_000


def never(*_: str) -> bool:
    return False


def place(
    waiting: Waiting, workers: Workers, allowances: Allowances, policy: Rules, now_ms: int, fits=never
) -> Placement:
    return placement.place(waiting, workers, allowances, policy, now_ms, sites=Sites(fits=fits))


def ready(*executions) -> Waiting:
    waiting = Waiting()
    for one in executions:
        waiting.add(one)
    return waiting


def leased(*leases: tuple[str, int]) -> Workers:
    workers = Workers()
    workers.grant(grant(*leases), NOW)
    return workers


def started(placement) -> list[str]:
    return [execution.task.run[-2:] for execution, _ in placement.starts]


def test_where_all_fit_nobody_is_asked() -> None:
    placement = place(ready(execution(1), execution(2)), leased(("w", 4)), Allowances(), Rules(), NOW)
    assert len(placement.starts) == 2
    assert placement.decisions == []


def test_load_spreads_over_workers() -> None:
    executions = [execution(n) for n in range(1, 7)]
    placement = place(ready(*executions), leased(("a", 4), ("b", 4), ("c", 4)), Allowances(), Rules(), NOW)
    assert Counter(worker.name for _, worker in placement.starts) == {"a": 2, "b": 2, "c": 2}


def test_the_longest_remaining_path_goes_first_and_the_choice_is_logged() -> None:
    waiting = ready(execution(1, rest_us=1_000_000), execution(2, rest_us=9_000_000), execution(3, rest_us=5_000_000))
    placement = place(waiting, leased(("w", 2)), Allowances(), Rules(), NOW)
    assert started(placement) == ["02", "03"]
    assert [c.label for c in placement.decisions[0].candidates] == ["w/t", "w/t", "w/t"]
    assert placement.decisions[0].policy == "rules/1"


def test_priority_goes_before_the_path_and_age_breaks_ties() -> None:
    waiting = ready(execution(2), execution(1), execution(3, priority=9))
    assert started(place(waiting, leased(("w", 2)), Allowances(), Rules(), NOW)) == ["03", "01"]


def test_tenants_share_by_weight() -> None:
    allowances = Allowances()
    allowances.grant(shares(shares=[Share(tenant="big", weight=3.0)]), NOW)
    executions = [execution(n, tenant="big" if n % 2 else "small") for n in range(1, 41)]
    placement = place(ready(*executions), leased(("w", 8)), allowances, Rules(), NOW)
    assert Counter(execution.task.tenant for execution, _ in placement.starts) == {"big": 6, "small": 2}


def test_who_waited_longer_than_the_bound_goes_first_whatever_shares_say() -> None:
    allowances = Allowances()
    allowances.grant(shares(starvation_ms=5_000, shares=[Share(tenant="big", weight=100.0)]), NOW)
    old = execution(1, tenant="small", ready_at_ms=NOW - 6_000, priority=0)
    others = [execution(n, tenant="big", priority=9, ready_at_ms=NOW) for n in range(2, 9)]
    assert started(place(ready(*others, old), leased(("w", 1)), allowances, Rules(), NOW)) == ["01"]


def test_limits_bound_what_starts() -> None:
    allowances = Allowances()
    limits = [Allowance(key="capability:f", concurrency=2, expires_in_ms=1000)]
    allowances.grant(shares(allowances=limits), NOW)
    placement = place(ready(*(execution(n) for n in range(1, 9))), leased(("w", 8)), allowances, Rules(), NOW)
    assert len(placement.starts) == 2
    done, _ = placement.starts[0]
    allowances.end(done.task, done.usage, 10)
    again = place(ready(execution(20)), leased(("v", 8)), allowances, Rules(), NOW)
    assert len(again.starts) == 1


def test_starts_are_spent_and_an_allowance_that_was_not_renewed_allows_nothing() -> None:
    allowances = Allowances()
    limits = [Allowance(key="tenant:acme", starts=3, expires_in_ms=1000)]
    allowances.grant(shares(allowances=limits), NOW)
    waiting = ready(*(execution(n) for n in range(1, 9)))
    assert len(place(waiting, leased(("w", 8)), allowances, Rules(), NOW).starts) == 3
    assert place(waiting, leased(("w", 8)), allowances, Rules(), NOW).starts == []
    allowances.grant(shares(2, allowances=limits), NOW)
    assert place(waiting, leased(("w", 8)), allowances, Rules(), NOW + 2_000).starts == []
    allowances.grant(shares(1, allowances=[]), NOW)  # an older one changes nothing
    assert place(waiting, leased(("w", 8)), allowances, Rules(), NOW + 2_000).starts == []


def test_usage_is_settled_once() -> None:
    allowances = Allowances()
    placement = place(ready(execution(1), execution(2)), leased(("w", 4)), allowances, Rules(), NOW)
    first, _ = placement.starts[0]
    allowances.end(first.task, first.usage, 700)
    told = allowances.settle({("acme", "w", "g"): 5})
    assert {(u.capability, u.started, u.running, u.waiting, u.run_us) for u in told} == {
        ("f", 2, 1, 0, 700),
        ("g", 0, 0, 5, 0),
    }
    assert [(u.started, u.running, u.run_us) for u in allowances.settle({})] == [(0, 1, 0)]


def test_what_is_blocked_waits_and_holds_nobody_up() -> None:
    blocked = execution(1)
    blocked.blocked = True
    assert started(place(ready(blocked, execution(2)), leased(("w", 1)), Allowances(), Rules(), NOW)) == ["02"]


@given(
    slots=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    tenants=st.lists(st.sampled_from(["a", "b", "c"]), max_size=40),
)
def test_no_slot_is_given_twice_and_none_is_left_while_anybody_waits(slots: list[int], tenants: list[str]) -> None:
    workers = leased(*((f"w{n}", count) for n, count in enumerate(slots)))
    waiting = ready(*(execution(n + 1, tenant=tenant) for n, tenant in enumerate(tenants)))
    placement = place(waiting, workers, Allowances(), Rules(), NOW)
    assert len(placement.starts) == min(sum(slots), len(tenants))
    assert len({e.key for e, _ in placement.starts}) == len(placement.starts)
    assert all(worker.free >= 0 for worker in workers)
    assert sum(waiting.counts().values()) == len(tenants) - len(placement.starts)
    numbers = Counter((worker.name, execution.n) for execution, worker in placement.starts)
    assert not numbers or max(numbers.values()) == 1


def test_a_range_of_versions_goes_to_workers_that_serve_one_and_holds_up_nobody_else() -> None:
    waiting = ready(execution(1, range="^2"), execution(2), execution(3, range="^9"))
    workers = leased(("old", 2), ("new", 2))
    placed = place(
        waiting, workers, Allowances(), Rules(), NOW, lambda worker, _, wanted: (worker, wanted) == ("new", "^2")
    )
    where = {execution.task.run[-1]: worker.name for execution, worker in placed.starts}
    assert where["1"] == "new"
    assert sorted(where) == ["1", "2"], "nobody serves ^9 yet"
    assert waiting.counts() == {"f": 1}


def test_what_waits_for_a_key_needs_no_more_workers() -> None:
    waiting = ready(execution(1, wants=Wants(keys=[HoldKey(key="db")])), execution(2))
    assert waiting.counts() == {"f": 1}
    assert started(place(waiting, leased(("w", 4)), Allowances(), Rules(), NOW)) == ["02"]
