"""Which partitions a conductor may take, and rule 7: what the new owner of one leaves to the workers."""

from __future__ import annotations

import pytest

from conductor.kernel.standing import Standing, share
from conductor.kernel.takeover import Takeover
from conductor.wire.heartbeat import Heartbeat, Holding, Stored
from conductor.wire.ready import Settled
from conductor.wire.tasks import Attempt


@pytest.mark.parametrize(("partitions", "members", "fair"), [(8, 1, 8), (8, 2, 4), (8, 3, 3), (1, 5, 1), (4, 0, 4)])
def test_shares_are_even_and_never_nothing(partitions: int, members: int, fair: int) -> None:
    assert share(partitions, members) == fair


def test_a_free_partition_is_taken_at_once_within_the_share_and_after_a_grace_beyond_it() -> None:
    standing = Standing()
    standing.seen(0, None)
    assert standing.may_take(0, held=0, fair=1)
    assert not standing.may_take(0, held=1, fair=1)
    standing.seen(0, None)
    standing.seen(0, None)
    assert standing.may_take(0, held=1, fair=1)


def test_a_holder_to_whom_nobody_listens_twice_is_gone_and_one_that_is_only_slow_is_not() -> None:
    standing = Standing()
    standing.seen(0, "conductor-1")
    standing.heard({"conductor-1"})
    assert not standing.may_take(0, held=0, fair=1)
    standing.heard(set())
    standing.heard({"conductor-1"})
    assert standing.gone(0) is None
    standing.heard({"conductor-1"})
    assert standing.gone(0) == "conductor-1"
    assert standing.may_take(0, held=5, fair=1), "nobody waits for the dead"


RUN = "0" * 32


def answer(worker: str, *numbers: int, stored: int = 0) -> Heartbeat:
    """An answer to the roll: what a worker holds of partition 0 from epoch 4."""
    return Heartbeat(
        worker=worker,
        beat=1,
        held=[Attempt(partition=0, epoch=4, n=n) for n in numbers],
        holding=[Holding(partition=0, epoch=4, n=n, run=RUN, task=f"t{n}") for n in numbers],
        stored=[Stored(partition=0, epoch=4, n=99, sequence=stored)] if stored else [],
    )


def test_rule_7_the_roll_ends_with_the_last_answer() -> None:
    takeover = Takeover(0, awaited={"a", "b"})
    assert not takeover.answered(Heartbeat(worker="a", beat=1)), "a beat that the roll did not ask for"
    assert not takeover.answered(answer("a", 1))
    assert takeover.answered(answer("b", stored=77))
    assert list(takeover.adopted) == [(RUN, "t1", 0, 1)]
    assert takeover.stored_sequence == 77, "the tracker has to fold so far before anything is sent again"


def test_rule_7_what_is_held_is_left_alone_until_its_worker_lists_it_no_more_and_all_is_folded() -> None:
    takeover = Takeover(0)
    takeover.answered(answer("a", 1, 2))
    assert takeover.missed(answer("a", 1, 2), folded=0) == []
    assert takeover.missed(answer("b"), folded=0) == [], "another worker says nothing of it"
    assert takeover.missed(answer("a", 2, stored=50), folded=49) == [], "its result may be among those on their way"
    assert takeover.missed(answer("a", 2, stored=50), folded=50) == [(RUN, "t1", 0, 1)]


def test_rule_7_an_adopted_attempt_ends_by_its_own_result_alone() -> None:
    takeover = Takeover(0)
    takeover.answered(answer("a", 1))
    other = Settled(worker="a", epoch=5, n=1, run=RUN, task="t1", accepted=True, status="succeeded")
    assert takeover.settled(other) == []
    own = Settled(worker="a", epoch=4, n=1, run=RUN, task="t1", accepted=True, status="succeeded")
    assert takeover.settled(own) == [(RUN, "t1", 0, 1)]
    assert takeover.of({"a"}) == []
