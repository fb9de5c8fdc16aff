"""Why a system on this machine cannot start or be found.

Exception
└── EmbeddedError      kind: wrong (the request or the machine), failed (a process does not come up), absent (no system)
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["wrong", "failed", "absent"]


class EmbeddedError(Exception):
    """One line for a person: what, where, and what to do."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
