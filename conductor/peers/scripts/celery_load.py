"""Celery's client: a canvas chain a run, and its result from the backend."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging

import load
from celery import chain
from celery_app import echo, noop

IN_FLIGHT_MAX = 500
logging.disable(logging.WARNING)


def run(kind: str) -> object:
    """Begin a run and wait for its end; results are fetched by the client's own waiting."""
    if kind == "flow":
        first, *others = load.FLOW
        steps = [echo.s({"order": load.ORDER}, first), *(echo.s(step) for step in others)]
    else:
        steps = [noop.s() for _ in range(load.CHAIN_STEPS if kind == "chain" else 1)]
    result = chain(*steps).apply_async() if len(steps) > 1 else steps[0].apply_async()
    return result.get(timeout=120)


async def main() -> None:
    said = load.arguments()
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(IN_FLIGHT_MAX) as threads:

        async def begin(kind: str) -> object:
            return await loop.run_in_executor(threads, run, kind)

        await load.measure(begin, said.scenarios, said.window, said.runs)


asyncio.run(main())
