"""What clients saw: acknowledgements, ends, answers about a run over time. Nothing here comes from inside the system."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from conductor.wire.dag import NodeView, RunView
from conductor.wire.runs import RunEnded
from conductor.workflow.client import ENDED
from tests.chaos.evaluate import Expected

SETTLED = ("succeeded", "failed", "skipped", "cached")
"""Statuses that a task keeps for good. A run that fails cancels the others."""
COMPLAINTS_MAX = 20
"""Of one run: the first ones tell the story."""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


@dataclass(slots=True)
class Seen:
    """One run as its client saw it. Times are in seconds of the harness's own clock."""

    run: str
    seed: int
    expected: Expected
    submitted_s: float
    acknowledged_s: float | None = None
    end: tuple[str, str, tuple[str, str] | None] | None = None
    """Status, digest of the outputs, and kind and task of the error."""
    ended_s: float | None = None
    known: bool = False
    """Some answer told of it: from then on none may say that nobody knows it."""
    results: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By task: its status and the digest of its output, as they were first told."""
    shown: int = 0
    tasks: int = 0
    retried: int = 0
    cancelled: bool = False
    complaints: list[str] = field(default_factory=list)

    def complain(self, text: str) -> None:
        if len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(text)


class Journal:
    """All runs of one chaos, with what contradicts itself noted on the way."""

    def __init__(self) -> None:
        self.runs: dict[str, Seen] = {}
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        """What clients raised that they should not have."""

    def begin(self, seen: Seen) -> None:
        self.runs[seen.run] = seen

    def acknowledged(self, run: str, now_s: float) -> None:
        """The broker said that it has the submission: from now on the run must not be lost."""
        seen = self.runs[run]
        if seen.acknowledged_s is None:
            seen.acknowledged_s = now_s
            self.counts["acknowledged"] += 1

    def ended(self, ended: RunEnded, now_s: float) -> None:
        """A client was told that the run has ended."""
        seen = self.runs[ended.run]
        error = None if ended.error is None else (ended.error.kind, ended.error.task or "")
        end = (ended.status, _digest(ended.outputs), error)
        if seen.end is None:
            seen.end, seen.ended_s = end, now_s
            seen.tasks, seen.retried = ended.tasks.total, ended.tasks.retried
            self.counts["ended"] += 1
        elif seen.end != end:
            seen.complain(f"it ended twice: first {seen.end}, then {end}")

    def shown(self, run: str, view: RunView | None, asked_s: float) -> None:
        """An answer to `runs show`, asked for at a time."""
        seen = self.runs[run]
        seen.shown += 1
        self.counts["shown"] += 1
        if view is None:
            if seen.known:
                seen.complain("an answer says that nobody knows it, after one that told of it")
            return
        seen.known = True
        ended_before = seen.ended_s is not None and seen.ended_s <= asked_s
        if view.status in ENDED:
            self._compare(seen, view)
        elif ended_before:
            seen.complain(f"it is {view.status} again, after it ended as {seen.end}")
        for node in view.nodes:
            self._node(seen, node)

    def _compare(self, seen: Seen, view: RunView) -> None:
        outputs = _digest(view.outputs or b"\x80")
        if seen.end is not None and (view.status, outputs) != seen.end[:2]:
            seen.complain(f"it ended as {seen.end}, and is shown as {(view.status, outputs)}")

    def _node(self, seen: Seen, node: NodeView) -> None:
        around, _, inside = node.task.partition(".")
        if inside and around in seen.expected.loops:
            return  # each turn begins it anew
        if node.status not in SETTLED:
            if node.task in seen.results and node.status not in ("cancelled", "compensated"):
                seen.complain(f"{node.task} is {node.status} again, after it was {seen.results[node.task]}")
            return
        result = (node.status, _digest(node.outputs or b""))
        first = seen.results.setdefault(node.task, result)
        if first != result:
            seen.complain(f"{node.task} was {first}, and is {result}")

    def values(self, run: str, outputs: Any) -> None:
        """The outputs of a run that succeeded, resolved: compared with what they have to be."""
        seen = self.runs[run]
        self.counts["compared"] += 1
        if outputs != seen.expected.outputs:
            seen.complain(f"its outputs are {str(outputs)[:300]}, not {str(seen.expected.outputs)[:300]}")
