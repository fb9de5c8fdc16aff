"""A policy on its way up: in the shadow of the rules, for some of the runs, or for nearly all.

A run belongs to one side by the hash that it is named by, so both sides see the same kind of runs at the same time. Live
keeps some runs with the rules: without them nobody could say that something got worse.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from conductor.policy.guard import Guard
from conductor.policy.interface import Policy, Ranked, Recovery, Situation
from conductor.policy.rules import Rules
from conductor.wire.ready import Failure, ReadyTask
from conductor.wire.runs import RunEnded

Stage = Literal["shadow", "canary", "live"]
LIVE_SHARE = 0.95
RUNS_MAX = 65_536
"""Runs under way of which a side is known to have decided something; beyond, the oldest are not counted."""


class Staged:
    """The rules and a candidate, each for its runs."""

    def __init__(self, candidate: Policy, stage: Stage, share: float = 0.0, guard: Guard | None = None) -> None:
        self.candidate = candidate
        self.stage = stage
        self.share = {"shadow": 0.0, "canary": share, "live": LIVE_SHARE}[stage]
        self.guard = guard or Guard()
        self.name = f"{candidate.name}@{stage}"
        self.compared = 0
        self.agreed = 0
        self._rules = Rules()
        self._touched: OrderedDict[str, str] = OrderedDict()

    def rank(self, situation: Situation, candidates: Sequence[ReadyTask], running: Sequence[int]) -> Ranked:
        """The rules' order; where the candidate decides, its runs change places among themselves."""
        by_rules = self._rules.rank(situation, candidates, running)
        if self.stage == "shadow":
            other = self.candidate.rank(situation, candidates, running)
            return replace(by_rules, by=self._rules.name, reason=self._beside(by_rules.reason, other, by_rules))
        mine = [index for index in by_rules.order if self.arm(candidates[index].run) == "candidate"]
        self._touch([candidates[index].run for index in by_rules.order])
        if len(mine) < 2:
            return replace(by_rules, by=self._rules.name)
        ranked = self.candidate.rank(situation, [candidates[i] for i in mine], [running[i] for i in mine])
        self._asked(ranked.by)
        turns = iter(mine[at] for at in ranked.order)
        taken = set(mine)
        order = [next(turns) if index in taken else index for index in by_rules.order]
        whole = len(mine) == len(by_rules.order)
        return Ranked(order, ranked.probabilities if whole else (), ranked.reason, ranked.by)

    def recover(self, failure: Failure) -> Recovery:
        """As the side of the failure's run says."""
        by_rules = self._rules.recover(failure)
        if self.stage == "shadow":
            other = self.candidate.recover(failure)
            self.compared += 1
            self.agreed += other.action == by_rules.action
            said = "the same" if other.action == by_rules.action else f"action {other.action}"
            reason = f"{by_rules.reason}; {self.candidate.name} in its shadow: {said} ({other.probability:.2f})"
            return replace(by_rules, by=self._rules.name, reason=reason)
        self._touch([failure.run])
        if self.arm(failure.run) == "rules":
            return replace(by_rules, by=self._rules.name)
        chosen = self.candidate.recover(failure)
        self._asked(chosen.by)
        return chosen

    def ended(self, ended: RunEnded) -> None:
        """A run that a side decided something of ended: the guard counts it."""
        arm = self._touched.pop(ended.run, None)
        if arm is not None and ended.status != "cancelled":
            self.guard.ended(arm, ended.status != "succeeded", ended.duration_us / 1000)

    def arm(self, run: str) -> str:
        """The side of a run: the first 32 bits of its identifier are as good as chance."""
        return "candidate" if int(run[:8], 16) < self.share * 2**32 else "rules"

    def report(self) -> dict[str, object]:
        """For people."""
        return {
            "candidate": self.candidate.name,
            "stage": self.stage,
            "share": self.share,
            "compared": self.compared,
            "agreed": self.agreed,
            "guard": self.guard.report(),
        }

    def _touch(self, runs: Sequence[str]) -> None:
        for run in runs:
            if run not in self._touched:
                self._touched[run] = self.arm(run)
                if len(self._touched) > RUNS_MAX:
                    self._touched.popitem(last=False)

    def _asked(self, by: str) -> None:
        self.guard.decided(by != self.candidate.name)

    def _beside(self, reason: str, other: Ranked, by_rules: Ranked) -> str:
        self.compared += 1
        same = bool(other.order) and other.order[0] == by_rules.order[0]
        self.agreed += same
        return f"{reason}; {self.candidate.name} in its shadow: {'the same' if same else 'another first'}"
