"""The archive read from the disk: what is damaged or not there is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import zstandard

from conductor.wire.base import encode
from conductor.wire.dag import ArchiveRecord, NodeView, RunSummary, RunView
from conductor.wire.values import pack
from conductor.workflow.archived import ArchiveError, read

RUN = "1" * 32


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive with one run, behind one that was deleted."""
    named = {"run": RUN, "tenant": "t", "workflow": "w", "version": "1.0.0", "status": "succeeded"}
    node = NodeView(task="a", status="succeeded", outputs=pack({"text": "kept"}))
    view = RunView(**named, nodes=[node], inputs=pack({"n": 3}))
    record = ArchiveRecord(summary=RunSummary(**named), view=encode(view), tags={"k": "v"})
    frame = zstandard.ZstdCompressor().compress(encode(record))
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / f"{3:016}.zst").write_bytes(b"deleted" + frame)
    with sqlite3.connect(tmp_path / "catalogue.sqlite3") as connection:
        connection.execute("CREATE TABLE runs (run, segment, start, length, ended_ms)")
        connection.execute("INSERT INTO runs VALUES (?, 3, 7, ?, 0)", (RUN, len(frame)))
    connection.close()
    return tmp_path


def test_a_run_is_read_with_its_values(archive: Path) -> None:
    (run,) = read(archive)
    assert run["summary"]["run"] == RUN
    assert run["tags"] == {"k": "v"}
    assert run["run"]["inputs"] == {"n": 3}
    assert run["run"]["nodes"][0]["outputs"] == {"text": "kept"}
    assert run["history"] == []
    assert list(read(archive, RUN)) == [run]


def test_what_cannot_be_read_is_named(archive: Path, tmp_path: Path) -> None:
    segment = archive / "segments" / f"{3:016}.zst"
    data = segment.read_bytes()
    for damaged in (data[:-4], data[:20] + b"\xff" * 8 + data[28:], b""):
        segment.write_bytes(damaged)
        with pytest.raises(ArchiveError, match=f"the record of {RUN} in .*{segment.name}"):
            list(read(archive))
    with pytest.raises(ArchiveError, match="is not in the archive"):
        list(read(archive, "2" * 32))
    with pytest.raises(ArchiveError, match="holds no archive"):
        list(read(tmp_path / "elsewhere"))
