"""Events on a real broker: those that happen while it is away, or after, come all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from conductor.bus import NatsBus
from conductor.bus.streams import ensure_streams
from conductor.kernel import clock
from conductor.kernel.events import Events
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.runs import Occurred
from conductor.wire.values import pack
from tests.broker import Broker

pytestmark = pytest.mark.broker


class Heard:
    """What was written to the log, once each; whoever waits hears of it."""

    def __init__(self) -> None:
        self.values: dict[int, bytes] = {}
        self._more = asyncio.Event()

    def write(self, name: str, sequence: int, at_ms: int, value: bytes) -> bool:
        assert name == "paid"
        self.values[sequence] = value
        self._more.set()
        return True

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.values) < count:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with Broker() as made:
        yield made


async def happen(bus: NatsBus, number: int) -> None:
    await bus.publish_log(subjects.event("paid"), encode(Occurred(value=pack(number))))


async def test_events_are_heard_again_after_the_broker_came_back(broker: Broker) -> None:
    bus = await broker.connect("conductor")
    await ensure_streams(bus, 1)
    heard, events = Heard(), Events(bus)
    since_ms = clock.wall_ms() - 1000
    await happen(bus, 1)
    events.listen(0, {"paid": since_ms}, heard.write)
    await heard.until(1)
    for number in (2, 3):
        broker.kill()
        await broker.resume()
        other = await broker.connect("other")
        await happen(other, number)
        await other.close()
        await heard.until(number)
    assert [heard.values[key] for key in sorted(heard.values)] == [pack(1), pack(2), pack(3)]
    await events.close()
    await bus.close()


async def test_an_event_that_was_sent_and_did_not_come_is_asked_for_again(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[Msg] = []
    read = Subscription.next_msg

    async def losing(self: Subscription, timeout: float | None = 1.0) -> Msg:
        message = await read(self, timeout)
        if not lost and message.data == encode(Occurred(value=pack(2))):
            lost.append(message)
            return await read(self, timeout)
        return message

    monkeypatch.setattr(Subscription, "next_msg", losing)
    bus = await broker.connect("conductor")
    await ensure_streams(bus, 1)
    heard, events = Heard(), Events(bus)
    events.listen(0, {"paid": clock.wall_ms() - 1000}, heard.write)
    for number in (1, 2):
        await happen(bus, number)
        await heard.until(number)
    assert len(lost) == 1
    await events.close()
    await bus.close()
