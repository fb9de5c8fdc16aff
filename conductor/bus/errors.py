"""What the bus can refuse, by kind.

Exception
└── BusError       kind: unavailable, timed_out, busy, fenced, invalid, not_found, config
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["unavailable", "timed_out", "busy", "fenced", "invalid", "not_found", "config"]

BUSY_RETRY_AFTER_S = 2.0
"""Who makes room looks every second, and needs a moment for it."""


class BusError(Exception):
    """`busy`: there is no room now, try again after `retry_after_s`. `fenced`: another wrote the subject since."""

    def __init__(self, kind: Kind, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = BUSY_RETRY_AFTER_S if kind == "busy" and retry_after_s is None else retry_after_s
