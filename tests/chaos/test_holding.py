"""The judge of locks and rates finds what is planted, and lets pass what is promised no better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.holding import Attempt, Found, Struck, check, read_holds
from tests.chaos.limits import RateOf

LOCK, PAIR, OWN, RATE = "lock", "pair", "own", "rate"
PERMITS = {LOCK: 1, PAIR: 2, OWN: 1}
RATES = {RATE: RateOf(2.0, 1)}


def held(run: str, begin_s: float, end_s: float, token: int = 0, worker: str = "w-0", key: str = LOCK) -> Attempt:
    """An attempt of a run's only task; its claims are one permit of the key."""
    return Attempt((run, "t", 0, 1), run, worker, {key: 1}, "", "", False, {key: token}, begin_s, end_s)


def within(run: str, begin_s: float, end_s: float, token: int, task: str = "t") -> Attempt:
    """A task in the scope of its workflow's own lock."""
    return replace(held(run, begin_s, end_s, token, key=OWN), of=(run, task, 0, 1), claims={}, scope=OWN)


def started(run: str, at_s: float, number: int = 1) -> Attempt:
    return Attempt((run, "t", 0, number), f"{run}-{number}", "w-0", {}, "", RATE, False, {}, at_s, at_s + 0.01)


def judged(*attempts: Attempt, struck: tuple[Struck, ...] = (), submitted_s: float = 0.0) -> Found:
    return check(attempts, PERMITS, RATES, lambda _: submitted_s, list(struck))


def texts(found: Found) -> list[str]:
    return [violation.text.split(": ")[1] for violation in found.violations]


def test_one_after_the_other_is_as_it_should_be() -> None:
    found = judged(held("a", 1.0, 2.0, 5), held("b", 2.01, 3.0, 7))
    assert (texts(found), found.attempts, found.next_holders) == ([], 2, 1)


def test_two_holders_of_a_lock_at_once_are_found() -> None:
    assert texts(judged(held("a", 1.0, 2.0, 5), held("b", 1.9, 3.0, 7))) == ["held by two at once"]
    assert texts(judged(held("a", 1.0, 9.0, 5), held("b", 2.0, 3.0, 7), held("c", 4.0, 5.0, 8))) == [
        "held by two at once",
        "held by two at once",
    ]


def test_a_ghost_is_excused_where_its_token_betrays_it_and_nowhere_else() -> None:
    stop = Struck("w-1", 1.5, 4.0)
    ghost, after = held("a", 1.0, 4.2, 5, "w-1"), held("b", 3.0, 5.0, 7)
    found = judged(ghost, after, struck=(stop,))
    assert (texts(found), found.ghosts, found.excused) == ([], 1, 1)
    assert texts(judged(ghost, after, struck=(Struck("w-0", 1.5, 4.0),))) == ["held by two at once"]
    assert texts(judged(ghost, after, struck=(Struck("w-1", 4.3, 5.0),))) == ["held by two at once"]
    assert texts(judged(ghost, replace(after, tokens={LOCK: 5}), struck=(stop,))) == ["held by two of one token"]
    assert texts(judged(replace(ghost, tokens={LOCK: 8}), after, struck=(stop,)))[0] == "held by two at once"
    assert texts(judged(ghost, after, struck=(Struck(None, 1.5, 4.0),))) == []


def test_a_lesser_token_after_a_greater_one_is_a_ghosts_alone() -> None:
    late = held("a", 3.0, 4.0, 5, "w-1")
    assert texts(judged(held("b", 1.0, 2.0, 7), late)) == ["a lesser token after a greater one"]
    assert texts(judged(held("b", 1.0, 2.0, 7), late, struck=(Struck("w-1", 0.5, 2.5),))) == []


def test_more_than_the_permits_of_a_semaphore_are_found() -> None:
    two = (held("a", 1.0, 3.0, 5, key=PAIR), held("b", 2.0, 4.0, 5, key=PAIR))
    assert texts(judged(*two)) == []
    third = held("c", 2.5, 3.5, 9, "w-1", key=PAIR)
    assert texts(judged(*two, third)) == ["more than 2 are held"]
    assert texts(judged(*two, replace(third, begin_s=3.1))) == []
    assert judged(*two, third, struck=(Struck("w-1", 2.6, 3.0),)).excused == 1
    greedy = replace(two[1], claims={PAIR: 2})
    assert texts(judged(two[0], greedy)) == ["more than 2 are held"]


def test_a_run_keeps_its_own_lock_between_its_tasks() -> None:
    scope = (within("a", 1.0, 2.0, 5, "t"), within("a", 3.0, 4.0, 5, "u"))
    assert texts(judged(*scope, within("b", 4.1, 5.0, 6))) == []
    assert texts(judged(*scope, within("b", 2.2, 2.8, 6))) == [
        "a lesser token after a greater one",
        "held between two tasks of its run",
    ]
    assert texts(judged(*scope, held("b", 3.5, 4.5, 6, key=OWN))) == ["held by two at once"]
    assert texts(judged(*scope, replace(scope[0], name="again", worker="w-1", begin_s=1.5, end_s=1.7))) == []


def test_what_must_not_be_done_twice_in_a_try_is_found() -> None:
    first = replace(held("a", 1.0, 2.0, 5), once=True)
    again = replace(first, name="again", begin_s=3.0, end_s=4.0, tokens={LOCK: 7})
    assert texts(judged(first, again)) == ["it must not be repeated within a try, and began twice"]
    assert texts(judged(first, replace(again, of=("a", "t", 0, 2)))) == []


def test_starts_beyond_a_rate_are_found_in_any_span() -> None:
    assert texts(judged(started("a", 1.0), started("b", 1.5), started("c", 2.0))) == []
    assert texts(judged(*(started(run, 0.1) for run in "abc"))) == ["2 started in 0.100 s, and 1.21 were allowed"]
    late = [started(run, 100 + at / 10) for at, run in enumerate("abcd")]
    assert texts(judged(*late)) == []  # granted one after the other, each waited for a slot: nothing is proven
    assert texts(judged(*late, submitted_s=99.9)) == ["2 started in 0.200 s, and 1.41 were allowed"]


def test_a_lost_attempt_done_again_is_no_other_start_and_a_retry_is() -> None:
    first, again = started("a", 0.1), replace(started("a", 0.2), name="again")
    assert texts(judged(first, again)) == []
    retried = [started("a", 0.1, number) for number in (1, 2)]
    assert len(texts(judged(*retried))) == 1


def test_an_unknown_key_is_found() -> None:
    assert texts(judged(held("a", 1.0, 2.0, key="other"))) == ["nobody knows this key"]


def test_lines_become_attempts_and_torn_ones_are_told(tmp_path: Path) -> None:
    run = "0" * 32
    first = f"{run} t[1] 0 2 77-1 w-0 lock=1,pair=2 own - 1 lock=5,own=4"
    (tmp_path / "00.holds").write_text(f"{first} 1.500000\n{first} 2.250000\n{run} t[1] 0{first}\n")
    found, torn = read_holds(tmp_path)
    assert found == [
        Attempt(
            (run, "t[1]", 0, 2), "77-1", "w-0", {"lock": 1, "pair": 2}, "own", "", True, {"lock": 5, "own": 4}, 1.5, 2.25
        )
    ]  # fmt: skip
    assert len(torn) == 1


@pytest.mark.parametrize("line", ["", "a b c", "r t 0 one n w - - - 0 - 1.0", "r t 0 1 n w lock - - 0 - 1.0"])
def test_what_is_no_line_is_torn(tmp_path: Path, line: str) -> None:
    (tmp_path / "00.holds").write_text(line + "\n")
    assert read_holds(tmp_path) == ([], [f"00.holds: {line!r}"])
