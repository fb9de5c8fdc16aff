"""A run as it was: what its history says up to one event of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conductor.wire.dag import HistoryEntry

_RUN_AFTER = {"pause": "paused", "resume": "running", "retry": "running", "rollback": "running"}


def at_sequence(entries: Sequence[HistoryEntry], sequence: int) -> dict[str, Any] | None:
    """The run's status and the tasks that had answered by then, in the order of their last event; None before it began.

    Tasks that had not answered yet have left nothing in the history, and are not among them.
    """
    past = [entry for entry in entries if entry.sequence <= sequence]
    if not past:
        return None
    status = "running"
    nodes: dict[str, dict[str, Any]] = {}
    for entry in past:
        if not entry.accepted:
            continue
        if entry.task is None:
            status = entry.detail.partition(":")[0] if entry.event == "ended" else _RUN_AFTER.get(entry.event, status)
            continue
        node = nodes.pop(entry.task, {"task": entry.task, "status": "", "attempts": 0, "worker": None, "detail": ""})
        nodes[entry.task] = node | _told(entry)
    return {"status": status, "nodes": list(nodes.values())}


def _told(entry: HistoryEntry) -> dict[str, Any]:
    said: dict[str, Any] = {"detail": entry.detail, "attempts": entry.attempt or 0}
    if entry.event == "decided":
        return {"status": "waiting", "detail": entry.detail}
    return {"status": entry.event, "worker": entry.by or None, **said}
