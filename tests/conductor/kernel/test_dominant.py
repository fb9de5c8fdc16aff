"""Tenants that need different resources: each has the same part of what it needs most, and no slot stands empty for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conductor.kernel.allowances import Allowances
from conductor.kernel.execution import Execution
from conductor.kernel.placement import Sites, place
from conductor.kernel.places import Capacity, Offer, takes
from conductor.kernel.waiting import Waiting
from conductor.kernel.workers import Worker, Workers
from conductor.policy import Rules
from conductor.wire.ready import Requires
from tests.conductor.kernel.support import execution, grant

NOW = 1_000_000
RUN_MS = 100


@dataclass
class Site:
    """One worker, whose slots are always wanted by tenants that each need so much; beats on a clock of its own."""

    needs: dict[str, dict[str, float]]
    has: dict[str, float]
    slots: int
    count: int = 0
    now_ms: int = NOW
    ends: list[tuple[int, int, Execution]] = field(default_factory=list)
    slot_ms: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.waiting, self.workers, self.allowances = Waiting(), Workers(), Allowances()
        self.workers.grant(grant(("w", self.slots)), NOW)
        self.offer = Offer(None, {}, self.has, self.slots)
        capacity = Capacity.of([self.offer])
        self.sites = Sites(takes=self.takes, share=capacity.share)

    def takes(self, worker: Worker, needs: Requires) -> int:
        return takes(worker, self.offer, needs)

    def beat(self) -> None:
        waits = Counter(e.task.tenant for line in self.waiting.lines.values() for e in line.values())
        for tenant, resources in self.needs.items():
            requires = Requires(resources=resources) if resources else None
            for _ in range(2 * self.slots - waits[tenant]):
                self.count += 1
                said = {"tenant": tenant, "ready_at_ms": self.now_ms, "requires": requires}
                self.waiting.add(execution(self.count, **said))
        placed = place(self.waiting, self.workers, self.allowances, Rules(), self.now_ms, sites=self.sites)
        # No two end in the same moment, as anywhere: else all would be given out anew at once, and nothing chosen.
        self.ends += [(self.now_ms + RUN_MS + number % 7, one.n, one) for number, (one, _) in enumerate(placed.starts)]
        self.ends.sort(key=lambda end: end[:2])
        self.now_ms, _, ended = self.ends.pop(0)
        self.workers.by_name["w"].held.pop((0, ended.n))
        assert ended.usage is not None
        self.allowances.end(ended.task, ended.usage, RUN_MS * 1000, ended.share)
        self.slot_ms[ended.task.tenant] += RUN_MS

    def run(self, beats: int) -> dict[str, float]:
        """How many executions of each tenant ran at a time, on average."""
        for _ in range(beats):
            self.beat()
        return {tenant: self.slot_ms[tenant] / (self.now_ms - NOW) for tenant in self.needs}


def filled(needs: dict[str, dict[str, float]], has: dict[str, float], slots: int) -> dict[str, float]:
    """What progressive filling gives, slowly: all dominant shares grow alike until something is used up, for everybody."""
    whole = {**has, "slot": float(slots)}
    each = {tenant: {**resources, "slot": 1.0} for tenant, resources in needs.items()}
    part = {tenant: max(count / whole[name] for name, count in its.items()) for tenant, its in each.items()}
    used = {name: sum(its.get(name, 0.0) / part[tenant] for tenant, its in each.items()) for name in whole}
    level = min(whole[name] / used[name] for name in whole if used[name])
    return {tenant: level / part[tenant] for tenant in needs}


def test_the_example_of_the_paper() -> None:
    """9 cores and 18 GB; one needs (1, 4), the other (3, 1): three run of the one and two of the other."""
    site = Site({"a": {"cpu": 1.0, "memory": 4.0}, "b": {"cpu": 3.0, "memory": 1.0}}, {"cpu": 9.0, "memory": 18.0}, 9)
    running = site.run(3_000)
    assert running["a"] == pytest.approx(3.0, rel=0.1)
    assert running["b"] == pytest.approx(2.0, rel=0.1)


def test_who_takes_a_scarce_resource_gets_fewer_slots_than_who_takes_none() -> None:
    """Four accelerators, eight slots. By slots alone both would have four; an accelerator counts for two slots."""
    running = Site({"plain": {}, "heavy": {"gpu": 1.0}}, {"gpu": 4.0}, 8).run(3_000)
    assert running["heavy"] == pytest.approx(8 / 3, rel=0.1)
    assert running["plain"] == pytest.approx(16 / 3, rel=0.1)


NEEDS = st.tuples(st.sampled_from(["cpu", "gpu"]), st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0]))
"""One resource each. Who needs two at once waits longer for both than others for one, and is not promised as much."""


@settings(max_examples=15, deadline=None)
@given(st.lists(NEEDS, min_size=2, max_size=3))
def test_dominant_shares_are_those_of_progressive_filling_or_more(demands: list[tuple[str, float]]) -> None:
    """Nobody has less than its part but for a task, which cannot be divided: what others cannot use is given away."""
    has = {"cpu": 24.0, "gpu": 24.0}
    needs = {f"t{number}": {name: count} if count else {} for number, (name, count) in enumerate(demands)}
    running = Site(needs, has, 24).run(1_500)
    for tenant, least in filled(needs, has, 24).items():
        assert running[tenant] >= 0.85 * least - 1.0, (needs, running)


def test_a_flood_in_one_line_keeps_nobody_out_of_another() -> None:
    """Both may go to the same worker; what the second asks for puts it into a line of its own."""
    waiting, workers, allowances = Waiting(), Workers(), Allowances()
    workers.grant(grant(("w", 4)), NOW)
    for number in range(200):
        waiting.add(execution(number, tenant="flood", ready_at_ms=NOW))
    for number in range(200, 204):
        waiting.add(execution(number, tenant="other", ready_at_ms=NOW, requires=Requires(labels={"zone": "a"})))
    offer = Offer(None, {"zone": "a"}, {}, 4)
    sites = Sites(takes=lambda worker, needs: takes(worker, offer, needs))
    placed = place(waiting, workers, allowances, Rules(), NOW, sites=sites)
    assert Counter(one.task.tenant for one, _ in placed.starts) == {"flood": 2, "other": 2}


def test_what_fits_nowhere_keeps_no_slot_from_what_does() -> None:
    waiting, workers, allowances = Waiting(), Workers(), Allowances()
    workers.grant(grant(("near", 2), ("far", 2)), NOW)
    for number in range(50):
        said = {"tenant": "picky", "ready_at_ms": NOW, "requires": Requires(labels={"zone": "a"}), "priority": 9}
        waiting.add(execution(number, **said))
    for number in range(50, 52):
        waiting.add(execution(number, tenant="plain", ready_at_ms=NOW, priority=1))
    zones = {"near": Offer(None, {"zone": "a"}, {}, 2), "far": Offer(None, {}, {}, 2)}
    sites = Sites(takes=lambda worker, needs: takes(worker, zones[worker.name], needs))
    placed = place(waiting, workers, allowances, Rules(), NOW, sites=sites)
    assert Counter((one.task.tenant, worker.name) for one, worker in placed.starts) == {
        ("picky", "near"): 2,
        ("plain", "far"): 2,
    }


def test_what_needs_all_of_a_worker_is_not_kept_out_by_those_that_need_a_piece_of_it() -> None:
    """Each piece that falls free would be taken before all are. Past the bound they are kept, and others wait meanwhile."""
    waiting, workers, allowances = Waiting(), Workers(), Allowances()
    workers.grant(grant(("w", 8)), NOW)
    offer = Offer(None, {}, {"gpu": 4.0}, 8)
    sites = Sites(
        takes=lambda worker, needs: takes(worker, offer, needs),
        could=lambda worker, needs: takes(worker, offer, needs, empty=True) > 0,
    )
    for number in range(100_000, 100_004):
        waiting.add(execution(number, tenant="pieces", ready_at_ms=NOW, requires=Requires(resources={"gpu": 1.0})))
    running = [one for one, _ in place(waiting, workers, allowances, Rules(), NOW, sites=sites).starts]
    whole = execution(1, tenant="whole", ready_at_ms=NOW, requires=Requires(resources={"gpu": 4.0}))
    waiting.add(whole)
    waited = 0
    for number in range(2, 4_000):
        now_ms = NOW + number * 50
        for tenant, resources in (("pieces", {"gpu": 1.0}), ("plain", {})):
            requires = Requires(resources=resources) if resources else None
            waiting.add(execution(number * 2 + bool(resources), tenant=tenant, ready_at_ms=now_ms, requires=requires))
        placed = place(waiting, workers, allowances, Rules(), now_ms, sites=sites)
        running += [one for one, _ in placed.starts]
        if whole.worker is not None:
            waited = now_ms - NOW
            break
        ended = running.pop(0)
        workers.by_name["w"].held.pop((0, ended.n))
        assert ended.usage is not None
        allowances.end(ended.task, ended.usage, 200_000, ended.share)
    assert allowances.starvation_ms <= waited <= allowances.starvation_ms + 2_000
