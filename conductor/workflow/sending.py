"""What clients send: in messages of a bounded size, and again, after a while, where a busy system refused it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from conductor.bus import BusError
from conductor.wire import bounds
from conductor.wire.runs import Submit

R = TypeVar("R")

BATCH_BYTES_MAX = 1024 * 1024
SPREAD = 0.5
"""Of a wait: clients that were refused together shall not come back together."""
GROWTH, WAIT_S_MAX = 1.5, 15.0


async def patiently(send: Callable[[], Awaitable[R]], patience_s: float) -> R:
    """Do it, and again after the time that a refusal of kind `busy` states, longer each time, spread, while all of it takes
    no longer than `patience_s`; at once where no word came, as from brokers that choose another leader. Only for what may
    be sent twice.

    Raises:
        BusError: `busy` with its `retry_after_s`, or `timed_out`, once patience is over; every other kind at once.
    """
    deadline = time.monotonic() + patience_s
    factor = 1.0
    while True:
        try:
            return await send()
        except BusError as error:
            if error.kind == "timed_out" and time.monotonic() < deadline:
                continue
            if error.kind != "busy":
                raise
            wait_s = min((error.retry_after_s or 0.0) * factor, WAIT_S_MAX) * (1 + SPREAD * random.random())  # noqa: S311
            if time.monotonic() + wait_s > deadline:
                raise
        await asyncio.sleep(wait_s)
        factor *= GROWTH


def batches(runs: Sequence[Submit]) -> list[list[Submit]]:
    """Runs in messages of at most a megabyte."""
    made: list[list[Submit]] = [[]]
    size = 0
    for run in runs:
        weight = len(run.document) + len(run.inputs) + 512
        if made[-1] and (size + weight > BATCH_BYTES_MAX or len(made[-1]) >= bounds.BATCH_COUNT_MAX):
            made.append([])
            size = 0
        made[-1].append(run)
        size += weight
    return made
