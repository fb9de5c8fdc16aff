"""What a group of tasks cannot carry itself goes to the calls inside of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CALLS = ("call", "workflow")
"""Forms that are tried again; a group is not, since what succeeded inside of it stays."""
EACH = "each call is tried again by itself, not the tasks together"


def calls(tasks: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every call in these tasks, also in the groups and loops among them."""
    for task in tasks.values():
        if any(form in task for form in CALLS):
            yield task
        for branch in task.get("switch", ()):
            yield from calls((branch.get("then") or branch.get("else") or {}).get("tasks", {}))
        if "repeat" in task:
            yield from calls(task["repeat"]["tasks"]["tasks"])


def give_retry(tasks: dict[str, Any], retry: dict[str, Any]) -> None:
    """Give a retry to every call that has none of its own."""
    for call in calls(tasks):
        call.setdefault("retry", dict(retry))
