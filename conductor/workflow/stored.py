"""What a client stores for the inputs of runs and reads of their outputs; with tracing on, each is a span of the run."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path

from conductor.bus import Artifacts
from conductor.observe.tracing import Tracer, transfer
from conductor.wire import bounds
from conductor.wire.runs import RunEnded, Submit
from conductor.wire.trace import TraceContext, run_span_id
from conductor.wire.values import Value, pack, reference

PUTS_MAX = 1_000
"""Inputs stored for runs that are not submitted yet; beyond it the oldest go untold in the trace."""


class Stored:
    """The Artifact Store as a client's runs use it. Raises what `Artifacts` raises."""

    def __init__(self, artifacts: Artifacts, tracer: Tracer) -> None:
        self._artifacts = artifacts
        self._tracer = tracer
        self._puts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    async def spill(self, values: dict[str, Value]) -> dict[str, Value]:
        """Inputs with those that are too large to travel stored, and replaced by references."""
        small: dict[str, Value] = {}
        for name, value in values.items():
            packed = pack(value)
            if len(packed) > bounds.INLINE_PAYLOAD_BYTES_MAX:
                began_us = _now_us()
                digest = await self._artifacts.put(packed, "application/msgpack")
                self._put(digest, len(packed), began_us)
                small[name] = reference(digest, len(packed), "application/msgpack")
            else:
                small[name] = value
        return small

    async def put_file(self, path: Path, media_type: str) -> Value:
        """A file's content, stored; the reference that an input takes."""
        began_us = _now_us()
        digest, size = await self._artifacts.put_file(path, media_type)
        self._put(digest, size, began_us)
        return reference(digest, size, media_type)

    async def output(self, digest: str, bytes_max: int, ended: RunEnded) -> bytes:
        """A stored part of a run's outputs."""
        began_us = _now_us()
        data = await self._artifacts.get(digest, bytes_max)
        if self._tracer.on and ended.trace is not None:
            above = TraceContext.unpack(ended.trace)._replace(span_id=run_span_id(ended.run))
            transfer(self._tracer, above, "get", (began_us, _now_us()), digest, len(data))
        return data

    def submitted(self, run: Submit) -> None:
        """A run has its name and its trace: what was stored for its inputs before can be told below it."""
        if run.trace is None or not self._puts:
            return
        above = TraceContext.unpack(run.trace)._replace(span_id=run_span_id(run.run))
        for digest in [digest for digest in self._puts if digest.encode() in run.inputs]:
            began_us, ended_us, size = self._puts.pop(digest)
            transfer(self._tracer, above, "put", (began_us, ended_us), digest, size)

    def _put(self, digest: str, size: int, began_us: int) -> None:
        if self._tracer.on:
            self._puts[digest] = (began_us, _now_us(), size)
            while len(self._puts) > PUTS_MAX:
                self._puts.popitem(last=False)


def _now_us() -> int:
    return time.time_ns() // 1000
