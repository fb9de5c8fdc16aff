"""The words of the workflow language as types: the source of `schemas/workflow.schema.json`.

What a document means, and every check beyond its form, is decided in one place: the crate `extensions-rs/workflow`, which
the tracker, `symphony-pit check` and therefore every client use.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from conductor.wire.extensions import TypeName

Duration = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+)?(ms|s|m|h|d)$", description="200ms, 10s, 5m, 2h, 1d")]
Size = Annotated[str | int, msgspec.Meta(description="bytes, or text such as 64KiB, 2GiB")]
Percentage = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+)?%$")]
Expression = Annotated[
    str | int | float | bool, msgspec.Meta(description="a CEL expression, with or without ${} around it")
]
Identifier = Annotated[str, msgspec.Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
Priority = Annotated[int, msgspec.Meta(ge=0, le=9, description="9 first, 5 is normal")]
Value = Any
OnFailure = Literal["fail", "skip", "continue", "compensate"]


class Word(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A mapping of the language; words that it does not know are errors."""


class Input(Word, kw_only=True):
    """An input that is described by more than its type. Without a default it is required."""

    type: TypeName = "any"
    required: bool | None = None
    default: Value = None
    description: str | None = None


class Retry(Word, kw_only=True):
    """How often and how soon again; `max_attempts` counts the first."""

    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    backoff: Duration | None = None
    factor: Annotated[float, msgspec.Meta(ge=1)] | None = None
    max_backoff: Duration | None = None
    jitter: bool | None = None
    max_elapsed: Duration | None = None
    on: list[str] | None = None
    not_on: list[str] | None = None


class Timeout(Word, kw_only=True):
    """`attempt` on the worker's clock; `task` and `queue` on the fold's."""

    attempt: Duration | None = None
    task: Duration | None = None
    queue: Duration | None = None


class After(Word, kw_only=True):
    """An edge without data."""

    task: Identifier
    kind: Literal["hard", "soft", "optional"] = "hard"


class FallbackStep(Word, kw_only=True):
    """What to try when the retries are spent."""

    call: str | None = None
    value: Expression | None = None
    with_: dict[str, Value] | None = msgspec.field(default=None, name="with")


class Compensate(Word, kw_only=True):
    """How to undo a task; sees its output as `output`."""

    call: str
    with_: dict[str, Value] | None = msgspec.field(default=None, name="with")
    retry: Retry | None = None


class Semaphore(Word, kw_only=True):
    """A counted key."""

    key: str
    permits: Annotated[int, msgspec.Meta(ge=1)] = 1
    of: Annotated[int, msgspec.Meta(ge=1)]


class Rate(Word, kw_only=True):
    """A limited key."""

    key: str
    per_second: Annotated[float, msgspec.Meta(gt=0)]
    burst: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Budget(Word, kw_only=True):
    """What may be spent."""

    money: Annotated[float, msgspec.Meta(ge=0)] | None = None
    calls: Annotated[int, msgspec.Meta(ge=0)] | None = None
    time: Duration | None = None


class Cache(Word, kw_only=True):
    """A result is used again for the same function version and key."""

    key: Expression | None = None
    ttl: Duration


class ScopedLock(Word, kw_only=True):
    """A lock over several tasks."""

    key: str
    scope: list[Identifier]


class WaitFor(Word, kw_only=True):
    """One of the four things a run can wait for."""

    signal: str | None = None
    event: str | None = None
    where: Expression | None = None
    duration: Duration | None = None
    time: Expression | None = None


class Approve(Word, kw_only=True):
    """A signal with a form."""

    by: list[str] | None = None
    question: str | None = None


class Tasks(Word, kw_only=True):
    """Tasks inside a branch or a loop, and what they give to the outside."""

    tasks: dict[Identifier, Task]
    outputs: dict[str, Value] | None = None


class Branch(Word, kw_only=True):
    """A branch of a switch: `when` and `then`, or `else`."""

    when: Expression | None = None
    then: Tasks | None = None
    else_: Tasks | None = msgspec.field(default=None, name="else")


class Repeat(Word, kw_only=True):
    """A loop: `while` is asked before a turn, `until` after it."""

    while_: Expression | None = msgspec.field(default=None, name="while")
    until: Expression | None = None
    max_iterations: Annotated[int, msgspec.Meta(ge=1)]
    state: dict[Identifier, Value] | None = None
    tasks: Tasks
    next: dict[Identifier, Value] | None = None


class Task(Word, kw_only=True):
    """One task: exactly one of the forms, and the words that it may carry."""

    call: str | None = None
    value: Value = msgspec.UNSET
    workflow: str | None = None
    inline: bool | None = None
    switch: list[Branch] | None = None
    repeat: Repeat | None = None
    wait_for: WaitFor | None = None
    approve: Approve | None = None

    description: str | None = None
    with_: dict[str, Value] | None = msgspec.field(default=None, name="with")
    after: list[Identifier | After] | None = None
    when: Expression | None = None
    for_each: Value = msgspec.UNSET
    as_: Identifier | None = msgspec.field(default=None, name="as")
    max_parallel: Annotated[int, msgspec.Meta(ge=1)] | None = None
    batch: Annotated[int, msgspec.Meta(ge=1)] | None = None
    min_success: Percentage | None = None
    ordered: bool | None = None
    retry: Retry | None = None
    timeout: Duration | Timeout | None = None
    fallback: list[FallbackStep] | None = None
    on_failure: OnFailure | None = None
    compensate: Compensate | None = None
    lock: str | None = None
    semaphore: Semaphore | None = None
    rate: Rate | None = None
    resources: dict[str, float | Size] | None = None
    labels: dict[str, str] | None = None
    pool: str | None = None
    priority: Priority | None = None
    deadline: Duration | None = None
    budget: Budget | None = None
    cache: Cache | None = None
    checkpoint: str | None = None
    pure: bool | None = None
    retry_safe: bool | None = None


class Defaults(Word, kw_only=True):
    """For every `call` that does not say otherwise."""

    retry: Retry | None = None
    timeout: Duration | Timeout | None = None


class Document(Word, kw_only=True):
    """A workflow."""

    workflow: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,63}$")]
    version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$")] = "0.1.0"
    description: str | None = None
    inputs: dict[Identifier, TypeName | Input] | None = None
    defaults: Defaults | None = None
    deadline: Duration | None = None
    budget: Budget | None = None
    priority: Priority | None = None
    tags: dict[str, str] | None = None
    lock: ScopedLock | None = None
    tasks: dict[Identifier, Task]
    outputs: dict[str, Value] | None = None
    on_failure: Literal["fail", "compensate"] | None = None


def workflow_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a workflow document."""
    schema = msgspec.json.schema(Document)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Symphony workflow",
        **schema,
    }
