"""Rule 7: whoever takes a partition over adopts what workers still do, and lets go of what nobody wants."""

from __future__ import annotations

import pytest

from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.kernel.execution import Execution, Key
from conductor.kernel.takeover import Takeover
from conductor.wire import subjects
from conductor.wire.base import decode
from conductor.wire.heartbeat import Holding
from conductor.wire.ready import Settled
from conductor.wire.tasks import Attempt, TaskBatch
from tests.conductor.kernel.support import beat, close, core, execution


def holding(n: int) -> Holding:
    return Holding(partition=0, epoch=5, n=n, run=f"{n:032x}", task="t", generation=0, try_=1)


def opened(*numbers: int) -> dict[Key, Execution]:
    return {made.key: made for made in map(execution, numbers)}


@pytest.fixture
def takeover() -> Takeover:
    """After a roll that worker `w` answered: it is at attempts 1 and 2 of the epoch before."""
    made = Takeover(0, awaited={"w"})
    assert made.answered(beat(1, seen=2, held=(1, 2), holding=[holding(1), holding(2)]))
    return made


def test_what_a_worker_is_at_is_not_dispatched_again(takeover: Takeover) -> None:
    assert [left.key[0] for left in takeover.left(opened(1, 3))] == [f"{3:032x}"]
    assert [key[0] for key in takeover.adopted] == [f"{1:032x}"]


def test_rule_14_what_a_worker_is_at_for_an_ended_run_is_told_to_stop_until_it_has(takeover: Takeover) -> None:
    open_ = opened(1)
    takeover.left(open_)
    unwanted = [Attempt(partition=0, epoch=5, n=2)]
    assert takeover.unwanted(beat(2, seen=2, held=(1, 2)), open_) == unwanted
    assert takeover.unwanted(beat(3, seen=2, held=(1, 2)), open_) == unwanted  # the first may not have arrived
    assert takeover.unwanted(beat(4, seen=2, held=(1,)), open_) == []
    assert takeover.earlier == {"w": {(5, 1): (f"{1:032x}", "t", 0, 1)}}


def test_rule_14_what_ends_later_is_told_to_stop_too(takeover: Takeover) -> None:
    open_ = opened(1, 2)
    takeover.left(open_)
    assert takeover.unwanted(beat(2, seen=2, held=(1, 2)), open_) == []
    del open_[f"{1:032x}", "t", 0, 1]
    assert takeover.unwanted(beat(3, seen=2, held=(1, 2)), open_) == [Attempt(partition=0, epoch=5, n=1)]


def test_what_a_dead_worker_was_at_is_forgotten(takeover: Takeover) -> None:
    assert len(takeover.of({"w"})) == 2
    assert takeover.earlier == {}


def test_rule_6_what_it_lists_no_more_is_lost_once_every_result_is_folded(takeover: Takeover) -> None:
    takeover.left(opened(1, 2))
    assert takeover.missed(beat(2, seen=2, held=(1,), stored={9: 50}), folded=49) == []
    assert takeover.missed(beat(3, seen=2, held=(1,)), folded=50) == [(f"{2:032x}", "t", 0, 1)]


def test_an_accepted_result_ends_what_was_adopted_for_it(takeover: Takeover) -> None:
    said = Settled(worker="w", epoch=5, n=1, run=f"{1:032x}", task="t", accepted=True, status="succeeded")
    assert takeover.settled(said) == [(f"{1:032x}", "t", 0, 1)]
    assert takeover.settled(said) == []


async def test_rule_14_the_beat_of_a_worker_at_something_unwanted_is_answered_with_a_cancel() -> None:
    made, office = core(MemoryBus(MemoryBroker()))
    office.partition.takeover.answered(beat(1, seen=2, held=(1, 2), holding=[holding(1), holding(2)]))
    office.partition.open.update(opened(1))
    for number in (2, 3):
        made.heartbeat(beat(number, seen=2, held=(1, 2)))
        ((subject, data),) = office.outbox.messages()
        assert subject == subjects.task("cancel", "w")
        assert decode(data, TaskBatch).cancel == [Attempt(partition=0, epoch=5, n=2)]
    made.heartbeat(beat(4, seen=2, held=(1,)))
    assert office.outbox.messages() == []
    await close(office)
