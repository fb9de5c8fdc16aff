"""Small helpers that several tests of the quest share."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from quest._core import Game, Play
from quest.document import Quest, encode
from quest.levels import LEVELS, draw

KINDS = 10


def begun(quest: Quest) -> Play:
    """A game at its beginning, no move made."""
    return Game(encode(quest)).play(quest.seed)


def some(per_level: int, split: str = "train") -> Iterator[Quest]:
    """A few quests of each level."""
    for level in LEVELS:
        for seed in range(per_level):
            yield draw(level, split, 900_000 + seed)  # type: ignore[arg-type]


def everything(quest: Quest) -> list[tuple[int, int, int]]:
    """The whole space of actions, legal or not."""
    starts = [(0, f, p) for f in range(len(quest.functions)) for p in range(len(quest.pools))]
    return [*starts, *((kind, -1, -1) for kind in range(1, KINDS))]


def at_random(play: Play, rng: Random) -> Iterator[Play]:
    """Every state of a game of random legal moves."""
    while True:
        yield play
        legal = play.legal()
        if not legal:
            return
        play.apply(*rng.choice(legal))
