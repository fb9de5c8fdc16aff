"""A full house: what comes in is refused as busy, what is under way ends, and then there is room again (rule 8)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from conductor.bus import BusError
from conductor.embedded import System, SystemOptions
from conductor.workflow.client import Client
from tests.e2e.running import Running, document

pytestmark = pytest.mark.broker

LIVE_MAX = 20
WAITING = document({"w": {"wait_for": {"signal": "go"}}, "then": {"call": "test.noop", "after": ["w"]}})
SHORT = document({"a": {"call": "test.noop"}})


async def closes(client: Client) -> tuple[int, BusError]:
    """Submit until it is refused; how many were taken, and the refusal."""
    taken = 0
    async with asyncio.timeout(30):
        while True:
            try:
                await client.submit([client.draft("test", SHORT, {})])
                taken += 1
            except BusError as error:
                return taken, error
            await asyncio.sleep(0.05)


async def test_rule_8_a_window_full_of_live_runs_refuses_more_until_some_have_ended(tmp_path: Path) -> None:
    options = SystemOptions(tmp_path / "data", workers="stock=1x8", dag={"live_runs_max": LIVE_MAX})
    async with System(options) as system, Running(system) as running:
        waiting = [await running.begin(WAITING) for _ in range(LIVE_MAX)]
        hasty = Client(running.client.bus, patience_s=0)
        _, refused = await closes(hasty)
        assert (refused.kind, refused.retry_after_s) == ("busy", 2.0)

        # The command line says so too, in words and as a document.
        source = tmp_path / "w.json"
        source.write_text(json.dumps({"workflow": "w", "version": "1.0.0", "tasks": {"a": {"call": "test.noop"}}}))
        done = await running.cli_async("run", str(source), "--json", check=3)
        told: dict[str, Any] = json.loads(done.stdout)["error"]
        assert (told["kind"], told["retry_after_s"]) == ("busy", 2.0)
        assert "try again after 2 s" in done.stderr

        # A client with patience waits; meanwhile those who hold the room are told to go on, and do.
        patient = asyncio.create_task(running.run(SHORT))
        for run in waiting:
            await running.client.signal(run, "go")
        for run in waiting:
            assert (await running.end(run)).status == "succeeded"
        assert (await asyncio.wait_for(patient, 40)).status == "succeeded"


async def test_rule_8_a_tracker_at_its_high_water_of_memory_refuses_more_and_ends_what_it_has(tmp_path: Path) -> None:
    options = SystemOptions(tmp_path / "data", pit="each", workers="stock=1x8", dag={"memory_high_mib": 1})
    async with System(options) as system, Running(system) as running:
        run = await running.begin(WAITING)  # with a live run any process is above a mebibyte
        _, refused = await closes(Client(running.client.bus, patience_s=0))
        assert refused.kind == "busy"
        await running.client.signal(run, "go")
        assert (await running.end(run)).status == "succeeded"
        assert (await running.run(SHORT)).status == "succeeded", "nothing lives, so nothing has to be waited for"
