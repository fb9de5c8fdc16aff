"""Results on their way to the log: one message outstanding for each subject, and the next gathers all that ended meanwhile.

A result is not given up while the process lives: the broker's acknowledgement alone ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from conductor.bus import Bus, BusError
from conductor.wire import bounds
from conductor.wire.base import encode
from conductor.wire.log import Failed, ResultBatch, Succeeded, TaskResult
from conductor.worker.ledger import Key

_log = logging.getLogger("symphony.worker")

BATCH_BYTES_MAX = bounds.MESSAGE_BYTES_MAX // 2
"""Of one message: half of what the broker takes, so that what encoding adds does not matter."""
RETRY_FIRST_S, RETRY_LAST_S = 0.02, 2.0


class Results:
    """Group commit. `stored` hears of every attempt whose result the broker has, with its sequence."""

    def __init__(self, bus: Bus, worker: str, stored: Callable[[Key, int], None]) -> None:
        self._bus = bus
        self._worker = worker
        self._stored = stored
        self._waiting: dict[str, list[tuple[Key, TaskResult]]] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}

    @property
    def empty(self) -> bool:
        return not self._sending and not any(self._waiting.values())

    def push(self, subject: str, key: Key, result: TaskResult) -> None:
        """Hand over a result; it goes at once, or with the next message of its subject."""
        self._waiting.setdefault(subject, []).append((key, result))
        if subject not in self._sending:
            self._sending[subject] = asyncio.create_task(self._drain(subject))

    async def _drain(self, subject: str) -> None:
        try:
            while self._waiting.get(subject):
                waiting = self._waiting[subject]
                size, count = 0, 0
                for _, result in waiting[: bounds.BATCH_COUNT_MAX]:
                    size += _weight(result)
                    if count and size > BATCH_BYTES_MAX:
                        break
                    count += 1
                batch, self._waiting[subject] = waiting[:count], waiting[count:]
                sequence = await self._publish(subject, [result for _, result in batch])
                for key, _ in batch:
                    self._stored(key, sequence)
        finally:
            del self._sending[subject]

    async def _publish(self, subject: str, results: list[TaskResult]) -> int:
        data = encode(ResultBatch(worker=self._worker, results=results))
        wait_s = RETRY_FIRST_S
        while True:
            try:
                return await self._bus.publish_log(subject, data)
            except BusError as error:
                _log.warning("%d results are not stored yet: %s", len(results), error)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_LAST_S)


def _weight(result: TaskResult) -> int:
    outcome = result.outcome
    inside = len(outcome.output) if isinstance(outcome, Succeeded) else 0
    if isinstance(outcome, Failed):
        inside = len(outcome.error.message)
    return inside + len(result.task) + 256
