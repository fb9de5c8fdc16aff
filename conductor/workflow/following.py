"""Following a run to its end: its events, which are lossy, and a slow question beside them, which finds what was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from conductor.bus import Mailbox
from conductor.bus.tasks import stopped
from conductor.wire.base import decode
from conductor.wire.runs import RunEnded, RunEvent

POLL_FIRST_S, POLL_LAST_S = 0.5, 5.0
"""Between questions about a run that is followed: its events come at once, so these only find what was lost."""


async def follow(mailbox: Mailbox, ask: Callable[[], Awaitable[RunEnded | None]], run: str) -> AsyncIterator[RunEvent]:
    """The events of a run until it ends; the last one is always `ended`, from whichever tells it first.

    Whoever is asked may die before it answers: the events are listened to meanwhile.
    """
    asking: asyncio.Future[RunEnded | None] | None = asyncio.ensure_future(ask())
    wait_s, ask_at = POLL_FIRST_S, 0.0
    ended: RunEnded | None = None
    try:
        while ended is None:
            for message in mailbox.take_all():
                event = decode(message.data, RunEvent)
                if event.ended is not None:
                    ended = event.ended
                    break
                yield event
            if ended is not None:
                break
            if asking is not None and asking.done():
                ended, asking = asking.result(), None
                ask_at = time.monotonic() + wait_s
                wait_s = min(wait_s * 1.5, POLL_LAST_S)
                continue
            if asking is None and time.monotonic() >= ask_at:
                asking = asyncio.ensure_future(ask())
            await _either(mailbox, asking, ask_at)
        yield RunEvent(run=run, event="ended", at_ms=ended.ended_at_ms, status=ended.status, ended=ended)
    finally:
        if asking is not None:
            await stopped([asking])


async def _either(mailbox: Mailbox, asking: asyncio.Future[RunEnded | None] | None, ask_at: float) -> None:
    """Until an event, an answer, or the time to ask."""
    heard = asyncio.ensure_future(mailbox.wait())
    try:
        if asking is None:
            await asyncio.wait({heard}, timeout=max(ask_at - time.monotonic(), 0.0))
        else:
            both: set[asyncio.Future[Any]] = {heard, asking}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        heard.cancel()
