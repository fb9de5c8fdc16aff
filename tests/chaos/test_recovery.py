"""What is measured of a recovery: from a fault to the next dispatch of what was interrupted, and of nothing else."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest

from conductor.bus import NatsBus
from tests.chaos import recovery
from tests.chaos.recovery import Observer


class Clock:
    """The time of the test."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(recovery, "time", made)
    return made


@pytest.fixture
def observer() -> Observer:
    """Two partitions of the tracker with the process number 7, given out under epoch 5 by the conductor `c`."""
    made = Observer(cast(NatsBus, None))  # it is handed messages here, and connects to nothing
    for partition in (0, 1):
        made._lease("tracker", str(partition), b"7-x")
        emits(made, partition, 5)
        dispatches(made, partition, 3)
    return made


def emits(observer: Observer, partition: int, epoch: int, tasks: int = 1) -> None:
    observer._ready(msgspec.msgpack.encode({"partition": partition, "epoch": epoch, "tasks": [{}] * tasks}))


def dispatches(observer: Observer, partition: int, epoch: int) -> None:
    told = {"partition": partition, "epoch": epoch, "conductor": "c", "tasks": [{}]}
    observer._tasks(msgspec.msgpack.encode(told))


def test_a_tracker_is_back_when_all_it_had_is_dispatched_by_a_later_one(observer: Observer, clock: Clock) -> None:
    observer.begin("tracker", "kill", "pit-dag", 7, True)
    (measure,) = observer.measures
    clock.now_s += 0.2
    dispatches(observer, 0, 3)  # what the one before had given out
    for partition in (0, 1):
        clock.now_s += 1
        emits(observer, partition, 6)
        dispatches(observer, partition, 3)
    assert measure.dispatch_s == pytest.approx(2.2)


def test_a_partition_that_another_process_had_is_not_waited_for(observer: Observer, clock: Clock) -> None:
    observer.begin("tracker", "kill", "pit-dag", 7, True)
    (measure,) = observer.measures
    clock.now_s += 0.3
    emits(observer, 0, 6)
    dispatches(observer, 0, 3)
    clock.now_s += 1
    emits(observer, 1, 5, tasks=0)
    assert measure.dispatch_s == pytest.approx(0.3)


def test_a_kill_that_interrupted_nothing_is_no_measure(observer: Observer, clock: Clock) -> None:
    observer.begin("tracker", "kill", "pit-dag", 7, True)
    clock.now_s += 1
    for partition in (0, 1):
        emits(observer, partition, 5)
    assert observer.measures == []


def test_what_was_stopped_may_say_so_when_it_wakes(observer: Observer, clock: Clock) -> None:
    observer.begin("tracker", "stop", "pit-dag", 7, True)
    (measure,) = observer.measures
    clock.now_s += 3
    for partition in (0, 1):
        emits(observer, partition, 5)
    assert measure.dispatch_s is None
    for partition in (0, 1):
        emits(observer, partition, 6)
        dispatches(observer, partition, 3)
    assert measure.dispatch_s == pytest.approx(3.0)
