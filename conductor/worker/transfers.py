"""The Artifact Store as the attempts of a worker use it: with tracing on, each transfer is a span below the attempt's."""

from __future__ import annotations

import time

from conductor.bus import Artifacts, BusError
from conductor.observe import logs
from conductor.observe.tracing import Tracer, transfer
from conductor.wire.store import Lineage


class Transfers:
    """Puts and gets blobs, and records how long that took. Raises what `Artifacts` raises."""

    def __init__(self, artifacts: Artifacts, tracer: Tracer) -> None:
        self._artifacts = artifacts
        self._tracer = tracer

    async def put(self, data: bytes, media_type: str, lineage: Lineage, tenant: str) -> str:
        """Store bytes for a tenant; their digest."""
        artifacts = self._artifacts.of_tenant(tenant)
        if not self._tracer.on:
            return await artifacts.put(data, media_type, lineage)
        began_us = time.time_ns() // 1000
        try:
            digest = await artifacts.put(data, media_type, lineage)
        except BusError as error:
            self._record("put", began_us, error=str(error))
            raise
        self._record("put", began_us, digest, len(data))
        return digest

    async def get(self, digest: str) -> bytes:
        """The bytes of a digest."""
        if not self._tracer.on:
            return await self._artifacts.get(digest)
        began_us = time.time_ns() // 1000
        try:
            data = await self._artifacts.get(digest)
        except BusError as error:
            self._record("get", began_us, digest, error=str(error))
            raise
        self._record("get", began_us, digest, len(data))
        return data

    def _record(
        self,
        direction: str,
        began_us: int,
        digest: str | None = None,
        size: int | None = None,
        error: str | None = None,
    ) -> None:
        above = logs.CURRENT.get()
        if above is not None:
            transfer(self._tracer, above, direction, (began_us, time.time_ns() // 1000), digest, size, error)
