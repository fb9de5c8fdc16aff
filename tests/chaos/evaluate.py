"""What a workflow comes to, by the meaning of its words alone: small, obviously right, and nothing of the system in it.

A new word of the language is added to `Step` (how it is written, what it gives) and, where it changes what runs, to
`evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Env = dict[str, Any]
"""The output of each task; null where it did not succeed."""
Edge = Literal["hard", "soft", "optional"]
End = Literal["succeeded", "failed", "skipped"]


@dataclass(frozen=True)
class Step:
    """A task: the words of its document, and what they mean.

    `ends` is how it ends where it starts; `gives` its output where it succeeds. `edges` are all of its edges; those that
    `words` imply by a reference are `implied`, and are not written. `effects` are the lines that it appends. `lasting`
    says that a second attempt of one try would do harm.
    """

    name: str
    words: dict[str, Any]
    gives: Callable[[Env], Any] = lambda _: None
    ends: End = "succeeded"
    edges: tuple[tuple[str, Edge], ...] = ()
    implied: frozenset[str] = frozenset()
    when: bool = True
    fatal: str | None = None
    """The kind of the error with which the run fails, where this task ends it."""
    effects: tuple[str, ...] = ()
    effect_path: str = ""
    """Of the task inside this one that appends, where it is not this one."""
    lasting: bool = False
    undo: str | None = None
    """The line that its compensation appends."""
    loops: bool = False
    """What is inside is done anew in each turn: its statuses come and go."""


@dataclass(frozen=True)
class Flow:
    """A workflow: its steps in an order in which they could run, and its outputs."""

    name: str
    steps: tuple[Step, ...]
    outputs: dict[str, tuple[str, Callable[[Env], Any]]]
    words: dict[str, Any] = field(default_factory=dict)
    signals: dict[str, Any] = field(default_factory=dict)
    """What its client sends it, each once."""
    events: list[tuple[str, Any]] = field(default_factory=list)
    """What its client publishes until it has ended."""

    def document(self) -> dict[str, Any]:
        """As it is submitted."""
        return {
            "workflow": self.name,
            "version": "1.0.0",
            "tasks": {step.name: _written(step) for step in self.steps},
            "outputs": {name: text for name, (text, _) in self.outputs.items()},
            **self.words,
        }


def _written(step: Step) -> dict[str, Any]:
    words = dict(step.words)
    after = [{"task": task, "kind": kind} for task, kind in step.edges if task not in step.implied]
    if after:
        words["after"] = after
    if not step.when:
        words["when"] = "1 > 2"
    return words


@dataclass
class Expected:
    """What a run has to come to. `statuses` and `effects` are of those tasks that a failed run had surely reached."""

    status: Literal["succeeded", "failed"] = "succeeded"
    outputs: dict[str, Any] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    """Kind and task."""
    statuses: dict[str, End] = field(default_factory=dict)
    effects: dict[str, tuple[tuple[str, ...], bool]] = field(default_factory=dict)
    """By task: the lines that it appends, and whether each try appends each at most once."""
    undone: dict[str, str] = field(default_factory=dict)
    """By compensation: the line that it appends where the run fails; it may where the run is cancelled."""
    loops: frozenset[str] = frozenset()


def evaluate(flow: Flow) -> Expected:
    """The meaning of a workflow."""
    found = Expected(loops=frozenset(step.name for step in flow.steps if step.loops))
    env: Env = {}
    for step in flow.steps:
        end = _end(step, found.statuses)
        found.statuses[step.name] = end
        env[step.name] = step.gives(env) if end == "succeeded" else None
        if step.effects and end == "succeeded":
            found.effects[step.effect_path or step.name] = (step.effects, step.lasting)
        if step.undo is not None and end == "succeeded":
            found.undone[f"{step.name}:compensate"] = step.undo
        if step.fatal is not None and end == "failed":
            found.status, found.error, found.statuses = "failed", (step.fatal, step.name), {step.name: "failed"}
            return found
    found.outputs = {name: value(env) for name, (_, value) in flow.outputs.items()}
    return found


def _end(step: Step, statuses: dict[str, End]) -> End:
    for task, kind in step.edges:
        if kind == "hard" and statuses[task] == "skipped":
            return "skipped"
        if kind == "optional" and statuses[task] == "failed":
            return "skipped"
    return step.ends if step.when else "skipped"
