"""One encoder: the trainer and the conductor give the network the same bytes, on states of both."""

from __future__ import annotations

import hashlib
import json
from random import Random

import numpy as np
from quest._core import Game
from quest.document import encode as quest_json
from quest.levels import LEVELS, draw
from quest.train.samples import Batch, Sample

from conductor.policy.encoder import Encoded, encode
from conductor.policy.learned import Learned
from conductor.policy.observation import ACTIONS, GLOBALS, KINDS, NODES, POOLS, Observation
from tests.conductor.policy.states import SITUATION, failure, waiting
from tests.shared import ROOT

RECORDED = ROOT / "tests" / "data" / "policy" / "encoder.json"


class Listening:
    """Stands where the network stands, and keeps what it is given."""

    name = "listening/0"
    novelty_bound = float("inf")

    def __init__(self) -> None:
        self.heard: list[Encoded] = []

    def novelty(self, tables: Encoded) -> float:
        return 0.0

    def scores(self, tables: Encoded) -> tuple[np.ndarray, float]:
        self.heard.append(tables)
        return np.zeros(len(tables.actions), np.float32), 0.0


def production() -> list[Encoded]:
    """What the conductor gives the network for the recorded states."""
    network = Listening()
    policy = Learned(network, budget_ms=1e9)  # type: ignore[arg-type]
    for count in (2, 6, 40):
        policy.rank(SITUATION, waiting(count), [2] * count)
    for kind in ("unavailable", "timeout", "contract", "lost", "limit"):
        policy.recover(failure(kind))
    policy.recover(failure("user", 3, retryable=False))
    return network.heard


def game() -> list[Observation]:
    """States of games of every level."""
    seen = []
    for level in LEVELS:
        quest = draw(level, "train", 77)
        play, rng = Game(quest_json(quest)).play(quest.seed), Random(level)
        choices = play.forced()
        while choices:
            seen.append(Observation.of(play.observe()))
            choices = play.choose(rng.randrange(choices))
    return seen


def digest(tables: Encoded) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(table).tobytes() for table in tables)).hexdigest()


def trained(observation: Observation) -> Encoded:
    """The row of the trainer's batch, without its padding."""
    tables = [observation.globals, observation.nodes, observation.pools, observation.actions, observation.places]
    sample = Sample(1, [*(t.tobytes() for t in tables), observation.edges.tobytes()], [0.0] * len(observation.actions))
    n, p, a = len(observation.nodes) + 1, len(observation.pools) + 1, len(observation.actions)
    other = Sample(1, [t.tobytes() for t in _large()], [0.0] * 50)
    b = Batch([sample, other])
    return Encoded(
        b.globals[0],
        b.nodes[0, :n],
        b.pools[0, :p],
        b.actions[0, :a],
        b.adjacency[0, :n, :n],
        b.node[0, :a],
        b.pool[0, :a],
    )


def _large() -> list[np.ndarray]:
    """A larger state, so that every other row of its batch is padded."""
    tables = [
        np.zeros(len(GLOBALS)),
        np.zeros((60, len(NODES))),
        np.zeros((9, len(POOLS))),
        np.zeros((50, len(ACTIONS))),
    ]
    return [t.astype(np.float32) for t in tables] + [np.zeros((50, 2), np.int32), np.zeros((0, 2), np.int32)]


def test_the_trainer_and_the_conductor_give_the_network_the_same_bytes() -> None:
    states = game()
    assert len(states) > 100
    for observation in states:
        assert digest(trained(observation)) == digest(encode(observation))


def test_production_states_are_the_same_bytes_in_the_trainer() -> None:
    from conductor.policy.tasks import Choice, Waiting, observe_failure, observe_waiting

    heard = production()
    assert len(heard) == 9
    task = waiting(2)
    left = [None if t.deadline_at_ms is None else float(t.deadline_at_ms - SITUATION.now_ms) for t in task]
    # The rules' order is the order of the rows.
    order = sorted(range(2), key=lambda index: -task[index].rest_us)
    shown = observe_waiting([Waiting(task[i].rest_us / 1000, left[i]) for i in order], 3, 5)
    assert digest(trained(shown)) == digest(heard[0])
    choices = [Choice("retry later", 200.0), Choice("fallback"), Choice("skip"), Choice("halt")]
    assert digest(trained(observe_failure("transient", 1, choices, 90.0, None))) == digest(heard[3])


def test_the_bytes_are_those_that_were_recorded() -> None:
    """A change of these is a change of `VERSION`: networks that were made before it must be refused."""
    recorded = json.loads(RECORDED.read_text())
    assert recorded["production"] == [digest(tables) for tables in production()]
    assert recorded["game"] == [digest(encode(observation)) for observation in game()[:40]]


def test_everything_lies_between_minus_one_and_one() -> None:
    for tables in [*map(encode, game()), *production()]:
        for table in tables[:5]:
            assert np.isfinite(table).all()
            assert np.abs(table).max(initial=0.0) <= 1.0


def test_the_names_of_the_columns_are_as_many_as_the_columns() -> None:
    observation = game()[0]
    assert observation.globals.shape == (len(GLOBALS),)
    assert observation.nodes.shape[1] == len(NODES)
    assert observation.pools.shape[1] == len(POOLS)
    assert observation.actions.shape[1] == len(ACTIONS)
    assert KINDS[0] == "start" and KINDS[-1] == "halt"


if __name__ == "__main__":
    RECORDED.write_text(
        json.dumps(
            {
                "production": [digest(tables) for tables in production()],
                "game": [digest(encode(observation)) for observation in game()[:40]],
            },
            indent=1,
        )
        + "\n"
    )
