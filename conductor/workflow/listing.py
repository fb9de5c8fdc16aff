"""Which runs are meant, and all of them, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from conductor.bus import Bus
from conductor.wire.base import decode, encode
from conductor.wire.dag import ListRuns, RunList, RunSummary
from conductor.wire.stale import FindRuns

PAGE_COUNT_MAX = 1000
Q = TypeVar("Q", ListRuns, FindRuns)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are meant: all that is said must hold. Times are milliseconds since the epoch; a run submitted at
    `until_ms` is not meant. `tag` is `name=value`; `text` is looked for in identifier, workflow and kind of error."""

    workflow: str | None = None
    status: str | None = None
    tag: str | None = None
    text: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def ask(self, kind: type[Q], limit: int, until_ms: int | None) -> Q:
        """The question to a tracker (`ListRuns`) or to the archive (`FindRuns`), for runs before a moment besides."""
        return kind(
            workflow=self.workflow,
            status=self.status,
            tag=self.tag,
            text=self.text,
            since_ms=self.since_ms,
            until_ms=_earlier(self.until_ms, until_ms),
            limit=limit,
        )


def _earlier(one: int | None, other: int | None) -> int | None:
    given = [moment for moment in (one, other) if moment is not None]
    return min(given) if given else None


async def pages(bus: Bus, subject: str, kind: type[Q], wanted: RunFilter, limit: int) -> AsyncIterator[RunSummary]:
    """Page after page, each begun at the moment where the last one ended: a cursor that counts would cost the more the
    further back it lies. Runs of the moment itself come twice, and are known by then."""
    told: set[str] = set()
    until_ms: int | None = None
    cursor = 0
    while len(told) < limit:
        page_size = min(limit - len(told) + 1, PAGE_COUNT_MAX)
        message = wanted.ask(kind, page_size, until_ms)
        if cursor:
            message = msgspec.structs.replace(message, cursor=cursor)
        page = decode(await bus.request(subject, encode(message), 15), RunList)
        fresh = [summary for summary in page.runs if summary.run not in told]
        for summary in fresh:
            told.add(summary.run)
            yield summary
        if page.next is None:
            return
        # More runs of one millisecond than a page holds: only counting goes past them.
        cursor = 0 if fresh else page.next
        until_ms = page.runs[-1].submitted_at_ms + 1 if fresh else until_ms
