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
from contextlib import suppress
from itertools import count

CHAIN_STEPS = 40
FLOW = ("validate", "reserve", "price", "charge", "invoice", "pack", "label", "ship", "notify")
ORDER = {"id": 1, "sku": "a-1", "count": 2, "cents": 4990}
PLAN = (
    ("chain_40", "chain", 1),
    ("one_step", "one", 1),
    ("flow_9", "flow", 1),
    ("one_step_50", "one", 50),
    ("flow_9_50", "flow", 50),
    ("one_step_500", "one", 500),
    ("flow_9_500", "flow", 500),
)
"""Name, kind and runs under way: what leaves most behind when it is given up comes last."""
WARM_UP_RUNS = 20
WARM_UP_TIME_S = 10.0
"""Or fewer of them, one at least, where they take longer than this."""
ENOUGH_TIME_S = 30.0
LONGEST_S = 180.0
"""Of one scenario; with its window, all seven take less than the half hour that a load generator has."""
WHY_MAX = 200
ENOUGH = 3
"""Runs of each client that end in a window, on average, for it to be taken by itself."""
Begin = Callable[[str], Awaitable[object]]


def quantile(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, round(part * (len(times) - 1)))]


def row(name: str, unit: str, value: float, times_ms: list[float]) -> dict[str, object]:
    times_ms.sort()
    figures = {"p50": quantile(times_ms, 0.5), "p99": quantile(times_ms, 0.99), "runs": len(times_ms)}
    return {"name": name, "unit": unit, "value": value, **figures, "loop": "closed"}


class TooLongError(Exception):
    """What was given up, and how far it had come."""


async def alone(begin: Begin, kind: str, runs: int) -> list[float]:
    """Milliseconds of each run, one after the other; of fewer, one at least, where `ENOUGH_TIME_S` is over before.

    Raises:
        TooLongError: not even one had ended in `LONGEST_S`.
    """
    times: list[float] = []
    first_s = time.perf_counter()
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_S):
            for number in count():
                began_s = time.perf_counter()
                if len(times) >= runs or (times and began_s - first_s > ENOUGH_TIME_S):
                    break
                await begin(kind)
                if number >= WARM_UP_RUNS or (number and began_s - first_s > WARM_UP_TIME_S):
                    times.append((time.perf_counter() - began_s) * 1000)
    if not times:
        raise TooLongError(f"after the first ones, no run had ended in {LONGEST_S:.0f} s")
    return times


async def many(begin: Begin, kind: str, in_flight: int, window_s: float) -> tuple[float, list[float]]:
    """Runs a second that ended in the window, and the milliseconds of each; a fifth of it goes by before it is measured.

    Where so few ended in it that a run takes about as long as the window, it says little: then all that were begun count,
    over the time until the last of them has ended.

    Raises:
        TooLongError: some had not ended `LONGEST_S` after the window.
    """
    times: list[float] = []
    all_times: list[float] = []
    first_s = time.perf_counter()
    began_s = first_s + window_s / 5
    until_s = began_s + window_s

    async def client() -> None:
        # One at least of each: a client library may keep the loop so busy that the window is over before all have begun.
        ended = 0.0
        while ended < until_s:
            now = time.perf_counter()
            await begin(kind)
            ended = time.perf_counter()
            all_times.append((ended - now) * 1000)
            if began_s <= ended < until_s:
                times.append((ended - now) * 1000)

    try:
        async with asyncio.timeout(until_s - first_s + LONGEST_S), asyncio.TaskGroup() as clients:
            for _ in range(in_flight):
                clients.create_task(client())
    except TimeoutError:
        said = f"with {in_flight} under way {len(all_times)} runs had ended {LONGEST_S:.0f} s after the load"
        raise TooLongError(said) from None
    if len(times) < ENOUGH * in_flight:
        return len(all_times) / (time.perf_counter() - first_s), all_times
    return len(times) / window_s, times


async def measure(begin: Begin, scenarios: list[str], window_s: float, runs: int) -> None:
    """Print the rows of some scenarios. One that takes too long or fails is left out, with all after it: they have more
    under way, and its own runs may still be."""
    left_out = None
    for name, kind, in_flight in PLAN:
        if kind not in scenarios:
            continue
        if left_out is None:
            try:
                made = await scenario(begin, name, kind, in_flight, window_s, runs)
            except Exception as error:  # a peer's client raises what it likes: it is said, and not lost
                left_out = name
                made = {"name": name, "why": why(error)}
        else:
            made = {"name": name, "why": f"not tried after {left_out}"}
        print(json.dumps(made), flush=True)


async def scenario(begin: Begin, name: str, kind: str, in_flight: int, window_s: float, runs: int) -> dict[str, object]:
    """Its row."""
    if in_flight > 1:
        rate, times = await many(begin, kind, in_flight, window_s)
        return row(name, "runs/s", rate, times)
    times = await alone(begin, kind, runs * 5 if kind == "one" else runs)
    if kind == "chain":
        times = [ms / CHAIN_STEPS for ms in times]
    return row(name, "ms", quantile(sorted(times), 0.5), times)


def why(error: BaseException) -> str:
    """A line of what failed: of several at once, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TooLongError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:WHY_MAX]}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--window", type=float, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--scenarios", nargs="+", required=True)
    return parser.parse_args()
