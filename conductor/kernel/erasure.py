"""Erasing a tenant over all that keeps something of it. Extensions do not call each other: this carries the word.

First the archive, which marks the tenant, so that what comes late is not taken in; then artifacts that only it had; then
its key, where the store encrypts, and all that was stored under it; then the workflows that it registered. Whatever is cut
off is ended by asking again.
"""

from __future__ import annotations

import json

import msgspec

from conductor.bus import Bus, BusError
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import ListRuns, Referred, Refers, RunList
from conductor.wire.retention import Erased, EraseTenant
from conductor.wire.store import ArtifactsErased, DeleteArtifacts, Deleted, EraseArtifacts

ENDED = ("succeeded", "failed", "cancelled", "timed_out")
PATIENCE_S = 300.0
"""All segments that have something of the tenant are written anew."""
LATER_MS = 2**62
"""Artifacts go however young they are: whoever else had one would name it."""


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What went. `keys` of the store were destroyed: none where it does not encrypt. `entry` and `hash` are those of the
    archive's trail."""

    runs: int
    decisions: int
    exports: int
    artifacts: int
    keys: int
    workflows: int
    entry: int
    hash: str


async def erase(bus: Bus, tenant: str) -> Erasure:
    """Erase everything of a tenant.

    Raises:
        BusError: `invalid`: runs of it are live or held, and nothing was erased; else a part of the mesh does not answer.
    """
    partitions = await _partitions(bus)
    await _refuse_live(bus, tenant, partitions)
    data = await bus.request(subjects.pit("stale", "erase"), encode(EraseTenant(tenant=tenant)), PATIENCE_S)
    erased = decode(data, Erased)
    artifacts = await _delete(bus, erased.artifacts, partitions)
    data = await bus.request(subjects.pit("store", "erase"), encode(EraseArtifacts(tenant=tenant)), PATIENCE_S)
    under_key = decode(data, ArtifactsErased)
    workflows = await _purge(bus, tenant)
    return Erasure(
        runs=erased.runs,
        decisions=erased.decisions,
        exports=erased.exports,
        artifacts=artifacts + under_key.artifacts,
        keys=under_key.keys,
        workflows=workflows,
        entry=erased.entry,
        hash=erased.hash,
    )


async def _partitions(bus: Bus) -> int:
    info = json.loads(await bus.request("$SRV.INFO.dag", b"", 5))
    return int(info.get("metadata", {}).get("partitions", 1))


async def _refuse_live(bus: Bus, tenant: str, partitions: int) -> None:
    """Trackers list runs that ended as well, until they are archived: these come to a marked archive, and are dropped."""
    for number in range(partitions):
        cursor: int | None = 0
        while cursor is not None:
            ask = encode(ListRuns(limit=1000, cursor=cursor))
            page = decode(await bus.request(subjects.pit("dag", "list", number, tenant), ask, 15), RunList)
            live = [run.run for run in page.runs if run.status not in ENDED]
            if live:
                text = f"{len(live)} runs of {tenant} are live, as {live[0]}: cancel them first"
                raise BusError("invalid", text)
            cursor = page.next


async def _delete(bus: Bus, digests: list[str], partitions: int) -> int:
    """Artifacts that no run of anybody's names. What is left, as a part of a stored value, the next collections take."""
    if not digests:
        return 0
    live: set[str] = set()
    for number in range(partitions):
        ask = encode(Refers(partition=number, digests=digests))
        live.update(decode(await bus.request(subjects.pit("dag", "refers", number), ask, 30), Referred).digests)
    free = [digest for digest in digests if digest not in live]
    gone = 0
    while free:
        delete = encode(DeleteArtifacts(digests=free, before_ms=LATER_MS))
        reply = decode(await bus.request(subjects.pit("store", "delete"), delete, 60), Deleted)
        gone += reply.deleted
        # What one value named is free once the value is gone.
        free = reply.kept if reply.deleted else []
    return gone


async def _purge(bus: Bus, tenant: str) -> int:
    said = json.dumps({"filter": f"$KV.sym_workflows.{subjects.token(tenant)}.>"}).encode()
    answer = json.loads(await bus.request("$JS.API.STREAM.PURGE.KV_sym_workflows", said, 30))
    if "error" in answer:
        raise BusError("unavailable", str(answer["error"].get("description", answer["error"])))
    return int(answer.get("purged", 0))
