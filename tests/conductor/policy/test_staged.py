"""The steps of the ladder: who decides which run, and what is counted of it."""

from __future__ import annotations

from conductor.policy import Ranked, Recovery, Rules, Situation
from conductor.policy.staged import LIVE_SHARE, Staged
from conductor.wire.ready import Failure, ReadyTask
from conductor.wire.runs import RunEnded
from tests.conductor.policy.states import SITUATION, failure, waiting

QUARTER = ["0" * 32, "8" * 32, "c" * 32, "4" * 32]
"""Runs that lie at 0, 1/2, 3/4 and 1/4 of the hashes."""


class Turned:
    """Decides as the rules would, from the end."""

    name = "turned/1"

    def __init__(self, by: str = "turned/1") -> None:
        self.by = by
        self.seen: list[int] = []

    def rank(self, situation: Situation, candidates: list[ReadyTask], running: list[int]) -> Ranked:
        self.seen.append(len(candidates))
        order = list(Rules().rank(situation, candidates, running).order)[::-1]
        return Ranked(order, [1.0] * len(order), "turned", self.by)

    def recover(self, failed: Failure) -> Recovery:
        return Recovery(len(failed.actions) - 1, 0.9, "turned", self.by)

    def ended(self, ended: RunEnded) -> None:
        return


def tasks(runs: list[str]) -> list[ReadyTask]:
    made = waiting(len(runs))
    return [
        type(t)(**{**{f: getattr(t, f) for f in t.__struct_fields__}, "run": r})
        for t, r in zip(made, runs, strict=True)
    ]


def ended(run: str, status: str = "succeeded") -> RunEnded:
    return RunEnded(run=run, tenant="default", workflow="w", version="1", status=status, duration_us=5_000)


def test_in_the_shadow_the_rules_decide_and_the_candidate_is_compared() -> None:
    staged = Staged(Turned(), "shadow")
    seen = waiting(6)
    ranked = staged.rank(SITUATION, seen, [1] * 6)
    assert list(ranked.order) == list(Rules().rank(SITUATION, seen, [1] * 6).order)
    assert ranked.by == "rules/1"
    assert "turned/1 in its shadow: another first" in ranked.reason
    chosen = staged.recover(failure())
    assert chosen.action == 0 and "in its shadow: action 3" in chosen.reason
    assert (staged.compared, staged.agreed) == (2, 0)
    staged.ended(ended("ab" * 16))
    assert staged.guard.arms["candidate"].failed.count == 0


def test_a_canary_decides_its_share_of_the_runs_and_moves_no_other() -> None:
    staged = Staged(Turned(), "canary", 0.6)
    seen = tasks(QUARTER)
    assert [staged.arm(run) for run in QUARTER] == ["candidate", "candidate", "rules", "candidate"]
    by_rules = list(Rules().rank(SITUATION, seen, [1] * 4).order)
    order = list(staged.rank(SITUATION, seen, [1] * 4).order)
    assert sorted(order) == [0, 1, 2, 3]
    assert order.index(2) == by_rules.index(2)  # the rules' run keeps its place
    assert [i for i in order if i != 2] == [i for i in by_rules if i != 2][::-1]


def test_what_a_side_decided_is_counted_for_it_once() -> None:
    staged = Staged(Turned(), "canary", 0.6)
    staged.rank(SITUATION, tasks(QUARTER), [1] * 4)
    for run in QUARTER:
        staged.ended(ended(run, "failed" if run == QUARTER[0] else "succeeded"))
        staged.ended(ended(run, "failed"))
    staged.ended(ended("f" * 32))  # nobody decided anything of this one
    arms = staged.guard.arms
    assert (arms["candidate"].failed.count, arms["candidate"].failed.hits) == (3, 1)
    assert (arms["rules"].failed.count, arms["rules"].failed.hits) == (1, 0)


def test_a_cancelled_run_says_nothing() -> None:
    staged = Staged(Turned(), "live")
    staged.recover(failure())
    staged.ended(ended("ab" * 16, "cancelled"))
    assert staged.guard.arms["candidate"].failed.count == 0


def test_live_leaves_some_runs_with_the_rules() -> None:
    staged = Staged(Turned(), "live")
    assert staged.share == LIVE_SHARE < 1
    assert staged.arm("f" * 32) == "rules"
    assert staged.recover(failure()).by == "turned/1"


def test_answers_that_the_rules_gave_in_its_place_are_vetoes() -> None:
    staged = Staged(Turned("rules/1"), "live")
    for _ in range(100):
        staged.recover(failure())
    assert staged.guard.vetoed.hits == 100
    assert "in its place" in str(staged.guard.broken())


def test_a_report_says_it_in_numbers() -> None:
    staged = Staged(Turned(), "canary", 0.1)
    staged.recover(failure())
    report = staged.report()
    assert report["stage"] == "canary" and report["share"] == 0.1
    assert report["guard"]["vetoed"] == 0  # type: ignore[index]
