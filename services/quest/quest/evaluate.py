"""Success on quests that nobody trained on: a row a level, every player on the same worlds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from quest import levels
from quest._core import Game
from quest.document import Quest, encode
from quest.players import Oracle, Player, player
from quest.split import Split
from quest.statistics import wilson

Tell = Callable[[str], None]
TEST_SEEDS_FROM = 10_000_000
"""Quests that are tested on have seeds of their own, besides structures of their own."""
PART = 50
"""Quests of one piece of work."""


@dataclass(slots=True)
class Row:
    """A player's games of one level."""

    level: int
    episodes: int = 0
    solved: int = 0
    score: float = 0.0
    oracle_score: float = 0.0

    def add(self, other: Row) -> None:
        self.episodes += other.episodes
        self.solved += other.solved
        self.score += other.score
        self.oracle_score += other.oracle_score

    def document(self) -> dict[str, Any]:
        low, high = wilson(self.solved, self.episodes)
        many = max(self.episodes, 1)
        return {
            "level": self.level,
            "episodes": self.episodes,
            "solved": self.solved,
            "success": self.solved / many,
            "low": low,
            "high": high,
            "score": self.score / many,
            "oracle_score": self.oracle_score / many,
        }


@dataclass(slots=True)
class Table:
    """Rows by player and level."""

    rows: dict[str, dict[int, Row]] = field(default_factory=dict)

    @property
    def first(self) -> str:
        """Who was named first."""
        return next(iter(self.rows), "")

    def add(self, name: str, row: Row) -> None:
        mine = self.rows.setdefault(name, {})
        mine.setdefault(row.level, Row(row.level)).add(row)

    def document(self, name: str) -> dict[str, Any]:
        """One player's table, as `quest eval --json` prints it."""
        rows = [row for _, row in sorted(self.rows[name].items())]
        solved, episodes = sum(row.solved for row in rows), sum(row.episodes for row in rows)
        low, high = wilson(solved, episodes)
        oracle = sum(row.oracle_score for row in rows)
        return {
            "policy": name,
            "levels": [row.document() for row in rows],
            "success": solved / max(episodes, 1),
            "low": low,
            "high": high,
            "score": sum(row.score for row in rows) / max(episodes, 1),
            "of_oracle": sum(row.score for row in rows) / oracle if oracle else 0.0,
        }


def play_all(quests: Iterable[Quest], players: Sequence[Player]) -> list[tuple[str, Row]]:
    """Every player plays every quest once, in the world of the quest's seed."""
    found: dict[tuple[str, int], Row] = {}
    judge = Oracle()
    for quest in quests:
        game, level = Game(encode(quest)), quest.level or 0
        best = judge.play(game.play(quest.seed), quest.seed)
        for one in players:
            result = best if one.name == judge.name else one.play(game.play(quest.seed), quest.seed)
            row = found.setdefault((one.name, level), Row(level))
            row.add(Row(level, 1, int(result.won), result.score, best.score))
    return [(name, row) for (name, _), row in found.items()]


def _part(names: Sequence[str], level: int, split: Split, seeds: range) -> list[tuple[str, Row]]:
    """One piece of work, in a process of its own."""
    return play_all((levels.draw(level, split, seed) for seed in seeds), [player(name) for name in names])


def evaluate(names: Sequence[str], numbers: Sequence[int], episodes: int, split: Split, jobs: int, tell: Tell) -> Table:
    """Draw `episodes` quests a level and have everybody play them.

    Raises:
        PolicyError: a name is the path of a file that is refused.
    """
    for name in names:
        player(name)  # refuse here, not in a process
    table = Table()
    first = TEST_SEEDS_FROM if split == "test" else 0
    parts = [
        (level, range(first + start, first + min(start + PART, episodes)))
        for start in range(0, episodes, PART)
        for level in numbers
    ]
    with ProcessPoolExecutor(max(1, min(jobs, len(parts))), mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_part, names, level, split, seeds) for level, seeds in parts]
        for done, future in enumerate(as_completed(waiting), 1):
            for name, row in future.result():
                table.add(name, row)
            if done % max(1, len(parts) // 20) == 0:
                tell(f"{done} of {len(parts)} parts")
    return table


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
