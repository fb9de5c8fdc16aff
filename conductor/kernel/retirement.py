"""Which active extensions have gone for good: their workers are not heard, for longer than a restart takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable

GRACE_MS = 30_000
"""A supervised worker comes back after at most five seconds, then loads its module: it is only restarting till then."""
ASK_INTERVAL_MS = 10_000
"""How often the tracker is asked whom the log names as active: a third of the grace."""


class Retirement:
    """Notes since when workers are not heard.

    `absent` are those that this conductor activated; `strangers` those that only the log knows: they served an earlier
    session, and nobody here saw them go.
    """

    def __init__(self) -> None:
        self._absent: dict[str, tuple[int, str]] = {}
        self._strangers: dict[str, int] = {}
        self._asked_at_ms: int | None = None

    def is_absent(self, worker: str) -> bool:
        """Whether an activated worker is not heard."""
        return worker in self._absent

    def lost(self, worker: str, why: str, now_ms: int) -> None:
        """An activated worker is not heard any more. The first reason and time count."""
        self._absent.setdefault(worker, (now_ms, why))

    def heard(self, worker: str) -> bool:
        """It is there. True: it was away."""
        self._strangers.pop(worker, None)
        return self._absent.pop(worker, None) is not None

    def asks(self, now_ms: int) -> bool:
        """Whether it is time to ask for the active extensions again."""
        if self._asked_at_ms is not None and now_ms - self._asked_at_ms < ASK_INTERVAL_MS:
            return False
        self._asked_at_ms = now_ms
        return True

    def named(self, workers: Iterable[str], here: set[str], now_ms: int) -> list[str]:
        """The log names these workers as active, and `here` are known to live. Returns those that are gone."""
        self._strangers = {name: self._strangers.get(name, now_ms) for name in workers if name not in here}
        gone = [name for name, since in self._strangers.items() if now_ms - since >= GRACE_MS]
        for name in gone:
            del self._strangers[name]
        return gone

    def due(self, now_ms: int) -> list[tuple[str, str]]:
        """Activated workers that have been away for too long, and why."""
        found = [(name, why) for name, (since, why) in self._absent.items() if now_ms - since >= GRACE_MS]
        for name, _ in found:
            del self._absent[name]
        return [(name, f"{why}; not heard again for {GRACE_MS // 1000} s") for name, why in found]
