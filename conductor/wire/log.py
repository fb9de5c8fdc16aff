"""The events of the log, `sym.log.<partition>.<event>`: the only durable write on the path of a step.

`result` is written by workers; `decided`, `due`, `supplied`, `resolved`, `happened` and `owner` by the conductor that owns
the partition. Submissions, signals, cancels and other wishes of clients reach the log through the streams it sources.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from conductor.wire import bounds
from conductor.wire.base import (
    BATCH,
    Count,
    Digest,
    Epoch,
    Generation,
    Message,
    Micros,
    Millis,
    Name,
    Part,
    Partition,
    Payload,
    RunId,
    Sequence,
    TaskPath,
    Text,
    Token,
    Try,
)
from conductor.wire.errors import ErrorValue


class Succeeded(Part, frozen=True, kw_only=True, tag_field="is", tag="succeeded"):
    """The function returned; `output` is its value."""

    output: Payload = b"\xc0"


class Failed(Part, frozen=True, kw_only=True, tag_field="is", tag="failed"):
    """The function, or the worker around it, gave up."""

    error: ErrorValue


class Cancelled(Part, frozen=True, kw_only=True, tag_field="is", tag="cancelled"):
    """The attempt was told to stop, and did."""


Outcome = Succeeded | Failed | Cancelled


class TaskResult(Part, frozen=True, kw_only=True):
    """The end of one attempt. Identity and token are echoed from the task as they came.

    `received_at_us` and `started_at_us` are the worker's wall clock in microseconds since the Unix epoch, `run_us` its
    monotonic measure of the function alone. `version` is the function's; absent it is `FIRST_VERSION`.
    """

    run: RunId
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")
    epoch: Epoch
    n: Sequence
    token: Token
    outcome: Outcome
    received_at_us: Micros = 0
    started_at_us: Micros = 0
    run_us: Micros = 0
    version: Name | None = None


class ResultBatch(Message, frozen=True, kw_only=True):
    """Every result of one partition that a worker had when it published: group commit."""

    worker: Name
    results: Annotated[list[TaskResult], BATCH]


class Retry(Part, frozen=True, kw_only=True, tag_field="is", tag="retry"):
    """Try again, `delay_ms` after the fold time of this event. The jitter is already in it."""

    delay_ms: Millis = 0


class Fallback(Part, frozen=True, kw_only=True, tag_field="is", tag="fallback"):
    """Go on with the `index`-th fallback of the document."""

    index: Annotated[int, msgspec.Meta(ge=0, le=255)]


class Skip(Part, frozen=True, kw_only=True, tag_field="is", tag="skip"):
    """The task is skipped, and what hangs on it by hard edges with it."""


class Continue(Part, frozen=True, kw_only=True, tag_field="is", tag="continue"):
    """The task has failed; what hangs on it goes on with null."""


class Fail(Part, frozen=True, kw_only=True, tag_field="is", tag="fail"):
    """The task has failed, and the run with it."""


class Lost(Part, frozen=True, kw_only=True, tag_field="is", tag="lost"):
    """The attempt will never answer (its worker is gone, or never told): a failure of kind `lost`."""

    message: Text = ""
    begun: bool = True
    """A worker had it. False: perhaps nobody had, so that it is no sign that the task kills its workers."""
    attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    """How many dispatches of this try were lost with their workers."""


class Acquired(Part, frozen=True, kw_only=True, tag_field="is", tag="acquired"):
    """The ledger granted what a run waited for: it holds over several tasks, which may begin."""

    token: Sequence


Action = Retry | Fallback | Skip | Continue | Fail | Lost | Acquired


class Decided(Part, frozen=True, kw_only=True):
    """A choice that the fold must see again at replay. The first of a try wins.

    `policy` names the policy and its version, `probability` is what it gave the choice.
    """

    run: RunId
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")
    action: Action
    policy: Name = "rules"
    probability: float = 1.0
    reason: Text = ""


class DecidedBatch(Message, frozen=True, kw_only=True):
    """Decisions of one beat. An `epoch` below the partition's owner's is ignored."""

    partition: Partition
    epoch: Epoch
    decisions: Annotated[list[Decided], BATCH]


class Due(Message, frozen=True, kw_only=True):
    """Time came: the fold releases every timer due at or before the broker's time stamp of this event."""

    partition: Partition
    epoch: Epoch
    at_ms: Millis


class Supplied(Message, frozen=True, kw_only=True):
    """A piece of an artifact that a map goes over. It stands in the log, so that replay needs no other store.

    `missing`, with no data, says that the artifact cannot be had: the maps that wait for it fail.
    """

    partition: Partition
    epoch: Epoch
    digest: Digest
    index: Count = 0
    count: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    data: Annotated[bytes, msgspec.Meta(max_length=bounds.FRAME_BYTES_MAX)] = b""
    missing: bool = False


class Resolved(Message, frozen=True, kw_only=True):
    """The registered workflow that a task named by a name and a range of versions: it stands in the log, so that a replay
    sees the same. With `missing` there is none that fits, and `why` says so.

    `document` is canonical JSON, zstd-compressed, as in a submission.
    """

    partition: Partition
    epoch: Epoch
    tenant: Name
    name: Name
    range: Annotated[str, msgspec.Meta(max_length=bounds.NAME_LENGTH_MAX)] = ""
    version: Name = "0.0.0"
    document: Annotated[bytes, msgspec.Meta(max_length=bounds.DOCUMENT_PACKED_BYTES_MAX)] = b""
    missing: bool = False
    why: Text = ""


class Serving(Part, frozen=True, kw_only=True):
    """A version of a function that a worker serves, and what a second of it costs."""

    capability: Name
    version: Name
    cost_per_second: float = 0.0


class Served(Message, frozen=True, kw_only=True):
    """The versions of functions that workers serve, all of them, whenever they have changed: by the newest that fits is
    told whether an earlier result can be used again, and by the cost what a run has spent."""

    partition: Partition
    epoch: Epoch
    functions: Annotated[list[Serving], BATCH] = []


class Recalled(Message, frozen=True, kw_only=True):
    """A run that was archived, for a client who asked it to go on: as its tracker kept it when it was archived. It stands
    in the log, so that a replay needs no archive. Without a `state` it cannot go on, and `why` says so.
    """

    partition: Partition
    epoch: Epoch
    run: RunId
    state: Annotated[bytes, msgspec.Meta(max_length=bounds.RUN_STATE_BYTES_MAX)] = b""
    why: Text = ""


class Happened(Message, frozen=True, kw_only=True):
    """An event of `SYM_EVENTS` that runs of the partition wait for. `sequence` and `at_ms` are that stream's."""

    partition: Partition
    epoch: Epoch
    name: Name
    sequence: Sequence
    at_ms: Millis
    value: Payload = b"\xc0"


class Quarantine(Part, frozen=True, kw_only=True):
    """A run that the fold failed on, and where."""

    run: RunId
    reason: Text = ""


class QuarantinedBatch(Message, frozen=True, kw_only=True):
    """Runs end as failed, with kind `internal`: the fold cannot go on with them, and says so in the log."""

    partition: Partition
    epoch: Epoch
    runs: Annotated[list[Quarantine], BATCH]


class FoldVersion(Message, frozen=True, kw_only=True):
    """From this event on the partition is folded by rules of this version (rule 12). Its owner writes it once every tracker
    that lives has announced that it knows them; a tracker that does not know them folds no further."""

    partition: Partition
    epoch: Epoch
    version: Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Owner(Message, frozen=True, kw_only=True):
    """A conductor took the partition. Every later write of it expects this event's sequence."""

    partition: Partition
    epoch: Epoch
    conductor: Name
