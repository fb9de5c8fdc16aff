"""Retention as operators see it: the policy and what it would do, what a run is worth and why it stays or goes, the audit
trail, and the erasure of a tenant. `sym.pit.stale.<operation>`, for operators alone.

What goes does so in two steps: a *tombstone* says so while the run can still be read, and can be undone until its grace has
passed; then the run is deleted, at the rate that the policy allows.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from conductor.wire.base import BATCH, Count, Message, Millis, Name, Part, RunId, Text
from conductor.wire.policies import Document


class AskRetention(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.policy`: `show` the policy in force; `plan` what it, or another, would do now; `apply` another; `reset` to
    the configuration's. `expected`: apply only above this version, so that nobody's change is lost."""

    action: Literal["show", "plan", "apply", "reset"] = "show"
    document: Document = ""
    expected: Count | None = None
    reason: Text = ""
    limit: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 100
    """Runs that a plan lists by name; its counts are of all."""


class Doomed(Part, frozen=True, kw_only=True):
    """A run that goes: by which rule, and why. `due_at_ms`: until then its tombstone can be undone."""

    run: RunId
    tenant: Name
    workflow: Name
    rule: Name
    reason: Text
    bytes: Count = 0
    value: float = 0.0
    ended_at_ms: Millis = 0
    due_at_ms: Millis | None = None


class RuleEffect(Part, frozen=True, kw_only=True):
    """What a rule governs and what of it goes; `saved` are those that it would have go, but for a hold, lineage or value."""

    rule: Name
    runs: Count = 0
    goes: Count = 0
    bytes: Count = 0
    saved: Count = 0


class RetentionShow(Message, frozen=True, kw_only=True):
    """The policy in force. After `plan`: what would go, and what holds up the rest."""

    version: Count = 0
    document: Document = ""
    applied_at_ms: Millis = 0
    reason: Text = ""
    considered: Count = 0
    rules: Annotated[list[RuleEffect], BATCH] = []
    goes: Annotated[list[Doomed], BATCH] = []
    saved: Annotated[dict[str, int], msgspec.Meta(max_length=16)] = {}
    """Runs that a rule would have go, by what saves them: `hold`, `lineage`, `value`, `keep`."""


class AskRunWorth(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.explain`: what an archived run is worth, and what becomes of it."""

    run: RunId


class RunWorth(Message, frozen=True, kw_only=True):
    """The training value of a run, from 0 to 1, with the parts that it is the weighted mean of.

    `parts` and `weights` have `surprise`, `rarity`, `outcome`, `cost`. `verdict` is what becomes of the run: `held`,
    `lineage`, `kept`, `goes` or `tombstone`; `why` are the reasons, a sentence each.
    """

    found: bool = True
    run: RunId
    tenant: Name | None = None
    workflow: Name | None = None
    value: float = 0.0
    parts: Annotated[dict[str, float], msgspec.Meta(max_length=16)] = {}
    weights: Annotated[dict[str, float], msgspec.Meta(max_length=16)] = {}
    decisions: Count = 0
    surprise_bits: float = 0.0
    """Of all its logged decisions together: the sum of -log2 of the probability of what was chosen."""
    alike: float = 0.0
    """About how many kept runs are like it, itself among them."""
    work_us: Count = 0
    bytes: Count = 0
    rule: Name | None = None
    verdict: Name = "kept"
    why: Annotated[list[Text], msgspec.Meta(max_length=16)] = []
    due_at_ms: Millis | None = None


class AskTombstones(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.tombstones`: what goes next, the earliest first."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class Tombstones(Message, frozen=True, kw_only=True):
    """Tombstones, and how many there are."""

    count: Count = 0
    doomed: Annotated[list[Doomed], BATCH] = []


class Undo(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.undo`: runs whose tombstones are taken back, or `all` of them. They stay for `days` whatever the policy
    says, so that the next look does not doom them again."""

    runs: Annotated[list[RunId], BATCH] = []
    all: bool = False
    days: Annotated[float, msgspec.Meta(ge=0.0, le=36_500.0)] = 7.0
    by: Text = ""


class Undone(Message, frozen=True, kw_only=True):
    """How many tombstones were taken back."""

    runs: Count = 0


class AskAudit(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.audit`: entries after a sequence, of one run where given; with `verify` the chain is looked through from
    its beginning."""

    after: Count = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    run: RunId | None = None
    verify: bool = False


class AuditEntry(Part, frozen=True, kw_only=True):
    """What was done. `subject` is a keyed hash of the run: with the tenant's key, which goes when the tenant is erased, it can
    be told whose it is. `hash` is BLAKE3 over the entry and the hash before it."""

    sequence: Count
    at_ms: Millis
    what: Name
    subject: Text = ""
    detail: Text = ""
    hash: Text


class AuditTrail(Message, frozen=True, kw_only=True):
    """Entries, oldest first. After `verify`: how many were looked at, and the first that does not fit the one before it."""

    entries: Annotated[list[AuditEntry], BATCH] = []
    checked: Count = 0
    broken_at: Count | None = None


class EraseTenant(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.erase`: everything that the archive has of a tenant goes now. Refused while one of its runs is held."""

    tenant: Name


class Erased(Message, frozen=True, kw_only=True):
    """What went: archived runs, logged decisions, exported files."""

    runs: Count = 0
    decisions: Count = 0
    exports: Count = 0
