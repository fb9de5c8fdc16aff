"""The game as production would tell of it: tasks with their remaining paths, failures with what a document allows."""

from __future__ import annotations

import numpy as np

from conductor.policy.observation import KIND, KINDS, Observation
from conductor.policy.tasks import Choice, Kind, Trouble, Waiting, observe_failure, observe_waiting
from quest.train.samples import Sample

ALLOWED: tuple[Kind, ...] = ("retry now", "retry later", "fallback", "skip", "halt")
TROUBLES: tuple[Trouble, ...] = (
    "transient", "permanent", "garbage", "rate limited", "input lost", "infrastructure",
)  # fmt: skip


def thinned(sample: Sample) -> Sample | None:
    """The same decision seen so; none where production has no such decision."""
    seen = Observation.of(sample.tables)
    return _failure(seen, sample) if seen.globals[18] > 0 else _waiting(seen, sample)


def _waiting(seen: Observation, sample: Sample) -> Sample | None:
    """Starts of functions that the fastest plan has; of a function's pools the best counts."""
    worth: dict[int, float] = {}
    for row, value in enumerate(sample.worth):
        node = int(seen.places[row, 0])
        if seen.actions[row, KIND] > 0 and seen.actions[row, 13] > 0 and node >= 0:
            worth[node] = max(worth.get(node, 0.0), value)
    if len(worth) < 2:
        return None
    tasks = []
    for node in worth:
        row = seen.nodes[node]
        rest_ms = float(row[5] + row[0])
        tasks.append(Waiting(rest_ms, float(row[8] + row[5])))
    slots = int(seen.globals[14])
    free = max(1, slots - int(seen.globals[15]))
    return _sample(sample.level, observe_waiting(tasks, free, slots), list(worth.values()))


def _failure(seen: Observation, sample: Sample) -> Sample | None:
    node = int(seen.places[0, 0])
    trouble = TROUBLES[int(np.argmax(seen.globals[19:25]))]
    choices, worth = [], []
    for row, value in enumerate(sample.worth):
        kind = KINDS[int(np.argmax(seen.actions[row, KIND:]))]
        for allowed in ALLOWED:
            if kind == allowed:
                delay_ms = float(seen.actions[row, 0]) if kind == "retry later" else 0.0
                choices.append(Choice(allowed, delay_ms))
                worth.append(value)
    if len(choices) < 2 or node < 0:
        return None
    row = seen.nodes[node]
    rest_ms, left_ms = float(row[5] + row[0]), float(row[8] + row[5])
    made = observe_failure(trouble, int(seen.globals[25]), choices, rest_ms, left_ms)
    return _sample(sample.level, made, worth)


def _sample(level: int, seen: Observation, worth: list[float]) -> Sample:
    tables = [seen.globals, seen.nodes, seen.pools, seen.actions, seen.places, seen.edges]
    return Sample(level, [table.tobytes() for table in tables], worth)
