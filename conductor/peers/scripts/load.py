"""The closed loop that every peer's Python client is measured by. It needs nothing but Python.

`begin(kind)` starts a run of `chain`, `one` or `flow` and returns when it has ended. Rows are those of `symphony bench`:
the same names, units and quantiles.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable

CHAIN_STEPS = 40
FLOW = ("validate", "reserve", "price", "charge", "invoice", "pack", "label", "ship", "notify")
ORDER = {"id": 1, "sku": "a-1", "count": 2, "cents": 4990}
WARM_UP_RUNS = 20
ENOUGH = 3
"""Runs of each client that end in a window, on average, for it to be taken by itself."""
Begin = Callable[[str], Awaitable[object]]


def quantile(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, round(part * (len(times) - 1)))]


def row(name: str, unit: str, value: float, times_ms: list[float]) -> dict[str, object]:
    times_ms.sort()
    figures = {"p50": quantile(times_ms, 0.5), "p99": quantile(times_ms, 0.99), "runs": len(times_ms)}
    return {"name": name, "unit": unit, "value": value, **figures, "loop": "closed"}


async def alone(begin: Begin, kind: str, runs: int) -> list[float]:
    """Milliseconds of each run, one after the other."""
    times = []
    for number in range(runs + WARM_UP_RUNS):
        began = time.perf_counter()
        await begin(kind)
        if number >= WARM_UP_RUNS:
            times.append((time.perf_counter() - began) * 1000)
    return times


async def many(begin: Begin, kind: str, in_flight: int, window_s: float) -> tuple[float, list[float]]:
    """Runs a second that ended in the window, and the milliseconds of each; a fifth of it goes by before it is measured.

    Where so few ended in it that a run takes about as long as the window, it says little: then all that were begun count,
    over the time until the last of them has ended.
    """
    times: list[float] = []
    all_times: list[float] = []
    first_s = time.perf_counter()
    began_s = first_s + window_s / 5
    until_s = began_s + window_s

    async def client() -> None:
        while (now := time.perf_counter()) < until_s:
            await begin(kind)
            ended = time.perf_counter()
            all_times.append((ended - now) * 1000)
            if began_s <= ended < until_s:
                times.append((ended - now) * 1000)

    await asyncio.gather(*(client() for _ in range(in_flight)))
    if len(times) < ENOUGH * in_flight:
        return len(all_times) / (time.perf_counter() - first_s), all_times
    return len(times) / window_s, times


async def measure(begin: Begin, scenarios: list[str], window_s: float, runs: int) -> None:
    """Print the rows of some scenarios."""

    def say(*figures: object) -> None:
        print(json.dumps(row(*figures)), flush=True)  # type: ignore[arg-type]

    if "chain" in scenarios:
        times = [ms / CHAIN_STEPS for ms in await alone(begin, "chain", runs)]
        say("chain_40", "ms", quantile(sorted(times), 0.5), times)
    for scenario, name, count in (("one", "one_step", runs * 5), ("flow", "flow_9", runs)):
        if scenario not in scenarios:
            continue
        times = await alone(begin, scenario, count)
        say(name, "ms", quantile(sorted(times), 0.5), times)
        for in_flight in (50, 500):
            rate, times = await many(begin, scenario, in_flight, window_s)
            say(f"{name}_{in_flight}", "runs/s", rate, times)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--window", type=float, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--scenarios", nargs="+", required=True)
    return parser.parse_args()
