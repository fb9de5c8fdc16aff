"""What workers say of themselves: `sym.heartbeat.<worker>`, every 250 ms, and when `sym.heartbeat` calls the roll."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from conductor.wire.base import (
    BATCH,
    Count,
    Epoch,
    Generation,
    Message,
    Micros,
    Millis,
    Name,
    Part,
    Partition,
    RunId,
    Sequence,
    Slots,
    TaskPath,
    Text,
    Try,
)
from conductor.wire.extensions import Manifest
from conductor.wire.tasks import Attempt

HEARTBEAT_INTERVAL_MS = 250
MISSED_BEATS_UNTIL_DEAD = 3


class Stored(Part, frozen=True, kw_only=True):
    """An attempt whose result the broker acknowledged, listed for three beats more."""

    partition: Partition
    epoch: Epoch
    n: Sequence
    sequence: Sequence


class Holding(Part, frozen=True, kw_only=True):
    """An attempt that is held, with the execution it is of: what a new owner of its partition takes it over by."""

    partition: Partition
    epoch: Epoch
    n: Sequence
    run: RunId
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")


class Heartbeat(Message, frozen=True, kw_only=True):
    """The state of one worker.

    `seen` holds, for each (partition, epoch), the highest dispatch number received: a dispatch above it may still be on
    its way. `held` are attempts under way or whose result is not acknowledged yet. `manifest` comes with the first beat
    and when the roll is called. `refused` are attempts turned away because every slot was taken or they are unknown here.
    """

    worker: Name
    beat: Sequence
    state: Literal["starting", "serving", "draining", "stopped"] = "serving"
    version: Name = "0.1.0"
    host: Name = "localhost"
    pid: Count = 0
    language: Name = "rust"
    pool: Name | None = None
    slots: Slots = 1
    busy: Slots = 0
    ready_us: Micros = 0
    seen: Annotated[list[Attempt], BATCH] = []
    held: Annotated[list[Attempt], BATCH] = []
    stored: Annotated[list[Stored], BATCH] = []
    refused: Annotated[list[Attempt], BATCH] = []
    truncated: bool = False
    """More attempts are held than a heartbeat can list: nothing follows from one that is missing."""
    memory_bytes: Count = 0
    labels: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = {}
    resources: Annotated[dict[str, float], msgspec.Meta(max_length=64)] = {}
    """What it has in all, for tasks that say what they need."""
    manifest: Manifest | None = None
    holding: Annotated[list[Holding], BATCH] | None = None
    """The executions of what is held: only where the roll asked for them, and then even if there are none."""


class RollCall(Message, frozen=True, kw_only=True):
    """`sym.heartbeat`: every worker beats at once, with its manifest and what it holds when asked.

    With `partition`, `by` owns it since `epoch`: what an earlier owner sent, and comes late, is not begun any more.
    """

    by: Name
    manifests: bool = False
    attempts: bool = False
    reason: Text = ""
    partition: Partition | None = None
    epoch: Epoch = 0
    at_ms: Millis = 0
