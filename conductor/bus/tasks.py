"""Ending tasks for sure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.1
"""A task that has not ended by then is cancelled once more."""


async def stopped(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait until they are over, whatever they raise.

    Once is not enough: before Python 3.12 `asyncio.wait_for` swallows a cancellation that comes in the moment in which what
    it waits for is done (python/cpython#86296), and a task that goes round and round would go on for ever.
    """
    all_of_them = list(tasks)
    going = {task for task in all_of_them if not task.done()}
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=AGAIN_S)
    for task in all_of_them:
        if not task.cancelled():
            task.exception()  # it was looked at: nothing is said of it at the end of the loop
