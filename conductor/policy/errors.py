"""Why a policy is not used."""

from __future__ import annotations

from typing import Literal

Kind = Literal["missing", "unreadable", "shape", "numbers", "version", "digest", "packages"]


class PolicyError(Exception):
    """A file of a policy that is refused; the one before stays. The message says what, where and what to do."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
