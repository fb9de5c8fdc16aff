"""The committed ratios, and which of today's are beyond their noise. Pure.

What is compared is a row over its floor of the same minute, so that a slower disk or processor moves both. Each scenario
has a band: a ratio may be worse than the baseline's by that factor. A band is drawn when the baseline is made, from the
spread of several measurements on one machine, and is never narrower than `BAND_LEAST`.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from conductor.measure.rows import Row, is_rate

BAND_LEAST = 1.3
"""Two measurements of the same program on a shared machine differ by a fifth now and then."""
BAND_OVER_SPREAD = 1.2
"""Beyond the widest that was seen: a few measurements do not show the widest there is."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What one row should come to. `floor` is none where the value itself is compared."""

    ratio: float
    band: float
    better: str
    floor: str | None = None

    def worse_by(self, ratio: float) -> float:
        """How many times worse than here; below 1 where it is better."""
        return self.ratio / ratio if self.better == "higher" else ratio / self.ratio


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The committed file."""

    machine: dict[str, Any]
    measured: str
    scenarios: dict[str, Entry]

    def on(self, machine: dict[str, Any]) -> Baseline:
        """What of it can be compared on a machine: a value without a floor only where the processor is the same."""
        if machine.get("processor") == self.machine.get("processor"):
            return self
        kept = {name: entry for name, entry in self.scenarios.items() if entry.floor is not None}
        return msgspec.structs.replace(self, scenarios=kept)


class Miss(msgspec.Struct, frozen=True):
    """A row that is beyond its band, or was not measured (`ratio` none)."""

    name: str
    entry: Entry
    ratio: float | None

    def __str__(self) -> str:
        told = f"{self.entry.ratio:.3g} x {self.entry.floor}" if self.entry.floor else f"{self.entry.ratio:.3g}"
        if self.ratio is None:
            return f"{self.name} was not measured; the baseline has {told}"
        worse = self.entry.worse_by(self.ratio)
        return f"{self.name}: {self.ratio:.3g} against {told}, {worse:.2f} times worse; {self.entry.band:.2f} is noise"


def ratio_of(row: Row) -> tuple[float, str | None] | None:
    """What of a row is compared: its first ratio and the floor, or its value where it needs none (the cores)."""
    if row.get("peer"):
        return None
    if row.get("floors"):
        return row["floors"][0]["times"], row["floors"][0]["name"]
    return (row["value"], None) if row["name"].startswith("core_") else None


def ratios(rows: Iterable[Row]) -> dict[str, float]:
    """By name, those that can be compared."""
    return {row["name"]: found[0] for row in rows if (found := ratio_of(row)) is not None}


def beyond(baseline: Baseline, rows: Iterable[Row]) -> list[Miss]:
    """The scenarios that are worse than their band allows, and those that are missing."""
    found = ratios(rows)
    return [
        Miss(name, entry, found.get(name))
        for name, entry in baseline.scenarios.items()
        if name not in found or entry.worse_by(found[name]) > entry.band
    ]


def best(baseline: Baseline, rounds: Sequence[Iterable[Row]]) -> list[Row]:
    """Of several measurements the best of each row: a change for the worse shows in all of them, noise does not."""
    found: dict[str, Row] = {}
    for row in (row for rows in rounds for row in rows):
        entry, ratio = baseline.scenarios.get(row["name"]), ratio_of(row)
        if entry is None or ratio is None:
            continue
        known = ratio_of(found[row["name"]]) if row["name"] in found else None
        if known is None or entry.worse_by(ratio[0]) < entry.worse_by(known[0]):
            found[row["name"]] = row
    return list(found.values())


def drawn(machine: dict[str, Any], measured: str, rounds: Sequence[Sequence[Row]]) -> Baseline:
    """A baseline of several measurements: the median of each ratio, and a band somewhat wider than they differ."""
    scenarios = {}
    for row in rounds[0]:
        first = ratio_of(row)
        values = [found[row["name"]] for found in map(ratios, rounds) if row["name"] in found]
        if first is None or len(values) < len(rounds) or min(values) <= 0:
            continue
        better = "higher" if is_rate(row["unit"]) else "lower"
        middle = statistics.median(values)
        spread = max(max(values) / middle, middle / min(values))
        band = max(BAND_LEAST, spread * BAND_OVER_SPREAD)
        scenarios[row["name"]] = Entry(ratio=round(middle, 4), band=round(band, 2), better=better, floor=first[1])
    return Baseline(machine=machine, measured=measured, scenarios=scenarios)
