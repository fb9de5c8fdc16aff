"""One chaos from beginning to end: a world, its load, its nemesis, and the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from conductor.bus import BusError, NatsBus
from conductor.embedded import inspect
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import DagShow, HistoryEntry
from conductor.wire.holds import AskHolds, HoldsShow
from tests.chaos import holding
from tests.chaos.checker import Violation, check, read_effects
from tests.chaos.clients import Load
from tests.chaos.journal import Journal
from tests.chaos.limits import PERMITS, RATES
from tests.chaos.nemesis import Done, Nemesis
from tests.chaos.recovery import Measure, Observer
from tests.chaos.schedule import Fault, Role, schedule
from tests.chaos.world import CLIENT, World

CLIENTS = 4
END_PATIENCE_S = 180.0
"""After the last fault: a busy machine may be slow, and an acknowledged run may still not be lost."""
CALM_PATIENCE_S = 60.0
HISTORIES_MAX = 5


@dataclass(frozen=True)
class Options:
    """What a chaos may be told."""

    data: Path
    seed: int
    seconds: float
    rate: float = 14.0
    """Runs begun each second."""
    mean_gap_s: float = 5.0
    """Between faults."""
    only: tuple[Role, ...] = ()


@dataclass
class Verdict:
    """What came of it."""

    options: Options
    journal: Journal
    faults: list[Done]
    measures: list[Measure]
    violations: list[Violation]
    plan: list[Fault]
    dispatched: int
    seconds: float
    limits: holding.Found
    """What the holders of locks, semaphores and rates left."""
    histories: dict[str, list[HistoryEntry]] = field(default_factory=dict)


async def chaos(options: Options) -> Verdict:
    """Run it. What it finds wrong is in the verdict; it raises only where it could not be held."""
    effects = options.data / "effects"
    effects.mkdir(parents=True)
    plan = schedule(options.seed, options.seconds, options.mean_gap_s, options.only)
    journal = Journal()
    began = time.monotonic()
    async with World(options.data / "system") as world, contextlib.AsyncExitStack() as stack:
        buses = []
        for number in range(CLIENTS):
            bus = await world.connect(CLIENT, CLIENT if number % 2 else None)
            stack.push_async_callback(bus.close)
            buses.append(bus)
        watching = await world.connect("observer")
        stack.push_async_callback(watching.close)
        observer = Observer(watching)
        observing = asyncio.create_task(observer.run())
        load = Load(buses, journal, options.seed, options.rate, effects)
        loading = asyncio.create_task(load.run())
        nemesis = Nemesis(world, observer, plan)
        striking = asyncio.create_task(nemesis.run(options.seconds))
        await asyncio.wait({striking, loading, observing}, return_when=asyncio.FIRST_COMPLETED)
        if not striking.done():
            raise AssertionError("the load or the observer ended before the nemesis did")
        striking.result()
        load.stop()
        await loading
        await load.done(END_PATIENCE_S)
        violations = await _calm(world)
        violations += await _durable(world, load)
        lines, torn = read_effects(effects)
        violations += check(journal, lines, torn, nemesis.disturbances())
        limits = _limits(effects, journal, nemesis)
        violations += limits.violations
        violations += [Violation("wrong", None, f"a client failed: {error}") for error in journal.errors]
        histories = await _histories(load, violations)
        observing.cancel()
        await asyncio.gather(observing, return_exceptions=True)
    return Verdict(
        options, journal, nemesis.done, observer.measures, violations, plan, observer.dispatched,
        time.monotonic() - began, limits, histories,
    )  # fmt: skip


def _limits(effects: Path, journal: Journal, nemesis: Nemesis) -> holding.Found:
    """What was held, and when, as the holders themselves wrote it down."""
    attempts, torn = holding.read_holds(effects)
    found = holding.check(attempts, PERMITS, RATES, lambda run: journal.runs[run].submitted_s, nemesis.struck())
    found.violations += [Violation("limit", None, f"a line is torn: {line}") for line in torn]
    return found


async def _calm(world: World) -> list[Violation]:
    """Nothing is held for ever: no busy slot, open execution, live run or key, once all runs have ended."""
    bus = await world.connect("operator")
    found: list[str] = ["nobody answered"]
    try:
        async with asyncio.timeout(CALM_PATIENCE_S):
            while found:
                with contextlib.suppress(BusError):
                    found = await _held(world, bus)
                await asyncio.sleep(0.25)
    except TimeoutError:
        return [Violation("held", None, text) for text in found]
    finally:
        await bus.close()
    return []


async def _held(world: World, bus: NatsBus) -> list[str]:
    found = []
    shown = await inspect.pool_show(bus)
    found += [f"{w.worker} has {w.busy} busy slots" for w in shown.workers if w.busy and w.state != "dead"]
    partitions: list[DagShow] = await inspect.partitions(bus, world.partitions)
    if len(partitions) < world.partitions:
        found.append("a tracker does not answer")
    for partition in partitions:
        if partition.open or partition.live:
            found.append(f"partition {partition.partition}: {partition.open} open, {partition.live} live")
    for number in range(world.conductors):
        about = await inspect.conductor(bus, f"conductor-{number}")
        if not about:
            found.append(f"conductor-{number} does not answer")
        elif about["busy"] or any(about["waiting"].values()):
            found.append(f"conductor-{number}: {about['busy']} busy, {about['waiting']} waiting")
    subject = subjects.pit("arbitration", "holds", subjects.EVERY_TENANT)
    holds = decode(await bus.request(subject, encode(AskHolds())), HoldsShow)
    found += [f"{held.key.key} is held by {held.hold.task} of run {held.hold.run}" for held in holds.held]
    found += [f"{waits.hold.task} of run {waits.hold.run} waits for {waits.key}" for waits in holds.waiting]
    return found


async def _durable(world: World, load: Load) -> list[Violation]:
    """Whatever a client was told stands on the disk: everything is killed at once, comes back, and says the same."""
    await world.kill_all()
    silent = await load.show_all()
    if silent:
        return [Violation("lost", None, f"{silent} runs are not shown after everything was killed")]
    return []


async def _histories(load: Load, violations: list[Violation]) -> dict[str, list[HistoryEntry]]:
    runs = list(dict.fromkeys(violation.run for violation in violations if violation.run))[:HISTORIES_MAX]
    found = {}
    for run in runs:
        with contextlib.suppress(BusError):
            found[run] = await load.history(run)
    return found
