"""Rule 8 on a real broker: every bound becomes `busy` for who submits, and never a loss or a stall of what is under way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.msg import Msg

from conductor.bus import BusError, NatsBus
from conductor.bus.streams import ensure_streams
from conductor.kernel.partition import Owned, Partition
from conductor.kernel.room import Room
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.dag import DagShow
from tests.broker import Broker

pytestmark = pytest.mark.broker

RUN = f"{7:032x}"
KILOBYTE = b"x" * 1024


class House:
    """A broker with small bounds, a tracker that says what a test lets it say, and who makes room."""

    def __init__(self, bus: NatsBus) -> None:
        self.bus = bus
        self.shown = DagShow(partition=0)
        self.room = Room(bus, lambda: [], 1)  # looks when the test does

    async def answer(self, message: Msg) -> None:
        await message.respond(encode(self.shown))

    async def submit(self) -> None:
        await self.bus.publish_log(subjects.submit("acme", RUN), KILOBYTE)

    async def cancel(self) -> None:
        await self.bus.publish_log(subjects.cancel("acme", RUN), KILOBYTE)

    async def result(self) -> None:
        await self.bus.publish_log(subjects.log_event(0, "result"), KILOBYTE)

    async def fill(self, send: Any, most: int = 200) -> int:
        """Send until it is refused as busy; how many were taken."""
        for taken in range(most):
            try:
                await send()
            except BusError as error:
                assert (error.kind, error.retry_after_s) == ("busy", 2.0)
                return taken
        raise AssertionError("it was never refused")

    async def api(self, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            await self.bus.request(f"$JS.API.{call}", json.dumps(body).encode() if body else b"")
        )
        assert "error" not in answer, answer
        return answer

    async def count(self, stream: str, pattern: str = ">") -> int:
        """Messages of a stream, by subject."""
        info = await self.api(f"STREAM.INFO.{stream}", {"subjects_filter": pattern})
        return sum(info["state"].get("subjects", {}).values())

    async def until(self, stream: str, pattern: str, count: int) -> None:
        async with asyncio.timeout(20):
            while await self.count(stream, pattern) < count:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def house(**bounds: int) -> AsyncIterator[House]:
    async with Broker() as broker:
        bus = await broker.connect("conductor")
        await ensure_streams(bus, 1, bounds)
        made = House(bus)
        await bus.client.subscribe(subjects.pit("dag", "status", 0), cb=made.answer)
        await bus.flush()
        yield made
        await made.room.close()
        await bus.close()


@pytest.mark.parametrize(
    ("full", "roomy"),
    [
        (DagShow(partition=0, live=100, live_max=100), DagShow(partition=0, live=84, live_max=100)),
        (
            DagShow(partition=0, live=1, memory_bytes=101, memory_high_bytes=100),
            DagShow(partition=0, live=1, memory_bytes=84, memory_high_bytes=100),
        ),
    ],
    ids=["live runs", "memory"],
)
async def test_rule_8_a_full_tracker_has_submissions_refused_and_nothing_else(full: DagShow, roomy: DagShow) -> None:
    async with house() as made:
        await made.submit()
        await made.submit()
        made.shown = full
        await made.room.look()
        assert await made.fill(made.submit) == 0
        await made.result()
        await made.cancel()
        await made.room.look()
        assert await made.count("SYM_IN") == 2, "what was taken stays"
        made.shown = roomy
        await made.room.look()
        await made.submit()


async def test_rule_8_a_gate_that_is_closed_opens_well_below_its_bound() -> None:
    async with house() as made:
        for live, refused in ((100, True), (95, True), (84, False), (95, False)):
            made.shown = DagShow(partition=0, live=live, live_max=100)
            await made.room.look()
            config = (await made.api("STREAM.INFO.SYM_IN"))["config"]
            assert (config["max_msgs"] == 1) is refused, live


async def test_rule_8_a_log_that_is_nearly_full_has_submissions_refused_while_results_have_room() -> None:
    async with house(SYM_LOG=64 * 1024) as made:
        await made.submit()
        for _ in range(57):
            await made.result()
        await made.room.look()
        assert await made.fill(made.submit) == 0
        await made.result()
        await made.api("STREAM.PURGE.SYM_LOG", {"keep": 1})
        await made.room.look()
        await made.submit()


async def test_rule_8_what_was_acknowledged_waits_for_room_in_the_log_and_is_not_dropped_meanwhile() -> None:
    async with house(SYM_LOG=16 * 1024, SYM_IN=64 * 1024) as made:
        await made.fill(made.result)
        taken = await made.fill(made.submit)
        assert taken > 40
        await made.room.look()  # half full, and no run lives: all that the log has may go, and that is nothing
        assert await made.count("SYM_IN") == taken
        config = (await made.api("STREAM.INFO.SYM_LOG"))["config"]
        await made.api("STREAM.UPDATE.SYM_LOG", config | {"max_bytes": 1024 * 1024})
        await made.until("SYM_LOG", "sym.log.*.submit.>", taken)
        await made.room.look()
        assert await made.count("SYM_IN") == 0, "the log has all of them"
        await made.submit()


async def test_rule_8_a_house_full_of_submissions_makes_room_as_their_runs_end() -> None:
    async with house(SYM_IN=32 * 1024) as made:
        taken = await made.fill(made.submit)
        await made.until("SYM_LOG", "sym.log.*.submit.>", taken)
        made.shown = DagShow(partition=0, live=taken, live_max=10**6)
        await made.room.look()
        assert await made.fill(made.submit) == 0, "all of them live"
        made.shown = DagShow(partition=0, live=3, live_max=10**6)
        await made.room.look()
        assert await made.count("SYM_IN") == 3
        await made.submit()


async def test_rule_8_signals_and_cancels_that_filled_their_stream_make_room_once_the_log_has_them() -> None:
    async with house(SYM_CONTROL=16 * 1024) as made:
        taken = await made.fill(made.cancel)
        await made.submit()
        await made.result()
        await made.until("SYM_LOG", "sym.log.*.cancel.>", taken)
        await made.room.look()
        assert await made.count("SYM_CONTROL") == 0
        await made.cancel()


async def test_the_owner_of_the_first_partition_looks_by_itself() -> None:
    async with house() as made:
        made.shown = DagShow(partition=0, live=9, live_max=9)
        room = Room(made.bus, lambda: [Partition(0, Owned(1, 1))], 1)
        async with asyncio.timeout(10):
            while (await made.api("STREAM.INFO.SYM_IN"))["config"]["max_msgs"] != 1:
                await asyncio.sleep(0.02)
        await room.close()


async def test_a_stream_of_an_earlier_version_learns_todays_subjects_and_keeps_its_bounds() -> None:
    async with Broker() as broker:
        bus = await broker.connect("operator")
        await ensure_streams(bus, 1, {"SYM_LOG": 4096})
        before = json.loads(await bus.request("$JS.API.STREAM.INFO.SYM_LOG", b""))["config"]
        older = before | {"subjects": [one for one in before["subjects"] if not one.endswith(".version")]}
        await bus.request("$JS.API.STREAM.UPDATE.SYM_LOG", json.dumps(older).encode())
        with pytest.raises(BusError):
            await bus.publish_log(subjects.log_event(0, "version"), b"x")
        await ensure_streams(bus, 1)
        await bus.publish_log(subjects.log_event(0, "version"), b"x")
        after = json.loads(await bus.request("$JS.API.STREAM.INFO.SYM_LOG", b""))["config"]
        assert sorted(after["subjects"]) == sorted(before["subjects"])
        assert after["max_bytes"] == 4096
        await bus.close()
