"""Many runs at once, and the recorded workflows of other people."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from conductor.workflow import read_file
from conductor.workflow.client import SubmitOptions
from conductor.workflow.importers.wfformat import import_wfformat
from tests.e2e.running import Running, document
from tests.shared import ROOT, shared

TRACE_TIME_S = 3.0
"""How long a trace's critical path takes here: enough to order its tasks, little enough for a test."""


async def ends(running: Running, runs: list[str]) -> list[str]:
    statuses = []
    for run in runs:
        statuses.append((await running.end(run, 120)).status)
    return statuses


async def test_a_hundred_atlases_at_once_all_succeed(shared_system: Running, texts: Path) -> None:
    source = read_file(ROOT / "examples" / "word-atlas" / "workflow.yaml")
    inputs = {"folder": str(texts), "pattern": "**/*.txt"}
    client = shared_system.client
    drafts = [client.draft("word-atlas", source.packed(), inputs, SubmitOptions()) for _ in range(100)]
    await client.submit(drafts)
    assert await ends(shared_system, [draft.run for draft in drafts]) == ["succeeded"] * 100


async def test_a_thousand_graphs_of_ten_tasks_at_once_all_succeed(shared_system: Running) -> None:
    tasks = {
        f"t{i}": {"call": "test.noop", "after": [f"t{j}" for j in range(i) if (i - j) in (1, 3)]} for i in range(10)
    }
    packed = document(tasks, "ten")
    client = shared_system.client
    drafts = [client.draft("ten", packed, {}, SubmitOptions()) for _ in range(1000)]
    await client.submit(drafts)
    assert await ends(shared_system, [draft.run for draft in drafts]) == ["succeeded"] * 1000


def traces() -> list[str]:
    try:
        folder = shared("wfinstances")
    except pytest.skip.Exception:
        return []
    return sorted(path.name for path in folder.glob("*.json*"))


@pytest.mark.parametrize("name", traces() or ["absent"])
async def test_a_recorded_workflow_runs_to_success(shared_system: Running, name: str, tmp_path: Path) -> None:
    path = shared("wfinstances", name)
    made = import_wfformat(path)
    critical = float(made.document["tags"]["critical_path_s"])
    scale = min(1.0, TRACE_TIME_S / critical) if critical > 0 else 1.0
    from tests.e2e.running import symphony

    target = tmp_path / "trace.json"
    data = shared_system.system.layout.root
    imported = await asyncio.to_thread(
        symphony, "workflows", "import", str(path), "--from", "wfformat", "--out", str(target), "--json", data=data
    )
    assert imported.returncode == 0, imported.stderr
    summary = json.loads(imported.stdout)
    assert summary["tasks"] == len(made.document["tasks"])
    done = await shared_system.cli_async("run", str(target), "--time-scale", f"{scale:.9f}", "--json", timeout_s=150)
    end = json.loads(done.stdout)
    assert end["status"] == "succeeded"
    assert end["tasks"]["succeeded"] == summary["tasks"]
    assert end["duration_ms"] >= 0.95 * critical * scale * 1000
