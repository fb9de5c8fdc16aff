"""What a beat waits for: something arrived, or its time came."""

from __future__ import annotations

import asyncio


class Wake:
    """An event with a time-out, for one waiter.

    `asyncio.wait_for` makes a task and two turns of the loop for each wait. A beat waits once a step: that was a tenth of
    what a step cost the conductor.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Something is to be done: the waiter goes on in the next turn of the loop, or does not wait at all."""
        self._is_set = True
        self._release()

    async def wait(self, at_most_s: float) -> bool:
        """Until it is set, or `at_most_s` seconds have passed; whether it was set, which it then no longer is."""
        if not self._is_set:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(at_most_s, self._release)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        was_set, self._is_set = self._is_set, False
        return was_set

    def _release(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
