"""Forms that have tasks inside them: branches and loops. What is made inside a block stands in it::

    pick = switch()
    with pick.when(expr("{} > 3", size)) as big:
        big.gives(text=call("test.echo", text="big").text)
    with pick.otherwise() as small:
        small.gives(text="small")

    with repeat(max_iterations=10, state={"n": 0}) as loop:
        step = call("test.echo", n=expr("{} + 1", loop.state.n))
        loop.next(n=step.n)
        loop.until(expr("{} >= 3", loop.state.n))

    return {"text": pick.output.text, "n": loop.output.state.n}

Names that are seen inside are those of the block and of what stands around it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from conductor.workflow.drafting import add, current, drafting
from conductor.workflow.errors import WorkflowError
from conductor.workflow.reference import Reference, plain


class Branch:
    """A block of tasks of a switch."""

    def __init__(self, tasks: dict[str, Any]) -> None:
        self._tasks = tasks

    def gives(self, outputs: dict[str, Any] | None = None, /, **more: Any) -> None:
        """What the switch gives to the outside when this branch is taken, beside `branch`."""
        given = plain((outputs or {}) | more)
        self._tasks["outputs"] = self._tasks.get("outputs", {}) | given


class Switch:
    """A task that runs the first of its branches that holds; `output` has what that branch gives, and `branch`."""

    def __init__(self, name: str, words: dict[str, Any]) -> None:
        self._branches: list[dict[str, Any]] = []
        self._draft = current(name)
        self.output = add(name, {"switch": self._branches}, words)

    @contextlib.contextmanager
    def when(self, condition: Any) -> Iterator[Branch]:
        """The tasks inside are run if the condition holds, and none before did.

        Raises:
            WorkflowError: behind `otherwise`.
        """
        if self._branches and "else" in self._branches[-1]:
            raise WorkflowError.one(
                self.output.expression, "no branch behind `otherwise` is ever reached", "put it last"
            )
        tasks: dict[str, Any] = {}
        self._branches.append({"when": plain(condition), "then": tasks})
        with self._inside(tasks) as branch:
            yield branch

    @contextlib.contextmanager
    def otherwise(self) -> Iterator[Branch]:
        """The tasks inside are run if no condition holds."""
        tasks: dict[str, Any] = {}
        self._branches.append({"else": tasks})
        with self._inside(tasks) as branch:
            yield branch

    @contextlib.contextmanager
    def _inside(self, tasks: dict[str, Any]) -> Iterator[Branch]:
        with drafting(self._draft) as draft:
            tasks["tasks"] = draft.tasks
            yield Branch(tasks)


def switch(*, name: str = "switch", **words: Any) -> Switch:
    """A choice between blocks of tasks.

    Raises:
        WorkflowError: outside of a `@workflow` function.
    """
    return Switch(name, words)


class Loop:
    """The inside of a `repeat`; `output` is `{state, iterations}` when it has ended."""

    state = Reference("state")
    """What a turn begins with."""
    iteration = Reference("iteration")
    """The turn's number, from 0."""

    def __init__(self, output: Reference, entry: dict[str, Any]) -> None:
        self.output = output
        self._entry = entry

    def next(self, state: dict[str, Any] | None = None, /, **more: Any) -> None:
        """The state of the turn that follows."""
        self._entry["next"] = self._entry.get("next", {}) | plain((state or {}) | more)

    def until(self, condition: Any) -> None:
        """Asked after a turn, with its tasks and the state that `next` has made."""
        self._entry["until"] = plain(condition)

    def while_(self, condition: Any) -> None:
        """Asked before a turn, with its state."""
        self._entry["while"] = plain(condition)


@contextlib.contextmanager
def repeat(
    *,
    max_iterations: int,
    state: dict[str, Any] | None = None,
    while_: Any = None,
    until: Any = None,
    name: str = "repeat",
    **words: Any,
) -> Iterator[Loop]:
    """A loop over the tasks inside. The state's values are expressions: a text is CEL, `"'a'"` is the letter.

    Raises:
        WorkflowError: outside of a `@workflow` function.
    """
    draft = current(name)
    entry: dict[str, Any] = {"max_iterations": max_iterations}
    loop = Loop(add(name, {"repeat": entry}, words), entry)
    if state is not None:
        entry["state"] = plain(state)
    if while_ is not None:
        loop.while_(while_)
    if until is not None:
        loop.until(until)
    with drafting(draft) as inside:
        entry["tasks"] = {"tasks": inside.tasks}
        yield loop
