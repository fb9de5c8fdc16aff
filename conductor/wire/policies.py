"""The policy of Arbitration as operators change it, and the reasons of one decision.

A policy is the text of the section `[arbitration]`, in TOML. It is validated where it applies, applied at once, and kept in
`SYM_POLICIES` with the versions before it; the last one stands above the configuration until `reset`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from conductor.wire.base import BATCH, Count, Message, Millis, Name, Part, Slots, Text
from conductor.wire.grants import Contend, Order

Document = Annotated[str, msgspec.Meta(max_length=65_536)]


class Policy(Message, frozen=True, kw_only=True):
    """`sym.policy.arbitration`: a version. An empty document is that of the configuration."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    document: Document = ""
    applied_at_ms: Millis = 0
    reason: Text = ""


class Spent(Part, frozen=True, kw_only=True):
    """Of a budget in a period of the calendar (its number from 1970): what has to be taken for spent."""

    key: Name
    period: Count = 0
    calls: Count = 0
    seconds: float = 0.0


class Spending(Message, frozen=True, kw_only=True):
    """`sym.policy.spent`: all budgets, written before what they count is told to a conductor."""

    spent: Annotated[list[Spent], BATCH] = []


class AskPolicy(Message, frozen=True, kw_only=True):
    """`sym.pit.arbitration.policy`: `show` the one in force, `try` another against the last decisions, `apply` it, or
    `reset` to the configuration's. `expected`: apply only above this version, so that nobody's change is lost."""

    action: Literal["show", "try", "apply", "reset"] = "show"
    document: Document = ""
    expected: Count | None = None
    reason: Text = ""


class Changed(Part, frozen=True, kw_only=True):
    """A claimant of a past decision that another policy would have given more or less."""

    decision: Name
    capability: Name
    tenant: Name
    workflow: Name
    before: Slots
    after: Slots
    rationale: Text = ""


class PolicyShow(Message, frozen=True, kw_only=True):
    """The policy in force. After `try`: what of the last `decisions` would have been decided otherwise."""

    version: Count = 0
    document: Document = ""
    applied_at_ms: Millis = 0
    reason: Text = ""
    decisions: Count = 0
    changed: Annotated[list[Changed], BATCH] = []


class AskDecision(Message, frozen=True, kw_only=True):
    """`sym.pit.arbitration.explain`: one of the last decisions, by its name."""

    decision: Name


class Explained(Message, frozen=True, kw_only=True):
    """A decision with everybody in it, the question that it answers, and the policy's version then."""

    order: Order
    question: Contend
    version: Count = 0
    seconds: float = 0.0
    """How long an execution was expected to hold its slot."""
