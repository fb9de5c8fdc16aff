"""The Artifact Store's operations: `sym.pit.store.put` and `sym.pit.store.get` for workers, the others for operators.

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


Put = PutWhole | PutOpen | PutChunk | PutCommit | PutAbort


class PutReply(Message, frozen=True, kw_only=True):
    """The answer to any put: `upload` after open, `digest` once the blob is stored, else an error's kind."""

    ok: bool = True
    kind: Name | None = None
    message: Text = ""
    upload: Name | None = None
    chunk_bytes: Count = bounds.FRAME_BYTES_MAX
    have: bool = False
    digest: Digest | None = None
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


class Verified(Message, frozen=True, kw_only=True):
    """What was read and what did not match."""

    checked: Count = 0
    corrupt: Annotated[list[Digest], BATCH] = []
    missing: Annotated[list[Digest], BATCH] = []


class DeleteArtifacts(Message, frozen=True, kw_only=True):
    """`sym.pit.store.delete`, asked by the conductor for the Stale Manager. Ones put after `before_ms` stay."""

    digests: Annotated[list[Digest], BATCH]
    before_ms: Millis


class Deleted(Message, frozen=True, kw_only=True):
    """What went and how much room it gave."""

    deleted: Count = 0
    bytes: Count = 0
    kept: Annotated[list[Digest], BATCH] = []
