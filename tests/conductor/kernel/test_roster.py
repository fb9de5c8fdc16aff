"""Rule 7 for what must not be done twice: a takeover is complete only where no worker is missing."""

from __future__ import annotations

import pytest

from conductor.kernel.roster import LATELY_MS, YOUNG_BEATS, Roster
from conductor.wire.extensions import Function, Manifest
from conductor.wire.heartbeat import Heartbeat, Holding


def heartbeat(worker: str, number: int = YOUNG_BEATS, state: str = "serving", answers: bool = True) -> Heartbeat:
    holding: list[Holding] | None = [] if answers else None
    return Heartbeat(worker=worker, beat=number, state=state, holding=holding)  # type: ignore[arg-type]  # one of its words


@pytest.fixture
def roster() -> Roster:
    made = Roster(dead=frozenset())
    made.beat(heartbeat("a"), 1000)
    made.beat(heartbeat("b"), 1000)
    return made


def test_all_have_answered(roster: Roster) -> None:
    roster.beat(heartbeat("a"), 1100)
    assert not roster.complete(1050)
    roster.beat(heartbeat("b"), 1100)
    assert roster.complete(1050)


def test_one_that_beats_and_does_not_answer_may_not_have_got_what_was_sent_to_it(roster: Roster) -> None:
    roster.beat(heartbeat("a"), 1100)
    roster.beat(heartbeat("b", answers=False), 1100)
    assert not roster.complete(1050)
    roster.beat(heartbeat("b"), 1200)
    roster.beat(heartbeat("b", answers=False), 1300)
    assert roster.complete(1050), "it has answered, and has beaten since"


def test_one_that_has_stopped_of_itself_is_not_missing(roster: Roster) -> None:
    roster.beat(heartbeat("a"), 1100)
    roster.beat(heartbeat("b", state="stopped"), 1100)
    assert roster.complete(1050)


def test_one_that_is_silent_for_long_is_not_waited_for(roster: Roster) -> None:
    roster.beat(heartbeat("a"), 1001 + LATELY_MS)
    assert roster.complete(1050)


def test_a_new_process_may_stand_where_another_died(roster: Roster) -> None:
    roster.beat(heartbeat("a"), 1100)
    roster.beat(heartbeat("b", 1), 1100)
    assert not roster.complete(1050)


def test_without_a_grant_and_with_a_dead_worker_nothing_is_sure(roster: Roster) -> None:
    for dead, sure in ((None, False), (frozenset(["c"]), False), (frozenset(["a"]), True)):
        roster.dead = dead
        assert roster.complete(1000) is sure


def serves(worker: str, *functions: Function) -> Heartbeat:
    manifest = Manifest(name="x", functions=list(functions))
    return Heartbeat(worker=worker, beat=YOUNG_BEATS, manifest=manifest)


def test_what_is_served_is_every_version_that_a_living_worker_offers(roster: Roster) -> None:
    old, new = Function(capability="f"), Function(capability="f", version="2.0.0", cost_per_second=0.5)
    roster.beat(serves("b", new), 1000)
    roster.beat(serves("a", old, Function(capability="e")), 1000)
    roster.beat(serves("c", old), 1000)
    told = [(one.capability, one.version, one.cost_per_second) for one in roster.serving()]
    assert told == [("e", "1.0.0", 0.0), ("f", "1.0.0", 0.0), ("f", "2.0.0", 0.5)]
    roster.beat(heartbeat("b", state="stopped"), 1100)
    roster.beat(heartbeat("a"), 1001 + LATELY_MS)
    assert [one.version for one in roster.serving()] == ["1.0.0", "1.0.0"], "b has stopped, c is silent"
