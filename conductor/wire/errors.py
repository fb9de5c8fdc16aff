"""Errors as values: what failed, of which kind, and whether another try can help."""

from __future__ import annotations

from conductor.wire.base import Millis, Name, Part, Text

KINDS = (
    "user",
    "timeout",
    "lost",
    "limit",
    "invalid_workflow",
    "expression",
    "contract",
    "rejected",
    "cancelled",
    "resource",
    "unavailable",
    "budget",
    "internal",
)
"""The kinds that the system itself gives; a function may declare more."""

NOT_RETRIED_BY_DEFAULT = ("contract", "expression", "rejected", "cancelled")


class ErrorValue(Part, frozen=True, kw_only=True):
    """Why something failed. `retry_after_ms`, when a worker gives it, wins over the backoff."""

    kind: Name
    message: Text = ""
    task: str | None = None
    retryable: bool = True
    retry_after_ms: Millis | None = None
