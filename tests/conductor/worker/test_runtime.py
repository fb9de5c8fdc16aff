"""The worker's loop, on a bus in memory: what it takes, what it lets go, what it tells."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from conductor.bus.interface import Received
from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.heartbeat import Heartbeat, RollCall
from conductor.wire.log import Cancelled, ResultBatch, Succeeded, TaskResult
from conductor.wire.tasks import Attempt, Task, TaskBatch
from conductor.wire.values import pack
from conductor.worker.runtime import Worker, WorkerOptions
from conductor.worker.starter import POOL_PID
from conductor.worker.task import task

EPOCH = 5
ENDS: list[str] = []
RELEASE = threading.Event()


@task("sample.wait")
async def wait() -> str:
    await asyncio.Event().wait()
    return "never"


@task("sample.linger")
async def linger() -> str:
    """Notes when it ends: what it holds must not be another's before."""
    try:
        await asyncio.Event().wait()
    finally:
        ENDS.append("linger")
    return "never"


@task("sample.thread")
def thread() -> str:
    RELEASE.wait()
    return "late"


@task("sample.quick")
async def quick() -> str:
    return "done"


class Place:
    """One worker that runs, and whoever sends to it and hears it."""

    def __init__(self, broker: MemoryBroker, slots: int, pool: str | None = None) -> None:
        self._bus = MemoryBus(broker)
        self._broker = broker
        self.worker = Worker(MemoryBus(broker), WorkerOptions("w", slots, pool), [wait, linger, thread, quick])
        self._mailbox: Any = None
        self.beats: list[Heartbeat] = []
        self.results: list[TaskResult] = []

    async def open(self) -> asyncio.Task[None]:
        self._mailbox = await self._bus.subscribe(subjects.HEARTBEATS, subjects.log_event(0, "result"))
        running = asyncio.create_task(self.worker.run())
        await self.until(lambda: bool(self.beats))
        return running

    def send(self, *numbers: int, capability: str = "sample.wait") -> None:
        """Tasks, put into the worker's mailbox at once."""
        tasks = [
            Task(run=f"{n:032x}", task="t", n=n, token=bytes(16), capability=capability, inputs=pack({}))
            for n in numbers
        ]
        self._say(tasks, [])

    def cancel(self, *numbers: int) -> None:
        self._say([], [Attempt(partition=0, epoch=EPOCH, n=n) for n in numbers])

    def _say(self, tasks: list[Task], cancel: list[Attempt]) -> None:
        reply = subjects.log_event(0, "result")
        batch = TaskBatch(partition=0, epoch=EPOCH, conductor="c", reply=reply, tasks=tasks, cancel=cancel)
        self._broker.deliver(Received(subjects.task("sample.wait", "w"), encode(batch)))

    async def roll(self) -> Heartbeat:
        """The answer to a roll call that is sent now."""
        before = len(self.beats)
        await self._bus.publish(subjects.ROLL_CALL, encode(RollCall(by="c", attempts=True)))
        await self.until(lambda: len(self.beats) > before and self.beats[-1].holding is not None)
        return self.beats[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await self._mailbox.wait()
                for message in self._mailbox.take_all():
                    if message.subject.startswith("sym.heartbeat"):
                        self.beats.append(decode(message.data, Heartbeat))
                    else:
                        self.results += decode(message.data, ResultBatch).results


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    made = Place(MemoryBroker(), slots=1)
    running = await made.open()
    yield made
    made.worker.stop()
    async with asyncio.timeout(5):
        await running


async def test_rule_14_what_is_cancelled_in_the_beat_in_which_it_came_frees_its_slot(place: Place) -> None:
    place.send(1)
    place.cancel(1)  # both lie in the mailbox of a worker that slept, or was cut off
    beat = await place.roll()
    await place.until(lambda: place.beats[-1].busy == 0)
    assert beat.seen == [Attempt(partition=0, epoch=EPOCH, n=1)]
    assert place.beats[-1].held == []
    place.send(2, capability="sample.quick")
    await place.until(lambda: bool(place.results))
    assert [(result.n, type(result.outcome)) for result in place.results] == [(2, Succeeded)]


async def test_rule_14_what_is_cancelled_as_it_follows_another_frees_its_slot(place: Place) -> None:
    place.send(1, 2)
    beat = await place.roll()
    assert (beat.busy, len(beat.held)) == (1, 2)
    place.cancel(1)
    place.cancel(2)
    place.send(3, capability="sample.quick")
    await place.until(lambda: len(place.results) == 2)
    assert [(result.n, type(result.outcome)) for result in place.results] == [(1, Cancelled), (3, Succeeded)]
    await place.until(lambda: place.beats[-1].busy == 0 and place.beats[-1].held == [])


def gone() -> str:
    """The number of a process that was."""
    return str(subprocess.run(["sh", "-c", "echo $$"], capture_output=True, check=True).stdout.decode().strip())


async def test_a_worker_whose_pool_manager_died_while_it_connected_does_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = MemoryBroker()
    heard = await MemoryBus(broker).subscribe(subjects.HEARTBEATS)
    monkeypatch.setenv(POOL_PID, gone())
    place = Place(broker, slots=1, pool="p")
    async with asyncio.timeout(5):
        await place.worker.run()
    assert heard.take_all() == []  # its successor has its name, and must not be taken for stopped


async def test_a_worker_whose_pool_manager_dies_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    starter = await asyncio.create_subprocess_exec("sleep", "60")
    monkeypatch.setenv(POOL_PID, str(starter.pid))
    place = Place(MemoryBroker(), slots=1, pool="p")
    running = await place.open()
    starter.kill()
    await starter.wait()
    place.send(1, capability="sample.quick")  # to a name that is its successor's by now
    async with asyncio.timeout(5):
        await running
    await place.until(lambda: place.beats[-1].state == "stopped")
    assert place.results == []


def note_stops(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Note among the ends when the worker says that it has stopped."""
    beat = place.worker._heartbeat

    async def noting(manifest: bool = False, attempts: bool = False, state: str | None = None) -> None:
        if state is not None:
            ENDS.append(state)
        await beat(manifest, attempts, state)

    monkeypatch.setattr(place.worker, "_heartbeat", noting)


async def test_what_is_abandoned_has_ended_before_the_worker_says_that_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starter = await asyncio.create_subprocess_exec("sleep", "60")
    monkeypatch.setenv(POOL_PID, str(starter.pid))
    ENDS.clear()
    place = Place(MemoryBroker(), slots=1, pool="p")
    note_stops(place, monkeypatch)
    running = await place.open()
    place.send(1, 2, capability="sample.linger")
    await place.until(lambda: place.beats[-1].busy == 1)
    starter.kill()
    await starter.wait()
    async with asyncio.timeout(5):
        await running
    assert ENDS == ["linger", "stopped"]
    await place.until(lambda: place.beats[-1].state == "stopped")
    assert [held.n for held in place.beats[-1].held] == [1, 2]  # lost, and not refused: the first had begun
    assert (place.results, place.beats[-1].refused) == ([], [])


async def test_a_worker_whose_thread_cannot_be_stopped_does_not_say_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("conductor.worker.runtime.DRAIN_S", 0.0)
    RELEASE.clear()
    ENDS.clear()
    place = Place(MemoryBroker(), slots=1)
    note_stops(place, monkeypatch)
    running = await place.open()
    place.send(1, capability="sample.thread")
    await place.until(lambda: place.beats[-1].busy == 1)
    place.worker.stop()
    try:
        async with asyncio.timeout(5):
            await running
        assert place.worker.lingers
        assert ENDS == []
    finally:
        RELEASE.set()


async def test_a_worker_goes_on_while_its_pool_manager_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POOL_PID, str(os.getpid()))
    place = Place(MemoryBroker(), slots=1, pool="p")
    running = await place.open()
    place.send(1, capability="sample.quick")
    await place.until(lambda: len(place.results) == 1)
    place.worker.stop()
    async with asyncio.timeout(5):
        await running
