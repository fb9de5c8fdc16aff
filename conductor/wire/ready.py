"""What the tracker tells the conductor that owns a partition: `sym.ready.<partition>`, and the answers to `dag.resync`.

Messages are numbered by `sequence` within an emitter's `epoch`. A message with nothing in it repeats the level every
second; a gap or a mismatch makes the conductor ask for everything again. Nothing depends on one message arriving.
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
    Fences,
    Generation,
    Message,
    Micros,
    Millis,
    Name,
    Part,
    Partition,
    Payload,
    Priority,
    RunId,
    RunRef,
    Sequence,
    TaskPath,
    Trace,
    Try,
)
from conductor.wire.errors import ErrorValue
from conductor.wire.holds import Wants
from conductor.wire.log import Action, Quarantine
from conductor.wire.runs import RunEnded


class Requires(Part, frozen=True, kw_only=True):
    """Where an execution may run: a pool, workers with these labels, and with so much of these resources left (`cpu` and
    `gpu` in units, `memory` in bytes, others by name)."""

    pool: Name | None = None
    labels: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = {}
    resources: Annotated[dict[str, float], msgspec.Meta(max_length=64)] = {}


class ReadyTask(Part, frozen=True, kw_only=True):
    """An execution that may start now.

    `rest_us` is the estimated time from its start to the end of its run along the longest path. `frames` are digests of
    parts of `inputs` that the tracker composed and that travel as frames, to be stored before dispatch.
    `timeout_ms` is per attempt, on the worker's clock; `deadline_at_ms` the earliest of the task's and the run's.
    """

    run: RunRef
    tenant: Name
    workflow: Name
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")
    capability: Name
    range: Name | None = None
    inputs: Payload = b"\x80"
    priority: Priority = 5
    rest_us: Micros = 0
    ready_at_ms: Millis = 0
    timeout_ms: Millis | None = None
    deadline_at_ms: Millis | None = None
    retry_safe: bool = True
    watch: bool = False
    trace: Trace | None = None
    frames: Annotated[list[Digest], BATCH] = []
    wants: Wants | None = None
    """What it has to be granted before it starts."""
    fences: Fences = {}
    """Tokens of what its run holds over it."""
    requires: Requires | None = None


class Failure(Part, frozen=True, kw_only=True):
    """A failed try that needs a decision. `actions` are those the document allows, in its order.

    A `retry` among them carries the backoff before jitter; `jitter` says whether to spread it.
    """

    run: RunId
    tenant: Name
    workflow: Name
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")
    capability: Name
    error: ErrorValue
    actions: Annotated[list[Action], msgspec.Meta(min_length=1, max_length=64)]
    jitter: bool = True
    rest_us: Micros = 0
    watch: bool = False
    trace: Trace | None = None


class Settled(Part, frozen=True, kw_only=True):
    """An attempt whose result was folded, accepted or not: its slot is free.

    `accepted` tells whether this attempt's outcome became the task's; `status` is then the task's new status. `kind` is
    that of the attempt's own error, none where it gave a result.
    """

    worker: Name
    epoch: Epoch
    n: Sequence
    run: RunRef
    task: TaskPath
    accepted: bool = True
    status: Name = "succeeded"
    run_us: Micros = 0
    kind: Name | None = None


class Unwanted(Part, frozen=True, kw_only=True):
    """An execution that was given out and is wanted no more (cancelled, timed out, overtaken)."""

    run: RunId
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")


class Started(Part, frozen=True, kw_only=True):
    """A run that was accepted, told once so that its watchers and the policy can know it."""

    run: RunId
    tenant: Name
    workflow: Name
    version: Name
    watch: bool = False
    trace: Trace | None = None
    submitted_at_ms: Millis = 0


class ArtifactNeed(Part, frozen=True, kw_only=True):
    """An artifact that a map goes over, and the run that came upon it first: what the reading of it is told below."""

    digest: Digest
    run: RunId
    trace: Trace | None = None


class WorkflowNeed(Part, frozen=True, kw_only=True):
    """A registered workflow that tasks wait for: the newest version in `range` (empty: the newest of all)."""

    tenant: Name
    name: Name
    range: Annotated[str, msgspec.Meta(max_length=bounds.NAME_LENGTH_MAX)] = ""


class Ready(Message, frozen=True, kw_only=True):
    """One beat of the tracker, or (all lists empty) the level.

    `folded` is the stream sequence folded so far, `open` the executions given out and not ended, `next_due_at_ms` the
    earliest timer, `floor` the sequence below which the log may be purged (0: not at all).
    """

    partition: Partition
    epoch: Epoch
    sequence: Sequence
    folded: Sequence
    open: Count = 0
    next_due_at_ms: Millis | None = None
    floor: Sequence = 0
    owner_epoch: Epoch = 0
    live: Count = 0
    backlog: Annotated[dict[str, int], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = {}
    """Ready executions that are held back for want of credit, by capability."""
    settled: Annotated[list[Settled], BATCH] = []
    started: Annotated[list[Started], BATCH] = []
    tasks: Annotated[list[ReadyTask], BATCH] = []
    failures: Annotated[list[Failure], BATCH] = []
    unwanted: Annotated[list[Unwanted], BATCH] = []
    needs: Annotated[list[ArtifactNeed], BATCH] = []
    """Artifacts that maps go over: the conductor reads them and writes them to the log as `supplied`."""
    needs_workflows: Annotated[list[WorkflowNeed], BATCH] = []
    """The conductor looks them up and writes them to the log as `resolved`."""
    needs_runs: Annotated[list[RunId], BATCH] = []
    """Archived runs that are asked to go on: the conductor reads them and writes them to the log as `recalled`."""
    listens: Annotated[dict[Name, Millis], msgspec.Meta(max_length=bounds.EVENT_NAMES_MAX)] | None = None
    """All names of events that runs wait for, each with the moment since when; None where nothing changed."""
    ended: Annotated[list[RunEnded], BATCH] = []
    quarantined: Annotated[list[Quarantine], BATCH] = []
    """Runs that the fold failed on: the conductor writes it to the log, which ends them."""
    fold_version: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """The newest version of the fold that every living tracker has announced, where it is above the one in effect; else 0.
    The conductor writes it to the log, from where it takes effect."""


class Frame(Message, frozen=True, kw_only=True):
    """A piece of a composed value, on `sym.ready.<partition>.frame`, sent before the message that names its digest."""

    partition: Partition
    epoch: Epoch
    digest: Digest
    index: Count
    count: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    size_bytes: Count
    media_type: Name = "application/msgpack"
    data: Annotated[bytes, msgspec.Meta(max_length=bounds.FRAME_BYTES_MAX)]


class Weight(Part, frozen=True, kw_only=True):
    """What a tenant's, or one of its workflows', part of a window is held against; 1 for whoever is not named."""

    tenant: Name
    workflow: Name | None = None
    weight: float = 1.0


class Credit(Message, frozen=True, kw_only=True):
    """How many executions a conductor will hold, by capability: an absolute window, told again every second.

    Claimants share it by their weights: one whose executions were not given out could not have its share of the slots.
    """

    partition: Partition
    epoch: Epoch
    conductor: Name
    windows: Annotated[dict[str, int], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = {}
    default: Count = 256
    weights: Annotated[list[Weight], BATCH] = []


class Claimed(Part, frozen=True, kw_only=True):
    """An execution that a worker is at for the conductor that asks, or for the owner before it."""

    run: RunId
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")


class Resync(Message, frozen=True, kw_only=True):
    """Tell me everything again. `cursor` is the `next` of the page before.

    What is `claimed` in the first question counts as given out, whatever the credit: a tracker that has just begun to emit
    does not know what the one before gave out, and what a worker is at must not be taken for ended.
    """

    partition: Partition
    epoch: Epoch
    conductor: Name
    cursor: Count = 0
    claimed: Annotated[list[Claimed], BATCH] = []


class ResyncPage(Message, frozen=True, kw_only=True):
    """A page of all that is open: executions given out, failures undecided, runs ended and not yet archived."""

    partition: Partition
    epoch: Epoch
    sequence: Sequence
    folded: Sequence
    open: Count = 0
    next_due_at_ms: Millis | None = None
    tasks: Annotated[list[ReadyTask], BATCH] = []
    failures: Annotated[list[Failure], BATCH] = []
    needs: Annotated[list[ArtifactNeed], BATCH] = []
    needs_workflows: Annotated[list[WorkflowNeed], BATCH] = []
    needs_runs: Annotated[list[RunId], BATCH] = []
    listens: Annotated[dict[Name, Millis], msgspec.Meta(max_length=bounds.EVENT_NAMES_MAX)] = {}
    ended: Annotated[list[RunEnded], BATCH] = []
    quarantined: Annotated[list[Quarantine], BATCH] = []
    next: Count | None = None
