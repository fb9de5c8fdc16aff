"""A store that starts again costs time, and neither a value nor the run that made it."""

from __future__ import annotations

import pytest
from blake3 import blake3

from conductor.bus import Artifacts, BusError, Endpoint
from conductor.bus.interface import Received
from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.wire import bounds, subjects
from conductor.wire.base import decode, encode
from conductor.wire.store import Put, PutChunk, PutCommit, PutMany, PutOpen, PutReply
from conductor.worker.errors import error_value


class Store:
    """As much of a store as puts need. `silent` requests are answered by nobody; after `forgets` chunks it starts again."""

    def __init__(self, silent: int = 0, forgets: int | None = None) -> None:
        self.silent = silent
        self.forgets = forgets
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.batches: list[int] = []

    async def put(self, message: Received) -> bytes:
        if self.silent:
            self.silent -= 1
            raise BusError("unavailable", "nobody answers")
        return encode(self._put(decode(message.data, Put)))  # type: ignore[arg-type]  # a union stands for a type here

    def _put(self, put: Put) -> PutReply:
        if isinstance(put, PutOpen):
            name = f"upload-{len(self.uploads)}"
            self.uploads[name] = {}
            return PutReply(upload=name)
        if isinstance(put, PutChunk | PutCommit) and put.upload not in self.uploads:
            return PutReply(ok=False, kind="not_found", message="there is no such upload; begin again")
        if isinstance(put, PutChunk):
            self.uploads[put.upload][put.index] = put.data
            if self.forgets is not None and len(self.uploads[put.upload]) > self.forgets:
                self.uploads, self.forgets = {}, None
            return PutReply()
        if isinstance(put, PutMany):
            self.batches.append(len(put.items))
            digests = [blake3(item.data).hexdigest() for item in put.items]
            self.blobs |= {digest: item.data for digest, item in zip(digests, put.items, strict=True)}
            return PutReply(digests=digests)
        if isinstance(put, PutCommit):
            pieces = self.uploads.pop(put.upload)
            data = b"".join(pieces[index] for index in sorted(pieces))
        else:
            data = put.data  # type: ignore[union-attr]  # what is left is a whole one
        digest = blake3(data).hexdigest()
        self.blobs[digest] = data
        return PutReply(digest=digest, have=True)


async def artifacts(store: Store, patience_s: float, tenant: str | None = None) -> Artifacts:
    broker = MemoryBroker()
    subject = subjects.pit("store", "put", *(() if tenant is None else (tenant,)))
    await MemoryBus(broker).serve("store", "1.0.0", "", [Endpoint("put", subject, store.put)])
    return Artifacts(MemoryBus(broker), patience_s)


async def test_a_store_that_is_silent_for_a_while_is_asked_again() -> None:
    store = Store(silent=3)
    assert store.blobs.get(await (await artifacts(store, 30)).put(b"kept", "text/plain")) == b"kept"


async def test_one_that_stays_silent_is_unavailable_and_no_mistake_of_the_function() -> None:
    made = await artifacts(Store(silent=1000), 0.1)
    with pytest.raises(BusError) as raised:
        await made.put(b"lost", "text/plain")
    assert raised.value.kind == "unavailable"
    assert (error_value(raised.value).kind, error_value(raised.value).retryable) == ("unavailable", True)


async def test_an_upload_that_the_store_forgot_begins_again() -> None:
    store = Store(forgets=1)
    data = bytes(range(256)) * (bounds.FRAME_BYTES_MAX // 256 * 3)
    assert store.blobs.get(await (await artifacts(store, 5)).put(data, "text/plain")) == data


async def test_small_ones_go_together_as_many_as_a_message_holds() -> None:
    store = Store()
    large = [(bytes([n]) * (bounds.FRAME_BYTES_MAX // 2), "text/plain") for n in range(3)]
    small = [(str(n).encode(), "text/plain") for n in range(bounds.PUT_ITEMS_MAX + 1)]
    digests = await (await artifacts(store, 5)).put_many(large + small)
    assert [store.blobs[digest] for digest in digests] == [data for data, _ in large + small]
    assert store.batches == [2, bounds.PUT_ITEMS_MAX, 2]


async def test_what_is_put_for_a_tenant_goes_where_the_broker_knows_him() -> None:
    store = Store()
    made = (await artifacts(store, 5, "acme")).of_tenant("acme")
    assert store.blobs.get(await made.put(b"theirs", "text/plain")) == b"theirs"
