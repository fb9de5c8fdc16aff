"""A task that kills whoever runs it: it ends as a dead letter, costs nobody else anything, and can be retried."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conductor.embedded import System, SystemOptions, inspect
from conductor.kernel.execution import DEATHS_MAX
from tests.e2e.conftest import until
from tests.e2e.running import Running, document

pytestmark = pytest.mark.broker

FUNCTIONS = '''
"""One function that takes its worker with it, and one that only takes its time."""

import os
import time
from pathlib import Path

from conductor.worker import task


@task("poison.bite")
def bite(mended: str) -> dict:
    """Ends the process, until a file tells that it is mended."""
    if not Path(mended).exists():
        with Path(f"{mended}.bites").open("a") as bites:
            bites.write("x")
        os._exit(1)
    return {"v": 1}


@task("poison.rest")
def rest(seconds: float) -> dict:
    """Holds a slot."""
    time.sleep(seconds)
    return {"v": 1}
'''


@pytest.fixture
async def bitten(tmp_path: Path) -> AsyncIterator[Running]:
    """One Python worker with four slots, which all have to share."""
    functions = tmp_path / "functions.py"
    functions.write_text(FUNCTIONS)
    options = SystemOptions(tmp_path / "data", workers=f"stock=1x4,{functions}=1x4")
    async with System(options) as system, Running(system) as running:
        yield running


async def test_a_task_that_kills_its_workers_is_a_dead_letter_and_is_retried_by_one_command(
    bitten: Running, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    bite = {"call": "poison.bite", "with": {"mended": str(mended)}, "retry": {"max_attempts": 10, "backoff": "10ms"}}
    rest = {"call": "poison.rest", "for_each": "${range(3)}", "with": {"seconds": 0.4}}
    poison = await bitten.begin(document({"bite": bite}, "poison"))
    others = await bitten.begin(document({"rest": rest}, "others"))

    ended = await bitten.end(poison, 90)
    assert (ended.status, ended.error and ended.error.kind, ended.error and ended.error.task) == (
        "failed",
        "lost",
        "bite",
    )
    told = await bitten.end(others, 60)
    assert told.status == "succeeded", "those that shared the worker are not taken for what killed it"

    assert len(Path(f"{mended}.bites").read_text()) == DEATHS_MAX
    operator = await bitten.connect("operator")
    shown = await inspect.pool_show(operator)
    assert sum(worker.restarts for worker in shown.workers if "functions" in worker.worker) == DEATHS_MAX
    await operator.close()

    history = json.loads((await bitten.cli_async("runs", "history", poison, "--json")).stdout)["history"]
    (letter,) = [entry for entry in history if entry["event"] == "dead_letter"]
    assert letter["task"] == "bite"
    assert "lost with their workers" in letter["detail"]
    listed = json.loads((await bitten.cli_async("runs", "list", "--status", "failed", "--json")).stdout)
    assert poison in json.dumps(listed)
    assert "dead_letter" in (await bitten.cli_async("runs", "history", poison)).stdout

    mended.touch()
    await bitten.cli_async("runs", "retry", poison)

    async def over() -> bool:
        view = await bitten.client.show(poison)
        return view is not None and view.status == "succeeded"

    await until(over, 60)
