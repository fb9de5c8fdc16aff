"""What the kernel asks of a policy, and what a policy answers. Rules and learned models stand behind this one interface.

Around the policy, never inside it: hard limits, the shares of tenants, and the rules that answer where a model does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from conductor.wire.ready import Failure, ReadyTask
from conductor.wire.runs import RunEnded


@dataclass(frozen=True, slots=True)
class Situation:
    """What surrounds a choice. `waiting` and `free` count executions and slots of one capability; times in milliseconds."""

    capability: str
    now_ms: int
    waiting: int
    free: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """The order in which candidates go first: indices into them, and what the policy gave each."""

    order: Sequence[int]
    probabilities: Sequence[float] = ()
    reason: str = ""
    by: str = ""
    """Who decided, where that is not the policy that was asked."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """The action after a failure: an index into the actions that the document allows."""

    action: int
    probability: float = 1.0
    reason: str = ""
    by: str = ""


class Policy(Protocol):
    """Chooses; it neither waits nor fails, and knows no clock but the one it is told."""

    name: str
    """Policy and version, as decisions carry it: `rules/1`."""

    def rank(self, situation: Situation, candidates: Sequence[ReadyTask], running: Sequence[int]) -> Ranked:
        """Who goes first among executions that want the same slots.

        `running` holds, for each candidate, how many executions of its workflow run now. Called only where there are
        more candidates than slots: a forced move asks nobody.
        """

    def recover(self, failure: Failure) -> Recovery:
        """What to do after a failed try, among the actions that the document allows."""

    def ended(self, ended: RunEnded) -> None:
        """A run ended: what came of its decisions."""
