"""The Artifact Store's operations: `sym.pit.store.put[.<tenant>]` and `sym.pit.store.get` for workers, the others for
operators.

A put is opened, fed in numbered chunks (several in flight, each answered) and committed; nothing is visible before the
commit has renamed and synced it. A get is answered piece by piece; the caller asks for the next while one is on its way.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from conductor.wire import bounds
from conductor.wire.base import BATCH, Count, Digest, Message, Millis, Name, Part, RunId, TaskPath, Text

Chunk = Annotated[bytes, msgspec.Meta(max_length=bounds.FRAME_BYTES_MAX)]


class Lineage(Part, frozen=True, kw_only=True):
    """Where an artifact came from: the run and task that made it, and the artifacts that it was made of."""

    run: RunId | None = None
    task: TaskPath | None = None
    name: Name | None = None
    inputs: Annotated[list[Digest], BATCH] = []


class PutWhole(Message, frozen=True, kw_only=True, tag_field="is", tag="whole"):
    """A blob of one chunk at most, stored in one exchange."""

    data: Chunk
    media_type: Name = "application/octet-stream"
    lineage: Lineage = Lineage()


class PutItem(Part, frozen=True, kw_only=True):
    """One of many small blobs."""

    data: Chunk
    media_type: Name = "application/octet-stream"
    lineage: Lineage = Lineage()


class PutMany(Message, frozen=True, kw_only=True, tag_field="is", tag="many"):
    """Small blobs, a chunk's bytes together at most, stored in one exchange and with one sync: all of them or none."""

    items: Annotated[list[PutItem], msgspec.Meta(min_length=1, max_length=bounds.PUT_ITEMS_MAX)]


class PutOpen(Message, frozen=True, kw_only=True, tag_field="is", tag="open"):
    """Begin an upload. With `digest`, a store that has it already answers `have` and nothing need be sent."""

    size_bytes: Count | None = None
    digest: Digest | None = None
    media_type: Name = "application/octet-stream"
    lineage: Lineage = Lineage()


class PutChunk(Message, frozen=True, kw_only=True, tag_field="is", tag="chunk"):
    """The `index`-th piece, from 0, all of the same size but the last."""

    upload: Name
    index: Count
    data: Chunk


class PutCommit(Message, frozen=True, kw_only=True, tag_field="is", tag="commit"):
    """All pieces are sent. `digest`, when given, must be what the store computed."""

    upload: Name
    chunks: Count
    digest: Digest | None = None


class PutAbort(Message, frozen=True, kw_only=True, tag_field="is", tag="abort"):
    """Forget the upload."""

    upload: Name


Put = PutWhole | PutMany | PutOpen | PutChunk | PutCommit | PutAbort


class PutReply(Message, frozen=True, kw_only=True):
    """The answer to any put: `upload` after open, `digest` once the blob is stored, else an error's kind."""

    ok: bool = True
    kind: Name | None = None
    message: Text = ""
    upload: Name | None = None
    chunk_bytes: Count = bounds.FRAME_BYTES_MAX
    have: bool = False
    digest: Digest | None = None
    digests: Annotated[list[Digest], msgspec.Meta(max_length=bounds.PUT_ITEMS_MAX)] = []
    """Of many, in their order."""
    size_bytes: Count = 0


class Get(Message, frozen=True, kw_only=True):
    """A piece of a blob, from `offset`."""

    digest: Digest
    offset: Count = 0
    length: Annotated[int, msgspec.Meta(ge=1, le=bounds.FRAME_BYTES_MAX)] = bounds.FRAME_BYTES_MAX


class GetReply(Message, frozen=True, kw_only=True):
    """The piece and the whole's size; `kind` `not_found` or `corrupt` where it cannot be had."""

    ok: bool = True
    kind: Name | None = None
    message: Text = ""
    data: Chunk = b""
    size_bytes: Count = 0
    media_type: Name = "application/octet-stream"


class ArtifactView(Part, frozen=True, kw_only=True):
    """One artifact as listed."""

    digest: Digest
    size_bytes: Count
    stored_bytes: Count
    media_type: Name
    created_at_ms: Millis
    lineage: Annotated[list[Lineage], msgspec.Meta(max_length=64)] = []


class ListArtifacts(Message, frozen=True, kw_only=True):
    """`sym.pit.store.list`: newest first, of one run where given, or whose digest begins with `prefix`."""

    run: RunId | None = None
    prefix: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{0,64}$")] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    cursor: Count = 0


class ArtifactList(Message, frozen=True, kw_only=True):
    """A page of artifacts."""

    artifacts: Annotated[list[ArtifactView], BATCH] = []
    next: Count | None = None


class Verify(Message, frozen=True, kw_only=True):
    """`sym.pit.store.verify`: read a blob, or all of them, and compare with the digests."""

    digest: Digest | None = None
    repair: bool = False
    """Set aside what is corrupt and forget what is missing, so that it can be stored again; catalogue what is not."""


class Needed(Part, frozen=True, kw_only=True):
    """An artifact that cannot be had, and who needs it: the runs that made or named it, and the values that name it."""

    digest: Digest
    runs: Annotated[list[RunId], msgspec.Meta(max_length=64)] = []
    values: Annotated[list[Digest], msgspec.Meta(max_length=64)] = []


class Verified(Message, frozen=True, kw_only=True):
    """What was read and what did not match; with `repair` what was done about it."""

    checked: Count = 0
    corrupt: Annotated[list[Digest], BATCH] = []
    missing: Annotated[list[Digest], BATCH] = []
    needed: Annotated[list[Needed], msgspec.Meta(max_length=1024)] = []
    repaired: Count = 0
    adopted: Count = 0
    """Blobs that lay on the disk and in no catalogue."""


class SearchArtifacts(Message, frozen=True, kw_only=True):
    """`sym.pit.store.search`: artifacts with all of these words in their name, tags, task, media type or text."""

    words: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class TagArtifact(Message, frozen=True, kw_only=True):
    """`sym.pit.store.tag`: words that people find an artifact by."""

    digest: Digest
    add: Annotated[list[Name], msgspec.Meta(max_length=64)] = []
    remove: Annotated[list[Name], msgspec.Meta(max_length=64)] = []


class AskArtifact(Message, frozen=True, kw_only=True):
    """`sym.pit.store.explain`: all that is known of one artifact; its lineage to `depth` steps."""

    digest: Digest
    depth: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8


class LineageEdge(Part, frozen=True, kw_only=True):
    """An artifact that another was made of."""

    made: Digest
    of: Digest


class ArtifactExplained(Message, frozen=True, kw_only=True):
    """`up`: what it was made of, and what these were made of; `down`: what was made of it. `named_by`: values that name it,
    which keep it. `why`: why it is there, in one sentence."""

    artifact: ArtifactView
    tags: Annotated[list[Name], msgspec.Meta(max_length=64)] = []
    up: Annotated[list[LineageEdge], BATCH] = []
    down: Annotated[list[LineageEdge], BATCH] = []
    named_by: Annotated[list[Digest], msgspec.Meta(max_length=64)] = []
    encrypted: bool = False
    why: Text = ""


class StoreShow(Message, frozen=True, kw_only=True):
    """`sym.pit.store.show`: what is stored and how it is kept; `scrubbed` blobs were read again since the start."""

    artifacts: Count = 0
    size_bytes: Count = 0
    stored_bytes: Count = 0
    encrypted: bool = False
    keys: Count = 0
    """Master keys."""
    tenant_keys: Count = 0
    packs: Count = 0
    pack_bytes: Count = 0
    """Bytes of all packs on this disk and in the cold place; what exceeds `stored_bytes` is freed by compacting."""
    cold_packs: Count = 0
    chunks: Count = 0
    shared_bytes: Count = 0
    """What would be stored besides if large artifacts did not share chunks."""
    scrubbed: Count = 0
    damaged: Annotated[list[Needed], msgspec.Meta(max_length=1024)] = []
    trail: Count = 0
    """Entries of the audit trail."""


class TrailEntry(Part, frozen=True, kw_only=True):
    """Something that was done to artifacts. `hash` covers the entry and the hash before it."""

    number: Count
    at_ms: Millis
    what: Name
    digest: Digest | None = None
    detail: Text = ""
    hash: Digest


class AskTrail(Message, frozen=True, kw_only=True):
    """`sym.pit.store.trail`: the audit trail from a number on, checked from its beginning."""

    start: Count = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class Trail(Message, frozen=True, kw_only=True):
    """A page of the audit trail. `broken_at`: the first entry whose hash does not follow from those before it."""

    entries: Annotated[list[TrailEntry], BATCH] = []
    next: Count | None = None
    count: Count = 0
    broken_at: Count | None = None


class Rewrapped(Message, frozen=True, kw_only=True):
    """`sym.pit.store.rewrap`: keys of tenants put under the newest master key; packs with plain blobs sealed."""

    rewrapped: Count = 0
    sealed: Count = 0
    kept: Count = 0
    failed: Count = 0


class DeleteArtifacts(Message, frozen=True, kw_only=True):
    """`sym.pit.store.delete`, asked by the conductor for the Stale Manager. Ones put after `before_ms` stay."""

    digests: Annotated[list[Digest], BATCH]
    before_ms: Millis


class Deleted(Message, frozen=True, kw_only=True):
    """What went and how much room it gave."""

    deleted: Count = 0
    bytes: Count = 0
    kept: Annotated[list[Digest], BATCH] = []


class EraseArtifacts(Message, frozen=True, kw_only=True):
    """`sym.pit.store.erase`: destroy the key of a tenant and forget all that was stored under it."""

    tenant: Name


class ArtifactsErased(Message, frozen=True, kw_only=True):
    """What was forgotten. `keys`: destroyed ones; with none nothing of the tenant was encrypted, and nothing was erased."""

    artifacts: Count = 0
    bytes: Count = 0
    keys: Count = 0
