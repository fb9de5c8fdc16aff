"""The ladder on a real mesh: a sabotaged policy is rolled back by itself, and every conductor and restart knows."""

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
from tests.e2e.conftest import until
from tests.e2e.running import Running, document
from tests.shared import ROOT

pytest.importorskip("onnxruntime", reason="ONNX Runtime is in the extra `policy`")
pytestmark = pytest.mark.broker

SABOTAGED = ROOT / "tests" / "data" / "policy" / "sabotaged.onnx"
BATCH = 40
BATCHES_MAX = 25
"""Both sides need about sixty runs until the bounds are apart."""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[Running]:
    async with System(SystemOptions(tmp_path / "data", workers="stock=1x8")) as running, Running(running) as client:
        yield client


def shaky(name: str = "shaky") -> bytes:
    """A task that fails once and then succeeds, if it is tried again; its fallback always fails."""
    task: dict[str, Any] = {
        "call": "test.fail",
        "with": {"kind": "unavailable", "times": 1},
        "retry": {"max_attempts": 3, "backoff": "1ms"},
        "fallback": [{"call": "test.fail", "with": {"kind": "user", "times": 1000}}],
    }
    return document({"shaky": task}, name)


async def ladder(running: Running) -> dict[str, Any]:
    """What the conductor reports."""
    (found,) = json.loads((await running.cli_async("policy", "report", "--json")).stdout)
    return {"policy": found["policy"], **found["ladder"]}


async def stage(running: Running, wanted: str) -> dict[str, Any]:
    """The report once the conductor is at a stage."""
    shown: dict[str, Any] = {}

    async def there() -> bool:
        shown.update(await ladder(running))
        return bool(shown["step"] == wanted)

    await until(there, 20)
    return shown


async def batch(running: Running) -> list[str]:
    """How some runs ended."""
    runs = await asyncio.gather(*(running.begin(shaky()) for _ in range(BATCH)))
    ends = await asyncio.gather(*(running.end(run) for run in runs))
    return [end.status for end in ends]


async def test_a_sabotaged_policy_is_rolled_back_by_itself(system: Running) -> None:
    assert (await batch(system)).count("succeeded") == BATCH  # with the rules nothing fails

    await system.cli_async("policy", "shadow", str(SABOTAGED))
    await stage(system, "shadow")
    assert (await batch(system)).count("succeeded") == BATCH  # in the shadow it harms nobody
    shown = await ladder(system)
    # It would have given up each of them; on a machine that is busy some answers come too late to be compared.
    assert shown["compared"] - shown["agreed"] >= BATCH // 2

    await system.cli_async("policy", "canary", str(SABOTAGED), "--percent", "50", "--reason", "a test")
    await stage(system, "canary")
    failed = 0
    for _ in range(BATCHES_MAX):
        failed += (await batch(system)).count("failed")
        if (await ladder(system))["step"] == "rules":
            break
    shown = await stage(system, "rules")
    assert failed > 0  # it did harm, to some
    assert shown["by"] == "conductor-0"
    assert "of its runs failed" in shown["reason"]
    assert (await batch(system)).count("succeeded") == BATCH

    # What was decided stands in the log of steps, so that a restart goes on with the rules.
    os.kill(system.process("conductor-0").pid, signal.SIGKILL)
    await until(lambda: _answers(system), 30)
    assert (await stage(system, "rules"))["reason"] == shown["reason"]


async def _answers(running: Running) -> bool:
    found = await running.cli_async("policy", "report", "--json", check=None)
    return found.returncode == 0 and bool(json.loads(found.stdout))


async def test_the_shipped_policy_decides_and_its_decisions_bear_its_name(system: Running) -> None:
    await system.cli_async("policy", "promote", "shipped")
    shown = await stage(system, "live")
    ends = await batch(system)
    assert ends.count("succeeded") == BATCH
    guard = (await ladder(system))["guard"]
    assert guard["decisions"] > 0
    assert guard["vetoed"] < guard["decisions"]
    assert shown["policy"].startswith("quest/") and shown["policy"].endswith("@live")


async def test_a_policy_that_is_refused_changes_nothing(system: Running, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(SABOTAGED.read_bytes()[:-200])
    refused = await system.cli_async("policy", "canary", str(path), check=2)
    assert str(path) in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
    await system.cli_async("policy", "canary", str(SABOTAGED))
    await stage(system, "canary")
    # A file that goes bad after it was checked: the conductor refuses it, and goes by what it had.
    from conductor.wire import subjects
    from conductor.wire.base import encode
    from conductor.wire.ladder import Ladder

    bus = await system.connect("operator")
    try:
        await bus.publish_log(subjects.policy("conductor"), encode(Ladder(stage="live", policy=str(path))))
    finally:
        await bus.close()

    async def told() -> bool:
        return bool((await ladder(system))["refused"])

    await until(told, 20)
    shown = await ladder(system)
    assert shown["policy"].startswith("sabotaged/") and shown["policy"].endswith("@canary")
