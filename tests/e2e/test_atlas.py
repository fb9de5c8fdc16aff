"""The main job: the words of a folder's texts, equal to what ten lines of Python count."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from conductor.wire.values import unpack
from tests.e2e.running import Running
from tests.shared import ROOT

ATLAS = str(ROOT / "examples" / "word-atlas" / "workflow.yaml")


def ten_lines(folder: Path, pattern: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in folder.glob(pattern):
        text = path.read_text(encoding="utf-8", errors="replace").lower()
        counts.update(re.findall(r"[^\W\d_]+", text))
    return counts


async def test_the_counts_equal_those_of_a_small_script(shared_system: Running, texts: Path) -> None:
    done = await shared_system.cli_async("run", ATLAS, "-i", f"folder={texts}", "-i", "pattern=**/*.txt", "--json")
    end = json.loads(done.stdout)
    counts = ten_lines(texts, "**/*.txt")
    assert end["status"] == "succeeded"
    assert end["outputs"]["words"] == counts.total()
    assert end["tasks"] == {"total": 23, "succeeded": 23, "failed": 0, "skipped": 0, "retried": 0}
    assert end["error"] is None
    assert 0 <= end["overhead_ms"] <= end["duration_ms"]
    shown = json.loads((await shared_system.cli_async("runs", "show", end["run"], "--json")).stdout)
    merged = next(node for node in shown["nodes"] if node["task"] == "merge")
    assert merged["outputs"]["words"] == dict(counts)
    assert merged["outputs"]["distinct"] == len(counts)
    assert merged["outputs"]["top"][0]["count"] == counts.most_common(1)[0][1]


async def test_the_chart_is_an_svg_in_the_store(shared_system: Running, texts: Path, tmp_path: Path) -> None:
    done = await shared_system.cli_async("run", ATLAS, "-i", f"folder={texts}", "-i", "pattern=**/*.txt", "--json")
    mark = json.loads(done.stdout)["outputs"]["chart"]
    assert mark["media_type"] == "image/svg+xml"
    target = tmp_path / "chart.svg"
    await shared_system.cli_async("artifacts", "get", mark["digest"], "--out", str(target))
    assert target.read_text().startswith("<svg")
    assert len(target.read_bytes()) == mark["size"]
    await shared_system.cli_async("artifacts", "verify", mark["digest"])


async def test_an_empty_folder_skips_the_chart(shared_system: Running, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = await shared_system.cli_async("run", ATLAS, "-i", f"folder={empty}", "--json")
    end = json.loads(done.stdout)
    assert end["outputs"] == {"words": 0, "chart": None}
    assert end["tasks"]["skipped"] == 1


async def test_a_run_is_shown_alike_before_and_after_it_was_archived(shared_system: Running, texts: Path) -> None:
    running = shared_system
    from tests.e2e.running import document

    packed = document({"say": {"call": "test.echo", "with": {"text": "kept"}}}, outputs={"text": "${tasks.say.text}"})
    ended = await running.run(packed)
    from tests.e2e.conftest import until

    async def archived() -> bool:
        return await running.client.read(ended.run) is not None

    await until(archived)
    view = await running.client.show(ended.run, nodes=True, values=True)
    assert view is not None and view.status == "succeeded"
    assert unpack(view.outputs or b"\x80") == {"text": "kept"}
    assert [node.task for node in view.nodes] == ["say"]
    history = await running.client.history(ended.run)
    assert history is not None
    assert [entry.event for entry in history][:2] == ["submitted", "succeeded"]
    assert ended.run in {summary.run for summary in await running.client.list()}
