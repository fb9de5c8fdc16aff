"""What is asked of the DAG Tracker: `sym.pit.dag.<operation>...`. None of it is on the path of a step.

Operations for clients end with the tenant, which the broker's permissions authenticate; `-` is every tenant and needs
the operator's credentials: `check.<tenant>`, `show.<partition>.<tenant>`, `list.<partition>.<tenant>`,
`history.<partition>.<tenant>`.
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
    Trace,
)
from conductor.wire.errors import ErrorValue
from conductor.wire.extensions import Parameter
from conductor.wire.ready import Requires
from conductor.wire.runs import Document, TaskCounts


class Check(Message, frozen=True, kw_only=True):
    """Is this document (zstd of canonical JSON) one that can run? With `inputs`, are they what it declares?"""

    document: Document
    inputs: Payload | None = None
    functions_known: bool = True
    """Refuse functions that no active extension offers."""


class Problem(Part, frozen=True, kw_only=True):
    """What is wrong, where (a JSON pointer into the document, and a column inside its text), and what to do."""

    at: Text
    message: Text
    remedy: Text = ""
    column: Count | None = None
    kind: Name = "invalid_workflow"


class Checked(Message, frozen=True, kw_only=True):
    """The answer to `Check`. No problems: it can run."""

    workflow: Name | None = None
    version: Name | None = None
    digest: Name | None = None
    tasks: Count = 0
    inputs: Annotated[dict[str, Parameter], msgspec.Meta(max_length=256)] = {}
    problems: Annotated[list[Problem], BATCH] = []


class Show(Message, frozen=True, kw_only=True):
    """The state of a run; its nodes from `cursor` on where `nodes` is set. With `at` as it was once the event of the log
    with that sequence was folded."""

    run: RunId
    nodes: bool = False
    values: bool = False
    """With the inputs and outputs of each node."""
    cursor: Count = 0
    at: Sequence | None = None


class NodeView(Part, frozen=True, kw_only=True):
    """One executed task; a map's items are nodes of their own. Inputs and outputs only when asked for."""

    task: TaskPath
    capability: Name | None = None
    status: Name
    attempts: Count = 0
    worker: Name | None = None
    queued_us: Micros = 0
    run_us: Micros = 0
    ready_at_ms: Millis | None = None
    ended_at_ms: Millis | None = None
    error: ErrorValue | None = None
    child: RunId | None = None
    """The run that a task of kind `workflow` began."""
    inputs: Payload | None = None
    outputs: Payload | None = None
    keys: Annotated[list[Name], msgspec.Meta(max_length=8)] = []
    """What it holds or waits for, until it has ended: Arbitration knows which of the two."""
    requires: Requires | None = None
    """Where it may run, until it has ended; none where any worker that offers its function will do."""


class RunView(Message, frozen=True, kw_only=True):
    """A run, live or ended but not yet archived. `found` false: the tracker does not know it."""

    found: bool = True
    run: RunId
    tenant: Name | None = None
    workflow: Name | None = None
    version: Name | None = None
    status: Name = "queued"
    inputs: Payload | None = None
    outputs: Payload | None = None
    error: ErrorValue | None = None
    tasks: TaskCounts = TaskCounts()
    submitted_at_ms: Millis = 0
    ended_at_ms: Millis | None = None
    duration_us: Micros = 0
    function_us: Micros = 0
    trace: Trace | None = None
    parent: RunId | None = None
    """The run that this is a child of."""
    nodes: Annotated[list[NodeView], BATCH] = []
    next: Count | None = None


class ListRuns(Message, frozen=True, kw_only=True):
    """Live runs, newest first. `tag` is `name=value`; `text` is looked for in identifier, workflow and error."""

    workflow: Name | None = None
    status: Name | None = None
    tag: Text | None = None
    text: Text | None = None
    since_ms: Millis | None = None
    until_ms: Millis | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    cursor: Count = 0


class RunSummary(Part, frozen=True, kw_only=True):
    """A line of a list of runs."""

    run: RunId
    tenant: Name
    workflow: Name
    version: Name
    status: Name
    tasks: TaskCounts = TaskCounts()
    submitted_at_ms: Millis = 0
    ended_at_ms: Millis | None = None
    duration_us: Micros = 0
    parent: RunId | None = None


class RunList(Message, frozen=True, kw_only=True):
    """A page of runs; `next` is the cursor of the page that follows."""

    runs: Annotated[list[RunSummary], BATCH] = []
    next: Count | None = None


class History(Message, frozen=True, kw_only=True):
    """What happened to a run, event by event."""

    run: RunId
    cursor: Count = 0


class HistoryEntry(Part, frozen=True, kw_only=True):
    """One event as the fold took it. `sequence` is the log's."""

    sequence: Sequence
    at_ms: Millis
    event: Name
    task: TaskPath | None = None
    attempt: Count | None = None
    accepted: bool = True
    by: Text = ""
    detail: Text = ""


class HistoryPage(Message, frozen=True, kw_only=True):
    """A page of a run's history."""

    found: bool = True
    entries: Annotated[list[HistoryEntry], BATCH] = []
    next: Count | None = None


class Export(Message, frozen=True, kw_only=True):
    """`sym.pit.dag.export.<partition>`: the records of ended runs, for the archive. The reply holds what fits."""

    partition: Partition
    runs: Annotated[list[RunId], BATCH]


class ArchiveRecord(Part, frozen=True, kw_only=True):
    """All that is kept of an ended run: enough to show it, to trace it and to learn from it.

    `view` is the encoded `RunView` with nodes and values, `history` the encoded list of `HistoryEntry`. `artifacts` are the
    digests that the run names, or `*` alone where they are more than fit. `state` is a run that did not succeed as its
    tracker keeps it, by which it can go on; empty where it is over `RUN_STATE_BYTES_MAX`.
    """

    summary: RunSummary
    error_kind: Name | None = None
    tags: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = {}
    artifacts: Annotated[list[str], msgspec.Meta(max_length=bounds.BATCH_COUNT_MAX)] = []
    document_digest: Text = ""
    view: Payload
    history: Payload = b"\x90"
    state: Annotated[bytes, msgspec.Meta(max_length=bounds.RUN_STATE_BYTES_MAX)] = b""


class ArchiveBatch(Message, frozen=True, kw_only=True):
    """Records for `sym.pit.stale.archive`, and the answer to `Export`."""

    partition: Partition
    records: Annotated[list[ArchiveRecord], BATCH] = []
    unknown: Annotated[list[RunId], BATCH] = []


class Archived(Message, frozen=True, kw_only=True):
    """`sym.log.<partition>.archived`: these are safe elsewhere, and trackers keep tombstones only. An event of the log,
    so that a standby, a snapshot and a full replay forget the same."""

    partition: Partition
    epoch: Epoch = 0
    runs: Annotated[list[RunId], BATCH]


class Refers(Message, frozen=True, kw_only=True):
    """`sym.pit.dag.refers.<partition>`: which of these artifacts does a run that is not archived yet refer to?"""

    partition: Partition
    digests: Annotated[list[Digest], BATCH]


class Referred(Message, frozen=True, kw_only=True):
    """Those that must stay."""

    digests: Annotated[list[Digest], BATCH] = []


class DagShow(Message, frozen=True, kw_only=True):
    """`sym.pit.dag.status.<partition>`: the tracker's own state."""

    partition: Partition
    epoch: Epoch = 0
    emitter: bool = True
    folded: Sequence = 0
    live: Count = 0
    ended: Count = 0
    open: Count = 0
    backlog: Annotated[dict[str, int], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = {}
    snapshot_sequence: Sequence = 0
    floor: Sequence = 0
    owner: Name | None = None
    owner_epoch: Epoch = 0
    fold_version: Count = 1
    """The version that the log says the partition is folded by."""
    fold_supports: Count = 1
    """The newest version that this tracker knows."""
    live_max: Count = 0
    """Live runs of the partition from which on submissions are to be refused; 0: no such bound."""
    memory_bytes: Count = 0
    """What the tracker's process holds, over all of its partitions."""
    memory_high_bytes: Count = 0
    """From which on submissions are to be refused; 0: no such bound."""
