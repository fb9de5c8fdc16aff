"""Three brokers that each have everything: one may be gone at any time."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from conductor.bus import BusError
from conductor.embedded import System, SystemOptions
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs

pytestmark = pytest.mark.broker


async def test_any_one_of_three_brokers_may_die_and_nothing_is_lost(tmp_path: Path) -> None:
    tasks = {"sleep": {"call": "time.sleep", "for_each": "${range(30)}", "with": {"seconds": 0.1}}}
    packed = document(tasks, outputs={"slept": "${size(tasks.sleep)}"})
    options = SystemOptions(tmp_path / "data", workers="stock=1x4", brokers=3)
    async with System(options) as system, Running(system) as running:
        runs = [await running.begin(packed)]
        ends = [asyncio.create_task(running.end(runs[0], 120))]

        async def goes_on(run: str) -> bool:
            try:
                view = await running.client.show(run)
            except BusError:
                return False  # whoever answers looks for another broker
            return view is not None and view.tasks.succeeded >= 4

        for name in ("broker", "broker-1", "broker-2"):
            await until(lambda run=runs[-1]: goes_on(run), 60)
            before = running.process(name).pid
            os.kill(before, signal.SIGKILL)
            runs.append(await running.begin(packed))
            ends.append(asyncio.create_task(running.end(runs[-1], 120)))
        ended = await asyncio.gather(*ends)
        assert [one.status for one in ended] == ["succeeded"] * 4
        assert all(outputs(one) == {"slept": 30} for one in ended)
