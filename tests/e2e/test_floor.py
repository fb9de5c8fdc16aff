"""Rule 10: the log is purged below the older of two snapshots, and only once that floor is recorded."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from conductor.bus.lease import Lease
from conductor.embedded import System, SystemOptions
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.stale import Purge
from tests.e2e.conftest import until
from tests.e2e.running import Running, document

pytestmark = pytest.mark.broker


async def test_rule_10_a_tracker_that_cannot_reach_the_floor_refuses_to_begin(tmp_path: Path) -> None:
    options = SystemOptions(tmp_path / "data", pit="each", workers="stock=1x8")
    async with System(options) as system, Running(system) as running:
        await running.run(document({"a": {"call": "test.noop"}}))
        operator = await running.connect("operator")
        await operator.request(subjects.pit("stale", "purge"), encode(Purge(partition=0, floor=1_000_000)))
        assert await Lease(operator, "sym_owners", "floor.0", "").holder() == "1000000"
        os.kill(running.process("pit-dag").pid, signal.SIGKILL)
        log: Any = system.layout.logs / "pit-dag.log"

        async def refused() -> bool:
            return "no snapshot reaches it" in log.read_text()

        await until(refused)
        await operator.close()
