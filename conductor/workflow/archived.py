"""The archive as it lies on the disk, read without a running system.

A folder of segments (`segments/NNNN.zst`), each a row of zstd frames of one msgpack `ArchiveRecord`, and a catalogue in
SQLite that says in which segment, from which byte on and how long each run's frame is. Reading changes nothing, and may
go on beside a system that runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from conductor.wire.base import WireError, decode
from conductor.wire.dag import ArchiveRecord, HistoryEntry, RunView
from conductor.wire.values import unpack

RECORD_BYTES_MAX = 16 * 1024 * 1024
"""A record unpacked, as the Stale Manager bounds it."""


class ArchiveError(Exception):
    """There is no archive, or a record of it cannot be read; the sentence says which."""


def read(folder: Path, run: str | None = None) -> Iterator[dict[str, Any]]:
    """Runs as plain values, the one that ended first before the others: `summary`, `tags`, `artifacts`, `run` (with its
    nodes, inputs and outputs) and `history`.

    Raises:
        ArchiveError: the folder holds no archive, or has no such run, or a record is damaged.
    """
    catalogue = folder / "catalogue.sqlite3"
    if not catalogue.exists():
        raise ArchiveError(f"{folder} holds no archive: name the data folder of a system with --data")
    connection = sqlite3.connect(f"file:{catalogue}?mode=ro", uri=True)
    try:
        query = "SELECT run, segment, start, length FROM runs WHERE ?1 IS NULL OR run = ?1 ORDER BY ended_ms, run"
        found = False
        for name, segment, start, length in connection.execute(query, (run,)):
            found = True
            yield _record(folder / "segments" / f"{segment:016}.zst", name, start, length)
        if run is not None and not found:
            raise ArchiveError(f"{run} is not in the archive {folder}")
    except sqlite3.Error as error:
        raise ArchiveError(f"{catalogue} cannot be read: {error}") from None
    finally:
        connection.close()


def _record(path: Path, name: str, start: int, length: int) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            file.seek(start)
            frame = file.read(length)
        data = zstandard.ZstdDecompressor().decompress(frame, max_output_size=RECORD_BYTES_MAX)
        record = decode(data, ArchiveRecord)
        history = msgspec.msgpack.decode(record.history, type=list[HistoryEntry])
        return {
            "summary": msgspec.to_builtins(record.summary),
            "error_kind": record.error_kind,
            "tags": record.tags,
            "artifacts": record.artifacts,
            "run": _plain(decode(record.view, RunView)),
            "history": msgspec.to_builtins(history),
        }
    except (OSError, zstandard.ZstdError, WireError, msgspec.DecodeError) as error:
        raise ArchiveError(f"the record of {name} in {path} cannot be read: {error}") from None


def _plain(view: RunView) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(view, trace=None), builtin_types=(bytes,))
    for holder in (values, *values["nodes"]):
        for side in ("inputs", "outputs"):
            if holder.get(side) is not None:
                holder[side] = unpack(holder[side])
    return values
