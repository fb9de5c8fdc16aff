"""Workflows in Python: a `@workflow` function calls functions, and what they return is a reference.

It builds the same document as YAML does; nothing of it runs before the document is submitted::

    @workflow(version="1.2.0")
    def word_atlas(folder: Directory, pattern: str = "**/*.py"):
        files = call("files.glob", root=folder, pattern=pattern)
        count = call("text.count", for_each=files.files, file=item)
        merge = call("text.merge", counts=count.each.words)
        return {"words": merge.total}
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from conductor.workflow.errors import WorkflowError
from conductor.workflow.importers.imported import Names, workflow_name
from conductor.workflow.reader import Source
from conductor.workflow.reference import Reference, plain
from conductor.workflow.types import type_name

item = Reference("item")
"""The item of the map that a call with `for_each` is."""
index = Reference("index")
"""Its place in the list, from 0."""

_WORDS = {
    "after", "when", "for_each", "as_", "max_parallel", "batch", "min_success", "ordered", "retry", "timeout",
    "fallback", "on_failure", "compensate", "lock", "semaphore", "rate", "resources", "labels", "pool", "priority",
    "deadline", "budget", "cache", "checkpoint", "pure", "retry_safe", "description",
}  # fmt: skip


@dataclass(slots=True)
class _Draft:
    """The document that is being written."""

    tasks: dict[str, Any] = field(default_factory=dict)
    names: Names = field(default_factory=Names)


_DRAFT: contextvars.ContextVar[_Draft | None] = contextvars.ContextVar("draft", default=None)


def building() -> bool:
    """Whether a `@workflow` function is being read right now."""
    return _DRAFT.get() is not None


def call(
    capability: str, /, *, name: str | None = None, with_: dict[str, Any] | None = None, **words: Any
) -> Reference:
    """A task that calls a function; what it returns stands for its output.

    Words of the language (`for_each`, `after`, `when`, `retry`, `timeout`, ...) are taken as such, every other keyword is
    an input. Inputs that are named like a word go into `with_`.

    Raises:
        WorkflowError: outside of a `@workflow` function.
    """
    said = {key.rstrip("_"): _word(key, value) for key, value in words.items() if key in _WORDS}
    inputs = {key: plain(value) for key, value in words.items() if key not in _WORDS} | plain(with_ or {})
    entry: dict[str, Any] = {"call": capability}
    if inputs:
        entry["with"] = inputs
    return _add(name or capability.rpartition(".")[2], entry | said)


def value(expression: Any, /, *, name: str = "value", **words: Any) -> Reference:
    """A task that computes a value without a worker."""
    said = {key.rstrip("_"): _word(key, value) for key, value in words.items()}
    return _add(name, {"value": plain(expression)} | said)


def _word(key: str, value: Any) -> Any:
    if key == "after":
        several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return [one.task if isinstance(one, Reference) else plain(one) for one in several]
    return plain(value)


def _add(name: str, entry: dict[str, Any]) -> Reference:
    draft = _DRAFT.get()
    if draft is None:
        raise WorkflowError.one(
            name, "tasks are made inside a @workflow function", "call the function directly elsewhere"
        )
    unique = draft.names.of(name if name not in draft.tasks else f"{name}_{len(draft.tasks) + 1}")
    draft.tasks[unique] = entry
    return Reference(f"tasks.{unique}", unique)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow written in Python. `document()` is what YAML would say."""

    function: Callable[..., Any]
    name: str
    version: str
    words: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The canonical document.

        Raises:
            WorkflowError: the function asks for a value that does not exist yet, or returns no mapping.
        """
        signature = inspect.signature(self.function, eval_str=True)
        inputs: dict[str, Any] = {}
        for parameter in signature.parameters.values():
            entry: dict[str, Any] = {"type": type_name(parameter.annotation)}
            if parameter.default is not inspect.Parameter.empty:
                entry["default"] = parameter.default
            inputs[parameter.name] = entry
        draft = _Draft()
        token = _DRAFT.set(draft)
        try:
            returned = self.function(**{name: Reference(f"inputs.{name}") for name in inputs})
        finally:
            _DRAFT.reset(token)
        if isinstance(returned, Reference):
            returned = {"result": returned}
        if returned is not None and not isinstance(returned, dict):
            raise WorkflowError.one(self.name, f"it returns a {type(returned).__name__}", "return a mapping of outputs")
        document: dict[str, Any] = {"workflow": self.name, "version": self.version, **self.words}
        if inputs:
            document["inputs"] = inputs
        document["tasks"] = draft.tasks
        if returned:
            document["outputs"] = plain(returned)
        return document

    def source(self) -> Source:
        """The document as if it had been read from a file."""
        return Source(f"{self.function.__module__}:{self.function.__name__}", "", self.document())


def workflow(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    version: str = "0.1.0",
    **words: Any,
) -> Any:
    """Make a function a workflow. Its parameters are the inputs, what it returns the outputs.

    `words` are those of the document: `description, defaults, deadline, priority, tags, budget, on_failure`.
    """

    def made(function: Callable[..., Any]) -> Workflow:
        said = dict(words)
        text = inspect.getdoc(function)
        if text and "description" not in said:
            said["description"] = text.splitlines()[0]
        return Workflow(function, name or workflow_name(function.__name__), version, said)

    return made if function is None else made(function)
