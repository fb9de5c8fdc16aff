"""Retention as operators see it: the policy and what it would do, what a run is worth and why it stays or goes, and the
erasure of a tenant. `sym.pit.stale.<operation>`, for operators alone.

What goes does so in two steps: a *tombstone* says so while the run can still be read, and can be undone until its grace has
passed; then the run is deleted, at the rate that the policy allows.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from conductor.wire import bounds
from conductor.wire.base import BATCH, Count, Digest, Message, Millis, Name, Part, RunId, Text
from conductor.wire.policies import Document

Parts = Annotated[dict[str, float], msgspec.Meta(max_length=16)]


class AskRetention(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.policy`: `show` the policy in force, `plan` what it would do now, `try` what another would
    do, `apply` another, or `reset` to the configuration's. `expected`: apply only above this version, so that nobody's
    change is lost."""

    action: Literal["show", "plan", "try", "apply", "reset"] = "show"
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
    """What a rule governs, what of it goes, and what it would have go but for a hold, lineage, an undo or value."""

    rule: Name
    runs: Count = 0
    goes: Count = 0
    bytes: Count = 0
    saved: Count = 0


class RetentionShow(Message, frozen=True, kw_only=True):
    """The policy in force. After `plan` and `try`: what would go, the first ones by name, and what holds up the rest."""

    version: Count = 0
    document: Document = ""
    applied_at_ms: Millis = 0
    reason: Text = ""
    considered: Count = 0
    going: Count = 0
    bytes: Count = 0
    """Of what would go."""
    rules: Annotated[list[RuleEffect], msgspec.Meta(max_length=258)] = []
    goes: Annotated[list[Doomed], msgspec.Meta(max_length=1000)] = []
    saved: Annotated[dict[str, int], msgspec.Meta(max_length=16)] = {}
    """Runs that a rule would have go, by what saves them: `hold`, `lineage`, `undo`, `value`."""


class AskWorth(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.explain`: what an archived run (32 digits) or an artifact (64) is worth, and what becomes of it."""

    subject: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}([0-9a-f]{32})?$")]


class Worth(Message, frozen=True, kw_only=True):
    """The training value of a run, from 0 to 1, with the parts that it is the weighted mean of.

    `parts` and `weights` have `surprise`, `rarity`, `outcome`, `cost`. `verdict`: `kept`, `held`, `lineage`, `undone`,
    `valued`, `goes` or `tombstoned`. Of an artifact these are the ones of the most valuable run that names it, `run`.
    """

    found: bool = True
    run: RunId | None = None
    digest: Digest | None = None
    tenant: Name | None = None
    workflow: Name | None = None
    value: float = 0.0
    parts: Parts = {}
    weights: Parts = {}
    decisions: Count = 0
    surprise_bits: float = 0.0
    """Of all its logged decisions together: the sum of -log2 of the probability of what was chosen."""
    alike: float = 1.0
    """About how many archived runs are like it, itself among them."""
    work_us: Count = 0
    bytes: Count = 0
    rule: Name | None = None
    verdict: Name = "kept"
    why: Text = ""
    """The parts and the verdict in one sentence."""
    due_at_ms: Millis | None = None
    named_by: Annotated[list[RunId], msgspec.Meta(max_length=64)] = []
    """Of an artifact: archived runs that name it."""


class AskTombstones(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.tombstones`: what goes next, the earliest first."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class Tombstones(Message, frozen=True, kw_only=True):
    """Tombstones, and how many there are."""

    count: Count = 0
    doomed: Annotated[list[Doomed], msgspec.Meta(max_length=1000)] = []


class Undo(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.undo`: runs whose tombstones are taken back, or `every` one. They stay for `days` whatever the policy
    says, so that the next look does not doom them again."""

    runs: Annotated[list[RunId], BATCH] = []
    every: bool = False
    days: Annotated[float, msgspec.Meta(ge=0.0, le=36_500.0)] = 7.0


class Undone(Message, frozen=True, kw_only=True):
    """How many tombstones were taken back."""

    runs: Count = 0


class EraseTenant(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.erase`: everything that the archive has of a tenant goes now. Refused while one of its runs
    is held."""

    tenant: Name


class Erased(Message, frozen=True, kw_only=True):
    """What went: archived runs, logged decisions, files of exports. `artifacts` no archived run names any more. `entry` is
    the number of the trail's entry about it, `hash` its hash: the proof, which does not name the tenant."""

    runs: Count = 0
    decisions: Count = 0
    exports: Count = 0
    artifacts: Annotated[list[Digest], BATCH] = []
    entry: Count = 0
    hash: Text = ""


class ReadExport(Message, frozen=True, kw_only=True):
    """`sym.pit.stale.piece`: a piece of an exported file, from `offset`."""

    path: Text
    offset: Count = 0


class ExportPiece(Message, frozen=True, kw_only=True):
    """The piece; an empty one is the end."""

    data: Annotated[bytes, msgspec.Meta(max_length=bounds.FRAME_BYTES_MAX)] = b""
