"""The scenarios that were asked for, one system after the other."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from conductor.embedded import binaries
from conductor.measure import takeover
from conductor.measure.load import LoadOptions, Watch, generate, load
from conductor.measure.machine import disk
from conductor.measure.ready import ready
from conductor.measure.rows import Row
from conductor.measure.scenarios import grouped
from conductor.measure.traces import documents


class Skipped(NamedTuple):
    """A scenario that was left out, and why."""

    name: str
    why: str


@dataclass(slots=True)
class Suite:
    """What to measure, and how. `traces`: a folder of recorded workflows. `tell`: hears what is measured next."""

    names: list[str]
    options: LoadOptions = field(default_factory=LoadOptions)
    traces: Path | None = None
    watch: Watch | None = None
    tell: Callable[[str], None] = lambda _: None


async def measure(suite: Suite) -> tuple[list[Row], list[Skipped]]:
    """The rows, in the order of the table of scenarios, and what was left out.

    Raises:
        EmbeddedError: a system or the load generator fails.
        WorkflowError: a recorded workflow cannot be read.
    """
    names, skipped = list(suite.names), []
    if "traces" in names and not (suite.traces and suite.traces.is_dir()):
        why = f"{suite.traces} is no folder" if suite.traces else "no folder of recorded workflows was named (--traces)"
        skipped.append(Skipped("traces", why))
        names.remove("traces")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="symphony-traces-") as folder:
        options = suite.options
        if "traces" in names and suite.traces:
            options = replace(options, traces=documents(suite.traces, Path(folder)))
        for site, group in grouped(names):
            suite.tell(f"{', '.join(group)} ({site.workers}{site.suffix and ', ' + site.suffix.strip('_')})")
            rows += await load(group, site, options, suite.watch)
    if "ready" in names:
        suite.tell("ready")
        rows += await ready(options.durable)
    if "cores" in names:
        suite.tell("cores")
        rows += await cores()
    if "takeover" in names:
        suite.tell("takeover")
        rows += await takeover.measure(options.runs, disk())
    return rows, skipped


async def cores() -> list[Row]:
    """The cores in a process of their own, without a system."""
    with tempfile.TemporaryDirectory(prefix="symphony-bench-", dir=disk()) as folder:
        return await generate([str(binaries.pit()), "bench", "cores", "--folder", folder])
