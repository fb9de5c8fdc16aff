"""The Artifact Store's client: blobs in pieces, several on their way at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from conductor.bus.errors import BusError, Kind
from conductor.bus.interface import Bus
from conductor.wire import bounds, subjects
from conductor.wire.base import decode, encode
from conductor.wire.store import (
    Get,
    GetReply,
    Lineage,
    PutChunk,
    PutCommit,
    PutItem,
    PutMany,
    PutOpen,
    PutReply,
    PutWhole,
)

WINDOW = 4
"""Pieces under way at once: enough to cover a round trip, few enough to bound memory to 4 MiB a transfer."""
PATIENCE_S = 2.0
"""How long a store that does not answer is asked again, where nobody says otherwise; it may be starting again."""
RETRY_FIRST_S, RETRY_LAST_S = 0.05, 1.0
BEGUN_AGAIN_MAX = 5
"""Uploads of one blob: a store that starts again has forgotten those that were under way."""
_KINDS: dict[str, Kind] = {"not_found": "not_found", "unavailable": "unavailable"}


class Artifacts:
    """Puts and gets blobs.

    Every method raises `BusError`: `not_found`, `invalid`, or `unavailable`, when the store does not answer for
    `patience_s`. What is put is kept under the key of `tenant`, where there is one and the store encrypts.
    """

    def __init__(self, bus: Bus, patience_s: float = PATIENCE_S, tenant: str | None = None) -> None:
        self._bus = bus
        self._patience_s = patience_s
        self._subject = subjects.pit("store", "put", *(() if tenant is None else (tenant,)))

    def of_tenant(self, tenant: str) -> Artifacts:
        """The same store, for what is put for a tenant."""
        return Artifacts(self._bus, self._patience_s, tenant)

    async def put_many(self, items: list[tuple[bytes, str]], lineage: Lineage | None = None) -> list[str]:
        """Store small blobs with their media types; their digests. As many at once as a message holds."""
        digests: list[str] = []
        for some in _fitting(items):
            made = [PutItem(data=data, media_type=kind, lineage=lineage or Lineage()) for data, kind in some]
            digests += (await self._put(encode(PutMany(items=made)))).digests
        return digests

    async def put(self, data: bytes, media_type: str, lineage: Lineage | None = None) -> str:
        """Store bytes; their digest."""
        if len(data) <= bounds.FRAME_BYTES_MAX:
            whole = PutWhole(data=data, media_type=media_type, lineage=lineage or Lineage())
            return _digest(await self._put(encode(whole)))
        digest = blake3(data).hexdigest()
        for begun in range(BEGUN_AGAIN_MAX):
            pieces = (data[at : at + bounds.FRAME_BYTES_MAX] for at in range(0, len(data), bounds.FRAME_BYTES_MAX))
            try:
                return await self._stream(pieces, len(data), digest, media_type, lineage)
            except BusError as error:
                if error.kind != "not_found" or begun == BEGUN_AGAIN_MAX - 1:
                    raise
        raise AssertionError("the last upload returns or raises")

    async def put_file(self, path: Path, media_type: str, lineage: Lineage | None = None) -> tuple[str, int]:
        """Store a file without holding it whole; its digest and size in bytes."""
        size = (await asyncio.to_thread(path.stat)).st_size
        hasher = blake3(max_threads=blake3.AUTO)
        await asyncio.to_thread(hasher.update_mmap, path)
        with path.open("rb") as stream:
            return await self._stream(_pieces(stream), size, hasher.hexdigest(), media_type, lineage), size

    async def get(self, digest: str, limit_bytes: int = bounds.COMPOSED_INPUT_BYTES_MAX) -> bytes:
        """The bytes of a digest, at most `limit_bytes` of them."""
        parts = []
        async for piece in self.pieces(digest, limit_bytes):
            parts.append(piece)
        return b"".join(parts)

    async def pieces(self, digest: str, limit_bytes: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a digest, piece by piece; the next ones are asked for while one is used."""
        first = await self._get(digest, 0)
        if limit_bytes is not None and first.size_bytes > limit_bytes:
            raise BusError("invalid", f"artifact {digest} has {first.size_bytes} bytes, at most {limit_bytes} fit here")
        yield first.data
        offsets = range(len(first.data), first.size_bytes, bounds.FRAME_BYTES_MAX)
        under_way: list[asyncio.Task[GetReply]] = []
        try:
            for offset in offsets:
                under_way.append(asyncio.create_task(self._get(digest, offset)))
                if len(under_way) >= WINDOW:
                    yield (await under_way.pop(0)).data
            while under_way:
                yield (await under_way.pop(0)).data
        finally:
            for task in under_way:
                task.cancel()

    async def _stream(
        self, pieces: Iterable[bytes], size: int, digest: str, media_type: str, lineage: Lineage | None
    ) -> str:
        opened = await self._put(
            encode(PutOpen(size_bytes=size, digest=digest, media_type=media_type, lineage=lineage or Lineage()))
        )
        if opened.have:
            return digest
        upload = opened.upload or ""
        under_way: set[asyncio.Task[PutReply]] = set()
        count = 0
        for piece in pieces:
            if len(under_way) >= WINDOW:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            chunk = encode(PutChunk(upload=upload, index=count, data=piece))
            under_way.add(asyncio.create_task(self._put(chunk)))
            count += 1
        for task in under_way:
            await task
        return _digest(await self._put(encode(PutCommit(upload=upload, chunks=count, digest=digest))))

    async def _put(self, data: bytes) -> PutReply:
        reply = decode(await self._asked(self._subject, data), PutReply)
        if not reply.ok:
            raise BusError(_KINDS.get(reply.kind or "", "invalid"), reply.message)
        return reply

    async def _get(self, digest: str, offset: int) -> GetReply:
        ask = encode(Get(digest=digest, offset=offset))
        reply = decode(await self._asked(subjects.pit("store", "get"), ask), GetReply)
        if not reply.ok:
            raise BusError(_KINDS.get(reply.kind or "", "invalid"), reply.message)
        return reply

    async def _asked(self, subject: str, data: bytes) -> bytes:
        clock = asyncio.get_running_loop().time
        until_s, wait_s = clock() + self._patience_s, RETRY_FIRST_S
        while True:
            try:
                return await self._bus.request(subject, data, timeout_s=15)
            except BusError as error:
                if error.kind not in ("unavailable", "timed_out") or clock() + wait_s > until_s:
                    raise
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_LAST_S)


def _fitting(items: list[tuple[bytes, str]]) -> Iterator[list[tuple[bytes, str]]]:
    """The items in groups that fit into one message each."""
    group: list[tuple[bytes, str]] = []
    size = 0
    for data, kind in items:
        if group and (size + len(data) > bounds.FRAME_BYTES_MAX or len(group) >= bounds.PUT_ITEMS_MAX):
            yield group
            group, size = [], 0
        group.append((data, kind))
        size += len(data)
    if group:
        yield group


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(bounds.FRAME_BYTES_MAX):
        yield piece


def _digest(reply: PutReply) -> str:
    if reply.digest is None:
        raise BusError("invalid", "the store gave no digest")
    return reply.digest
