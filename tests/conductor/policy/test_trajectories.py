"""Trajectories as Parquet, read again with what others read it by."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conductor.policy import trajectories

DECISION = {
    "sequence": 7,
    "index": 0,
    "at_us": 1_700_000_000_000_000,
    "kind": "start",
    "run": "0" * 32,
    "tenant": "acme",
    "workflow": "w",
    "task": "a",
    "try": 2,
    "capability": "text.count",
    "policy": "rules/1",
    "chosen": 1,
    "waiting": 40,
    "free": 3,
    "candidates": [
        {"label": "w/b", "probability": 0.25, "features": [4.0, 10.0, 0.5]},
        {"label": "w/a", "probability": 0.75},
    ],
    "outcome": {"run_status": "succeeded", "task_status": "cached", "attempts": 1, "error_kind": None},
    "reward": {"success": 1.0, "task_success": 1.0, "waited": -0.25, "worked": -1.5, "took": -2.0, "retried": -0.0},
    "worth": {"value": 0.5, "surprise": 0.1, "rarity": 0.9, "outcome": 0.2, "cost": 0.3, "shape": "ab"},
}


def test_every_part_of_a_decision_comes_back(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    path = tmp_path / "t.parquet"
    live = {**DECISION, "sequence": 8, "outcome": None, "reward": None, "worth": None, "candidates": []}
    assert trajectories.write([DECISION, live], path) == 2
    table = parquet.read_table(path)
    assert table.schema.equals(trajectories.schema())
    assert table.schema.metadata[b"features.start"] == b"priority,rest_us,waited_ms"
    first, second = table.to_pylist()
    assert first["propensity"] == 0.75
    assert first["observation"] == {"waiting": 40, "free": 3}
    assert [c["features"] for c in first["candidates"]] == [[4.0, 10.0, 0.5], []]
    for part in ("outcome", "reward", "worth", "run", "try", "chosen"):
        assert first[part] == DECISION[part], part
    assert second["worth"] is None
    assert second["propensity"] is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.parquet"]


def test_polars_reads_the_same(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow, which writes, is not installed")
    path = tmp_path / "t.parquet"
    trajectories.write([DECISION], path)
    frame = polars.read_parquet(path)
    assert frame["reward"].struct.field("waited").to_list() == [-0.25]


def test_many_row_groups_are_one_file(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    path = tmp_path / "t.parquet"
    count = trajectories.ROW_GROUP * 2 + 1
    assert trajectories.write(({**DECISION, "sequence": n} for n in range(count)), path) == count
    file = parquet.ParquetFile(path)
    assert (file.metadata.num_row_groups, file.metadata.num_rows) == (3, count)


def test_without_pyarrow_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(trajectories.ParquetError, match=r"install pyarrow.*\.jsonl"):
        trajectories.write([DECISION], tmp_path / "t.parquet")
