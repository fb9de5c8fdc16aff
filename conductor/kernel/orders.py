"""What Arbitration answered about who goes first, while it is fresh, and what to ask it next. Pure: time is an argument.

A beat reads the last answer and leaves a question behind; `asking.py` carries it. So no beat waits for Arbitration, and
where it is slow or gone the shares that it pushed before decide alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from conductor.wire import bounds
from conductor.wire.grants import Contend, Order

Who = tuple[str, str]
"""A claimant: tenant and workflow."""

FRESH_MS = 1_000
"""An answer is of use so long from its question on: usage, which it stands on, is settled with Arbitration every second."""
INTERVAL_MS = 250
"""Between two questions about a capability: four answers a second, each used for what starts until the next."""
RETRY_MS = 2_000
"""After a question that was not answered: whoever does not keep up is not helped by being asked more."""
UNDER_WAY_MAX = 8
CAPABILITIES_MAX = 256
"""Capabilities with an answer or a question. Under contention in one more, its shares alone decide."""


@dataclass(slots=True)
class Answer:
    """An order in use: slots and reasons by claimant, and how many it has been `given` under it."""

    decision: str
    expires_at_ms: int
    slots: dict[Who, int]
    places: dict[Who, int]
    rationales: dict[Who, str]
    given: dict[Who, int] = field(default_factory=dict)
    by: str = "prioritised"
    """How the policy has these slots divided."""
    levels: dict[Who, float] = field(default_factory=dict)

    def level(self, who: Who, priority: int) -> float:
        """What goes before the slots, the highest first. Where priorities are what counts, one that came since counts too;
        where the policy has them count for nothing between claimants, it does not."""
        known = self.levels.get(who, 0.0)
        return max(known, float(priority)) if self.by == "prioritised" else known

    def turn(self, who: Who) -> float:
        """The lowest is served next: in proportion to the slots (Webster's method); infinite for who has none.

        One that came since the answer was given takes part with a single slot.
        """
        slots = self.slots.get(who, 1)
        return (self.given.get(who, 0) + 0.5) / slots if slots else float("inf")


class Orders:
    """Answers by capability, and the questions that are due."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._under_way: set[str] = set()
        self._next_at_ms: dict[str, int] = {}
        self._questions: list[Contend] = []

    def fresh(self, capability: str, now_ms: int) -> Answer | None:
        """The last answer, unless it is too old."""
        answer = self._answers.get(capability)
        if answer is not None and answer.expires_at_ms <= now_ms:
            del self._answers[capability]
            return None
        return answer

    def due(self, capability: str, now_ms: int) -> bool:
        """Whether a question may be asked now."""
        if capability in self._under_way or len(self._under_way) >= UNDER_WAY_MAX:
            return False
        if capability not in self._next_at_ms and len(self._next_at_ms) >= CAPABILITIES_MAX:
            self._forget(now_ms)
            if len(self._next_at_ms) >= CAPABILITIES_MAX:
                return False
        return self._next_at_ms.get(capability, 0) <= now_ms

    def ask(self, question: Contend) -> None:
        """Leave a question that is due."""
        self._under_way.add(question.capability)
        self._next_at_ms[question.capability] = question.now_ms + INTERVAL_MS
        self._questions.append(question)

    def take(self) -> list[Contend]:
        """The questions left since the last call; `answered` or `failed` has to follow for each."""
        questions, self._questions = self._questions, []
        return questions

    def answered(self, question: Contend, order: Order) -> None:
        """An answer came: it takes the place of the one before."""
        self._under_way.discard(question.capability)
        who = [(placed.tenant, placed.workflow) for placed in order.order]
        self._answers[question.capability] = Answer(
            decision=order.decision,
            expires_at_ms=question.now_ms + FRESH_MS,
            slots={key: placed.slots for key, placed in zip(who, order.order, strict=True)},
            places={key: place for place, key in enumerate(who)},
            rationales={
                key: placed.rationale[: bounds.TEXT_LENGTH_MAX] for key, placed in zip(who, order.order, strict=True)
            },
            by=order.by,
            levels={key: placed.factors.get("level", 0.0) for key, placed in zip(who, order.order, strict=True)},
        )

    def failed(self, question: Contend) -> None:
        """No answer came."""
        self._under_way.discard(question.capability)
        self._next_at_ms[question.capability] = question.now_ms + RETRY_MS

    def _forget(self, now_ms: int) -> None:
        for capability in [name for name, at in self._next_at_ms.items() if at <= now_ms]:
            if capability not in self._under_way:
                del self._next_at_ms[capability]
                if self.fresh(capability, now_ms) is None:
                    self._answers.pop(capability, None)
