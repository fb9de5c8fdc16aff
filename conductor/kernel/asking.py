"""Carries questions about an order to Arbitration, off the path: no beat waits for what is answered here."""

from __future__ import annotations

import asyncio
import logging

from conductor.bus import Bus, BusError
from conductor.bus.tasks import stopped
from conductor.kernel.orders import Orders
from conductor.observe import metrics
from conductor.wire import subjects
from conductor.wire.base import WireError, decode, encode
from conductor.wire.grants import Contend, Order

_log = logging.getLogger("symphony.kernel")

ANSWER_TIME_S = 0.5
"""An answer that is later speaks of claimants who have been served meanwhile."""


class Asking:
    """Sends what `Orders` wants to know. As many questions are under way as it allows."""

    def __init__(self, bus: Bus, orders: Orders) -> None:
        self._bus = bus
        self._orders = orders
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self) -> None:
        """Send the questions that a beat left. Returns at once."""
        for question in self._orders.take():
            task = asyncio.create_task(self._ask(question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, question: Contend) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIME_S):
                reply = await self._bus.request(subjects.pit("arbitration", "order"), encode(question), ANSWER_TIME_S)
            order = decode(reply, Order)
        except (BusError, WireError, TimeoutError) as error:
            metrics.ORDERS.labels("failed").inc()
            _log.debug("no order for %s, so shares decide: %s", question.capability, error or "no answer in time")
            self._orders.failed(question)
            return
        metrics.ORDERS.labels("answered").inc()
        self._orders.answered(question, order)

    async def close(self) -> None:
        """Ask no more."""
        await stopped(self._tasks)
