"""One session of a system after another on the same data: what the one before left behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from conductor.embedded import System, SystemOptions, inspect
from conductor.kernel.retirement import GRACE_MS
from tests.e2e.conftest import until
from tests.e2e.running import Running, document

pytestmark = pytest.mark.broker

FUNCTIONS = '''
"""A function that only the first session's worker offers."""

from conductor.worker import task


@task("fleeting.call")
def call() -> dict:
    """Nothing."""
    return {}
'''
CALL = {"only": {"call": "fleeting.call"}}


async def known(running: Running) -> bool:
    """Whether a document that calls the function may be submitted."""
    checked = await running.client.check(document(CALL))
    return not checked.problems


async def test_functions_of_a_worker_that_crashed_in_an_earlier_session_are_unloaded(tmp_path: Path) -> None:
    functions = tmp_path / "functions.py"
    functions.write_text(FUNCTIONS)
    data = tmp_path / "data"
    first = SystemOptions(data, workers=f"stock=1x2,{functions}=1x2")
    async with System(first) as system, Running(system) as running:
        await until(lambda: known(running))
        assert (await running.run(document(CALL))).status == "succeeded"
        operator = await running.connect("operator")
        shown = await inspect.pool_show(operator)
        await operator.close()
        # It cannot say that it stops, and nobody is left to start it again or to miss it.
        os.kill(running.process("pit").pid, signal.SIGKILL)
        os.kill(next(worker.pid for worker in shown.workers if "functions" in worker.worker), signal.SIGKILL)

    second = SystemOptions(data, workers="stock=1x2")
    async with System(second) as system, Running(system) as running:
        began = time.monotonic()
        assert await known(running), "it may only be starting again: so long its functions are known"

        async def gone() -> bool:
            return not await known(running)

        await until(gone, 90)
        assert time.monotonic() - began > GRACE_MS / 1000 - 5, "no sooner than a restart may take"
        checked = await running.client.check(document(CALL))
        assert "fleeting.call" in checked.problems[0].message

    third = SystemOptions(data, workers=f"stock=1x2,{functions}=1x2")
    async with System(third) as system, Running(system) as running:
        await until(lambda: known(running))
        assert (await running.run(document(CALL))).status == "succeeded", "and are there again when it comes back"
