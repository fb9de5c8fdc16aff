"""The document that a `@workflow` function is writing: graphs inside graphs, each task by a name of its own."""

from __future__ import annotations

import contextlib
import contextvars
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from conductor.workflow.each import Each
from conductor.workflow.errors import WorkflowError
from conductor.workflow.reference import Reference, plain

WORDS = frozenset({
    "after", "when", "for_each", "as_", "max_parallel", "batch", "min_success", "ordered", "retry", "timeout",
    "fallback", "on_failure", "compensate", "lock", "semaphore", "rate", "resources", "labels", "pool", "priority",
    "deadline", "budget", "cache", "checkpoint", "pure", "retry_safe", "description",
})  # fmt: skip
"""What a keyword of a task means; every other keyword of a call is an input."""


@dataclass(slots=True)
class Draft:
    """A graph that is being written."""

    outer: Draft | None = None
    tasks: dict[str, Any] = field(default_factory=dict)
    below: set[str] = field(default_factory=set)
    """Names of tasks inside its own: a name around them must be another."""

    def name(self, wanted: str) -> str:
        """A name that no task has in this graph, around it or inside it; it is taken from then on."""
        base = re.sub(r"[^A-Za-z0-9_]", "_", wanted)[:100] or "task"
        base = base if re.match(r"[A-Za-z_]", base) else f"t_{base}"
        taken = set(self.below)
        around: Draft | None = self
        while around is not None:
            taken |= around.tasks.keys()
            around = around.outer
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        around = self.outer
        while around is not None:
            around.below.add(name)
            around = around.outer
        return name


_DRAFT: contextvars.ContextVar[Draft | None] = contextvars.ContextVar("draft", default=None)


def building() -> bool:
    """Whether a `@workflow` function is being read right now."""
    return _DRAFT.get() is not None


@contextlib.contextmanager
def drafting(outer: Draft | None = None) -> Iterator[Draft]:
    """Tasks that are made inside the block stand in a graph of their own."""
    draft = Draft(outer)
    token = _DRAFT.set(draft)
    try:
        yield draft
    finally:
        _DRAFT.reset(token)


def current(what: str) -> Draft:
    """The graph that is being written.

    Raises:
        WorkflowError: outside of a `@workflow` function.
    """
    draft = _DRAFT.get()
    if draft is None:
        raise WorkflowError.one(
            what, "tasks are made inside a @workflow function", "call the function directly elsewhere"
        )
    return draft


def add(name: str, entry: dict[str, Any], words: dict[str, Any]) -> Reference:
    """Put a task into the graph that is being written; what stands for its output.

    Raises:
        WorkflowError: outside of a `@workflow` function, or for words that the language does not have.
    """
    unknown = [word for word in words if word not in WORDS]
    if unknown:
        raise WorkflowError.one(
            name, f"the word `{unknown[0]}` is not known here", "it may be " + ", ".join(sorted(WORDS))
        )
    draft = current(name)
    unique = draft.name(name)
    draft.tasks[unique] = entry | said(words)
    return Reference(f"tasks.{unique}", unique)


def said(words: dict[str, Any]) -> dict[str, Any]:
    """The words of a task as the document has them."""
    made: dict[str, Any] = {}
    for key, value in words.items():
        if value is None:
            continue
        if key == "after":
            several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            made[key] = [one.task if isinstance(one, Reference) else plain(one) for one in several]
        elif key == "for_each" and isinstance(value, Each):
            made |= value.words()
        else:
            made[key.rstrip("_")] = plain(value)
    return made
