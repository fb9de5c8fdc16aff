"""Processes that die or are started again, in turn, under load: nothing is lost, and nothing is done over that goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conductor.embedded import System, SystemOptions, inspect
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs

pytestmark = pytest.mark.broker

NODES = 1000
LAYER = 100


@pytest.fixture
async def doubled(tmp_path: Path) -> AsyncIterator[Running]:
    """Every process of its own, and two of those that hold partitions."""
    options = SystemOptions(tmp_path / "data", pit="each", workers="stock=2x16", partitions=2, conductors=2, trackers=2)
    async with System(options) as system, Running(system) as running:
        yield running


def layers(file: Path, seconds: float) -> dict[str, Any]:
    """A thousand tasks in ten layers: each sleeps, appends its line to a file, and hands its number on."""
    tasks: dict[str, Any] = {}
    for number in range(NODES):
        task: dict[str, Any] = {"call": "test.echo", "with": {"number": number}}
        if number >= LAYER:
            task["with"]["before"] = f"${{tasks.t{number - LAYER}.number}}"
        if number % LAYER == 0:
            task = {"call": "time.sleep", "with": {"seconds": seconds}}
            if number:
                task["after"] = [f"t{number - LAYER}"]
        tasks[f"t{number}"] = task
    for number in range(LAYER + 1, NODES, LAYER):
        tasks[f"t{number}"]["after"] = [f"t{number - 1}"]
    for number in range(5):
        tasks[f"w{number}"] = {
            "call": "test.append",
            "with": {"file": str(file), "line": f"w{number}"},
            "after": [f"t{200 * number + LAYER}"],
        }
    return tasks


async def test_each_process_killed_in_turn_changes_no_output_of_a_run_of_a_thousand_tasks(
    doubled: Running, tmp_path: Path
) -> None:
    expected = {f"n{number}": number for number in range(950, 1000)}
    said = {name: f"${{tasks.t{number}.number}}" for name, number in expected.items()}
    packed = document(layers(tmp_path / "lines", 0.9), outputs=said)
    run = await doubled.begin(packed)
    ended = asyncio.ensure_future(doubled.end(run, 150))
    operator = await doubled.connect("operator")
    killed = []
    for process in list(doubled.system.processes):
        os.kill(process.pid, signal.SIGKILL)
        killed.append(process.name)

        async def back(process: Any = process) -> bool:
            return process.restarts > 0 and bool(await inspect.services(operator))

        await until(back, 30)
    alive_to_the_end = ended.done()
    told = await ended
    assert outputs(told) == expected
    assert told.tasks.succeeded == NODES + 5, told.tasks
    assert not alive_to_the_end, "the run ended before every process was killed once"
    assert len(killed) == 1 + 2 + 2 + 4
    lines = Counter(line.split()[-1] for line in (tmp_path / "lines").read_text().splitlines())
    assert len(lines) == 5, "each effect happened"
    await operator.close()


async def test_a_rolling_restart_under_load_loses_neither_a_run_nor_an_attempt(
    doubled: Running, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    stop = asyncio.Event()
    runs: list[str] = []

    async def load() -> None:
        while not stop.is_set():
            tasks = {
                "wait": {"call": "time.sleep", "with": {"seconds": 0.05}, "retry": {"max_attempts": 1}},
                "write": {
                    "call": "test.append",
                    "with": {"file": str(file), "line": f"line-{len(runs)}"},
                    "after": ["wait"],
                },
            }
            try:
                runs.append(await doubled.begin(document(tasks)))
            except Exception:  # the broker is away: the client tries again, as a client does
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.01)

    loading = asyncio.create_task(load())
    for process in list(doubled.system.processes):
        if process.kind == "broker":
            continue
        before = len(runs)
        os.kill(process.pid, signal.SIGTERM)

        async def back(process: Any = process, before: int = before) -> bool:
            return process.restarts > 0 and len(runs) > before + 10

        await until(back, 30)
    stop.set()
    await loading
    assert len(runs) > 50
    for run in runs:
        ended = await doubled.end(run)
        assert ended.status == "succeeded", ended.error
        assert ended.tasks.retried == 0, ended.tasks
    lines = Counter(line.split()[-1] for line in file.read_text().splitlines())
    assert set(lines) == {f"line-{number}" for number in range(len(runs))}
    assert set(lines.values()) == {1}, "no attempt was lost: each effect happened exactly once"


async def test_rule_7_what_a_worker_holds_is_not_done_again_by_the_next_owner(doubled: Running, tmp_path: Path) -> None:
    file = tmp_path / "lines"
    tasks = {
        "wait": {"call": "time.sleep", "for_each": "${range(8)}", "with": {"seconds": 4}},
        "write": {"call": "test.append", "with": {"file": str(file), "line": "once"}, "after": ["wait"]},
    }
    operator = await doubled.connect("operator")
    run = await doubled.begin(document(tasks))

    async def busy() -> int:
        return sum(worker.busy for worker in (await inspect.pool_show(operator)).workers)

    async def all_run() -> bool:
        return await busy() == 8

    await until(all_run)
    for name in doubled.system.options.names:
        process = doubled.process(name)
        os.kill(process.pid, signal.SIGKILL)
    most = 0
    ended = asyncio.ensure_future(doubled.end(run))
    while not ended.done():
        most = max(most, await busy())
        await asyncio.sleep(0.02)
    assert (await ended).status == "succeeded"
    assert most == 8, "a ninth attempt would be one of the eight done again"
    await operator.close()
