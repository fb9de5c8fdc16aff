"""`symphony bench`: the performance suite, on systems of its own, beside the floors of the same machine."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import msgspec

from conductor import __version__
from conductor.cli import connect, takeover
from conductor.cli.connect import json_option
from conductor.cli.output import FAILED, Refusal, emit, say, table

SCENARIOS = ("floors", "chain", "fanout", "submit", "throughput", "overhead", "ready", "takeover")
USUAL = SCENARIOS[:-1]
"""Those that are measured where none is named: a takeover takes minutes."""
MANY_SLOTS = 4096
"""For no-op steps: the worker must not be what bounds them."""
FULL_SLOTS = 8
"""For the overhead at full slots: sleeping tasks need no processor, so more slots than cores are honest."""
READY_ROUNDS = 5


@click.command()
@click.argument("names", nargs=-1)
@click.option("--against", metavar="PEER", help="Another orchestrator on the same work")
@click.option("--window", type=click.FloatRange(0.5, 600), default=5.0, show_default=True, help="Seconds of each rate")
@click.option("--runs", type=click.IntRange(1, 100_000), default=40, show_default=True, help="Runs of each latency")
@click.option("--interval", is_flag=True, help="Without a sync before each acknowledgement: for comparison only")
@json_option
def bench(names: tuple[str, ...], against: str | None, window: float, runs: int, interval: bool, as_json: bool) -> None:
    """Measure NAMES: floors, chain, fanout, submit, throughput, overhead, ready (these, where none is named), takeover."""
    if against:
        raise Refusal(f"--against {against}: peers are not in version {__version__}")
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise Refusal(f"there is no benchmark {unknown[0]!r}; there are {', '.join(SCENARIOS)}")
    wanted = names or USUAL
    results = connect.run(_measure(wanted, window, runs, not interval))
    durability = "interval" if interval else "always"
    if as_json:
        emit({"machine": machine(), "durability": durability, "results": results})
        return
    rows = [
        (r["name"], f"{r['value']:,.3f}", r["unit"], f"{r['p50']:,.3f}", f"{r['p99']:,.3f}", r["runs"]) for r in results
    ]
    said = machine()
    say(f"{said['cpus']} cores ({said['processor']}), durability {durability}, version {__version__}")
    table("", ("name", "value", "unit", "p50", "p99", "runs"), rows, ("value", "p50", "p99", "runs"))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import psutil

    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        processor = names[0] if names else processor
    return {
        "cpus": os.cpu_count(),
        "processor": processor,
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "version": __version__,
    }


async def _measure(
    wanted: tuple[str, ...] | list[str], window: float, runs: int, durable: bool
) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    quick = [name for name in wanted if name in ("floors", "chain", "fanout", "submit", "throughput")]
    if quick:
        results += await _load(quick, f"stock=1x{MANY_SLOTS}", MANY_SLOTS, window, runs, durable)
    if "overhead" in wanted:
        results += await _load(["overhead"], f"stock=1x{FULL_SLOTS}", FULL_SLOTS, window, runs, durable)
    if "ready" in wanted:
        results += await _ready(durable)
    if "takeover" in wanted:
        results += await takeover.measure(runs, _disk())
    return results


async def _load(
    names: list[str], workers: str, slots: int, window: float, runs: int, durable: bool
) -> list[dict[str, Any]]:
    """Run the load generator, a process of its own, against a fresh system."""
    from conductor.embedded import System, SystemOptions, binaries, roles

    with tempfile.TemporaryDirectory(prefix="symphony-bench-", dir=_disk()) as folder:
        async with System(SystemOptions(Path(folder), workers=workers, durable=durable)) as system:
            creds = system.mint("bench", roles.bench())
            env = {**os.environ, "SYMPHONY_URL": system.url, "SYMPHONY_CREDS": str(creds)}
            command = [str(binaries.pit()), "bench", *names, "--window", str(window), "--runs", str(runs)]
            command += ["--slots", str(slots)]
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=env)
            said, _ = await process.communicate()
            if process.returncode != 0:
                raise Refusal(f"the load generator failed on {', '.join(names)}; its lines above say why", FAILED)
            return [msgspec.json.decode(line) for line in said.splitlines()]


def _disk() -> str | None:
    """A folder on a disk: a sync in memory costs nothing, and would flatter."""
    return os.environ.get("SYMPHONY_BENCH_DIR") or ("/var/tmp" if Path("/var/tmp").is_dir() else None)  # noqa: S108


async def _ready(durable: bool) -> list[dict[str, Any]]:
    """From exec to the first answer on `$SRV.PING`, of each service in a process of its own."""
    from conductor.embedded import System, SystemOptions

    times: dict[str, list[float]] = {}
    for _ in range(READY_ROUNDS):
        with tempfile.TemporaryDirectory(prefix="symphony-bench-", dir=_disk()) as folder:
            options = SystemOptions(Path(folder), pit="each", workers="none", durable=durable)
            async with System(options) as system:
                for service in system.state().services:
                    if service.ready_ms is not None:
                        name = "conductor" if service.kind == "conductor" else service.name
                        times.setdefault(name, []).append(service.ready_ms)
    results = []
    for name, measured in times.items():
        measured.sort()
        middle, last = measured[len(measured) // 2], measured[-1]
        results.append(
            {"name": f"ready_{name}", "unit": "ms", "value": middle, "p50": middle, "p99": last, "runs": len(measured)}
        )
    return results
