"""Where executions may run: pools, labels, and resources that are never given out twice."""

from __future__ import annotations

import pytest

from conductor.kernel.execution import Execution, line_of, parts_of
from conductor.kernel.places import MANY, Offer, takes
from conductor.kernel.workers import Worker
from conductor.wire.ready import ReadyTask, Requires
from conductor.worker import offers


def task(number: int = 0, **needs: object) -> ReadyTask:
    requires = Requires(**needs) if needs else None  # type: ignore[arg-type]  # its own fields
    return ReadyTask(
        run="0" * 31 + "1", tenant="t", workflow="w", task=f"a[{number}]", capability="f.g", requires=requires
    )


def offer(pool: str | None = None, slots: int = 4, labels: str = "", resources: str = "") -> Offer:
    return Offer(pool, offers.labels(labels), offers.resources(resources), slots)


def test_a_line_is_one_of_equal_requirements() -> None:
    assert parts_of(line_of(task())) == ("f.g", "", False)
    zone = task(labels={"zone": "a"}, resources={"gpu": 1.0})
    assert parts_of(line_of(zone)) == ("f.g", "", True)
    assert line_of(zone) == line_of(task(3, resources={"gpu": 1}, labels={"zone": "a"}))
    others = [task(pool="a"), task(labels={"pool": "a"}), task(resources={"a": 1}), task(labels={"zone": "b"})]
    assert len({line_of(one) for one in [zone, *others]}) == 5


@pytest.mark.parametrize(
    ("has", "needs", "most"),
    [
        (offer("gpu"), Requires(pool="gpu"), MANY),
        (offer("cpu"), Requires(pool="gpu"), 0),
        (offer(labels="zone=a,rack=7"), Requires(labels={"zone": "a"}), MANY),
        (offer(labels="zone=b"), Requires(labels={"zone": "a"}), 0),
        (offer(), Requires(labels={"zone": "a"}), 0),
        (None, Requires(pool="gpu"), 0),
        (offer(resources="gpu=2"), Requires(resources={"gpu": 1}), 2),
        (offer(), Requires(resources={"gpu": 1}), 0),
        (offer(), Requires(resources={"cpu": 2, "memory": 1e9}), MANY),
        (offer(resources="cpu=4,memory=1GiB"), Requires(resources={"cpu": 1, "memory": 400 << 20}), 2),
        (offer(resources="cpu=0.3"), Requires(resources={"cpu": 0.1}), 3),
    ],
)
def test_what_a_worker_has_bounds_what_it_is_given(has: Offer | None, needs: Requires, most: int) -> None:
    assert takes(Worker("w", slots=4), has, needs) == most


def test_what_it_holds_counts_and_of_a_part_of_its_slots_a_part_of_it() -> None:
    has, needs = offer(slots=4, resources="gpu=4"), Requires(resources={"gpu": 1})
    worker = Worker("w", slots=4)
    worker.held[(0, 1)] = Execution(task(1, resources={"gpu": 2.0}), 0, (0, 0))
    worker.cancelled[(0, 2)] = Execution(task(2, resources={"gpu": 1.0}), 0, (0, 0))
    worker.held[(0, 3)] = Execution(task(3), 0, (0, 0))
    assert takes(worker, has, needs) == 1
    assert takes(Worker("w", slots=2), has, needs) == 2, "another conductor has the other half"


@pytest.mark.parametrize("text", ["cpu", "cpu=", "cpu=many", "cpu=1GiB", "=1"])
def test_what_is_no_resource_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        offers.resources(text)
