"""`@task`: a Python function that workers serve and workflows call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

from conductor.wire.extensions import Function
from conductor.worker.contract import Contract
from conductor.workflow.drafting import building
from conductor.workflow.forms import call

P = ParamSpec("P")
R = TypeVar("R")
How = Literal["async", "thread", "process"]


class TaskFunction(Generic[P, R]):
    """A function with a capability. Called inside a `@workflow` it makes a task, elsewhere it just runs."""

    def __init__(self, function: Callable[P, R], capability: str, how: How, said: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.capability = capability
        self.how = how
        self.contract = Contract(function)
        self.manifest: Function = self.contract.function(capability, inspect.getdoc(function) or "", **said)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if not building():
            return self.function(*args, **kwargs)
        names = list(self.contract.inputs())
        inputs: dict[str, Any] = dict(zip(names, args, strict=False)) | dict(kwargs)
        # What the function calls an input is one, whatever the language calls it; `retry=`, `after=`, ... are words.
        own = {key: inputs.pop(key) for key in names if key in inputs}
        reference: Any = call(self.capability, with_=own, **inputs)
        return reference  # type: ignore[no-any-return]  # inside a workflow: what stands for the R to come


@overload
def task(function: Callable[P, R], /) -> TaskFunction[P, R]: ...
@overload
def task(
    capability: str | None = None,
    /,
    *,
    cpu: bool = False,
    pure: bool = False,
    retry_safe: bool = True,
    timeout_ms: int | None = None,
    version: str = "1.0.0",
    cost_per_second: float = 0.0,
    errors: list[str] | None = None,
) -> Callable[[Callable[P, R]], TaskFunction[P, R]]: ...
def task(function: Any = None, /, *, cpu: bool = False, errors: list[str] | None = None, **said: Any) -> Any:
    """Offer a function to workflows.

    The capability is `module.function` unless given. Async functions run on the loop, others in a thread, those with
    `cpu=True` in a process of a pool, which is killed where they overrun their time-out. `pure`: no effect beyond the
    output; `retry_safe=False`: a second attempt would do harm. `cost_per_second` is what budgets of money count.
    """

    def made(inner: Callable[..., Any], capability: str | None = None) -> TaskFunction[..., Any]:
        name = capability or f"{inner.__module__.rpartition('.')[2]}.{inner.__name__}"
        is_async = inspect.iscoroutinefunction(inner)
        if cpu and is_async:
            raise TypeError(f"{name}: an async function cannot run in a process pool; leave out cpu=True")
        how: How = "async" if is_async else "process" if cpu else "thread"
        return TaskFunction(inner, name, how, {"errors": errors or [], **said})

    if callable(function):
        return made(function)
    return lambda inner: made(inner, function)
