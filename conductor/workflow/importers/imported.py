"""What an import gives: our document, and what of the foreign one it could not say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A word of the foreign document that has no meaning here. `line` is from 1, 0 when it has no place."""

    line: int
    word: str
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A document of ours in canonical form, and what was left out of it."""

    document: dict[str, Any]
    unsupported: list[Unsupported] = field(default_factory=list)


def workflow_name(text: str) -> str:
    """A name of the form `[a-z0-9-]{1,63}` from any text."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")
    return name or "imported"


class Names:
    """Foreign identifiers as task names, each its own."""

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}  # so that many equal names take no quadratic time

    def of(self, identifier: str) -> str:
        """The task name for a foreign identifier; the same one every time."""
        known = self._by_id.get(identifier)
        if known is not None:
            return known
        self._by_id[identifier] = name = self.fresh(identifier)
        return name

    def fresh(self, identifier: str) -> str:
        """A task name made of a foreign identifier, another one every time."""
        base = re.sub(r"[^A-Za-z0-9_]", "_", identifier)[:100] or "task"
        if not re.match(r"[A-Za-z_]", base):
            base = f"t_{base}"
        count = self._counts.get(base, 0) + 1
        name = base if count == 1 else f"{base}_{count}"
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._counts[base] = count
        self._taken.add(name)
        return name
