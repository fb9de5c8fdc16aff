"""A network as the conductor's policy, inside what it cannot break: priorities, what the document allows, a time budget.

The rules answer in its place where it is late, where a state is unlike those of its training, and where it answers with
what is no number; after three such answers in a row it rests for a while, so that a policy that has gone bad costs little.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from conductor.observe import metrics
from conductor.policy.encoder import NODES_MAX, encode
from conductor.policy.interface import Ranked, Recovery, Situation
from conductor.policy.network import Network
from conductor.policy.observation import Observation
from conductor.policy.rules import Rules
from conductor.policy.tasks import Choice, Trouble, Waiting, observe_failure, observe_waiting
from conductor.wire.log import Continue, Fail, Fallback, Retry, Skip
from conductor.wire.ready import Failure, ReadyTask
from conductor.wire.runs import RunEnded

_log = logging.getLogger("symphony.policy")

BUDGET_MS = 2.0
"""Of one decision. A beat has about a millisecond of work of its own."""
REST_AFTER = 3
REST_DECISIONS = 200
"""Decisions that the rules make after `REST_AFTER` bad answers in a row."""

_TROUBLES: dict[str, Trouble] = {
    "contract": "garbage",
    "lost": "infrastructure",
    "resource": "infrastructure",
    "limit": "rate limited",
    "budget": "rate limited",
    "rate_limited": "rate limited",
}


class Learned:
    """Orders and recovers as a network says. It is never late by more than one decision: the answer is then not used."""

    def __init__(
        self,
        network: Network,
        budget_ms: float = BUDGET_MS,
        clock: Callable[[], float] = time.perf_counter,
        rules: Rules | None = None,
    ) -> None:
        self.name = network.name
        self._network = network
        self._budget_s = budget_ms / 1000
        self._clock = clock
        self._rules = rules or Rules()
        self._bad = 0
        self._resting = 0

    def rank(self, situation: Situation, candidates: Sequence[ReadyTask], running: Sequence[int]) -> Ranked:
        """By priority, and within one as the network says; past the network's bound as the rules say."""
        by_rules = self._rules.rank(situation, candidates, running)
        first = list(by_rules.order[:NODES_MAX])
        if len(first) < 2:
            return replace(by_rules, by=self.name)  # a forced move is anybody's
        now_ms = situation.now_ms
        tasks = [
            Waiting(
                candidates[index].rest_us / 1000,
                None if (at := candidates[index].deadline_at_ms) is None else float(max(at - now_ms, 0)),
            )
            for index in first
        ]
        slots = situation.free + max(running, default=0)
        scores, why = self._ask(observe_waiting(tasks, situation.free, slots))
        if scores is None:
            return Ranked(by_rules.order, reason=f"{why}: {by_rules.reason}", by=self._rules.name)
        order = sorted(range(len(first)), key=lambda at: (-candidates[first[at]].priority, -float(scores[at])))
        given = _softmax(scores)
        ranked = [first[at] for at in order]
        return Ranked(
            [*ranked, *by_rules.order[NODES_MAX:]],
            [float(given[at]) for at in order],
            f"priority, then {self.name}",
            self.name,
        )

    def recover(self, failure: Failure) -> Recovery:
        """One of the document's actions; the rules' where only one is allowed, or one that the game does not know."""
        by_rules = self._rules.recover(failure)
        if len(failure.actions) < 2:
            return replace(by_rules, by=self.name)  # a forced move is anybody's
        choices = [_choice(action, failure.error.retry_after_ms) for action in failure.actions]
        known = [choice for choice in choices if choice is not None]
        if len(known) != len(choices):
            return replace(by_rules, by=self._rules.name)
        seen = observe_failure(_trouble(failure), failure.try_, known, failure.rest_us / 1000, None)
        scores, why = self._ask(seen)
        if scores is None:
            return Recovery(by_rules.action, reason=f"{why}: {by_rules.reason}", by=self._rules.name)
        action = int(scores.argmax())
        return Recovery(action, float(_softmax(scores)[action]), f"{failure.error.kind}: {self.name}", self.name)

    def ended(self, ended: RunEnded) -> None:
        """A network learns when it is trained."""

    def _ask(self, seen: Observation) -> tuple[np.ndarray[Any, Any] | None, str]:
        """The network's scores; or none and why the rules answer."""
        if self._resting > 0:
            self._resting -= 1
            return self._fall_back("resting")
        began = self._clock()
        tables = encode(seen)
        if self._network.novelty(tables) > self._network.novelty_bound:
            return self._fall_back("novel")
        try:
            scores, _ = self._network.scores(tables)
        except Exception:  # the runtime's errors share no base class; a policy must not stop a conductor
            _log.exception("policy %s failed", self.name)
            return self._worse("failed")
        if not np.isfinite(scores).all():
            return self._worse("numbers")
        if self._clock() - began > self._budget_s:
            return self._worse("late")
        self._bad = 0
        metrics.POLICY_ANSWERS.labels("network").inc()
        return scores, ""

    def _worse(self, why: str) -> tuple[None, str]:
        self._bad += 1
        if self._bad >= REST_AFTER:
            self._bad, self._resting = 0, REST_DECISIONS
            _log.warning(
                "policy %s rests for %d decisions: %s %d times in a row", self.name, REST_DECISIONS, why, REST_AFTER
            )
        return self._fall_back(why)

    def _fall_back(self, why: str) -> tuple[None, str]:
        metrics.POLICY_ANSWERS.labels(why).inc()
        return None, f"rules, as {self.name} was {why}"


def _softmax(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    weights: np.ndarray[Any, Any] = np.exp(scores - scores.max())
    shares: np.ndarray[Any, Any] = weights / weights.sum()
    return shares


def _trouble(failure: Failure) -> Trouble:
    if failure.error.retry_after_ms:
        return "rate limited"
    known = _TROUBLES.get(failure.error.kind)
    if known is not None:
        return known
    return "transient" if failure.error.retryable else "permanent"


def _choice(action: object, retry_after_ms: int | None) -> Choice | None:
    """The game's word for a document's action; none where it has none."""
    if isinstance(action, Retry):
        delay_ms = float(max(action.delay_ms, retry_after_ms or 0))
        return Choice("retry later" if delay_ms > 0 else "retry now", delay_ms)
    if isinstance(action, Fallback):
        return Choice("fallback")
    if isinstance(action, Skip | Continue):
        return Choice("skip")
    return Choice("halt") if isinstance(action, Fail) else None
