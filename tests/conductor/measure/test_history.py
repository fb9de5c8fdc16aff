"""What was measured stays, is read again, and becomes a page and a picture."""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conductor.measure import history
from conductor.measure.chart import POINTS_MAX, chart
from conductor.measure.history import Recorded
from conductor.measure.page import page
from conductor.measure.rows import Row

MACHINE: dict[str, Any] = {
    "cpus": 2,
    "processor": "one of them",
    "memory_bytes": 8 * 2**30,
    "system": "Linux 6",
    "python": "3.11.7",
    "version": "0.1.0",
}
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def row(name: str, value: float, unit: str = "ms", times: float | None = None, **more: object) -> Row:
    made = {"name": name, "unit": unit, "value": value, "p50": value, "p99": value, "runs": 1, **more}
    floor = {"name": "floor_publish_fsync", "value": 0.3, "times": times}
    return made if times is None else {**made, "floors": [floor]}


def line(*rows: Row, machine: dict[str, Any] = MACHINE) -> Recorded:
    document = {"machine": machine, "durability": "always", "results": list(rows)}
    return history.recorded(document, "abc1234", NOON)


def test_lines_are_appended_and_read_again(tmp_path: Path) -> None:
    assert history.read(tmp_path) == []
    first, second = line(row("chain_40", 0.712345678, times=2.1)), line(row("submit", 1500.0, "runs/s"))
    history.append(tmp_path, first)
    history.append(tmp_path, second)
    assert history.read(tmp_path) == [first, second]
    assert first.results[0]["value"] == 0.7123
    assert (first.at, first.commit) == ("2026-11-25T12:00:00+00:00", "abc1234")


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    path = history.append(tmp_path, line(row("chain_40", 0.7)))
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(ValueError, match="line 2"):
        history.read(tmp_path)


def test_the_newest_of_each_row_on_this_machine_counts() -> None:
    elsewhere = line(row("chain_40", 0.1), machine={**MACHINE, "processor": "another"})
    lines = [line(row("chain_40", 0.9), row("submit", 2.0)), elsewhere, line(row("chain_40", 0.7))]
    assert {one["name"]: one["value"] for one in history.newest(lines)} == {"chain_40": 0.7, "submit": 2.0}


def test_the_page_has_every_row_its_floor_and_its_goals() -> None:
    text = page(
        [
            line(
                row("floor_publish_fsync", 0.3),
                row("chain_40", 0.7, times=2.333),
                row("chain_40_pure", 0.3, times=1.0),
                row("cpu_500", 26.0, "us/step", parts={"broker": 6.0, "pit": 20.0}),
                row("strange", 1.0),
            )
        ]
    )
    assert "| `chain_40` | 0.7 | ms | 0.7 | 0.7 | 1 | 2.33 x publish_fsync |" in text
    assert "<= 0.75 ms: met; <= 1.90 x publish_fsync: missed" in text
    assert "2 of 3 are met." in text
    assert "- `chain_40` is 2.33; the goal is <= 1.90 x publish_fsync." in text
    assert "- `cpu_500`: broker 6.00, pit 20.00." in text
    assert "## Others" in text
    assert text.index("`strange`") > text.index("## Others")


def test_a_goal_between_rows_needs_both() -> None:
    alone = page([line(row("live_100000", 1.0))])
    both = page([line(row("live_100", 0.8), row("live_100000", 1.0))])
    assert "x live_100:" not in alone
    assert "<= 1.20 x live_100: missed" in both


def test_the_chart_has_a_panel_for_each_scenario_and_a_point_for_each_run() -> None:
    lines = [line(row("chain_40", 0.7, times=2.0 + at / 10), row("one_step", 2.0, times=6.0)) for at in range(3)]
    picture = Xml.fromstring(chart(lines))
    space = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f".//{space}polyline")) == 2
    assert len(picture.findall(f".//{space}circle")) == 6
    words = [text.text for text in picture.findall(f".//{space}text")]
    assert {"chain_40", "one_step", "2.20"} <= set(words)


def test_the_chart_is_bounded_and_may_be_empty() -> None:
    many = [line(row("chain_40", 0.7, times=2.0)) for _ in range(POINTS_MAX + 40)]
    assert chart(many).count("<circle") == POINTS_MAX
    assert Xml.fromstring(chart([])).tag.endswith("svg")
