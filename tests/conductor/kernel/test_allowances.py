"""What Arbitration allowed is spent once, however grants and claims cross."""

from __future__ import annotations

from typing import Any

from conductor.kernel.allowances import Allowances
from conductor.wire.grants import Allowance, ShareGrant
from conductor.wire.ready import ReadyTask

NOW = 1_000_000
KEY = "capability:f"
TASK = ReadyTask(run="0" * 32, tenant="acme", workflow="w", task="t", capability="f")


def grant(sequence: int, starts: int, **said: Any) -> ShareGrant:
    allowances = [Allowance(key=KEY, starts=starts, expires_in_ms=3000)]
    return ShareGrant(conductor="c", issuer="arbitration", sequence=sequence, allowances=allowances, **said)


def start(allowances: Allowances, count: int) -> int:
    """Start as many of `count` as the allowances admit."""
    started = 0
    while started < count and allowances.admits(TASK, NOW):
        allowances.start(TASK)
        started += 1
    return started


def test_a_repeated_grant_does_not_give_back_what_was_spent_since_it_was_made() -> None:
    allowances = Allowances()
    allowances.settle({})
    allowances.grant(grant(1, 10, counted=1), NOW)
    assert start(allowances, 6) == 6
    allowances.grant(grant(2, 10, counted=1), NOW)
    assert start(allowances, 9) == 4


def test_a_grant_that_crossed_a_claim_does_not_count_it() -> None:
    allowances = Allowances()
    allowances.settle({})
    allowances.grant(grant(1, 10, counted=1), NOW)
    start(allowances, 6)
    assert [used.started for used in allowances.settle({})] == [6]
    allowances.grant(grant(2, 10, counted=1), NOW)  # made before the second claim arrived
    assert start(allowances, 9) == 4
    allowances.settle({})
    allowances.grant(grant(3, 5, counted=3), NOW)  # five new ones, once all is counted
    assert start(allowances, 9) == 5


def test_a_grant_for_the_process_before_this_one_is_passed_over() -> None:
    allowances = Allowances(first=5_000)
    allowances.settle({})
    allowances.grant(grant(1, 10, counted=77), NOW)
    assert allowances.limits == {}
    allowances.grant(grant(2, 10, counted=5_001), NOW)
    assert start(allowances, 99) == 10


def test_a_plain_arbiter_that_counts_no_claims_is_understood() -> None:
    allowances = Allowances()
    allowances.grant(grant(1, 4), NOW)
    start(allowances, 4)
    allowances.settle({})
    allowances.grant(grant(2, 3), NOW)
    assert start(allowances, 9) == 3
