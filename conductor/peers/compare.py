"""Ours and a peer's, in turns on the same machine: first ours, then theirs, and again."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from conductor.measure.machine import disk
from conductor.measure.rows import Row
from conductor.measure.suite import Skipped
from conductor.peers.peer import SCENARIOS, Load, Measured, Peer, PeerError

ROUNDS = 3
BUSY_S = 2.0
Ours = Callable[[Sequence[str]], Awaitable[list[Row]]]
"""Measures scenarios on a system of ours, started for it and stopped after it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Our rows and the peer's, each the median of its rounds with all of them in `rounds`; what the peer left out in some
    round; and the share of the processors, 0 to 1, that others took before each round."""

    versions: dict[str, str]
    rows: list[Row]
    skipped: list[Skipped]
    others: list[float]


def wanted(names: Sequence[str]) -> list[str]:
    """The scenarios that were asked for, all of them where none was.

    Raises:
        PeerError: no peer does one of them.
    """
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise PeerError(f"peers do {', '.join(SCENARIOS)}; {unknown[0]!r} is measured on our side alone")
    return [name for name in SCENARIOS if name in names or not names]


async def compare(
    peer: Peer,
    scenarios: Sequence[str],
    load: Load,
    ours: Ours,
    folder: Path,
    rounds: int = ROUNDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Compared:
    """Set the peer up, measure in turns, and stop it. Each round of either begins with empty data.

    Raises:
        PeerError: the peer cannot be had, or failed.
        EmbeddedError: ours failed.
    """
    tell(f"{peer.name}: setting up in {folder}")
    versions = await peer.set_up(folder)
    mine: list[list[Row]] = []
    theirs: list[Measured] = []
    others: list[float] = []
    for number in range(1, rounds + 1):
        others.append(await busy())
        tell(f"round {number} of {rounds}: ours")
        mine.append(await ours(scenarios))
        tell(f"round {number} of {rounds}: {peer.name}")
        with tempfile.TemporaryDirectory(prefix="symphony-peer-", dir=disk(), ignore_cleanup_errors=True) as data:
            async with peer.running(folder, Path(data)) as running:
                theirs.append(await running.measure(scenarios, load))
    made = medians([one.rows for one in theirs])
    names = {row["name"] for row in made}
    rows = [row for row in medians(mine) if row["name"] in names or row["name"].startswith("floor_")]
    rows += [{**row, "peer": peer.name} for row in made]
    return Compared(versions, rows, _left_out(theirs), others)


async def busy() -> float:
    """The share of the processors that is in use while nothing is measured: 0 to 1, over `BUSY_S`."""
    psutil.cpu_percent()
    await asyncio.sleep(BUSY_S)
    return psutil.cpu_percent() / 100


def _left_out(rounds: Sequence[Measured]) -> list[Skipped]:
    """Each scenario once, with the first round that went without it where another has it."""
    had = {row["name"] for one in rounds for row in one.rows}
    found: dict[str, Skipped] = {}
    for number, one in enumerate(rounds, 1):
        for name, why in one.skipped:
            said = f"in round {number}: {why}" if name in had else why
            found.setdefault(name, Skipped(name, said))
    return list(found.values())


def medians(rounds: Sequence[Sequence[Row]]) -> list[Row]:
    """Rows of one name made one: the median of each figure, the sum of the runs, and the values of all rounds."""
    by_name: dict[str, list[Row]] = {}
    for rows in rounds:
        for row in rows:
            by_name.setdefault(row["name"], []).append(row)
    return [_median(same) for same in by_name.values()]


def _median(same: list[Row]) -> Row:
    made: dict[str, Any] = dict(same[-1])
    for figure in ("value", "p50", "p99"):
        made[figure] = statistics.median(row[figure] for row in same)
    made["runs"] = sum(row["runs"] for row in same)
    made["rounds"] = [row["value"] for row in same]
    return made
