"""References: what stands for a value that does not exist yet while a workflow is being written in Python."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from conductor.workflow.errors import WorkflowError

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


class Reference:
    """An expression of the workflow language.

    `ref.field` and `ref["field"]` select, `ref[0]` takes an item, `ref.each.field` picks a field of each item. In a text
    (`f"{ref}"`) it becomes `${...}`. It has no value, so that asking for its truth or iterating over it is refused.
    """

    __slots__ = ("expression", "task")

    def __init__(self, expression: str, task: str | None = None) -> None:
        self.expression = expression
        self.task = task

    @property
    def each(self) -> Reference:
        """All items of a list: `tasks.count.each.words` is `tasks.count[*].words`."""
        return Reference(f"{self.expression}[*]", self.task)

    def __getattr__(self, name: str) -> Reference:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, key: str | int) -> Reference:
        if isinstance(key, int):
            return Reference(f"{self.expression}[{key}]", self.task)
        if _NAME.match(key):
            return Reference(f"{self.expression}.{key}", self.task)
        quoted = key.replace("\\", "\\\\").replace('"', '\\"')
        return Reference(f'{self.expression}["{quoted}"]', self.task)

    def __str__(self) -> str:
        return f"${{{self.expression}}}"

    def __repr__(self) -> str:
        return f"Reference({self.expression!r})"

    def __bool__(self) -> bool:
        raise _too_early(self, "its truth is not known while the workflow is written", "use when=")

    def __iter__(self) -> Iterator[Any]:
        raise _too_early(self, "its items are not known while the workflow is written", "use for_each=")

    def __len__(self) -> int:
        raise _too_early(self, "its length is not known while the workflow is written", "use expr('size(...)')")


def expr(text: str, *references: Reference) -> Reference:
    """A CEL expression; each `{}` in it is replaced by the expression of a reference."""
    parts = text.split("{}")
    if len(parts) != len(references) + 1:
        raise WorkflowError.one(
            text, f"{len(parts) - 1} places for {len(references)} references", "give one for each {}"
        )
    woven = parts[0] + "".join(r.expression + p for r, p in zip(references, parts[1:], strict=True))
    return Reference(woven)


def plain(value: Any) -> Any:
    """A value for the document: references become `${...}`, words as types mappings, at any depth."""
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, msgspec.Struct):
        # A word as a type: what it does not say is left out.
        return plain(msgspec.to_builtins(value, enc_hook=plain))
    if isinstance(value, datetime.timedelta):
        return f"{round(value.total_seconds() * 1000)}ms"
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _too_early(reference: Reference, what: str, remedy: str) -> WorkflowError:
    return WorkflowError.one(str(reference), what, remedy)
