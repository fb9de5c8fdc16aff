"""What the conductor writes to the log: fenced, and until it stands."""

from __future__ import annotations

import asyncio

from conductor.bus.interface import EXPECTED_SEQUENCE, EXPECTED_SUBJECT, Headers
from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.kernel.partition import Owned
from conductor.kernel.writer import QUARANTINES_MAX, LogWriter
from conductor.wire.base import decode
from conductor.wire.log import FoldVersion, Quarantine, QuarantinedBatch


class Recorded(MemoryBus):
    """A bus that keeps what is written to the log."""

    def __init__(self) -> None:
        super().__init__(MemoryBroker())
        self.written: list[tuple[str, bytes, Headers]] = []

    async def publish_log(self, subject: str, data: bytes, headers: Headers | None = None) -> int:
        self.written.append((subject, data, dict(headers or {})))
        return len(self.written)


async def test_rule_13_a_quarantine_is_written_once_for_each_run_and_behind_the_fence() -> None:
    bus = Recorded()
    writer = LogWriter(bus, 3, Owned(5, 41), lambda _: None, lambda: None)
    runs = [Quarantine(run=f"{number:032x}", reason="why") for number in range(QUARANTINES_MAX + 1)]
    writer.quarantine(runs[:1])
    writer.quarantine(runs)
    async with asyncio.timeout(5):
        while not writer.idle or not bus.written:
            await asyncio.sleep(0)
    await writer.close()
    [(subject, data, headers)] = bus.written
    assert subject == "sym.log.3.quarantined"
    assert headers == {EXPECTED_SEQUENCE: "41", EXPECTED_SUBJECT: "sym.log.3.owner"}
    told = decode(data, QuarantinedBatch)
    assert (told.epoch, told.runs) == (5, runs[:QUARANTINES_MAX])


async def test_rule_12_a_version_of_the_fold_is_written_once_though_the_tracker_wishes_it_every_second() -> None:
    bus = Recorded()
    writer = LogWriter(bus, 3, Owned(5, 41), lambda _: None, lambda: None)
    for wished in (0, 2, 2, 2, 0):
        writer.version(wished)
    async with asyncio.timeout(5):
        while not writer.idle or not bus.written:
            await asyncio.sleep(0)
    await writer.close()
    [(subject, data, headers)] = bus.written
    assert subject == "sym.log.3.version"
    assert headers == {EXPECTED_SEQUENCE: "41", EXPECTED_SUBJECT: "sym.log.3.owner"}
    told = decode(data, FoldVersion)
    assert (told.epoch, told.version) == (5, 2)
