"""Workflows in Python: a `@workflow` function calls functions, and what they return is a reference.

It builds the same document as YAML does; nothing of it runs before the document is submitted::

    @workflow(version="1.2.0")
    def word_atlas(folder: Directory, pattern: str = "**/*.py"):
        found = call("files.glob", root=folder, pattern=pattern)
        file = each(found.files, max_parallel=8)
        count = call("text.count", for_each=file, file=file.item)
        merge = call("text.merge", counts=count.each.words)
        return {"words": merge.total}
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conductor.workflow.drafting import drafting
from conductor.workflow.errors import WorkflowError
from conductor.workflow.importers.imported import workflow_name
from conductor.workflow.reader import Source
from conductor.workflow.reference import Reference, plain
from conductor.workflow.types import type_name


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
        with drafting() as draft:
            returned = self.function(**{name: Reference(f"inputs.{name}") for name in inputs})
        if isinstance(returned, Reference):
            returned = {"result": returned}
        if returned is not None and not isinstance(returned, dict):
            raise WorkflowError.one(self.name, f"it returns a {type(returned).__name__}", "return a mapping of outputs")
        document: dict[str, Any] = {"workflow": self.name, "version": self.version, **plain(self.words)}
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

    `words` are those of the document: `description, defaults, deadline, priority, tags, budget, lock, on_failure`.
    """

    def made(function: Callable[..., Any]) -> Workflow:
        said = dict(words)
        text = inspect.getdoc(function)
        if text and "description" not in said:
            said["description"] = text.splitlines()[0]
        return Workflow(function, name or workflow_name(function.__name__), version, said)

    return made if function is None else made(function)
