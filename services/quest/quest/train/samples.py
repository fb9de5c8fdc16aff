"""Decisions with what each choice was worth: made by a teacher, kept in files, put together in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from conductor.policy.encoder import ACTION_WIDTH, GLOBAL_WIDTH, NODE_WIDTH, POOL_WIDTH, encode
from conductor.policy.observation import Observation
from quest import levels
from quest._core import Game, Play
from quest.document import Quest
from quest.document import encode as quest_json


class Sample(msgspec.Struct, array_like=True):
    """One decision: the observation's tables as bytes, and what each of its actions is worth in 0..1."""

    level: int
    tables: list[bytes]
    worth: list[float]


Driver = Callable[[Play, list[float], Random], int]
"""Which action a game goes on with, given the teacher's worths."""


def teacher(exploring: float) -> Driver:
    """The teacher's best; any action where chance says so, so that what follows mistakes is seen too."""

    def choose(play: Play, worth: list[float], rng: Random) -> int:
        if rng.random() < exploring:
            return rng.randrange(len(worth))
        return max(range(len(worth)), key=worth.__getitem__)

    return choose


def chancy(quest: Quest) -> bool:
    """Whether the game has chance in it: without it, one world is as good as many."""
    functions = any(f.spread > 0 or f.failures != type(f.failures)() for f in quest.functions)
    return functions or any(pool.broken > 0 or pool.drift is not None for pool in quest.pools)


def collect(level: int, seeds: Sequence[int], driver: Driver, worlds: int) -> Iterator[Sample]:
    """Play train quests, and have the teacher say at each decision what every choice is worth."""
    for seed in seeds:
        quest = levels.draw(level, "train", seed)
        rng = Random(f"collect/{level}/{seed}")
        play = Game(quest_json(quest)).play(quest.seed)
        imagined = worlds if chancy(quest) else 1
        choices = play.forced()
        while choices:
            worth = play.advise(imagined, rng.getrandbits(48))
            yield Sample(level, play.observe(), worth)
            choices = play.choose(driver(play, worth, rng))


def save(path: Path, samples: Sequence[Sample]) -> str:
    """Write them; the digest of what was written."""
    data = zstandard.compress(msgspec.msgpack.encode(samples), 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def load(path: Path) -> list[Sample]:
    """What `save` wrote."""
    return msgspec.msgpack.decode(zstandard.decompress(path.read_bytes()), type=list[Sample])


Array = NDArray[np.float32]


class Batch:
    """Samples padded to the largest of them. `mask` (b, a) is 1 for actions, `present` (b, n+1) for nodes."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        made = [encode(Observation.of(sample.tables)) for sample in samples]
        size = len(samples)
        nodes = max(len(one.nodes) for one in made)
        pools = max(len(one.pools) for one in made)
        actions = max(len(one.actions) for one in made)
        self.globals = np.zeros((size, GLOBAL_WIDTH), np.float32)
        self.nodes = np.zeros((size, nodes, NODE_WIDTH), np.float32)
        self.present = np.zeros((size, nodes), np.float32)
        self.pools = np.zeros((size, pools, POOL_WIDTH), np.float32)
        self.pools_present = np.zeros((size, pools), np.float32)
        self.actions = np.zeros((size, actions, ACTION_WIDTH), np.float32)
        self.mask = np.zeros((size, actions), np.float32)
        self.adjacency = np.zeros((size, nodes, nodes), np.float32)
        self.node = np.zeros((size, actions), np.int64)
        self.pool = np.zeros((size, actions), np.int64)
        self.worth = np.zeros((size, actions), np.float32)
        self.level = np.array([sample.level for sample in samples], np.int64)
        for row, (sample, one) in enumerate(zip(samples, made, strict=True)):
            n, p, a = len(one.nodes), len(one.pools), len(one.actions)
            self.globals[row] = one.globals
            self.nodes[row, :n] = one.nodes
            self.present[row, : n - 1] = 1.0
            self.pools[row, :p] = one.pools
            self.pools_present[row, : p - 1] = 1.0
            self.actions[row, :a] = one.actions
            self.mask[row, :a] = 1.0
            self.adjacency[row, :n, :n] = one.adjacency
            self.node[row, :a] = one.node
            self.pool[row, :a] = one.pool
            self.worth[row, :a] = sample.worth
