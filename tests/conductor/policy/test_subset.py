"""A part of the runs, drawn by value: what its weights promise."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductor.policy.subset import Candidate, candidates, keep

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        run=st.text("0123456789abcdef", min_size=4, max_size=4),
        value=st.floats(0, 1),
        shape=st.sampled_from([None, "a", "b", "c"]),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda candidate: candidate.run,
)


@given(CANDIDATES, st.floats(0.01, 1), st.sampled_from(["value", "random"]), st.integers(0, 5))
def test_as_many_are_kept_as_asked_for_and_none_stands_for_less_than_itself(runs, fraction, by, seed) -> None:
    kept = keep(runs, fraction, by, seed)
    assert len(kept) == max(round(len(runs) * fraction), 1)
    assert kept.keys() <= {candidate.run for candidate in runs}
    assert all(weight >= 1 for weight in kept.values())
    assert kept == keep(list(reversed(runs)), fraction, by, seed), "the order of the runs says nothing"


def test_weighted_sums_of_a_part_estimate_those_of_the_whole_though_value_goes_by_what_is_summed() -> None:
    """100 runs of 1,000 failed, and value prefers them. The mean of many estimates is near the truth, and nearer than that
    of a random part of the same size is."""
    failed = {f"{n:04}" for n in range(100)}
    runs = [Candidate(f"{n:04}", 0.9 if n < 100 else 0.1) for n in range(1000)]

    def estimates(by) -> list[float]:
        drawn = (keep(runs, 0.1, by, seed) for seed in range(300))
        return [sum(weight for run, weight in kept.items() if run in failed) for kept in drawn]

    by_value, by_chance = estimates("value"), estimates("random")
    assert statistics.fmean(by_value) == pytest.approx(100, abs=3)
    assert statistics.stdev(by_value) < statistics.stdev(by_chance) / 1.5


def test_what_there_is_once_is_kept_more_often_than_one_of_a_thousand() -> None:
    runs = [Candidate(f"{n:04}", 0.5, "crowd") for n in range(1000)] + [Candidate("loner", 0.5, "alone")]
    with_value = sum("loner" in keep(runs, 0.1, "value", seed) for seed in range(100))
    with_chance = sum("loner" in keep(runs, 0.1, "random", seed) for seed in range(100))
    assert with_value > 90
    assert with_chance < 30


def test_runs_of_exported_rows_are_told_once_and_those_of_unknown_worth_are_left_out() -> None:
    worth = {"value": 0.25, "shape": "s"}
    rows = [{"run": "a", "worth": worth}, {"run": "a", "worth": worth}, {"run": "b", "worth": None}, {"run": None}]
    assert candidates(rows) == [Candidate("a", 0.25, "s")]


def test_a_share_that_cannot_be_is_refused() -> None:
    for fraction in (0, -1, 1.5):
        with pytest.raises(ValueError, match="fraction is"):
            keep([], fraction)
