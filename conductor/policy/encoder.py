"""From an observation to what the network takes. The trainer and the conductor both call this and nothing else.

Times are divided by the time that is left and by the fastest plan's, costs by the budget that is left and by the cheapest
plan's, and squashed to -1..1; counts are logarithms. So a network sees proportions, never units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conductor.policy.observation import Floats, Observation

VERSION = 1
"""Changes with every change of what `encode` gives: a network made for another version is refused."""
GLOBAL_WIDTH = 34
NODE_WIDTH = 51
POOL_WIDTH = 12
ACTION_WIDTH = 44
NODES_MAX = 128
"""Rows of the graph: what the game's core shows at most; the adjacency is dense, so time grows with the square."""


Rows = NDArray[np.int64]


class Encoded(NamedTuple):
    """The network's inputs: `globals` (34), `nodes` (n+1, 51), `pools` (p+1, 12), `actions` (a, 44), `adjacency`
    (n+1, n+1) with 1 from consumer's row to producer's column, `node` and `pool` (a) rows. The last row of `nodes` and of
    `pools` is zeros: nothing."""

    globals: Floats
    nodes: Floats
    pools: Floats
    actions: Floats
    adjacency: Floats
    node: Rows
    pool: Rows


def _squash(values: Floats) -> Floats:
    return np.divide(values, np.float32(1.0) + np.abs(values), dtype=np.float32)


def encode(seen: Observation) -> Encoded:
    """The inputs of one decision; `float32`, `int64` rows."""
    own = seen.globals
    time = np.float32(max(float(own[0]), 1.0))
    plan = np.float32(max(float(own[1]), 1.0)) if own[1] < 1e8 else time
    budget = np.float32(max(float(own[8]), 1e-6))
    cheap = np.float32(max(float(own[11]), 1e-6))
    scales = (np.float32(1.0) / time, np.float32(1.0) / plan)
    money = (np.float32(1.0) / budget, np.float32(1.0) / cheap)

    count = len(seen.nodes)
    nodes = np.zeros((count + 1, NODE_WIDTH), np.float32)
    if count:
        rows = nodes[:count]
        rows[:, :15] = _squash(seen.nodes[:, :15] * scales[0])
        rows[:, 15:30] = _squash(seen.nodes[:, :15] * scales[1])
        rows[:, 30:34] = _squash(seen.nodes[:, 15:19] * money[0])
        rows[:, 34:38] = _squash(seen.nodes[:, 15:19] * money[1])
        rows[:, 38:51] = _squash(seen.nodes[:, 19:32])

    pools = np.zeros((len(seen.pools) + 1, POOL_WIDTH), np.float32)
    if len(seen.pools):
        rows = pools[:-1]
        rows[:, :2] = _squash(seen.pools[:, :2] * scales[0])
        rows[:, 2:4] = _squash(seen.pools[:, :2] * scales[1])
        rows[:, 4:12] = _squash(seen.pools[:, 2:10])
        rows[:, 8] = _squash(seen.pools[:, 6] * (plan * np.float32(0.001) * money[0]))

    actions = np.empty((len(seen.actions), ACTION_WIDTH), np.float32)
    actions[:, :10] = _squash(seen.actions[:, :10] * scales[0])
    actions[:, 10:20] = _squash(seen.actions[:, :10] * scales[1])
    actions[:, 20:23] = _squash(seen.actions[:, 10:13] * money[0])
    actions[:, 23:26] = _squash(seen.actions[:, 10:13] * money[1])
    actions[:, 26:44] = _squash(seen.actions[:, 13:31])

    whole = np.empty(GLOBAL_WIDTH, np.float32)
    whole[:7] = _squash(own[1:8] * scales[0])
    whole[7:15] = _squash(own[:8] * scales[1])
    whole[15:18] = _squash(own[9:12] * money[0])
    whole[18:34] = _squash(own[12:28])

    adjacency = np.zeros((count + 1, count + 1), np.float32)
    if len(seen.edges):
        adjacency[seen.edges[:, 0], seen.edges[:, 1]] = 1.0
    node = np.where(seen.places[:, 0] < 0, count, seen.places[:, 0]).astype(np.int64)
    pool = np.where(seen.places[:, 1] < 0, len(seen.pools), seen.places[:, 1]).astype(np.int64)
    return Encoded(whole, nodes, pools, actions, adjacency, node, pool)
