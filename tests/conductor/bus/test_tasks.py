"""Tasks end, also those that swallow a cancellation."""

from __future__ import annotations

import asyncio

from conductor.bus.tasks import stopped


async def test_a_task_that_swallows_a_cancellation_ends_all_the_same() -> None:
    swallowed = 0

    async def goes_on() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:  # as wait_for may, where what it waits for is done in that moment
                swallowed += 1
                if swallowed > 2:
                    raise

    task = asyncio.create_task(goes_on())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await stopped([task])
    assert task.cancelled()
    assert swallowed == 3


async def test_what_ended_before_and_what_failed_are_no_trouble() -> None:
    async def fails() -> None:
        raise ValueError("no")

    done = [asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(fails())]
    await asyncio.sleep(0.01)
    await stopped(done)
    await stopped([])
