"""The forms of a task in Python. What each returns, or has as its `output`, is a reference to what the task will give.

Every form takes the words of the language as keywords: `after, when, for_each, retry, timeout, fallback, on_failure, ...`.
Their values are references, plain values, or the types of `conductor.workflow.document`: `retry=Retry(max_attempts=3)`.
"""

from __future__ import annotations

from typing import Any, Literal, overload

from conductor.workflow.document import After
from conductor.workflow.drafting import WORDS, add
from conductor.workflow.reference import Reference, plain

item = Reference("item")
"""The item of the map that a task with `for_each` is."""
index = Reference("index")
"""Its place in the list, from 0."""
output = Reference("output")
"""What a task gave, inside its `compensate`."""
event = Reference("event")
"""The event that may be the one, inside `where`."""
run = Reference("run")
"""The run: `id, started, attempt`."""


def call(
    capability: str, /, *, name: str | None = None, with_: dict[str, Any] | None = None, **words: Any
) -> Reference:
    """A task that calls a function, `text.count` or `text.count@^1.2`; what it returns stands for its output.

    Words of the language are taken as such, every other keyword is an input. Inputs that are named like a word go into
    `with_`.

    Raises:
        WorkflowError: outside of a `@workflow` function.
    """
    function = capability.partition("@")[0]
    return add(name or function.rpartition(".")[2], {"call": capability} | _inputs(words, with_), _words(words))


def subworkflow(
    workflow: str,
    /,
    *,
    name: str | None = None,
    inline: bool | None = None,
    with_: dict[str, Any] | None = None,
    **words: Any,
) -> Reference:
    """A registered workflow, `order` or `order@^1.2`, as a run of its own, or merged into this one; its outputs."""
    entry: dict[str, Any] = {"workflow": workflow}
    if inline is not None:
        entry["inline"] = inline
    return add(name or workflow.partition("@")[0], entry | _inputs(words, with_), _words(words))


def value(expression: Any, /, *, name: str = "value", **words: Any) -> Reference:
    """A task that computes a value without a worker."""
    return add(name, {"value": plain(expression)}, words)


@overload
def wait_for(*, signal: str, name: str | None = None, **words: Any) -> Reference: ...
@overload
def wait_for(*, event: str, where: Any = None, name: str | None = None, **words: Any) -> Reference: ...
@overload
def wait_for(*, duration: Any, name: str | None = None, **words: Any) -> Reference: ...
@overload
def wait_for(*, time: Any, name: str | None = None, **words: Any) -> Reference: ...
def wait_for(*, name: str | None = None, **words: Any) -> Reference:
    """A task that holds no slot until a signal or an event has come, or some time has passed: `{value, by, at}`."""
    wait = {word: words.pop(word) for word in ("signal", "event", "where", "duration", "time") if word in words}
    wait = {word: given for word, given in wait.items() if given is not None}
    kind = next(iter(wait), "wait")
    return add(name or str(wait.get("signal", kind)), {"wait_for": plain(wait)}, words)


def approve(question: Any = None, *, by: list[str] | None = None, name: str = "approve", **words: Any) -> Reference:
    """A task that somebody answers with yes or no: `{answer, by, at, comment}`; `no` is a failure of kind `rejected`."""
    form: dict[str, Any] = {}
    if by is not None:
        form["by"] = by
    if question is not None:
        form["question"] = plain(question)
    return add(name, {"approve": form}, words)


def meta(task: Reference) -> Reference:
    """How a task went: `status, attempts, error, started, ended`. Whoever refers to it waits for its end, however."""
    return Reference(f"tasks_meta.{task.task}", task.task)


def soft(task: Reference) -> After:
    """For `after`: it must have ended, however."""
    return _after(task, "soft")


def optional(task: Reference) -> After:
    """For `after`: it must have succeeded or been skipped."""
    return _after(task, "optional")


def _after(task: Reference, kind: Literal["soft", "optional"]) -> After:
    return After(task=task.task or task.expression, kind=kind)


def _inputs(words: dict[str, Any], with_: dict[str, Any] | None) -> dict[str, Any]:
    inputs = {key: plain(given) for key, given in words.items() if key not in WORDS} | plain(with_ or {})
    return {"with": inputs} if inputs else {}


def _words(words: dict[str, Any]) -> dict[str, Any]:
    return {key: given for key, given in words.items() if key in WORDS}
