"""Rows of results, as `bench --json` has them, and their ratios to floors and to peers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
"""`name, unit, value, p50, p99, runs`; where they are known also `p999`; `loop` (closed or open); `floors`, each with its
`name`, its `value` around this row and `times`, the row's value over the floor's; `parts`; `peer`, of another
orchestrator's row; `peers`, ours over theirs by name."""


def is_rate(unit: str) -> bool:
    """Whether more is better. Everything else (times, shares, bytes) is better when it is less."""
    return unit.endswith("/s")


def beside_peers(rows: Iterable[Row]) -> list[Row]:
    """Our rows with their ratios to the peers' rows of the same name; the peers' as they are."""
    rows = list(rows)
    theirs: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.get("peer") and row["value"]:
            theirs.setdefault(row["name"], {})[row["peer"]] = row["value"]
    return [
        row
        if row.get("peer") or row["name"] not in theirs
        else {**row, "peers": {peer: row["value"] / value for peer, value in theirs[row["name"]].items()}}
        for row in rows
    ]


def number(value: float) -> str:
    """Three digits or so, whatever the size."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.1f}"
    if size >= 1 or size == 0:
        return f"{value:.2f}"
    return f"{value:.3g}"


def floors_of(row: Row) -> str:
    """`1.9 x publish_fsync`; nothing where a row stands beside no floor."""
    said = [f"{number(floor['times'])} x {floor['name'].removeprefix('floor_')}" for floor in row.get("floors", [])]
    return ", ".join(said)


def parts_of(row: Row) -> str:
    """`broker 3.10, worker 1.20`, in the unit of the row where they add up to it."""
    return ", ".join(f"{name} {number(value)}" for name, value in row.get("parts", {}).items())


def peers_of(row: Row) -> str:
    """`0.75 x restate`; of a peer's own row its name."""
    if row.get("peer"):
        return str(row["peer"])
    return ", ".join(f"{number(ratio)} x {peer}" for peer, ratio in sorted(row.get("peers", {}).items()))
