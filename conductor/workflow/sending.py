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
LEADERLESS_S, LEADERLESS_WAIT_S = 8.0, 0.1
"""Several brokers choose another leader of a stream in a few seconds. A stream that is not there after this will not be:
its broker's disk is full, or it was never made."""


async def patiently(send: Callable[[], Awaitable[R]], patience_s: float) -> R:
    """Do it, and again after the time that a refusal of kind `busy` states, longer each time, spread, while all of it takes
    no longer than `patience_s`; at once where no word came, and for a while where no stream answers, as while brokers
    choose another leader. Only for what may be sent twice.

    Raises:
        BusError: `busy` with its `retry_after_s`, or `timed_out`, once patience is over; `not_found` after `LEADERLESS_S`;
            every other kind at once.
    """
    began = time.monotonic()
    deadline = began + patience_s
    factor = 1.0
    while True:
        try:
            return await send()
        except BusError as error:
            now = time.monotonic()
            if error.kind == "timed_out" and now < deadline:
                continue
            if error.kind == "not_found" and now < min(deadline, began + LEADERLESS_S):
                await asyncio.sleep(LEADERLESS_WAIT_S * (1 + SPREAD * random.random()))  # noqa: S311
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
