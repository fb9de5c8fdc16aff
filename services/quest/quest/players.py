"""Who plays: scripted bots, the planner, the oracle, and networks. All play the same worlds."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from conductor.policy.encoder import encode
from conductor.policy.network import Network, shipped
from conductor.policy.observation import Observation
from quest._core import Play

BOTS = ("random", "greedy", "longest-path", "heft", "rules")
ORACLE_PLAYS = 96
PLANNER_WORLDS = 5


class Result(NamedTuple):
    """The end of one game: won within the limits, its score in 0..1, and the decisions that were no forced moves."""

    won: bool
    score: float
    decisions: int
    end_ms: int
    spent: float


class Player(Protocol):
    """Plays a game to its end."""

    name: str

    def play(self, play: Play, seed: int) -> Result:
        """`play` is at its beginning, and used up."""


class Bot:
    """One of the core's scripted players."""

    def __init__(self, name: str) -> None:
        self.name = name

    def play(self, play: Play, seed: int) -> Result:
        play.finish(self.name, seed)
        return Result(play.won, play.score, 0, play.now_ms, play.spent)


class Oracle:
    """The best of many plays of the very world: hindsight. What it wins can be won, what it scores is the best known."""

    name = "oracle"

    def __init__(self, plays: int = ORACLE_PLAYS) -> None:
        self._plays = plays

    def play(self, play: Play, seed: int) -> Result:
        score, won, end_ms, spent, actions = play.oracle(self._plays, seed)
        return Result(won, max(score, 0.0), len(actions), end_ms, spent)


class Planner:
    """The network's teacher: plays each choice to the end in imagined worlds. Without hindsight, and slow."""

    name = "planner"

    def __init__(self, worlds: int = PLANNER_WORLDS) -> None:
        self._worlds = worlds

    def play(self, play: Play, seed: int) -> Result:
        rng = Random(seed)
        choices, decisions = play.forced(), 0
        while choices:
            worth = play.advise(self._worlds, rng.getrandbits(48))
            choices = play.choose(max(range(len(worth)), key=worth.__getitem__))
            decisions += 1
        return Result(play.won, play.score, decisions, play.now_ms, play.spent)


class Policy:
    """A network as the conductor serves it: ONNX, one decision at a time, its first choice."""

    def __init__(self, network: Network) -> None:
        self.name = network.name
        self.network = network

    def play(self, play: Play, seed: int) -> Result:
        choices, decisions = play.forced(), 0
        while choices:
            scores, _ = self.network.scores(encode(Observation.of(play.observe())))
            choices = play.choose(int(scores.argmax()))
            decisions += 1
        return Result(play.won, play.score, decisions, play.now_ms, play.spent)


def player(name: str) -> Player:
    """By name: a bot, `oracle`, `planner`, `shipped`, or the path of an ONNX file.

    Raises:
        PolicyError: the file is no network that can be served.
    """
    if name in BOTS:
        return Bot(name)
    if name == "oracle":
        return Oracle()
    if name == "planner":
        return Planner()
    return Policy(shipped() if name == "shipped" else Network(Path(name)))
