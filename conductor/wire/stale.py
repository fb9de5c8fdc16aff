"""The Stale Manager's operations: `sym.pit.stale.<operation>`, and the decisions that it exports."""

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
    Try,
)
from conductor.wire.dag import RunSummary


class FindRuns(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.list.<tenant>`: archived runs, newest first; `-` as tenant is all of them."""

    workflow: Name | None = None
    status: Name | None = None
    tag: Text | None = None
    text: Text | None = None
    since_ms: Millis | None = None
    until_ms: Millis | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    cursor: Count = 0


class ReadRun(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.read.<tenant>`: one archived run; with `state` what it can go on by, too.
    `sym.pit.stale.decisions.<tenant>`: its logged choices."""

    run: RunId
    state: bool = False


class ArchivedRun(Message, frozen=True, kw_only=True):
    """The archived run: `view` is an encoded `RunView`, `history` an encoded list of `HistoryEntry`."""

    found: bool = True
    summary: RunSummary | None = None
    view: Payload | None = None
    history: Payload | None = None
    held: bool = False
    expires_at_ms: Millis | None = None
    state: Annotated[bytes, msgspec.Meta(max_length=bounds.RUN_STATE_BYTES_MAX)] = b""


class Hold(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.hold`: a legal hold on a run, set or lifted."""

    run: RunId
    held: bool = True
    reason: Text = ""
    by: Text = ""


class Purge(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.purge`: the log of a partition below `floor` is no longer needed.

    The floor is the older of two verified snapshots; `owner` events are never purged.
    """

    partition: Partition
    floor: Sequence


class Purged(Message, frozen=True, kw_only=True):
    """How many messages went."""

    messages: Count = 0


class Collect(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.collect`: which of these artifacts may go? `live` are digests that live runs refer to.

    The conductor gathers the list from the store and the live digests from the trackers.
    """

    candidates: Annotated[list[Digest], BATCH]
    live: Annotated[list[Digest], BATCH] = []
    now_ms: Millis


class Collected(Message, frozen=True, kw_only=True):
    """Those that nothing needs: no live run, no kept record, no hold."""

    unreferenced: Annotated[list[Digest], BATCH] = []


class Candidate(Part, frozen=True, kw_only=True):
    """One of the choices a decision had, with its features in the order of the encoder's names."""

    label: Text
    probability: float = 0.0
    features: Annotated[list[float], msgspec.Meta(max_length=256)] = []


class Decision(Part, frozen=True, kw_only=True):
    """One choice of the policy, with its alternatives.

    `rationale` says why its tenant and workflow had this turn, where others wanted the same slots: in Arbitration's words
    where `order` names its decision, else by the shares that the conductor knows itself.
    """

    at_us: Micros
    kind: Name
    run: RunId | None = None
    tenant: Name | None = None
    workflow: Name | None = None
    task: TaskPath | None = None
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")
    capability: Name | None = None
    worker: Name | None = None
    policy: Name = "rules"
    chosen: Count = 0
    candidates: Annotated[list[Candidate], msgspec.Meta(max_length=64)] = []
    reason: Text = ""
    order: Name | None = None
    rationale: Text = ""
    waiting: Count = 0
    """What was seen of the capability: executions that wanted a slot, and slots that were free."""
    free: Count = 0


class DecisionBatch(Message, frozen=True, kw_only=True):
    """`sym.decision.<partition>`, written off the path; old ones are dropped by the stream."""

    partition: Partition
    epoch: Epoch
    conductor: Name
    decisions: Annotated[list[Decision], BATCH]


class RunDecisions(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.decisions.<tenant>`, asked with a `ReadRun`: logged choices in which a run went first, oldest first.

    `cut`: there are more, older than what was looked through or above the count of an answer.
    """

    decisions: Annotated[list[Decision], msgspec.Meta(max_length=256)] = []
    cut: bool = False


class StaleShow(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.show`: what is archived, held and due."""

    archived: Count = 0
    held: Count = 0
    bytes: Count = 0
    decisions: Count = 0
    """Logged choices of archived runs."""
    purged: Count = 0
    collected: Count = 0
    policy: Count = 0
    """The version of the policy in force; 0: the configuration's."""
    tombstones: Count = 0
    deleted: Count = 0
    trail: Count = 0
    """Entries of the audit trail."""


class ExportTrajectories(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.export`: decisions of a time span as JSON lines in the archive's folder, each with the outcome and the
    worth of its run where that is archived."""

    since_ms: Millis | None = None
    until_ms: Millis | None = None


class Exported(Message, frozen=True, kw_only=True):
    """Where the trajectories lie, as a path relative to the data folder."""

    path: Text
    decisions: Count = 0
    bytes: Count = 0
