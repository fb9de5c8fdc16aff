"""Guard rails: what is worse is found soon, what is not is left alone however often one looks."""

from __future__ import annotations

from random import Random

import pytest

from conductor.policy.guard import ENOUGH, Guard, Share


def played(rng: Random, candidate: float, rules: float, runs: int, slower: float = 1.0) -> tuple[Guard, int | None]:
    """Runs of both sides by turns with these chances of failing; the guard, and after how many it broke."""
    guard = Guard()
    for number in range(runs):
        guard.ended("rules", rng.random() < rules, rng.lognormvariate(3, 0.5))
        guard.ended("candidate", rng.random() < candidate, slower * rng.lognormvariate(3, 0.5))
        guard.decided(False)
        if guard.broken():
            return guard, number
    return guard, None


def test_one_that_fails_every_run_is_found_within_a_few() -> None:
    guard, after = played(Random(1), 1.0, 0.0, 500)
    assert after is not None and after < 40
    assert "of its runs failed" in str(guard.broken())


def test_one_that_fails_a_tenth_more_is_found() -> None:
    _, after = played(Random(2), 0.15, 0.05, 5_000)
    assert after is not None and after < 3_000


def test_one_that_is_slower_is_found_though_nothing_fails() -> None:
    guard, after = played(Random(3), 0.0, 0.0, 2_000, slower=3.0)
    assert after is not None and ENOUGH <= after < 500
    assert "slower" in str(guard.broken())


def test_one_that_is_as_good_is_left_alone_however_often_one_looks() -> None:
    broken = sum(played(Random(seed), 0.1, 0.1, 1_500)[1] is not None for seed in range(40))
    assert broken <= 2  # 5 % of 40, and the bounds are far from tight


def test_one_that_never_answers_is_found() -> None:
    guard = Guard()
    for _ in range(60):
        guard.decided(True)
    assert "in its place" in str(guard.broken())


@pytest.mark.parametrize("chance", [0.02, 0.3])
def test_the_bounds_hold_the_true_share_at_all_times(chance: float) -> None:
    outside = 0
    for seed in range(60):
        rng, share, left = Random(seed), Share(), False
        for _ in range(800):
            share.add(rng.random() < chance)
            left |= abs(share.mean - chance) > share.radius(0.05)
        outside += left
    assert outside <= 3
