"""Locks, semaphores and rates: what a conductor asks of Arbitration for its tries, what it is granted, and the ledger.

`SYM_LEDGER` is the truth about locks and semaphores (rule 11). Only Arbitration writes it, each message expecting the last
sequence that its writer has folded. A hold's token is the sequence that granted it: of two holds of one key the later has
the greater, so that whatever the key guards can refuse an attempt that was thought dead. Rates are not in the ledger.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from conductor.wire.base import (
    BATCH,
    Count,
    Epoch,
    Generation,
    Message,
    Millis,
    Name,
    Part,
    Partition,
    Priority,
    RunId,
    RunRef,
    Sequence,
    TaskPath,
    Try,
)

Permits = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
KEYS = msgspec.Meta(max_length=4)
"""A task has one lock and one semaphore; the rest is room for a later version."""


class HoldKey(Part, frozen=True, kw_only=True):
    """`permits` of the `of` that a key has; a lock is one of one. Keys are each tenant's own."""

    key: Name
    permits: Permits = 1
    of: Permits = 1


class HoldRate(Part, frozen=True, kw_only=True):
    """So many tries a second start under the key, `burst` of them at once."""

    key: Name
    per_second: float = 1.0
    burst: Permits = 1


class Wants(Part, frozen=True, kw_only=True):
    """What a try has to be granted before it starts: all of it at once, or none.

    `scope`: it is no task but a run, which holds over several of its tasks. Its own tasks are not kept out by it.
    """

    keys: Annotated[list[HoldKey], KEYS] = []
    rate: HoldRate | None = None
    scope: bool = False


class HoldRef(Part, frozen=True, kw_only=True):
    """Whose hold: the identity of rule 1, so that asking again is the same request."""

    run: RunRef
    task: TaskPath
    generation: Generation = 0
    try_: Try = msgspec.field(default=1, name="try")


class HoldWant(Part, frozen=True, kw_only=True):
    """A try that waits. `since_ms` is the log's time: the order does not change with who asks.

    A higher `renewal` asks for a new token under the same hold: an attempt was lost, and may still be about.
    """

    tenant: Name
    hold: HoldRef
    wants: Wants
    priority: Priority = 5
    since_ms: Millis = 0
    renewal: Count = 0


class HoldAsk(Message, frozen=True, kw_only=True):
    """`sym.pit.arbitration.hold`: what waits and what is over, in bulk.

    A `level` repeats all that waits, every second, with the number of holds that this owner knows of in its partition;
    where Arbitration counts others it tells all. An `epoch` below the highest one seen is ignored.
    """

    conductor: Name
    partition: Partition
    epoch: Epoch
    wants: Annotated[list[HoldWant], BATCH] = []
    released: Annotated[list[HoldRef], BATCH] = []
    level: bool = False
    held: Count = 0


class Granted(Part, frozen=True, kw_only=True):
    """A hold that was granted. `token` 0: of a rate alone, which guards nothing."""

    hold: HoldRef
    token: Sequence = 0
    renewal: Count = 0


class HoldGrant(Message, frozen=True, kw_only=True):
    """`sym.grant.<conductor>.holds`: what was granted; with `whole`, all that the ledger has of the partition."""

    conductor: Name
    partition: Partition
    epoch: Epoch
    held: Annotated[list[Granted], BATCH] = []
    whole: bool = False


class LedgerHold(Part, frozen=True, kw_only=True):
    """A hold as the ledger has it. `token` 0: the sequence of the message that it stands in."""

    partition: Partition
    epoch: Epoch
    tenant: Name
    hold: HoldRef
    keys: Annotated[list[HoldKey], KEYS]
    scope: bool = False
    renewal: Count = 0
    token: Sequence = 0


class LedgerBatch(Message, frozen=True, kw_only=True):
    """`sym.ledger.changed`: what one beat of Arbitration released, and then what it granted."""

    arbiter: Name
    released: Annotated[list[HoldRef], BATCH] = []
    acquired: Annotated[list[LedgerHold], BATCH] = []


class LedgerState(Message, frozen=True, kw_only=True):
    """`sym.ledger.state`: every hold there is; what the ledger had before may be purged once two of these stand."""

    arbiter: Name
    holds: Annotated[list[LedgerHold], BATCH] = []


class AskHolds(Message, frozen=True, kw_only=True):
    """`sym.pit.arbitration.holds.<tenant>`: who holds what, and who waits; of one run, where one is named."""

    run: RunId | None = None


class HeldView(Part, frozen=True, kw_only=True):
    """A key that a try holds."""

    tenant: Name
    hold: HoldRef
    key: HoldKey
    token: Sequence


class WaitView(Part, frozen=True, kw_only=True):
    """A try that waits: for the first of its keys that is taken, behind `ahead` others, while `holder` has it.

    No `holder`: it waits for the rate of the key, or for the ledger to have room.
    """

    tenant: Name
    hold: HoldRef
    key: Name
    ahead: Count = 0
    since_ms: Millis = 0
    holder: HoldRef | None = None


class HoldsShow(Message, frozen=True, kw_only=True):
    """The answer to `AskHolds`."""

    held: Annotated[list[HeldView], BATCH] = []
    waiting: Annotated[list[WaitView], BATCH] = []
