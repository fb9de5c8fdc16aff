"""Whether a version of a function is in the range that a call takes. Pure."""

from __future__ import annotations

from functools import lru_cache

from conductor.workflow.versions import holds

KNOWN_MAX = 4096
"""Answers kept: ranges of documents times versions of workers, both few."""


@lru_cache(KNOWN_MAX)
def in_range(wanted: str, version: str) -> bool:
    """False for what is no range: the checker takes none."""
    try:
        return holds(wanted, version)
    except ValueError:
        return False
