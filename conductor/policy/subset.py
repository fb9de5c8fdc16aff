"""A part of the trajectories to train on: by training value, or by chance to compare with.

A run is drawn with a chance that grows with its value, and its weight is one over that chance: sums over the weighted part
estimate sums over the whole without bias, also where value goes by the outcome. Taking the most valuable runs as they are
would not: of what mostly succeeds the failures would be left.

Source: N. Duffield, C. Lund and M. Thorup, Priority sampling for estimation of arbitrary subset sums, Journal of the ACM
54, 2007.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

VALUE_MIN = 0.01
"""The least that a run counts for in the draw: one of no value at all would have no chance, and its weight no bound."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that may be kept. `shape` names the runs that are alike; None: it is unlike any."""

    run: str
    value: float
    shape: str | None = None


def candidates(rows: Iterable[dict[str, Any]]) -> list[Candidate]:
    """The runs of exported trajectories, in the order in which they come; without those whose worth nobody knows."""
    found: dict[str, Candidate] = {}
    for row in rows:
        run, worth = row.get("run"), row.get("worth")
        if run is not None and worth is not None and run not in found:
            found[run] = Candidate(run, worth["value"], worth["shape"])
    return list(found.values())


def keep(
    runs: Iterable[Candidate], fraction: float, by: Literal["value", "random"] = "value", seed: int = 0
) -> dict[str, float]:
    """A share of the runs, at least one, with the weight of each: what it stands for among all of them.

    `by="value"`: a run's chance goes by its value, divided by the square root of the number of runs that are alike, so that
    a thousand of a kind do not crowd out what there is once. `by="random"`: every run has the same chance. The same `seed`
    gives the same part.

    Raises:
        ValueError: `fraction` is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}: it has to be above 0 and at most 1")
    pool = sorted(runs, key=lambda candidate: candidate.run)
    if not pool:
        return {}
    count = max(round(len(pool) * fraction), 1)
    alike = Counter(candidate.shape for candidate in pool if candidate.shape is not None)
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated guards no secret
    drawn = []
    for candidate in pool:
        size = 1.0
        if by == "value":
            crowd = 1 if candidate.shape is None else alike[candidate.shape]
            size = max(candidate.value, VALUE_MIN) / crowd**0.5
        drawn.append((size / (1.0 - chance.random()), size, candidate.run))
    drawn.sort(reverse=True)
    # Given the first priority that is not kept, each of the others is kept with the chance size / threshold, at most 1.
    threshold = drawn[count][0] if count < len(drawn) else 0.0
    return {run: max(threshold / size, 1.0) for _, size, run in drawn[:count]}
