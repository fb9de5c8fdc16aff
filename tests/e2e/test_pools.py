"""Pools: bounds that an operator sets, processes that come with the work and go without it, workers that fail."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conductor.embedded import System, SystemOptions, binaries, roles
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs
from tests.shared import ROOT

pytestmark = pytest.mark.broker


@pytest.fixture
async def elastic(tmp_path: Path) -> AsyncIterator[Running]:
    """One process at first, up to four, of two slots each."""
    async with System(SystemOptions(tmp_path / "data", workers="stock=1-4x2")) as system, Running(system) as running:
        yield running


async def pools(running: Running, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((await running.cli_async("pit", "pools", *words, "--json")).stdout)
    return told


def sleeps(items: int, seconds: float) -> bytes:
    return document(
        {"sleep": {"call": "time.sleep", "for_each": f"${{range({items})}}", "with": {"seconds": seconds}}}, "sleeps"
    )


async def test_processes_come_with_the_work_within_bounds_that_outlive_the_manager(elastic: Running) -> None:
    scaled = await pools(elastic, "scale", "time.sleep", "--max", "2", "--reason", "two are enough")
    assert [(p["pool"], p["min"], p["max"]) for p in scaled["pools"]] == [("stock", 1, 2)]
    run = await elastic.begin(sleeps(200, 0.3))

    async def two() -> bool:
        (pool,) = (await pools(elastic, "show"))["pools"]
        return bool(pool["running"] == 2 and "its bound is 2" in pool["why"])

    await until(two, 20)
    os.kill(elastic.process("pit").pid, signal.SIGKILL)

    async def still_two() -> bool:
        shown = await elastic.cli_async("pit", "pools", "show", "--json", check=None)
        found = json.loads(shown.stdout)["pools"] if shown.returncode == 0 else []
        return [(p["min"], p["max"]) for p in found] == [(1, 2)]

    await until(still_two, 30)
    await pools(elastic, "scale", "stock", "--min", "3", "--max", "4")

    async def three() -> bool:
        (pool,) = (await pools(elastic, "show"))["pools"]
        return bool(pool["running"] >= 3)

    await until(three, 20)
    await elastic.cli_async("runs", "cancel", run)
    told = (await elastic.cli_async("pit", "pools", "explain", "stock")).stdout
    assert "pool stock: " in told
    assert "stock-0 is " in told


async def test_bounds_that_cannot_be_are_refused_in_words(elastic: Running) -> None:
    for words, said in (
        (("stock", "--max", "9"), "has users for 4 processes, not for 9"),
        (("stock", "--min", "3", "--max", "2"), "the least, 3, is more than the most, 2"),
        (("nobody", "--max", "2"), "no pool is named nobody"),
        (("stock",), "say --min, --max or both"),
    ):
        refused = await elastic.cli_async("pit", "pools", "scale", *words, check=None)
        assert refused.returncode != 0
        assert said in refused.stderr, refused.stderr


async def test_tasks_run_where_they_ask_to_and_share_what_they_need(elastic: Running, tmp_path: Path) -> None:
    """By pool, by label, and with a resource of which there is one: two never have it at once."""
    file = tmp_path / "lines"
    script = f'echo "begin $0" >> {file}; sleep 0.05; echo "end $0" >> {file}'
    held = {
        "call": "process.run",
        "for_each": "${range(6)}",
        "with": {"command": ["sh", "-c", script, "item-${index}"]},
        "resources": {"gpu": 1},
    }
    tasks = {
        "zoned": {"call": "test.echo", "with": {"text": "a"}, "labels": {"zone": "a"}},
        "pooled": {"call": "test.echo", "with": {"text": "b"}, "pool": "stock"},
        "held": held,
    }
    run = await elastic.begin(document(tasks))
    view = await elastic.until(run, lambda view: view.tasks.succeeded == 1)
    statuses = {node.task: node.status for node in view.nodes}
    assert (statuses["zoned"], statuses["pooled"], statuses["held[0]"]) == ("ready", "succeeded", "ready")

    async def told() -> bool:
        shown = json.loads((await elastic.cli_async("runs", "show", run, "--json")).stdout)
        why = {node["task"]: node["unserved"] for node in shown["nodes"]}
        zoned, held = str(why["zoned"]), str(why["held[0]"])
        return why["pooled"] is None and "is labelled zone=a" in zoned and "is a machine with 1 gpu" in held

    await until(told, 20)
    env = {
        "SYMPHONY_URL": elastic.system.url,
        "SYMPHONY_CREDS": str(elastic.system.mint("zone-a", roles.worker("zone-a"))),
        "SYMPHONY_WORKER": "zone-a",
        "SYMPHONY_SLOTS": "8",
        "SYMPHONY_LABELS": "zone=a",
        "SYMPHONY_RESOURCES": "gpu=1",
    }
    worker = await asyncio.create_subprocess_exec(binaries.pit(), "players", env=os.environ | env)
    try:
        assert (await elastic.end(run, 60)).status == "succeeded"
        view = await elastic.until(run, lambda view: view.status == "succeeded")
        workers = {node.task: node.worker for node in view.nodes}
        assert workers["zoned"] == "zone-a"
        assert workers["pooled"].startswith("stock-")
        lines = [line.split()[0] for line in file.read_text().splitlines()]
        assert lines == ["begin", "end"] * 6
    finally:
        worker.kill()
        await worker.wait()


async def test_a_pool_manager_of_somebody_elses_takes_the_place_of_the_stock_one(tmp_path: Path) -> None:
    """The example, with workers that start themselves: runs end as ever, a worker that dies included."""
    options = SystemOptions(tmp_path / "data", workers="none", without=("pool",))
    async with System(options) as system, Running(system) as running:
        assert "pool" not in {name for process in system.processes for name in process.answered}
        script = ROOT / "examples" / "pool-manager" / "pool_manager.py"
        creds = system.layout.cred("pit-pool")
        manager = await asyncio.create_subprocess_exec(sys.executable, script, system.url, creds, "pit-pool")
        workers = []
        for name in ("own-0", "own-1"):
            env = {
                "SYMPHONY_URL": system.url,
                "SYMPHONY_CREDS": str(system.mint(name, roles.worker(name))),
                "SYMPHONY_WORKER": name,
                "SYMPHONY_SLOTS": "4",
            }
            workers.append(await asyncio.create_subprocess_exec(binaries.pit(), "players", env=os.environ | env))
        try:
            run = await running.begin(
                document(
                    {"sleep": {"call": "time.sleep", "for_each": "${range(40)}", "with": {"seconds": 0.1}}},
                    outputs={"slept": "${size(tasks.sleep)}"},
                )
            )
            await running.until(run, lambda view: view.tasks.succeeded >= 8)
            workers[0].kill()
            assert outputs(await running.end(run, 60)) == {"slept": 40}
        finally:
            for process in (manager, *workers):
                if process.returncode is None:
                    process.kill()
                await process.wait()
