"""The twenty levels: a generator each, a lesson each, and how close its limits are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from quest._core import Game
from quest.document import Quest, encode
from quest.levels import optimising, resources, sequencing, trouble
from quest.levels.draft import Draft, built
from quest.split import Split, split_of

TRIES_MAX = 400
"""Draws until a quest has a structure of its split and can be solved; more says that a generator is wrong."""
WORLDS = 5
ORACLE_PLAYS = 24


@dataclass(frozen=True, slots=True)
class Level:
    """`time` and `cost` are the limits over what good plays take on average, at hardness 0 and at hardness 1."""

    number: int
    name: str
    lesson: str
    visible: str
    make: Callable[[Draft], None]
    time: tuple[float, float]
    cost: tuple[float, float]
    calls: tuple[float, float] = (3.0, 2.0)
    weights: tuple[float, ...] = (1.0,)
    """How good plays weigh time against money when the limits are made."""


def _level(
    number: int,
    make: Callable[[Draft], None],
    lesson: str,
    time: tuple[float, float],
    cost: tuple[float, float],
    calls: tuple[float, float] = (3.0, 2.0),
    weights: tuple[float, ...] = (1.0,),
) -> Level:
    visible = "hidden" if number <= 5 else "partly" if number <= 10 else "full"
    return Level(number, make.__name__.replace("_", "-"), lesson, visible, make, time, cost, calls, weights)


LEVELS: dict[int, Level] = {
    level.number: level
    for level in (
        _level(1, sequencing.first_steps, "Call what has its inputs, towards the goal", (1.6, 1.2), (2, 1.4)),
        _level(
            2, sequencing.distractions, "Calls that lead nowhere cost what you need", (1.6, 1.2), (1.6, 1.15), (1.5, 1)
        ),
        _level(3, sequencing.many_hands, "A join waits for all of its inputs", (1.4, 1.08), (2, 1.3)),
        _level(4, sequencing.the_right_key, "The same type is not the same value", (1.5, 1.15), (1.6, 1.2), (2, 1.2)),
        _level(5, sequencing.single_use, "What a call uses up is gone", (1.4, 1.12), (1.4, 1.08), (2, 1.1)),
        _level(6, resources.slots, "Where slots are short, the longest path goes first", (1.25, 1.05), (2, 2)),
        _level(7, resources.two_speeds, "Speed has a price", (1.4, 1.15), (1.4, 1.15), weights=(1.0, 0.6, 0.3, 0.0)),
        _level(8, resources.warm_up, "A cold pool is slow once", (1.5, 1.15), (1.5, 1.2), weights=(1.0, 0.6, 0.3)),
        _level(9, resources.locks, "What is shared orders the rest", (1.25, 1.06), (2, 2)),
        _level(10, resources.rates, "More calls than a window takes are lost calls", (1.35, 1.12), (1.5, 1.2)),
        _level(
            11,
            optimising.fast_or_cheap,
            "Pay for speed where it counts",
            (1.35, 1.12),
            (1.35, 1.12),
            weights=(1.0, 0.7, 0.5, 0.3, 0.0),
        ),
        _level(12, optimising.uncertainty, "An average is not a promise", (1.5, 1.2), (1.6, 1.3), weights=(1.0, 0.7)),
        _level(13, optimising.distance, "Moving a result takes time", (1.4, 1.15), (1.6, 1.3), weights=(1.0, 0.7)),
        _level(14, optimising.shelf_life, "Make what goes stale just in time", (1.35, 1.12), (1.6, 1.25)),
        _level(
            15,
            optimising.the_large_graph,
            "Everything at once, on a large graph",
            (1.35, 1.15),
            (1.4, 1.2),
            weights=(1.0, 0.7, 0.4),
        ),
        _level(16, trouble.transient, "What is down comes back: not at once", (1.7, 1.35), (1.8, 1.5)),
        _level(
            17, trouble.broken, "What is broken does not: take another way", (1.9, 1.6), (2, 1.7), weights=(1.0, 0.6)
        ),
        _level(18, trouble.side_effects, "Undo before you try again; make again what was lost", (2.1, 1.7), (2.1, 1.7)),
        _level(19, trouble.drift, "Speeds drift: believe what you see", (1.7, 1.4), (1.7, 1.4), weights=(1.0, 0.6)),
        _level(20, trouble.everything, "All of it", (2.2, 1.8), (2.2, 1.8), weights=(1.0, 0.6)),
    )
}


def draw(level: int, split: Split, seed: int, hardness: float | None = None) -> Quest:
    """A quest of a level: of a structure of the split, and solved by the oracle within its limits.

    The same arguments give the same quest. `hardness` in 0..1 is drawn where it is not given.

    Raises:
        RuntimeError: no draw could be solved, which says that the generator is wrong.
    """
    spec = LEVELS[level]
    for attempt in range(TRIES_MAX):
        rng = Random(f"{level}/{split}/{seed}/{attempt}")
        hard = rng.random() if hardness is None else hardness
        draft = Draft(rng, split, hard)
        spec.make(draft)
        world = rng.getrandbits(48)
        value = draft.finish(f"{spec.name}-{split}-{seed}", level, spec.visible, world)
        if split_of(built(value)) != split:
            continue
        quest = _limited(value, spec, hard, rng)
        if quest is not None:
            return quest
    raise RuntimeError(f"level {level}, split {split}, seed {seed}: no quest in {TRIES_MAX} draws can be solved")


def _limited(value: dict[str, object], spec: Level, hard: float, rng: Random) -> Quest | None:
    """The quest with limits that its oracle can keep; none where it cannot, or where good plays do not get through."""
    weight = rng.choice(spec.weights)
    typical = Game(encode(built(value))).typical(weight, WORLDS, rng.getrandbits(48))
    if typical is None:
        return None
    ms, cost, calls = typical

    def over(ends: tuple[float, float]) -> float:
        return ends[0] + (ends[1] - ends[0]) * hard

    value["limits"] = {
        "deadline_ms": int(ms * over(spec.time)) + 1,
        "budget": round(cost * over(spec.cost) + 0.01, 4),
        "calls": int(calls * over(spec.calls) + 1.5),
    }
    quest = built(value)
    play = Game(encode(quest)).play(quest.seed)
    won = play.oracle(ORACLE_PLAYS, 1)[1]
    return quest if won else None
