"""Permission ahead: what the conductor asks of Pool Manager and Arbitration, and what they push to `sym.grant.<conductor>`.

Grants are absolute and repeated: each message states all that the conductor holds from its sender, so that a lost one
costs only the time to the next.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from conductor.wire import bounds
from conductor.wire.base import (
    BATCH,
    Count,
    Epoch,
    Message,
    Micros,
    Millis,
    Name,
    Part,
    Partition,
    Priority,
    Sequence,
    Slots,
    Text,
)
from conductor.wire.extensions import Manifest

PRESSING_MS = 5_000
POOL_STATES = ("idle", "loading", "warm", "active", "cooldown")


class Ended(Part, frozen=True, kw_only=True):
    """Attempts of a worker that ended since the last demand. `failed`: in a way that speaks against the worker, not against
    what it was given."""

    worker: Name
    done: Count = 0
    failed: Count = 0


class Demand(Message, frozen=True, kw_only=True):
    """`sym.pit.pool.demand`: a conductor says that it lives, what it owns and what waits, every second and on change.

    `work_us` is how long what waits is going to hold slots, as estimated; `late` how many of it will miss their deadlines
    unless they start within `PRESSING_MS`; `started` how many began since the last demand.
    """

    conductor: Name
    partitions: Annotated[list[Partition], msgspec.Meta(max_length=bounds.PARTITIONS_MAX)] = []
    epoch: Epoch = 0
    backlog: Annotated[dict[str, int], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = {}
    work_us: Annotated[dict[str, int], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = {}
    late: Annotated[dict[str, int], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = {}
    started: Annotated[dict[str, int], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = {}
    ended: Annotated[list[Ended], BATCH] = []


class Scale(Message, frozen=True, kw_only=True):
    """`sym.pit.pool.scale`: other bounds for the processes of a pool, or of every pool that offers a capability; kept."""

    target: Name
    min: Count | None = None
    max: Count | None = None
    reason: Text = ""


class Activate(Message, frozen=True, kw_only=True):
    """`sym.pit.pool.activate`: the conductor has validated a worker's manifest; its slots may be leased."""

    worker: Name
    manifest: Manifest
    active: bool = True
    reason: Text = ""


class Register(Message, frozen=True, kw_only=True):
    """`sym.pit.pool.register`: a plain NATS client that sends no heartbeats offers a fixed number of slots.

    It takes tasks from the queue group of `sym.task.<capability>`; every task sent there carries a deadline.
    """

    worker: Name
    slots: Annotated[int, msgspec.Meta(ge=1, le=bounds.SLOTS_MAX)]
    capabilities: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=64)]
    timeout_ms: Annotated[int, msgspec.Meta(ge=1)] = 60_000
    expires_ms: Millis = 0
    """The registration lapses after this time unless repeated; 0: it stays until the Pool Manager restarts."""


class Reply(Message, frozen=True, kw_only=True):
    """The plain answer of an operation: done, or an error's kind and sentence."""

    ok: bool = True
    kind: Name | None = None
    message: Text = ""
    retry_after_ms: Millis | None = None


class Lease(Part, frozen=True, kw_only=True):
    """Slots of one worker, for one conductor, until `expires_in_ms` from receipt.

    `queue` marks a plain client: tasks go to `sym.task.<capability>` and carry a deadline of `timeout_ms`.
    """

    lease: Count
    worker: Name
    slots: Slots
    capabilities: Annotated[list[Name], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)]
    expires_in_ms: Millis
    version: Name = "0.0.0"
    queue: bool = False
    timeout_ms: Millis | None = None


class PoolGrant(Message, frozen=True, kw_only=True, tag_field="is", tag="pool"):
    """All leases that a conductor holds. Workers that are missing here are revoked; `dead` ones have been lost."""

    conductor: Name
    issuer: Name
    sequence: Sequence
    leases: Annotated[list[Lease], BATCH] = []
    dead: Annotated[list[Name], BATCH] = []


class Share(Part, frozen=True, kw_only=True):
    """The weight of a claimant in contention, and what it may hold at once (null: unlimited)."""

    tenant: Name
    workflow: Name | None = None
    weight: float = 1.0
    priority: Priority | None = None
    concurrency: Count | None = None


class Allowance(Part, frozen=True, kw_only=True):
    """Starts that may be spent on a limited key (`tenant:NAME`, `workflow:NAME`, `capability:NAME`) until it expires.

    `starts` tokens of a rate or budget remain to this conductor; `concurrency` bounds what runs at once.
    """

    key: Name
    starts: Count | None = None
    concurrency: Count | None = None
    expires_in_ms: Millis = 1000
    reason: Text = ""


class ShareGrant(Message, frozen=True, kw_only=True, tag_field="is", tag="shares"):
    """The current shares and allowances. Claimants that are not listed have weight 1 and no limit.

    `starvation_ms` is the bound: whoever waited longer goes first, whatever the shares say. `counted` is the number of
    the last claim that the allowances count: what was started after it comes off their `starts`.
    """

    conductor: Name
    issuer: Name
    sequence: Sequence
    shares: Annotated[list[Share], BATCH] = []
    allowances: Annotated[list[Allowance], BATCH] = []
    starvation_ms: Millis = 30_000
    counted: Sequence = 0


Grant = PoolGrant | ShareGrant


class Usage(Part, frozen=True, kw_only=True):
    """What a tenant's workflow used of a capability since the last claim, and what waits now."""

    tenant: Name
    workflow: Name
    capability: Name
    started: Count = 0
    running: Count = 0
    waiting: Count = 0
    run_us: Micros = 0
    share_us: Micros = 0
    """The same, an execution counted as so many slots as the resource that it takes most of is worth; 0: as `run_us`."""


class Claim(Message, frozen=True, kw_only=True):
    """`sym.pit.arbitration.claim`: usage settled and demand stated, every second and when an allowance runs low."""

    conductor: Name
    usage: Annotated[list[Usage], BATCH] = []
    heard: Sequence = 0
    """The last grant of this issuer that was taken in: what it took back, nobody goes by any more."""
    number: Sequence = 0
    """Claims count up by one, so that a lost one shows, from the time of the process's start; 0: not counted."""


class Claimant(Part, frozen=True, kw_only=True):
    """One of those who want the same slots: `waiting` executions of `priority`, the highest that it has.

    `waited_ms` is how long it has wanted a slot and got none: since its last start, or since its oldest ready task.
    """

    tenant: Name
    workflow: Name
    priority: Priority = 5
    waiting: Count = 1
    running: Count = 0
    waited_ms: Millis = 0
    rest_us: Micros = 0
    deadline_at_ms: Millis | None = None
    held: float = 0.0
    """What runs, in slots as `share` counts them; 0: as `running` says."""
    share: float = 1.0
    """How many slots one of its executions counts as, by the resource that it takes most of."""


class Contend(Message, frozen=True, kw_only=True):
    """`sym.pit.arbitration.order`: more claimants than slots. `now_ms` is the asker's clock.

    `slots` are free now, or are going to be while the answer is of use.
    """

    conductor: Name
    capability: Name
    slots: Slots
    now_ms: Millis
    claimants: Annotated[list[Claimant], BATCH]


class Placed(Part, frozen=True, kw_only=True):
    """A claimant's place: how many of the slots, and why, in one sentence with its factors."""

    tenant: Name
    workflow: Name
    slots: Slots
    rationale: Text
    factors: Annotated[dict[str, float], msgspec.Meta(max_length=32)] = {}


class Order(Message, frozen=True, kw_only=True):
    """The answer to `Contend`, first served first."""

    decision: Name
    strategy: Literal["fair_share", "priority", "starvation", "deadline"] = "fair_share"
    """What decided, of all that may."""
    by: Literal["prioritised", "collaborative", "round_robin", "specialised"] = "prioritised"
    """How the policy has the slots of this capability divided. `level` among the factors of a place goes before shares."""
    order: Annotated[list[Placed], BATCH] = []


class WorkerView(Part, frozen=True, kw_only=True):
    """One worker as the Pool Manager sees it."""

    worker: Name
    pool: Name | None = None
    state: Literal["idle", "loading", "warm", "active", "cooldown", "dead"] = "idle"
    healthy: bool = True
    slots: Slots = 0
    busy: Slots = 0
    capabilities: Annotated[list[Name], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = []
    version: Name = "0.0.0"
    language: Name = "rust"
    host: Name = "localhost"
    pid: Count = 0
    ready_ms: float = 0.0
    last_beat_ms: Millis = 0
    memory_bytes: Count = 0
    restarts: Count = 0
    breaker: Literal["closed", "open", "half_open"] = "closed"
    """Open: its errors or deaths stand out, and it is leased to nobody; half open: one slot, to see."""
    error_rate: float = 0.0
    ejections: Count = 0
    state_ms: Annotated[dict[str, int], msgspec.Meta(max_length=8)] = {}
    """How long it has been in each state of its life."""
    why: Text = ""
    """Why it is leased or not, in one sentence."""
    labels: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = {}
    resources: Annotated[dict[str, float], msgspec.Meta(max_length=64)] = {}


class PoolView(Part, frozen=True, kw_only=True):
    """A declared pool: processes that the Pool Manager starts and stops."""

    pool: Name
    min: Count = 0
    max: Count = 0
    running: Count = 0
    idle_ms: Millis = 0
    load_ms: float = 0.0
    last_error: Text = ""
    wanted: Count = 0
    """Processes that it should have now."""
    backlog_ms: Millis = 0
    """How long one slot would take for what waits."""
    why: Text = ""
    exits: Annotated[list[Text], msgspec.Meta(max_length=20)] = []
    """How its last processes ended, the newest first."""


class PoolShow(Message, frozen=True, kw_only=True):
    """`sym.pit.pool.show`: the request is an empty map."""

    workers: Annotated[list[WorkerView], BATCH] = []
    pools: Annotated[list[PoolView], BATCH] = []


class Offer(Part, frozen=True, kw_only=True):
    """What a worker could be given, and where it is: all that tenants are told of it."""

    capabilities: Annotated[list[Name], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = []
    pool: Name | None = None
    labels: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = {}
    resources: Annotated[dict[str, float], msgspec.Meta(max_length=64)] = {}


class Offers(Message, frozen=True, kw_only=True):
    """`sym.pit.pool.offers`: what the living workers offer; the request is an empty map."""

    offers: Annotated[list[Offer], BATCH] = []


class Estimate(Part, frozen=True, kw_only=True):
    """What was learned of a capability, or of one workflow's calls of it: how long an execution holds its slot.

    `error` is the standard error of the mean, none from fewer than two settlements; `starts` how many it goes back over.
    """

    capability: Name
    workflow: Name | None = None
    seconds: float
    error: float | None = None
    starts: float = 0.0


class ArbitrationShow(Message, frozen=True, kw_only=True):
    """`sym.pit.arbitration.show`: shares, allowances and the last decisions."""

    shares: Annotated[list[Share], BATCH] = []
    allowances: Annotated[list[Allowance], BATCH] = []
    usage: Annotated[list[Usage], BATCH] = []
    decisions: Annotated[list[Order], BATCH] = []
    estimates: Annotated[list[Estimate], BATCH] = []
    version: Count = 0
    """Of the policy in force; 0: that of the configuration."""


class Nothing(Message, frozen=True, kw_only=True):
    """A request that says no more than its subject."""
