"""Registered workflows that tasks name: looked up in the bucket `sym_workflows`, off the path, and written to the log."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

from conductor.bus import BusError
from conductor.bus.interface import Bus
from conductor.bus.tasks import stopped
from conductor.wire import bounds
from conductor.wire.log import Resolved
from conductor.wire.ready import WorkflowNeed
from conductor.wire.subjects import token
from conductor.workflow.errors import WorkflowError
from conductor.workflow.reader import read_bytes
from conductor.workflow.versions import newest

_log = logging.getLogger("symphony.kernel")

BUCKET = "KV_sym_workflows"
UNDER_WAY_MAX = 16
RETRY_S = 0.5


class Resolutions:
    """Looks workflows up; what it finds is handed to the log's writer."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(UNDER_WAY_MAX)

    def need(self, need: WorkflowNeed, partition: int, epoch: int, write: Callable[[Resolved], None]) -> None:
        """Look a workflow up, unless that is under way."""
        name = f"{partition} {need.tenant} {need.name} {need.range}"
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._resolve(name, need, partition, epoch, write))

    async def _resolve(
        self, name: str, need: WorkflowNeed, partition: int, epoch: int, write: Callable[[Resolved], None]
    ) -> None:
        async with self._room:
            while True:
                try:
                    version, document, why = await self._find(need)
                    break
                except BusError as error:
                    _log.warning("the workflow %s is not looked up yet: %s", need.name, error)
                    await asyncio.sleep(RETRY_S)
        resolved = Resolved(
            partition=partition,
            epoch=epoch,
            tenant=need.tenant,
            name=need.name,
            range=need.range,
            version=version,
            document=document,
            missing=not document,
            why=why,
        )
        del self._tasks[name]
        write(resolved)

    async def _find(self, need: WorkflowNeed) -> tuple[str, bytes, str]:
        """Version and packed document; without a document, why there is none."""
        prefix = f"$KV.sym_workflows.{token(need.tenant)}.{token(need.name)}."
        ask = json.dumps({"subjects_filter": f"{prefix}*"}).encode()
        answer = json.loads(await self._bus.request(f"$JS.API.STREAM.INFO.{BUCKET}", ask))
        keys = [subject.removeprefix(prefix) for subject in answer.get("state", {}).get("subjects") or {}]
        known = {key.replace("_", "."): key for key in keys if key != "latest"}
        try:
            version = newest(known, need.range)
        except ValueError as error:
            return "0.0.0", b"", str(error)
        if version is None:
            return "0.0.0", b"", _missing(need, sorted(known))
        data = await self._bus.request(f"$JS.API.DIRECT.GET.{BUCKET}.{prefix}{known[version]}", b"")
        try:
            packed = read_bytes(data).packed()
        except WorkflowError as error:
            return version, b"", f"the registered document cannot be read: {error}"
        if len(packed) > bounds.DOCUMENT_PACKED_BYTES_MAX:
            return version, b"", f"the registered document is over {bounds.DOCUMENT_PACKED_BYTES_MAX:,} bytes"
        return version, packed, ""

    async def close(self) -> None:
        """Stop looking; what waits is asked for again by the next owner's resync."""
        await stopped(self._tasks.values())


def _missing(need: WorkflowNeed, known: list[str]) -> str:
    if not known:
        return f"no workflow {need.name} is registered: `symphony workflows register FILE` does it"
    shown = ", ".join(known[-5:])
    return f"no version of {need.name} is in {need.range or '*'}: there are {shown}"
