"""A change for the worse fails and is named; noise is none."""

from __future__ import annotations

from conductor.measure.baseline import BAND_LEAST, Baseline, Entry, best, beyond, drawn
from conductor.measure.rows import Row

MACHINE = {"cpus": 2}


def row(name: str, times: float, unit: str = "ms", floor: str = "floor_publish_fsync") -> Row:
    figures = {"name": name, "unit": unit, "value": times * 0.3, "p50": 1.0, "p99": 1.0, "runs": 1}
    return {**figures, "floors": [{"name": floor, "value": 0.3, "times": times}]}


KNOWN = Baseline(
    machine=MACHINE,
    measured="2026-11-25",
    scenarios={
        "chain_40": Entry(ratio=2.0, band=1.3, better="lower", floor="floor_publish_fsync"),
        "throughput_500": Entry(ratio=20.0, band=1.5, better="higher", floor="floor_publish_rate"),
    },
)


def test_what_lies_within_the_band_or_is_better_passes() -> None:
    assert beyond(KNOWN, [row("chain_40", 2.59), row("throughput_500", 13.4, "steps/s")]) == []
    assert beyond(KNOWN, [row("chain_40", 0.5), row("throughput_500", 90.0, "steps/s")]) == []


def test_what_is_slower_than_the_band_allows_is_named() -> None:
    slow = beyond(KNOWN, [row("chain_40", 2.7), row("throughput_500", 13.0, "steps/s")])
    assert [miss.name for miss in slow] == ["chain_40", "throughput_500"]
    assert str(slow[0]) == "chain_40: 2.7 against 2 x floor_publish_fsync, 1.35 times worse; 1.30 is noise"
    assert "1.54 times worse" in str(slow[1])


def test_a_scenario_that_was_not_measured_is_no_pass() -> None:
    missing = beyond(KNOWN, [row("chain_40", 2.0)])
    assert [str(miss) for miss in missing] == [
        "throughput_500 was not measured; the baseline has 20 x floor_publish_rate"
    ]


def test_of_several_measurements_the_best_counts() -> None:
    rounds = [
        [row("chain_40", 3.0), row("throughput_500", 9.0, "steps/s")],
        [row("chain_40", 2.1), row("throughput_500", 30.0, "steps/s")],
        [row("chain_40", 2.9), row("throughput_500", 11.0, "steps/s")],
    ]
    kept = best(KNOWN, rounds)
    assert {one["name"]: one["floors"][0]["times"] for one in kept} == {"chain_40": 2.1, "throughput_500": 30.0}
    assert beyond(KNOWN, kept) == []


def test_a_change_that_shows_in_every_measurement_fails() -> None:
    rounds = [[row("chain_40", times), row("throughput_500", 20.0, "steps/s")] for times in (3.0, 2.8, 3.3)]
    assert [miss.name for miss in beyond(KNOWN, best(KNOWN, rounds))] == ["chain_40"]


def test_a_baseline_is_the_median_with_a_band_wider_than_what_was_seen() -> None:
    rounds = [[row("chain_40", times), row("submit", 0.5, "runs/s", "floor_publish_rate")] for times in (2.0, 1.9, 2.8)]
    made = drawn(MACHINE, "2026-11-25", rounds)
    chain, submit = made.scenarios["chain_40"], made.scenarios["submit"]
    assert (chain.ratio, chain.band, chain.better, chain.floor) == (2.0, 1.68, "lower", "floor_publish_fsync")
    assert (submit.ratio, submit.band, submit.better) == (0.5, BAND_LEAST, "higher")
    assert all(beyond(made, one) == [] for one in rounds)


def test_cores_are_compared_by_their_value_and_other_rows_without_a_floor_not_at_all() -> None:
    bare = {"unit": "us", "p50": 1.0, "p99": 1.0, "runs": 1}
    rows = [{"name": "core_fold_result", "value": 0.8, **bare}, {"name": "memory_rest", "value": 120.0, **bare}]
    made = drawn(MACHINE, "2026-11-25", [rows])
    assert made.scenarios == {"core_fold_result": Entry(ratio=0.8, band=BAND_LEAST, better="lower")}


def test_a_value_without_a_floor_is_not_compared_on_another_processor() -> None:
    bare = Entry(ratio=0.8, band=1.3, better="lower")
    here = {"processor": "one"}
    made = Baseline(machine=here, measured="2026-11-25", scenarios={**KNOWN.scenarios, "core_fold_result": bare})
    assert made.on(here) == made
    assert made.on({"processor": "another"}).scenarios == KNOWN.scenarios
