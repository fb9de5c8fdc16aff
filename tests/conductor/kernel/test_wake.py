"""What a beat waits for: set before, set while it waits, the time-out, and no more than one beat for many arrivals."""

from __future__ import annotations

import asyncio
import time

from conductor.kernel.wake import Wake

LONG_S = 30.0


async def test_what_was_set_before_is_not_waited_for() -> None:
    wake = Wake()
    wake.set()
    began = time.monotonic()
    assert await wake.wait(LONG_S)
    assert time.monotonic() - began < LONG_S / 2


async def test_one_that_waits_goes_on_when_it_is_set() -> None:
    wake = Wake()
    waiting = asyncio.create_task(wake.wait(LONG_S))
    await asyncio.sleep(0)
    wake.set()
    wake.set()
    assert await waiting
    assert not await wake.wait(0.001), "two arrivals during one wait are one beat"


async def test_the_time_ends_a_wait_that_nothing_set() -> None:
    assert not await Wake().wait(0.001)


async def test_a_wait_that_was_cancelled_leaves_nothing_behind() -> None:
    wake = Wake()
    waiting = asyncio.create_task(wake.wait(LONG_S))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    wake.set()
    assert await wake.wait(LONG_S)
