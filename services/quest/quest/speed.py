"""`python -m quest.speed [FILE]`: what a decision costs, by the number of candidates. One line each, microseconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from conductor.policy.encoder import encode
from conductor.policy.network import Network, shipped
from conductor.policy.tasks import Waiting, observe_waiting

CANDIDATES = (2, 8, 16, 32, 64, 128, 256, 1000)
BUDGET_S = 1.0
"""Spent on each number."""


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """The median and the 99th percentile of a call, in microseconds."""
    took: list[float] = []
    work()
    until = time.perf_counter() + BUDGET_S
    while time.perf_counter() < until or len(took) < 50:
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1e6)
    return float(np.median(took)), float(np.quantile(took, 0.99))


def main(arguments: list[str]) -> None:
    """Prints the curve."""
    network = Network(Path(arguments[0])) if arguments else shipped()
    print("candidates\tnetwork p50\tnetwork p99\tencoder p50")  # noqa: T201 - this is what it is for
    rng = np.random.default_rng(1)
    for count in CANDIDATES:
        tasks = [Waiting(float(ms), 2_000.0) for ms in rng.uniform(10, 1_000, count)]
        seen = observe_waiting(tasks, max(1, count // 4), max(2, count // 2))
        tables = encode(seen)
        p50, p99 = timed(lambda tables=tables: network.scores(tables))  # type: ignore[misc]
        made, _ = timed(lambda seen=seen: encode(seen))  # type: ignore[misc]
        print(f"{count}\t{p50:.0f}\t{p99:.0f}\t{made:.0f}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
