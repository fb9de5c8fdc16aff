"""Archived runs that are asked to go on come back through the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from conductor.bus import BusError
from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.kernel import recall
from conductor.kernel.recall import Recalls
from conductor.wire.base import decode, encode
from conductor.wire.log import Recalled
from conductor.wire.stale import ArchivedRun, ReadRun

RUN = f"{1:032x}"


class Archive(MemoryBus):
    """A bus whose archive answers as it is told, after failing a few times."""

    def __init__(self, answer: ArchivedRun, failures: int = 0) -> None:
        super().__init__(MemoryBroker())
        self.answer = answer
        self.failures = failures
        self.asked: list[tuple[str, ReadRun]] = []

    async def request(self, subject: str, data: bytes, timeout_s: float = 5) -> bytes:
        self.asked.append((subject, decode(data, ReadRun)))
        if len(self.asked) <= self.failures:
            raise BusError("unavailable", "not yet")
        return encode(self.answer)


async def recalled(bus: Archive, ask: Callable[[Recalls], None]) -> list[Recalled]:
    written: list[Recalled] = []
    recalls = Recalls(bus, 3, 7, written.append)
    ask(recalls)
    async with asyncio.timeout(5):
        while not written:
            await asyncio.sleep(0)
    recalls.close()
    return written


async def test_what_is_kept_of_a_run_is_written_under_the_owners_epoch() -> None:
    bus = Archive(ArchivedRun(state=b"kept"))
    [told] = await recalled(bus, lambda recalls: recalls.need(RUN))
    assert (told.partition, told.epoch, told.run, told.state) == (3, 7, RUN, b"kept")
    assert bus.asked == [("sym.pit.stale.read.-", ReadRun(run=RUN, state=True))]


async def test_a_run_is_read_once_though_it_is_asked_for_again_meanwhile() -> None:
    bus = Archive(ArchivedRun(state=b"kept"))

    def twice(recalls: Recalls) -> None:
        recalls.need(RUN)
        recalls.need(RUN)

    assert len(await recalled(bus, twice)) == 1
    assert len(bus.asked) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [(ArchivedRun(found=False), "does not have it any more"), (ArchivedRun(), "kept no state")],
    ids=["past its retention", "too large"],
)
async def test_what_cannot_be_had_is_said(answer: ArchivedRun, why: str) -> None:
    [told] = await recalled(Archive(answer), lambda recalls: recalls.need(RUN))
    assert told.state == b"" and why in told.why


async def test_an_archive_that_is_not_there_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "RETRY_S", 0)
    bus = Archive(ArchivedRun(state=b"kept"), failures=2)
    [told] = await recalled(bus, lambda recalls: recalls.need(RUN))
    assert told.state == b"kept" and len(bus.asked) == 3
