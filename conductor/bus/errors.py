"""What the bus can refuse, by kind.

Exception
└── BusError       kind: unavailable, timed_out, busy, fenced, invalid, not_found, config
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["unavailable", "timed_out", "busy", "fenced", "invalid", "not_found", "config"]


class BusError(Exception):
    """`busy`: a stream refuses for room, try later. `fenced`: somebody else wrote the subject since."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
