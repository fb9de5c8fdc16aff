"""Observations of what the conductor knows of tasks: how long their paths still are, and how often they failed.

A workflow gives the graph, so calls need not be searched for: the tracker's `rest` stands for the plan. The trainer shows
the network the game in this form too (`quest.train.thin`), or it would meet it in production for the first time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from conductor.policy.observation import ACTIONS, GLOBALS, KIND, KINDS, NODES, POOLS, Floats, Observation

Trouble = Literal["transient", "permanent", "garbage", "rate limited", "input lost", "infrastructure"]
Kind = Literal["retry now", "retry later", "fallback", "skip", "halt"]
_TROUBLES = ("transient", "permanent", "garbage", "rate limited", "input lost", "infrastructure")
_NO_EDGES = np.zeros((0, 2), np.int32)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that could start. `rest_ms`: from its start to the end of its run along the longest path; `left_ms`: until the
    deadline, none where there is none."""

    rest_ms: float
    left_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be done after a failure, and when it would begin."""

    kind: Kind
    delay_ms: float = 0.0


def _globals(left_ms: float, end_ms: float) -> Floats:
    row = np.zeros(len(GLOBALS), np.float32)
    row[0] = left_ms
    row[1:4] = end_ms
    row[4:7] = left_ms - end_ms
    row[8] = 1.0
    row[12] = 1.0
    row[26] = 1.0
    return row


def observe_waiting(tasks: Sequence[Waiting], free: int, slots: int) -> Observation:
    """Tasks that want the same slots, of which `free` of `slots` are empty: one action each, no waiting.

    Tasks without a deadline are shown with one that twice the longest path would meet.
    """
    count = len(tasks)
    rest = np.array([task.rest_ms for task in tasks], np.float32)
    end_ms = max(float(rest.max(initial=1.0)), 1.0)
    left = np.array([end_ms * 2 if task.left_ms is None else task.left_ms for task in tasks], np.float32)
    horizon = max(float(left.max(initial=1.0)), 1.0)
    nodes = np.zeros((count, len(NODES)), np.float32)
    nodes[:, 5:8] = rest[:, None]
    nodes[:, 8:11] = (left - rest)[:, None]
    nodes[:, 19:22] = 1.0
    actions = np.zeros((count, len(ACTIONS)), np.float32)
    actions[:, 3:6] = (left - rest)[:, None]
    actions[:, 9] = left - rest
    actions[:, 13:18] = 1.0
    actions[:, KIND] = 1.0
    places = np.stack([np.arange(count), np.zeros(count)], 1).astype(np.int32)
    whole = _globals(horizon, end_ms)
    whole[14], whole[15], whole[16] = slots, slots - free, slots - free
    return Observation(whole, nodes, _pools(free, slots), actions, places, _NO_EDGES)


def observe_failure(
    trouble: Trouble, failures: int, choices: Sequence[Choice], rest_ms: float, left_ms: float | None
) -> Observation:
    """A call that failed `failures` times in a row, and what may be done.

    Without a deadline it is shown with one that three times the rest and the longest delay would meet.
    """
    wait_ms = max((choice.delay_ms for choice in choices), default=0.0)
    left = (max(rest_ms, 1.0) + wait_ms) * 3 if left_ms is None else left_ms
    whole = _globals(max(left, 1.0), max(rest_ms, 1.0))
    whole[18] = 1.0
    whole[19 + _TROUBLES.index(trouble)] = 1.0
    whole[25] = failures
    node = np.zeros((1, len(NODES)), np.float32)
    node[0, 5:8] = rest_ms
    node[0, 8:11] = left - rest_ms
    node[0, 19:22] = 1.0
    node[0, 24], node[0, 25] = failures, failures
    actions = np.zeros((len(choices), len(ACTIONS)), np.float32)
    for row, choice in enumerate(choices):
        actions[row, KIND + KINDS.index(choice.kind)] = 1.0
        actions[row, 0] = choice.delay_ms
        actions[row, 13] = float(choice.kind == "fallback")
    places = np.zeros((len(choices), 2), np.int32)
    return Observation(whole, node, _pools(1, 1), actions, places, _NO_EDGES)


def _pools(free: int, slots: int) -> Floats:
    row = np.zeros((1, len(POOLS)), np.float32)
    row[0, 2], row[0, 3], row[0, 4], row[0, 5], row[0, 9] = slots, free, 1.0, 1.0, 1.0
    return row
