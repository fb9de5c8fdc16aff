"""The figures of earlier days: a line of JSON for each recorded run, in `history/bench.jsonl` beside the page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from conductor.measure.rows import Row

FILE = Path("history") / "bench.jsonl"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded run: when, of what (version, and the commit where it is known), where, and its rows."""

    at: str
    version: str
    machine: dict[str, Any]
    durability: str
    results: list[Row]
    commit: str | None = None


def recorded(document: dict[str, Any], commit: str | None, at: datetime | None = None) -> Recorded:
    """A line of what `bench --json` prints."""
    return Recorded(
        at=(at or datetime.now(UTC)).isoformat(timespec="seconds"),
        version=document["machine"]["version"],
        commit=commit,
        machine=document["machine"],
        durability=document["durability"],
        results=[_rounded(row) for row in document["results"]],
    )


def _rounded(value: Any) -> Any:
    """Four digits: a line is read by people too, and no figure is known better."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def append(folder: Path, line: Recorded) -> Path:
    """Write a line below those that are there."""
    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")
    return path


def read(folder: Path) -> list[Recorded]:
    """All lines, the oldest first; none where nothing was recorded.

    Raises:
        ValueError: a line is none, with its number.
    """
    path = folder / FILE
    if not path.exists():
        return []
    lines = []
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        try:
            lines.append(msgspec.json.decode(text, type=Recorded))
        except msgspec.MsgspecError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
    return lines


def newest(lines: list[Recorded]) -> list[Row]:
    """Of each row (and peer) the newest that was measured on the machine of the last line, as durably: a run may have been
    recorded in parts."""
    if not lines:
        return []
    last = lines[-1]
    found: dict[tuple[str, str | None], Row] = {}
    for line in lines:
        if line.machine.get("processor") == last.machine.get("processor") and line.durability == last.durability:
            found |= {(row["name"], row.get("peer")): row for row in line.results}
    return list(found.values())
