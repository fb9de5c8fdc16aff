"""An attempt is always in one of the lists that heartbeats carry, for as long as somebody may ask for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conductor.wire.tasks import Attempt
from conductor.worker.ledger import STORED_BEATS, Ledger


def keys(attempts) -> set[tuple[int, int, int]]:
    return {(a.partition, a.epoch, a.n) for a in attempts}


def test_rule_3_what_an_earlier_owner_sent_and_comes_late_is_not_begun():
    ledger = Ledger()
    assert ledger.arrive((0, 5, 1))
    ledger.owned(0, 9)
    assert not ledger.arrive((0, 5, 2))
    assert ledger.arrive((0, 9, 1))
    assert ledger.arrive((1, 5, 1))
    ledger.owned(0, 7)
    assert not ledger.arrive((0, 8, 1))
    assert keys(ledger.beat()[1]) == {(0, 5, 1), (0, 9, 1), (1, 5, 1)}


def test_rule_6_an_attempt_is_held_until_stored_and_then_listed_three_beats_more():
    ledger = Ledger()
    assert ledger.arrive((0, 1, 7))
    seen, held, stored, _ = ledger.beat()
    assert seen == [Attempt(partition=0, epoch=1, n=7)]
    assert keys(held) == {(0, 1, 7)}
    assert not stored
    ledger.stored((0, 1, 7), 99)
    for _ in range(STORED_BEATS):
        _, held, stored, _ = ledger.beat()
        assert not held
        assert [(s.n, s.sequence) for s in stored] == [(7, 99)]
    assert ledger.beat()[2] == []


def test_rule_6_a_dispatch_that_comes_twice_is_run_once():
    ledger = Ledger()
    assert ledger.arrive((0, 1, 7))
    assert not ledger.arrive((0, 1, 7))
    ledger.stored((0, 1, 7), 3)
    assert not ledger.arrive((0, 1, 7))


def test_rule_7_a_refusal_is_told_once_and_held_no_more():
    ledger = Ledger()
    ledger.arrive((0, 1, 7))
    ledger.refuse((0, 1, 7))
    _, held, _, refused = ledger.beat()
    assert not held
    assert keys(refused) == {(0, 1, 7)}
    assert ledger.beat()[3] == []


def test_seen_is_the_highest_number_of_each_owner():
    ledger = Ledger()
    for key in [(0, 1, 5), (0, 1, 3), (0, 2, 1), (1, 1, 9)]:
        ledger.arrive(key)
    assert keys(ledger.beat()[0]) == {(0, 1, 5), (0, 2, 1), (1, 1, 9)}


@given(st.lists(st.tuples(st.sampled_from(["arrive", "store", "refuse", "beat"]), st.integers(0, 5)), max_size=60))
def test_an_attempt_is_in_at_most_one_list(steps):
    ledger = Ledger()
    for what, number in steps:
        key = (0, 1, number)
        if what == "arrive":
            ledger.arrive(key)
        elif what == "store" and ledger.holds(key):
            ledger.stored(key, 1)
        elif what == "refuse" and ledger.holds(key):
            ledger.refuse(key)
        else:
            _, held, stored, _ = ledger.beat()
            assert not keys(held) & keys(stored)
