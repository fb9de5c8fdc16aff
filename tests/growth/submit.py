"""A whole system: how long a client takes to hand over a large document, and what its run costs the tracker."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from conductor.bus import BusOptions, NatsBus
from conductor.embedded import System, SystemOptions
from conductor.workflow import read_bytes
from conductor.workflow.client import Client

NODES = 10_000
SLOTS = 1024
LOOK_S = 0.02
CLIENT = "client-default"


@dataclass(frozen=True)
class Submission:
    """One document of `NODES` tasks. Times are in milliseconds, memory in bytes."""

    shape: str
    read_ms: float
    """Its text read and packed."""
    acknowledged_ms: float
    """From the packed document to the broker's word that it is on disk."""
    run_ms: float
    grown_bytes: int
    """The most that the tracker's process had beyond what it had before."""

    @property
    def submit_ms(self) -> float:
        return self.read_ms + self.acknowledged_ms


def _document(shape: str, number: int) -> bytes:
    def after(at: int) -> list[str]:
        if shape == "chain":
            return [f"t{at - 1}"] if at else []
        if shape == "fan":
            return [f"t{other}" for other in range(1, at)] if at == NODES - 1 else ["t0"] if at else []
        return [] if at < 100 else [f"t{(at // 100 - 1) * 100 + (at * 7919 + k * 104_729) % 100}" for k in range(3)]

    tasks: dict[str, Any] = {f"t{at}": {"call": "test.noop", "after": sorted(set(after(at)))} for at in range(NODES)}
    return json.dumps({"workflow": f"growth-{shape}-{number}", "version": "1.0.0", "tasks": tasks}).encode()


class Peak:
    """The most memory that a process has had since this was made."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._before = self._most = process.memory_info().rss

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            self._look()
            await asyncio.sleep(LOOK_S)

    @property
    def grown(self) -> int:
        self._look()
        return self._most - self._before

    def _look(self) -> None:
        self._most = max(self._most, self._process.memory_info().rss)


async def submit(rounds: int) -> list[Submission]:
    """The quickest of `rounds` of each shape; memory is that of the first, which finds nothing left by one before."""
    found = []
    for shape in ("chain", "fan", "layered"):
        with tempfile.TemporaryDirectory(prefix="symphony-growth-", dir="/var/tmp") as folder:
            options = SystemOptions(Path(folder), pit="each", workers=f"stock=1x{SLOTS}")
            async with System(options) as system:
                bus = await NatsBus.connect(BusOptions(system.url, CLIENT, system.layout.cred(CLIENT), wait_s=30))
                try:
                    made = [await _one(system, Client(bus), shape, number) for number in range(rounds)]
                finally:
                    await bus.close()
        found.append(
            Submission(
                shape,
                min(one.read_ms for one in made),
                min(one.acknowledged_ms for one in made),
                min(one.run_ms for one in made),
                made[0].grown_bytes,
            )
        )
    return found


async def _one(system: System, client: Client, shape: str, number: int) -> Submission:
    text = _document(shape, number)
    tracker = psutil.Process(next(p.pid for p in system.processes if p.name == "pit-dag"))
    await client.partitions()  # a client that has submitted before knows it
    peak = Peak(tracker)
    began = time.perf_counter()
    packed = read_bytes(text).packed()
    read = time.perf_counter()
    draft = client.draft(f"growth-{shape}-{number}", packed, {})
    await client.submit([draft])
    acknowledged = time.perf_counter()
    watching = asyncio.create_task(peak.watch())
    ended = await client.wait(draft.run)
    over = time.perf_counter()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert (ended.status, ended.tasks.succeeded) == ("succeeded", NODES)
    return Submission(shape, (read - began) * 1e3, (acknowledged - read) * 1e3, (over - began) * 1e3, peak.grown)
