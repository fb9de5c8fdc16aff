"""What the conductor sends to workers: `sym.task.<capability>.<worker>`, and `sym.task.<capability>` for plain clients.

Core messages, not JetStream: a task can always be sent again.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from conductor.wire.base import (
    BATCH,
    Epoch,
    Fences,
    Generation,
    Message,
    Millis,
    Name,
    Part,
    Partition,
    Payload,
    RunRef,
    Sequence,
    TaskPath,
    Token,
    Trace,
    Try,
)


class Task(Part, frozen=True, kw_only=True):
    """One attempt of one execution.

    `n` numbers the dispatches of (partition, epoch) to this worker. `token` is a keyed BLAKE3 over the identity and the
    worker; a result without it is not folded.
    """

    run: RunRef
    tenant: Name = "default"
    """Whose run it is: what the task stores is stored under his key."""
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")
    n: Sequence
    token: Token
    capability: Name
    inputs: Payload = b"\x80"
    timeout_ms: Millis | None = None
    deadline_at_ms: Millis | None = None
    ready_at_ms: Millis = 0
    trace: Trace | None = None
    fences: Fences = {}
    """The tokens of the keys that are held for it: whatever a key guards may refuse a lower one than it has seen."""


class Attempt(Part, frozen=True, kw_only=True):
    """The number of an attempt, as heartbeats and cancels name it."""

    partition: Partition
    epoch: Epoch
    n: Sequence


class TaskBatch(Message, frozen=True, kw_only=True):
    """Tasks for one worker and capability, and attempts that it should stop.

    `reply` is the subject to publish the `ResultBatch` to; `echo` is the highest `n` sent so far to this worker.
    """

    partition: Partition
    epoch: Epoch
    conductor: Name
    reply: Name
    tasks: Annotated[list[Task], BATCH] = []
    cancel: Annotated[list[Attempt], BATCH] = []
