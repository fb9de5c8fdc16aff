"""Rule 12: a new version of the fold takes effect once every tracker knows it, at one event of the log, under load."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from conductor.embedded import System, SystemOptions
from conductor.embedded.inspect import partitions
from conductor.embedded.roles import Permissions
from conductor.kernel.partition import is_level
from conductor.wire.base import decode
from conductor.wire.dag import DagShow
from conductor.wire.ready import Ready
from tests.e2e.conftest import until
from tests.e2e.running import Running, document

pytestmark = pytest.mark.broker

FIRST, NEWEST = 1, 2
STEPS = document({f"t{n}": {"call": "test.noop", "after": [f"t{n - 1}"] if n else []} for n in range(10)})


def headers(data: Path) -> set[int]:
    """The formats of the snapshots that lie in a data folder."""
    return {int.from_bytes(path.read_bytes()[8:12], "big") for path in data.rglob("snapshots/0/*.fold")}


async def test_rule_12_trackers_are_replaced_one_by_one_and_the_last_one_lets_the_log_go_on(tmp_path: Path) -> None:
    old = {"fold_version_max": FIRST, "snapshot_messages": 50}
    options = SystemOptions(tmp_path / "data", pit="each", trackers=2, workers="stock=1x8", dag=old, snapshot_s=1)
    async with System(options) as system, Running(system) as running:
        operator = await running.connect("operator")
        system.mint("observer", Permissions((), ("sym.ready.*",)))
        observer = await running.connect("observer")
        heard = await observer.subscribe("sym.ready.0")

        async def shown() -> DagShow:
            async with asyncio.timeout(20):
                while not (found := await partitions(operator, 1)):
                    await asyncio.sleep(0.02)
            return found[0]

        async def load() -> None:
            for _ in range(40):
                assert (await running.run(STEPS)).status == "succeeded"

        loading = asyncio.create_task(load())
        assert (await shown()).fold_version == FIRST

        async def is_written() -> bool:
            return bool(headers(options.data))

        await until(is_written)
        assert headers(options.data) == {2}, "what the program before can read"
        config = system.layout.config / "pit.toml"
        config.write_text(config.read_text().replace(f"fold_version_max = {FIRST}\n", ""))
        first, second = running.process("pit-dag"), running.process("pit-dag-1")
        os.kill(first.pid, signal.SIGTERM)

        async def is_back() -> bool:
            return first.restarts == 1 and first.ready_ms is not None

        await until(is_back)
        heard.take_all()
        told: list[Ready] = []
        async with asyncio.timeout(30):
            while len(told) < 3:  # whichever tracker emits: three levels, in each of which it might have wished it
                await heard.wait()
                told += [level for level in (decode(m.data, Ready) for m in heard.take_all()) if is_level(level)]
        assert {level.fold_version for level in told} == {0}, "the other tracker does not know it"
        assert (await shown()).fold_version == FIRST
        os.kill(second.pid, signal.SIGTERM)

        async def is_upgraded() -> bool:
            return (await shown()).fold_version == NEWEST

        await until(is_upgraded)
        await loading

        async def is_new() -> bool:
            assert (await running.run(STEPS)).status == "succeeded"
            return headers(options.data) == {3}

        await until(is_new, 40)
        await observer.close()
        await operator.close()
