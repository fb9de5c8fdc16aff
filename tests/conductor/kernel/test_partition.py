"""Rules 4 and 5: one emitter, and levels instead of edges. And what an owner makes of leases."""

from __future__ import annotations

from typing import Any

import pytest

from conductor.kernel.partition import Owned, Partition
from conductor.kernel.workers import Workers
from conductor.wire.errors import ErrorValue
from conductor.wire.log import Action, Decided, Fail, Lost
from conductor.wire.ready import Failure, Ready, ResyncPage
from conductor.wire.runs import RunEnded
from tests.conductor.kernel.support import grant, task


def message(sequence: int, epoch: int = 1, **said: Any) -> Ready:
    return Ready(partition=0, epoch=epoch, sequence=sequence, folded=sequence * 10, **said)


@pytest.fixture
def partition() -> Partition:
    made = Partition(0, Owned(5, 99))
    made.arrived(message(1, tasks=[task(1)]))
    made.add(task(1))
    made.stale = False
    return made


def test_a_failure_that_came_of_our_lost_needs_a_decision_though_the_lost_is_not_acknowledged_yet(
    partition: Partition,
) -> None:
    wanted = task(1)
    key = (wanted.run, wanted.task, wanted.generation, wanted.try_)

    def ours(action: Action) -> Decided:
        return Decided(run=wanted.run, task=wanted.task, generation=wanted.generation, try_=wanted.try_, action=action)

    failure = Failure(
        run=wanted.run,
        tenant="default",
        workflow="w",
        task=wanted.task,
        generation=wanted.generation,
        try_=wanted.try_,
        capability=wanted.capability,
        error=ErrorValue(kind="lost", message="its worker is gone"),
        actions=[Fail()],
    )
    assert partition.undecided(failure)
    partition.deciding[key] = ours(Lost())
    assert partition.undecided(failure)
    partition.deciding[key] = ours(Fail())
    assert not partition.undecided(failure)


def test_rule_6_what_ended_behind_a_page_is_not_taken_from_it(partition: Partition) -> None:
    page = ResyncPage(partition=0, epoch=1, sequence=1, folded=10, tasks=[task(1)])
    partition.arrived(message(2))
    partition.settle(task(1).run, task(1).task)
    assert partition.overtaken(task(1), page)
    assert not partition.overtaken(task(2), page)
    later = ResyncPage(partition=0, epoch=1, sequence=2, folded=20, tasks=[task(1, try_=2)])
    assert not partition.overtaken(task(1, try_=2), later)
    other = ResyncPage(partition=0, epoch=2, sequence=1, folded=20, tasks=[task(1)])
    assert not partition.overtaken(task(1), other)


def test_rule_6_what_a_worker_is_at_and_a_new_emitter_has_not_given_out_is_claimed_before_it_counts_as_ended(
    partition: Partition,
) -> None:
    (execution,) = partition.open.values()
    execution.worker = "w"
    page = ResyncPage(partition=0, epoch=2, sequence=1, folded=10)
    assert partition.resynced(page, set(), claimed=()) == []
    assert partition.claims() == [execution.key]
    assert partition.resynced(page, set(), claimed=partition.claims()) == [execution]
    assert partition.open == {}


def test_rule_4_a_lower_emitter_is_passed_over_and_a_higher_one_asked_for_everything(partition: Partition) -> None:
    assert not partition.arrived(message(9, epoch=0, tasks=[task(2)]))
    assert not partition.stale
    assert partition.arrived(message(1, epoch=2, tasks=[task(2)]))
    assert partition.stale


def test_rule_4_a_new_emitter_counts_once_it_has_folded_what_the_one_before_told_of(partition: Partition) -> None:
    partition.arrived(message(2))
    partition.open.clear()  # the task ended, by the second message of the first emitter, folded up to 20

    def page(folded: int, epoch: int = 2) -> ResyncPage:
        return ResyncPage(partition=0, epoch=epoch, sequence=0, folded=folded)

    assert partition.precedes(page(19))
    assert not partition.precedes(page(20))
    behind = Ready(partition=0, epoch=2, sequence=1, folded=19, tasks=[task(1)])
    assert not partition.arrived(behind)
    assert partition.stale
    assert not partition.arrived(message(3)), "the first emitter is heard no more"
    assert partition.precedes(page(19))
    assert not partition.precedes(page(20))
    assert partition.arrived(Ready(partition=0, epoch=2, sequence=2, folded=20))


def test_what_ended_between_two_emitters_is_dropped_though_the_second_counts_from_the_start(
    partition: Partition,
) -> None:
    for number in range(2, 50):
        partition.arrived(message(number))
    partition.add(task(2))  # told as number 49; it ended with the first emitter, which died before it could say so
    page = ResyncPage(partition=0, epoch=2, sequence=0, folded=500, tasks=[])
    assert [e.task.run for e in partition.resynced(page, set())] == [task(1).run, task(2).run]
    assert partition.open == {}
    assert partition.heard == (2, 0)


def test_rule_6_what_ended_with_an_emitter_does_not_hide_what_its_successor_lists(partition: Partition) -> None:
    partition.arrived(message(9))
    partition.settle(task(1).run, task(1).task)
    assert partition.overtaken(task(1), ResyncPage(partition=0, epoch=1, sequence=8, folded=80))
    assert not partition.overtaken(task(1), ResyncPage(partition=0, epoch=2, sequence=1, folded=95))


def test_rule_5_the_next_message_and_its_level_are_no_gap(partition: Partition) -> None:
    assert partition.arrived(message(2, tasks=[task(2)]))
    assert partition.arrived(message(2))
    assert not partition.stale


def test_rule_5_a_gap_asks_for_everything(partition: Partition) -> None:
    partition.arrived(message(3, tasks=[task(3)]))
    assert partition.stale


def test_rule_5_a_level_that_is_ahead_asks_for_everything(partition: Partition) -> None:
    partition.arrived(message(2))
    assert partition.stale


def test_rule_5_two_mismatches_of_the_open_count_ask_for_everything(partition: Partition) -> None:
    level = message(1, open=7)
    partition.check_level(level)
    assert not partition.stale
    partition.check_level(level)
    assert partition.stale
    partition.stale = False
    partition.check_level(message(1, open=1))
    assert partition.mismatches == 0


def test_an_execution_is_known_once(partition: Partition) -> None:
    assert partition.add(task(1)) is None
    assert partition.add(task(1, try_=2)) is not None
    assert len(partition.open) == 2


def test_a_resync_drops_what_the_tracker_does_not_list_but_not_what_came_since(partition: Partition) -> None:
    partition.add(task(2))
    partition.arrived(message(2, tasks=[task(3)]))
    partition.add(task(3))
    page = ResyncPage(partition=0, epoch=1, sequence=1, folded=10)
    listed = {(task(2).run, "t", 0, 1)}
    gone = partition.resynced(page, listed)
    assert [execution.task.run for execution in gone] == [task(1).run]
    assert len(partition.open) == 2


def test_rule_14_an_end_that_is_told_again_is_told_on_once(partition: Partition) -> None:
    ended = RunEnded(run=task(1).run, tenant="acme", workflow="w", version="1.0.0", status="succeeded")
    assert partition.end(ended)
    assert not partition.end(ended)


def test_a_grant_is_absolute() -> None:
    workers = Workers()
    workers.grant(grant(("a", 2), ("b", 3)), 0)
    assert workers.slots == {"f": 5}
    workers.grant(grant(("b", 3)), 10)
    assert workers.slots == {"f": 3}
    assert [worker.name for worker in workers.serving("f")] == ["b"]
    assert [worker.name for worker in workers.grant(grant(dead=["b"]), 20)] == ["b"]


def test_a_lease_that_is_not_renewed_gives_no_slots() -> None:
    workers = Workers()
    workers.grant(grant(("a", 2)), 0)
    workers.expire(2_999)
    assert workers.serving("f")
    workers.expire(3_000)
    assert not workers.serving("f")


def test_dispatch_numbers_go_on_when_a_worker_comes_back() -> None:
    workers = Workers()
    workers.grant(grant(("a", 2)), 0)
    assert [workers.by_name["a"].number(0) for _ in range(3)] == [1, 2, 3]
    workers.expire(10_000)
    workers.grant(grant(("a", 2)), 10_000)
    assert workers.by_name["a"].number(0) == 4
