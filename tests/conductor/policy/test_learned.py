"""A learned policy inside what it cannot break: priorities, the document, time, novelty, numbers."""

from __future__ import annotations

import numpy as np
import pytest

from conductor.policy.encoder import Encoded
from conductor.policy.learned import REST_AFTER, REST_DECISIONS, Learned
from conductor.policy.network import shipped
from conductor.policy.rules import Rules
from conductor.wire.log import Acquired, Retry
from tests.conductor.policy.states import SITUATION, failure, waiting

COUNT = 8


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Told:
    """A network that answers as a test says."""

    name = "told/1"
    novelty_bound = 1.0

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.takes_s = 0.0
        self.strange = 0.0
        self.answer: np.ndarray | Exception | None = None
        self.asked = 0

    def novelty(self, tables: Encoded) -> float:
        return self.strange

    def scores(self, tables: Encoded) -> tuple[np.ndarray, float]:
        self.asked += 1
        self.clock.now += self.takes_s
        if isinstance(self.answer, Exception):
            raise self.answer
        given = self.answer if self.answer is not None else np.arange(len(tables.actions), dtype=np.float32)
        return given[: len(tables.actions)], 0.0


def policy(network: Told) -> Learned:
    return Learned(network, clock=network.clock)  # type: ignore[arg-type]


def by_rules() -> list[int]:
    return list(Rules().rank(SITUATION, waiting(COUNT), [1] * COUNT).order)


def test_the_network_orders_and_says_how_sure_it_is() -> None:
    ranked = policy(Told()).rank(SITUATION, waiting(COUNT), [1] * COUNT)
    assert list(ranked.order) == by_rules()[::-1]  # the network was told to turn it round
    assert sum(ranked.probabilities) == pytest.approx(1.0)
    assert list(ranked.probabilities) == sorted(ranked.probabilities, reverse=True)
    assert "told/1" in ranked.reason


def test_priorities_stand_above_the_network() -> None:
    tasks = [*waiting(4), *waiting(4, priority=9)]
    order = list(policy(Told()).rank(SITUATION, tasks, [1] * 8).order)
    assert {*order[:4]} == {4, 5, 6, 7}


def test_past_its_bound_the_rules_order() -> None:
    tasks = waiting(200)
    order = list(policy(Told()).rank(SITUATION, tasks, [1] * 200).order)
    assert sorted(order) == list(range(200))
    assert order[128:] == list(Rules().rank(SITUATION, tasks, [1] * 200).order)[128:]


@pytest.mark.parametrize("why", ["late", "novel", "numbers", "failed"])
def test_the_rules_answer_where_it_does_not(why: str) -> None:
    network = Told()
    if why == "late":
        network.takes_s = 0.003
    elif why == "novel":
        network.strange = 2.0
    elif why == "numbers":
        network.answer = np.full(COUNT, np.nan, np.float32)
    else:
        network.answer = RuntimeError("no")
    ranked = policy(network).rank(SITUATION, waiting(COUNT), [1] * COUNT)
    assert list(ranked.order) == by_rules()
    assert why in ranked.reason


def test_after_three_bad_answers_it_rests_and_comes_back() -> None:
    network = Told()
    mine = policy(network)
    network.takes_s = 0.003
    for _ in range(REST_AFTER):
        mine.rank(SITUATION, waiting(COUNT), [1] * COUNT)
    network.takes_s = 0.0
    for _ in range(REST_DECISIONS):
        assert "resting" in mine.rank(SITUATION, waiting(COUNT), [1] * COUNT).reason
    assert network.asked == REST_AFTER
    assert list(mine.rank(SITUATION, waiting(COUNT), [1] * COUNT).order) == by_rules()[::-1]


def test_a_recovery_is_one_of_those_that_the_document_allows() -> None:
    chosen = policy(Told()).recover(failure())
    assert chosen.action == 3  # the last of four has the highest score
    assert 0 < chosen.probability <= 1
    alone = failure()
    one = type(alone)(**{**{f: getattr(alone, f) for f in alone.__struct_fields__}, "actions": [Retry(delay_ms=5)]})
    network = Told()
    assert policy(network).recover(one).action == 0
    assert network.asked == 0  # a forced move asks nobody


def test_an_action_that_the_game_does_not_know_is_left_to_the_rules() -> None:
    seen = failure()
    fields = {name: getattr(seen, name) for name in seen.__struct_fields__}
    strange = type(seen)(**{**fields, "actions": [Acquired(token=1), Retry(delay_ms=1)]})
    network = Told()
    assert policy(network).recover(strange).action == 0
    assert network.asked == 0


def test_the_shipped_network_knows_the_states_of_production() -> None:
    mine = Learned(shipped(), budget_ms=1e6)
    assert "rules, as" not in mine.rank(SITUATION, waiting(20), [1] * 20).reason
    for kind in ("unavailable", "contract", "lost"):
        assert "rules, as" not in mine.recover(failure(kind)).reason


def test_the_shipped_network_tries_again_what_may_come_back() -> None:
    mine = Learned(shipped(), budget_ms=1e6)
    assert mine.recover(failure("unavailable", 1)).action == 0
