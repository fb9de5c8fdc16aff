"""Where a translation stands: what data is, which task of ours made it, and what the next one waits for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from conductor.workflow.importers.cel import Cel
from conductor.workflow.importers.foreign import Node
from conductor.workflow.importers.serverless.jq import Data


class Root(Cel):
    """The workflow's input. The fields that are asked for are its inputs; a document of ours declares them."""

    def __init__(self, seen: dict[str, None]) -> None:
        super().__init__("inputs", kind="object")
        object.__setattr__(self, "seen", seen)

    __slots__ = ("seen",)
    seen: dict[str, None]

    def field(self, name: str) -> Cel:
        self.seen[name] = None
        return Cel.field(self, name)


@dataclass(frozen=True, slots=True)
class State:
    """`dot` is the data that a task is given, `context` what `$context` is, `variables` those of loops and handlers."""

    dot: Cel
    context: Cel
    fixed: dict[str, Cel] = field(default_factory=dict)
    variables: dict[str, Cel] = field(default_factory=dict)

    def data(self, **more: Cel) -> Data:
        """What an expression sees."""
        return Data(self.dot, {**self.fixed, "context": self.context, "input": self.dot, **self.variables, **more})

    def with_(self, **more: Cel) -> State:
        """With more variables."""
        return replace(self, variables={**self.variables, **more})

    def given(self, dot: Cel) -> State:
        """With other data."""
        return replace(self, dot=dot)


@dataclass(frozen=True, slots=True)
class Edge:
    """A way into a task: what it waits for (entries of `after`), when it is taken (None: always), and the data then."""

    after: tuple[Any, ...]
    state: State
    guard: Cel | None = None


@dataclass(slots=True)
class Step:
    """A task of theirs that is being translated; `tasks` takes what is made of it."""

    name: str
    node: Node
    state: State
    after: list[Any]
    tasks: dict[str, Any]
    task: str = ""
