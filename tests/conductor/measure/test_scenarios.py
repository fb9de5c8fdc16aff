"""The table of scenarios is that of the load generator, and each is measured on the system that it needs."""

from __future__ import annotations

import re
from pathlib import Path

from conductor.measure.goals import GOALS
from conductor.measure.scenarios import FULL, PARTED, SCENARIOS, SHORT_NAMES, USUAL, USUAL_NAMES, grouped
from conductor.measure.suite import Suite, measure
from tests.shared import ROOT


def known_to_the_load_generator() -> set[str]:
    text = (ROOT / "extensions-rs" / "bench" / "src" / "scenarios" / "mod.rs").read_text()
    found = re.search(r"NAMES: &\[&str\] = &\[(.*?)\];", text, re.DOTALL)
    assert found
    return set(re.findall(r'"(\w+)"', found[1]))


def test_the_load_generator_knows_every_scenario_that_it_is_asked_for() -> None:
    asked = {load for name, one in SCENARIOS.items() if one.site is not None for load in (one.loads or (name,))}
    assert asked == known_to_the_load_generator()


def test_scenarios_are_grouped_by_the_system_that_they_need() -> None:
    groups = dict(grouped(["throughput", "overhead", "chain", "partitions", "ready"]))
    assert groups == {USUAL: ["chain", "throughput"], FULL: ["overhead"], PARTED: ["partitions"]}


def test_a_takeover_is_measured_only_where_it_is_named_and_the_check_is_short() -> None:
    assert set(SCENARIOS) - set(USUAL_NAMES) == {"takeover"}
    assert set(SHORT_NAMES) < set(USUAL_NAMES)


def test_every_goal_is_of_a_row_that_some_scenario_makes() -> None:
    text = "".join(path.read_text() for path in (ROOT / "extensions-rs" / "bench" / "src").rglob("*.rs"))
    for name in GOALS:
        stem = re.sub(r"_(\d+|10ms|100ms)$", "", name).removesuffix("_100000").removesuffix("_bytes")
        assert f'"{stem}' in text or f'"{name}' in text or name.startswith("ready_"), name


async def test_traces_are_left_out_with_the_reason_where_there_are_none(tmp_path: Path) -> None:
    rows, skipped = await measure(Suite(["traces"]))
    assert rows == []
    assert [(one.name, "--traces" in one.why) for one in skipped] == [("traces", True)]
    _, skipped = await measure(Suite(["traces"], traces=tmp_path / "nowhere"))
    assert "is no folder" in skipped[0].why
