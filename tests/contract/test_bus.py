"""The bus: one suite on NATS (a real broker) and in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from conductor.bus import Bus, BusError, Endpoint, Lease, NatsBus
from conductor.bus.interface import EXPECTED_SEQUENCE, EXPECTED_SUBJECT, Received
from conductor.bus.memory import MemoryBroker, MemoryBus, fits
from conductor.bus.streams import ensure_streams
from tests.broker import Broker

Connect = Callable[[str], "asyncio.Future[Bus]"]


@pytest.fixture(params=["memory", pytest.param("nats", marks=pytest.mark.broker)])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Callable]:
    """Makes buses of one broker."""
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            memory = MemoryBroker()

            async def make(_: str) -> Bus:
                return MemoryBus(memory)
        else:
            broker = await stack.enter_async_context(Broker())
            setup = await broker.connect("setup")
            await ensure_streams(setup, 1)
            await setup.close()

            async def make(name: str) -> Bus:
                bus = await broker.connect(name)
                stack.push_async_callback(bus.close)
                return bus

        yield make


async def arrived(mailbox, count: int = 1) -> list[Received]:
    found: list[Received] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            await mailbox.wait()
            found += mailbox.take_all()
    return found


async def test_a_subscriber_hears_what_is_published_in_order(connect) -> None:
    one, two = await connect("one"), await connect("two")
    mailbox = await two.subscribe("sym.run.acme.*.ended")
    await two.flush()
    for number in range(5):
        await one.publish("sym.run.acme.r.ended", bytes([number]))
    await one.publish("sym.run.other.r.ended", b"no")
    await one.flush()
    assert [m.data for m in await arrived(mailbox, 5)] == [bytes([number]) for number in range(5)]


async def test_a_queue_group_hears_each_message_once(connect) -> None:
    one, two = await connect("one"), await connect("two")
    first, second = await two.subscribe("work", queue="q"), await two.subscribe("work", queue="q")
    await two.flush()
    for number in range(20):
        await one.publish("work", bytes([number]))
    await one.flush()
    heard: list[int] = []
    async with asyncio.timeout(5):
        while len(heard) < 20:
            heard += [m.data[0] for m in (*first.take_all(), *second.take_all())]
            await asyncio.sleep(0.001)
    assert sorted(heard) == list(range(20))


async def test_a_closed_mailbox_hears_nothing_more(connect) -> None:
    bus = await connect("one")
    mailbox = await bus.subscribe("topic")
    await bus.flush()
    await mailbox.close()
    await bus.publish("topic", b"x")
    await bus.flush()
    assert mailbox.take_all() == []


async def test_notify_is_called_at_each_arrival(connect) -> None:
    bus = await connect("one")
    wake = asyncio.Event()
    await bus.subscribe("topic", notify=wake.set)
    await bus.flush()
    await bus.publish("topic", b"x")
    async with asyncio.timeout(5):
        await wake.wait()


async def test_a_request_is_answered_by_a_service(connect) -> None:
    server, asker = await connect("server"), await connect("asker")

    async def double(message: Received) -> bytes:
        if not message.data:
            raise BusError("invalid", "nothing to double")
        return message.data * 2

    await server.serve("doubler", "1.2.3", "doubles", [Endpoint("double", "sym.double", double)])
    await server.flush()
    assert await asker.request("sym.double", b"ab") == b"abab"
    with pytest.raises(BusError) as refused:
        await asker.request("sym.double", b"")
    assert refused.value.kind == "invalid"
    info = json.loads(await asker.request("$SRV.INFO.doubler", b""))
    assert (info["name"], info["version"]) == ("doubler", "1.2.3")


async def test_a_request_that_nobody_answers_says_so_at_once(connect) -> None:
    bus = await connect("one")
    with pytest.raises(BusError) as refused:
        await bus.request("nobody.here", b"")
    assert refused.value.kind == "unavailable"


async def test_a_late_answer_is_a_time_out(connect) -> None:
    bus = await connect("one")

    async def never(_: Received) -> bytes:
        await asyncio.sleep(2)
        return b""

    await bus.serve("slow", "1.0.0", "", [Endpoint("slow", "sym.slow", never)])
    await bus.flush()
    with pytest.raises(BusError) as refused:
        await bus.request("sym.slow", b"", timeout_s=0.05)
    assert refused.value.kind == "timed_out"


async def test_durable_messages_are_numbered_and_a_subject_without_stream_is_refused(connect) -> None:
    bus = await connect("one")
    first = await bus.publish_log("sym.log.0.result", b"a")
    assert await bus.publish_log("sym.log.0.result", b"b") == first + 1
    with pytest.raises(BusError) as refused:
        await bus.publish_log("sym.nowhere", b"")
    assert refused.value.kind == "not_found"


async def test_rule_3_a_write_that_expects_an_older_owner_is_fenced(connect) -> None:
    bus = await connect("one")
    owner = await bus.publish_log("sym.log.0.owner", b"first")
    headers = {EXPECTED_SEQUENCE: str(owner), EXPECTED_SUBJECT: "sym.log.0.owner"}
    await bus.publish_log("sym.log.0.decided", b"mine", headers)
    await bus.publish_log("sym.log.0.result", b"others may write other subjects")
    await bus.publish_log("sym.log.0.decided", b"mine again", headers)
    await bus.publish_log("sym.log.0.owner", b"second")
    with pytest.raises(BusError) as refused:
        await bus.publish_log("sym.log.0.decided", b"too late", headers)
    assert refused.value.kind == "fenced"


async def test_a_lease_has_one_holder_until_it_is_released(connect) -> None:
    one, two = await connect("one"), await connect("two")
    mine, yours = Lease(one, "sym_owners", "conductor.0", "a"), Lease(two, "sym_owners", "conductor.0", "b")
    assert await mine.acquire()
    assert not await yours.acquire()
    revision = mine.revision
    await mine.renew()
    assert mine.revision > revision
    await mine.release()
    assert await yours.acquire()
    assert yours.revision > mine.revision
    with pytest.raises(BusError) as refused:
        await mine.renew()
    assert refused.value.kind == "fenced"


@pytest.mark.broker
async def test_a_lease_that_is_given_back_leaves_no_key_behind() -> None:
    async with Broker() as broker:
        bus = await broker.connect("one")
        await ensure_streams(bus, 1)
        lease = Lease(bus, "sym_owners", "tracker-member.once", "a")
        assert await lease.acquire()
        await lease.release()
        assert await lease.holder() is None
        ask = json.dumps({"subjects_filter": "$KV.sym_owners.tracker-member.*"}).encode()
        async with asyncio.timeout(10):
            while json.loads(await bus.request("$JS.API.STREAM.INFO.KV_sym_owners", ask))["state"].get("subjects"):
                await asyncio.sleep(0.05)
        assert await lease.acquire()
        await bus.close()


async def test_a_lease_that_is_not_renewed_is_taken(connect) -> None:
    one, two = await connect("one"), await connect("two")
    mine, yours = Lease(one, "sym_owners", "conductor.1", "a"), Lease(two, "sym_owners", "conductor.1", "b")
    assert await mine.acquire()
    async with asyncio.timeout(10):
        while not await yours.acquire():
            await asyncio.sleep(0.1)
    with pytest.raises(BusError) as refused:
        await mine.renew()
    assert refused.value.kind == "fenced"


@pytest.mark.parametrize(
    ("pattern", "subject", "fit"),
    [
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.b.d", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a", "a.b", False),
        ("a.b", "a", False),
    ],
)
def test_patterns_fit_as_the_broker_fits_them(pattern: str, subject: str, fit: bool) -> None:
    assert fits(pattern, subject) is fit


@pytest.mark.broker
async def test_no_broker_is_said_in_one_line() -> None:
    from conductor.bus import BusOptions

    with pytest.raises(BusError) as refused:
        await NatsBus.connect(BusOptions("nats://127.0.0.1:9", "nobody"))
    assert refused.value.kind == "unavailable"
    assert "127.0.0.1:9" in str(refused.value)


@pytest.mark.broker
async def test_a_bus_comes_back_after_the_broker_did_and_its_subscriptions_with_it() -> None:
    async with Broker() as broker:
        bus = await broker.connect("one")
        await ensure_streams(bus, 1)
        mailbox = await bus.subscribe("topic")
        before = await bus.publish_log("sym.log.0.result", b"kept")
        broker.kill()
        await broker.resume()
        async with asyncio.timeout(20):
            while True:
                try:
                    after = await bus.publish_log("sym.log.0.result", b"later")
                    break
                except BusError as error:
                    assert error.kind in ("unavailable", "timed_out")
                    await asyncio.sleep(0.05)
            assert after == before + 1  # what was acknowledged is still there
            while not mailbox.take_all():
                await bus.publish("topic", b"x")
                await asyncio.sleep(0.05)
        await bus.close()
