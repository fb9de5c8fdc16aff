"""Arbitration is asked off the path: a beat goes by the last answer, and never waits for the next."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conductor.bus import Endpoint
from conductor.bus.interface import Received
from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.kernel import asking
from conductor.kernel.asking import Asking
from conductor.kernel.orders import RETRY_MS, UNDER_WAY_MAX
from conductor.wire.base import decode, encode
from conductor.wire.grants import Contend, Order, Placed
from conductor.wire.ready import Settled
from conductor.wire.stale import DecisionBatch
from conductor.wire.tasks import TaskBatch
from tests.conductor.kernel.support import close, core, grant, task

START_MS = 1_000_000
ORDER = "sym.pit.arbitration.order"


class Ring:
    """A conductor's core with one partition and two slots, for which two workflows have work without end."""

    def __init__(self, bus: MemoryBus) -> None:
        self.core, self.office = core(bus)
        self.core.now_ms = START_MS
        self.core.pool_grant(grant(("w", 2)))
        self.count = 0

    def beat(self) -> list[TaskBatch]:
        """Everything that runs ends, more comes, and the beat places what there is room for. It cannot await anything."""
        core, worker = self.core, self.core.workers.by_name["w"]
        for slot, held in list(worker.held.items()):
            one = held.task
            said: dict[str, Any] = {"run": one.run, "task": one.task, "n": slot[1], "run_us": 5000}
            settled = Settled(worker="w", epoch=5, status="succeeded", accepted=True, **said)
            core._settle(self.office, settled)
        for workflow in ("a", "b"):
            for _ in range(4):
                self.count += 1
                made = task(self.count, workflow=workflow, ready_at_ms=core.now_ms)
                core.accept(self.office, self.office.partition.add(made))
        core.now_ms += 5
        core.act()
        sent = self.office.outbox.messages()
        return [decode(data, TaskBatch) for _, data in sent]

    def decisions(self) -> list[DecisionBatch]:
        return [decode(data, DecisionBatch) for subject, data in self.core.reports.messages() if "decision" in subject]


async def arbitration(bus: MemoryBus, answer: Any) -> None:
    await bus.serve("arbitration", "1", "", [Endpoint("order", ORDER, answer, "Contend", "Order")])


async def test_no_beat_waits_for_an_answer_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = MemoryBus(MemoryBroker())
    asked: list[Contend] = []

    async def silent(message: Received) -> bytes:
        asked.append(decode(message.data, Contend))
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    await arbitration(bus, silent)
    monkeypatch.setattr(asking, "ANSWER_TIME_S", 0.05)
    ring = Ring(bus)
    asks = Asking(bus, ring.core.orders)
    placed = 0
    for _ in range(200):  # a second by the core's clock
        placed += sum(len(batch.tasks) for batch in ring.beat())
        asks.send()
        await asyncio.sleep(0)
    assert placed >= 400, "two slots, filled in each beat"
    assert len(asked) == 1, "one question at a time"
    assert {(c.tenant, c.workflow) for c in asked[0].claimants} == {("acme", "a"), ("acme", "b")}
    assert all(d.order is None for batch in ring.decisions() for d in batch.decisions)
    async with asyncio.timeout(5):
        while asks._tasks:
            await asyncio.sleep(0.01)
    assert not ring.core.orders.due("f", START_MS + RETRY_MS)
    assert ring.core.orders.due("f", START_MS + 5 + RETRY_MS), "so long after the first beat asked"
    await asks.close()
    await close(ring.office)


async def test_an_answer_is_used_by_the_beats_that_follow_and_logged_with_them() -> None:
    bus = MemoryBus(MemoryBroker())

    async def answers(message: Received) -> bytes:
        slots = {"a": 1, "b": 3}
        places = [
            Placed(tenant=c.tenant, workflow=c.workflow, slots=slots[c.workflow], rationale=f"{c.workflow} is owed")
            for c in decode(message.data, Contend).claimants
        ]
        return encode(Order(decision="arbitration-7", order=places))

    await arbitration(bus, answers)
    ring = Ring(bus)
    asks = Asking(bus, ring.core.orders)
    ring.beat()
    asks.send()
    async with asyncio.timeout(5):
        while ring.core.orders.fresh("f", ring.core.now_ms) is None:
            await asyncio.sleep(0)
    ring.decisions()
    started = [task.task for _ in range(8) for batch in ring.beat() for task in batch.tasks]
    assert len(started) >= 16
    logged = [d for batch in ring.decisions() for d in batch.decisions]
    assert {(d.order, d.rationale) for d in logged} == {("arbitration-7", "a is owed"), ("arbitration-7", "b is owed")}
    await asks.close()
    await close(ring.office)


async def test_an_arbitration_that_is_not_there_costs_one_question_in_a_while() -> None:
    bus = MemoryBus(MemoryBroker())
    ring = Ring(bus)
    asks = Asking(bus, ring.core.orders)
    for _ in range(20):
        assert sum(len(batch.tasks) for batch in ring.beat()) >= 2
        asks.send()
        assert len(asks._tasks) <= UNDER_WAY_MAX
        await asyncio.sleep(0)
    assert ring.core.orders.fresh("f", ring.core.now_ms) is None
    assert not asks._tasks, "refused at once, and not asked again so soon"
    await asks.close()
    await close(ring.office)
