"""A seed names a schedule, and a schedule leaves nobody out."""

from __future__ import annotations

from itertools import pairwise

from tests.chaos.schedule import WEIGHTS, schedule


def test_a_seed_names_its_schedule() -> None:
    assert schedule(7, 600, 5) == schedule(7, 600, 5)
    assert schedule(7, 600, 5) != schedule(8, 600, 5)


def test_every_role_is_struck_even_in_a_short_one() -> None:
    for seed in range(20):
        assert {fault.role for fault in schedule(seed, 180, 5)} == set(WEIGHTS)


def test_half_an_hour_has_three_hundred_faults_of_every_kind() -> None:
    for seed in range(20):
        faults = schedule(seed, 1800, 5)
        assert len(faults) >= 300
        assert {fault.kind for fault in faults} == {
            "kill", "restart", "stop", "cut", "kill_in_snapshot", "kill_in_takeover"
        }  # fmt: skip
        assert [fault.at_s for fault in faults] == sorted(fault.at_s for fault in faults)
        assert faults[-1].at_s < 1800
        together = sum(one.at_s == other.at_s for one, other in pairwise(faults))
        assert together > 20
