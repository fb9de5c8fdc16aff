"""The load generator, a process of its own, against a fresh system."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import psutil

from conductor.embedded import EmbeddedError, System, SystemOptions, binaries, roles
from conductor.measure.machine import disk
from conductor.measure.rows import Row
from conductor.measure.scenarios import SCENARIOS, Site


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """`window_s`: of each rate; `runs`: of each latency; `rate_per_s`: of the open loop, the usual ones where none is
    given; `traces`: documents of recorded workflows, as JSON files."""

    window_s: float = 5.0
    runs: int = 40
    durable: bool = True
    rate_per_s: float | None = None
    traces: tuple[Path, ...] = ()


class Watch(Protocol):
    """What goes on beside a load, from before it until after it; told the processes of the system, which has started."""

    def __call__(self, processes: list[tuple[str, int]]) -> AbstractAsyncContextManager[None]: ...


@asynccontextmanager
async def fresh(site: Site, durable: bool) -> AsyncIterator[System]:
    """A system on the disk that is measured, gone afterwards with all that it held."""
    with tempfile.TemporaryDirectory(prefix="symphony-bench-", dir=disk()) as folder:
        options = SystemOptions(
            Path(folder),
            workers=site.workers,
            pit=site.pit,
            partitions=site.partitions,
            conductors=site.conductors,
            brokers=site.brokers,
            durable=durable,
        )
        async with System(options) as system:
            yield system


async def load(names: Sequence[str], site: Site, options: LoadOptions, watch: Watch | None = None) -> list[Row]:
    """The rows of some scenarios on one system of a site.

    Raises:
        EmbeddedError: kind `failed`: the load generator did; its own lines on stderr say why.
    """
    async with fresh(site, options.durable) as system:
        processes = processes_of(system)
        creds = system.mint("bench", roles.bench())
        env = {**os.environ, "SYMPHONY_URL": system.url, "SYMPHONY_CREDS": str(creds)}
        command = [*_command(names, site, options), "--folder", str(system.layout.root)]
        for name, pid in processes:
            command += ["--process", f"{name}={pid}"]
        if watch is None:
            return await generate(command, env)
        async with watch(processes):
            return await generate(command, env)


def _command(names: Sequence[str], site: Site, options: LoadOptions) -> list[str]:
    loads = [one for name in names for one in (SCENARIOS[name].loads or (name,))]
    command = [str(binaries.pit()), "bench", *loads, "--window", str(options.window_s), "--runs", str(options.runs)]
    command += ["--slots", str(site.slots), "--partitions", str(site.partitions)]
    if site.suffix:
        command += ["--suffix", site.suffix]
    if options.rate_per_s is not None:
        command += ["--rate", str(options.rate_per_s)]
    for trace in options.traces:
        command += ["--trace", str(trace)]
    return command


async def generate(command: list[str], env: dict[str, str] | None = None) -> list[Row]:
    """Run the load generator and read its rows.

    Raises:
        EmbeddedError: kind `failed`.
    """
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=env)
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:  # interrupted: nobody waits for its figures any more
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise EmbeddedError("failed", f"the load generator failed ({' '.join(command[1:4])} ...); its lines say why")
    return [msgspec.json.decode(line) for line in said.splitlines()]


def processes_of(system: System) -> list[tuple[str, int]]:
    """Every process of a system, by the part of it that it is: `broker`, `pit` (or each of it), `conductor`, `worker`."""
    found = []
    for process in system.processes:
        name = "conductor" if process.kind == "conductor" else process.name
        found.append((name, process.pid))
        if process.kind == "pit":  # the Pool Manager's own children
            found += [("worker", child.pid) for child in psutil.Process(process.pid).children(recursive=True)]
    return found
