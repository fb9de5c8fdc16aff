"""What clients say and hear of a run: submissions, cancels, signals, ends, progress.

`sym.in.submit.<tenant>.<run>`, `sym.in.cancel.<tenant>.<run>` and `sym.in.signal.<tenant>.<run>`; the tenant is a token of
the subject, which the broker's permissions authenticate, and is never a field.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from conductor.wire import bounds
from conductor.wire.base import (
    BATCH,
    Count,
    Message,
    Micros,
    Millis,
    Name,
    Part,
    Payload,
    Priority,
    RunId,
    TaskPath,
    Text,
    Trace,
)
from conductor.wire.errors import ErrorValue

RUN_STATUSES = (
    "queued",
    "running",
    "waiting",
    "paused",
    "succeeded",
    "failed",
    "cancelled",
    "timed_out",
)
TASK_STATUSES = (
    "pending",
    "waiting",
    "ready",
    "running",
    "succeeded",
    "cached",
    "failed",
    "skipped",
    "cancelled",
    "compensated",
)
Document = Annotated[bytes, msgspec.Meta(max_length=bounds.DOCUMENT_PACKED_BYTES_MAX)]


class Submit(Part, frozen=True, kw_only=True):
    """One run. `document` is the canonical JSON of the workflow, zstd-compressed; `inputs` a msgpack map.

    `key` is the client's idempotency key: with one, `run` is the hash of (tenant, workflow, key). `watch` asks for a
    message at each change of a task; without it only the end is told.
    """

    run: RunId
    workflow: Name
    document: Document
    inputs: Payload = b"\x80"
    key: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    priority: Priority | None = None
    deadline_ms: Millis | None = None
    budget_money: float | None = None
    trace: Trace | None = None
    tracestate: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    watch: bool = False
    submitted_at_ms: Millis = 0


class SubmitBatch(Message, frozen=True, kw_only=True):
    """Submissions of one tenant whose runs hash to one partition; the subject names the first run."""

    runs: Annotated[list[Submit], msgspec.Meta(min_length=1, max_length=bounds.BATCH_COUNT_MAX)]


class Cancel(Message, frozen=True, kw_only=True):
    """The wish that a run end; the log's order decides between it and a completion."""

    run: RunId
    reason: Text = ""


class Signal(Message, frozen=True, kw_only=True):
    """Word to a run that waits for it, or will: `sym.in.signal.<tenant>.<run>`.

    `name` is that of `wait_for: {signal}`, or the path of an `approve` task. `id` tells a repeated message from a second
    signal. Who sent it is the tenant of the subject; `said_by` is only what the sender says of itself.
    """

    run: RunId
    name: TaskPath
    value: Payload = b"\xc0"
    id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    said_by: Text = ""
    comment: Text = ""


class Occurred(Message, frozen=True, kw_only=True):
    """Something that happened elsewhere: `sym.event.<name>`. Plain JSON is taken there as well."""

    value: Payload = b"\xc0"


class TaskCounts(Part, frozen=True, kw_only=True):
    """Executed tasks: the items of a map count, the map does not; `cached` counts as succeeded."""

    total: Count = 0
    succeeded: Count = 0
    failed: Count = 0
    skipped: Count = 0
    retried: Count = 0


class RunEnded(Part, frozen=True, kw_only=True):
    """How a run ended. `function_us` is the time its critical path was inside function code."""

    run: RunId
    tenant: Name
    workflow: Name
    version: Name
    status: Name
    outputs: Payload = b"\x80"
    error: ErrorValue | None = None
    tasks: TaskCounts = TaskCounts()
    submitted_at_ms: Millis = 0
    ended_at_ms: Millis = 0
    duration_us: Micros = 0
    function_us: Micros = 0
    trace: Trace | None = None
    parent: RunId | None = None
    """The run that this is a child of."""
    link: Trace | None = None
    """The trace of that run."""
    frames: Annotated[list[str], BATCH] = []
    """Digests that `outputs` refers to and that travel as frames, to be stored before the end is told."""


class RunEvent(Message, frozen=True, kw_only=True):
    """`sym.run.<tenant>.<run>.<event>`, lossy by design: `event` is `started`, `task` or `ended`; `tombstoned`
    where retention will delete it, with the reason and the moment in `detail`."""

    run: RunId
    event: Name
    at_ms: Millis = 0
    task: TaskPath | None = None
    status: Name | None = None
    worker: Name | None = None
    ended: RunEnded | None = None
    detail: Text | None = None
