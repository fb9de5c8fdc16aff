"""Locks, semaphores and rates of a whole system: checked by what the tasks did, with processes killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conductor.embedded import System, SystemOptions
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.holds import AskHolds, HoldsShow
from tests.e2e.conftest import until
from tests.e2e.running import Running, document

pytestmark = pytest.mark.broker


@pytest.fixture
async def doubled(tmp_path: Path) -> AsyncIterator[Running]:
    """Every process of its own, and two conductors and partitions: both share keys."""
    options = SystemOptions(tmp_path / "data", pit="each", workers="stock=2x8", partitions=2, conductors=2, trackers=1)
    async with System(options) as system, Running(system) as running:
        yield running


def writes(file: Path, seconds: float = 0.05, **words: Any) -> dict[str, Any]:
    """A task that says when it begins and when it ends; `name` tells its lines from others'."""
    script = f'echo "begin $0" >> {file}; sleep {seconds}; echo "end $0" >> {file}'
    return {"call": "process.run", "with": {"command": ["sh", "-c", script, "${run.id}-${index}"]}, **words}


def overlap(file: Path) -> int:
    """The most that were between their begin and their end at a time."""
    inside: set[str] = set()
    most = 0
    for line in file.read_text().splitlines():
        what, name = line.split()
        if what == "begin":
            assert name not in inside, f"{name} began twice"
            inside.add(name)
        else:
            inside.remove(name)
        most = max(most, len(inside))
    return most


async def holds(running: Running) -> HoldsShow:
    """Who holds what, and who waits."""
    subject = subjects.pit("arbitration", "holds", "default")
    return decode(await running.client.bus.request(subject, encode(AskHolds()), 1.0), HoldsShow)


async def none_is_held(running: Running) -> bool:
    shown = await holds(running)
    return not shown.held and not shown.waiting


async def test_rule_11_a_lock_is_held_by_one_whoever_dies(doubled: Running, tmp_path: Path) -> None:
    file = tmp_path / "lines"
    task = writes(file, for_each="range(12)", lock="one")
    runs = [await doubled.begin(document({"write": task})) for _ in range(6)]
    ends = asyncio.gather(*(doubled.end(run, 120) for run in runs))
    for name in ["pit-arbitration", *doubled.system.options.names] * 2:
        lines = len(file.read_text().splitlines()) if file.exists() else 0

        async def further(lines: int = lines) -> bool:
            return file.exists() and len(file.read_text().splitlines()) > lines + 4

        await until(further, 30)
        os.kill(doubled.process(name).pid, signal.SIGKILL)
    assert not ends.done(), "the runs ended before every process was killed"
    assert {ended.status for ended in await ends} == {"succeeded"}
    assert overlap(file) == 1
    assert len(file.read_text().splitlines()) == 2 * 6 * 12
    await until(lambda: none_is_held(doubled))


async def test_a_cancelled_run_holds_its_lock_until_its_attempt_has_stopped(
    shared_system: Running, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    long = document({"write": writes(file, 60, lock="cancelled", for_each="range(1)")})
    first = await shared_system.begin(long)

    async def begun() -> bool:
        return file.exists()

    await until(begun)
    waits = await shared_system.begin(document({"write": writes(file, 0, lock="cancelled", for_each="range(1)")}))

    async def waited() -> bool:
        waiting = (await holds(shared_system)).waiting
        return any(wait.hold.run == waits and wait.holder is not None and wait.holder.run == first for wait in waiting)

    await until(waited)
    shown = json.loads((await shared_system.cli_async("runs", "show", waits, "--json")).stdout)
    (node,) = [node for node in shown["nodes"] if node["task"] == "write[0]"]
    assert node["waits"] == {"key": "cancelled", "ahead": 0, "holder": {"run": first, "task": "write[0]"}}
    assert node["status"] == "waiting"
    said = (await shared_system.cli_async("runs", "show", waits)).stdout
    assert f"write[0] waits for the key cancelled until write[0] of run {first} lets go of it" in said
    listed = json.loads((await shared_system.cli_async("pit", "arbitration", "holds", "--json")).stdout)
    assert any(hold["hold"]["run"] == first and hold["key"]["key"] == "cancelled" for hold in listed["held"])
    await shared_system.cli_async("runs", "cancel", first)
    assert (await shared_system.end(waits)).status == "succeeded"
    await until(lambda: none_is_held(shared_system))


async def test_a_semaphore_lets_so_many_in_and_a_key_that_is_taken_holds_up_no_other(
    shared_system: Running, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    task = writes(file, 0.02, for_each="range(24)", semaphore={"key": "some", "permits": 2, "of": 6})
    blocked = writes(tmp_path / "blocked", 60, for_each="range(300)", lock="blocked")
    held = await shared_system.begin(document({"write": blocked}))

    async def taken() -> bool:
        return any(held == shown.hold.run for shown in (await holds(shared_system)).held)

    await until(taken)
    assert (await shared_system.run(document({"write": task}))).status == "succeeded"
    assert 2 <= overlap(file) <= 3
    await shared_system.cli_async("runs", "cancel", held)
    await until(lambda: none_is_held(shared_system))


async def test_a_rate_is_kept_over_several_conductors(doubled: Running) -> None:
    loop = asyncio.get_running_loop()
    task = {"call": "test.noop", "for_each": "range(10)", "rate": {"key": "slow", "per_second": 10, "burst": 1}}
    began = loop.time()
    ends = [doubled.run(document({"ask": task})) for _ in range(2)]
    assert {ended.status for ended in await asyncio.gather(*ends)} == {"succeeded"}
    assert loop.time() - began > 1.85, "twenty starts, ten a second, the first at once"


async def test_a_workflows_lock_is_held_over_its_tasks_whoever_dies(doubled: Running, tmp_path: Path) -> None:
    file = tmp_path / "lines"

    def says(what: str, **words: Any) -> dict[str, Any]:
        return {
            "call": "process.run",
            "with": {"command": ["sh", "-c", f'echo "{what} $0" >> {file}', "${run.id}"]},
            **words,
        }

    tasks = {
        "first": says("begin"),
        "wait": {"wait_for": {"duration": "50ms"}, "after": ["first"]},
        "last": says("end", after=["wait"]),
    }
    packed = document(tasks, lock={"key": "account", "scope": ["first", "wait", "last"]})
    runs = [await doubled.begin(packed) for _ in range(24)]
    ends = asyncio.gather(*(doubled.end(run, 120) for run in runs))
    waits = await doubled.until(runs[-1], lambda view: view.status in ("waiting", "succeeded"))
    assert waits.status == "waiting"
    for name in ["pit-arbitration", *doubled.system.options.names, "pit-dag"]:
        lines = len(file.read_text().splitlines()) if file.exists() else 0

        async def further(lines: int = lines) -> bool:
            return file.exists() and len(file.read_text().splitlines()) > lines + 3

        await until(further, 30)
        os.kill(doubled.process(name).pid, signal.SIGKILL)
    assert not ends.done(), "the runs ended before every process was killed"
    assert {ended.status for ended in await ends} == {"succeeded"}
    assert overlap(file) == 1
    assert len(file.read_text().splitlines()) == 2 * 24
    await until(lambda: none_is_held(doubled))
