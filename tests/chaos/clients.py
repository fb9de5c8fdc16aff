"""The load: clients that submit workflows at a steady rate, follow them to their ends, and ask about them meanwhile.

They go through the real client, as anyone's program would: a submission that is not acknowledged is sent again under its
key, and some are sent again although they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from pathlib import Path

import msgspec
import nats.errors

from conductor.bus import BusError, NatsBus
from conductor.cli.follow import resolved
from conductor.cli.registry import Registry
from conductor.wire.dag import HistoryEntry
from conductor.wire.runs import RunEnded, Submit
from conductor.workflow import read_bytes
from conductor.workflow.client import Client, SubmitOptions
from tests.chaos.evaluate import Flow, evaluate
from tests.chaos.journal import Journal, Seen
from tests.chaos.shapes import flow
from tests.chaos.words import CHILD

IN_FLIGHT_MAX = 400
"""Runs that have not ended: more are not begun, so that an outage does not grow into a flood of the clients' own."""
AGAIN_SHARE = 0.1
"""Of the runs that are submitted once more under the same key."""
CANCEL_SHARE = 0.03
SHOWS_PER_S = 25
RECENT_MAX = 600
"""Runs that are asked about: the live ones, and those that ended lately."""
EFFECT_FILES = 16
RETRY_S = 0.2
SIGNAL_AFTER_S = 2.0
EVENT_INTERVAL_S = 1.0
"""An event tells who waits for it already: it is published again until its run has ended."""


class Load:
    """`rate` runs begin each second until `stop`; `done` waits for the ends of all."""

    def __init__(self, buses: list[NatsBus], journal: Journal, seed: int, rate: float, effects: Path) -> None:
        self.journal = journal
        self._clients = [Client(bus) for bus in buses]
        self._seed = seed
        self._rate = rate
        self._effects = effects
        self._chance = random.Random(f"load {seed}")
        self._running: set[asyncio.Task[None]] = set()
        self._recent: list[str] = []
        self._begun = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Begin runs, until told to stop."""
        await self._register()
        asking = asyncio.create_task(self._ask())
        began = time.monotonic()
        try:
            while not self._stopping.is_set():
                due = int((time.monotonic() - began) * self._rate)
                if self._begun - due > 0 or len(self._running) >= IN_FLIGHT_MAX:
                    if len(self._running) >= IN_FLIGHT_MAX:
                        began = time.monotonic() - self._begun / self._rate  # what was held back is not made up for
                    await asyncio.sleep(0.5 / self._rate)
                    continue
                self._begin()
                await asyncio.sleep(0)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _register(self) -> None:
        """The workflow that others call."""
        while True:
            try:
                await Registry(self._clients[0]).put(read_bytes(msgspec.json.encode(CHILD)))
                return
            except (BusError, TimeoutError, nats.errors.Error):
                await asyncio.sleep(RETRY_S)

    async def done(self, patience_s: float) -> int:
        """Wait for the ends of all that was acknowledged; how many have none."""
        if self._running:
            await asyncio.wait(self._running, timeout=patience_s)
        left = len(self._running)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        return left

    def _begin(self) -> None:
        number = self._begun
        self._begun += 1
        seed = self._seed * 1_000_000 + number
        task = asyncio.create_task(self._one(self._clients[number % len(self._clients)], seed))
        self._running.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.journal.counts["client errors"] += 1
            self.journal.errors.append(f"{type(error).__name__}: {error}")

    async def _one(self, client: Client, seed: int) -> None:
        chance = random.Random(f"client {seed}")
        made = flow(seed, str(self._effects / f"{seed % EFFECT_FILES:02}.txt"))
        packed = read_bytes(msgspec.json.encode(made.document())).packed()
        options = SubmitOptions(key=f"chaos-{seed}")
        draft = client.draft(made.name, packed, {}, options)
        self.journal.begin(Seen(draft.run, seed, evaluate(made), time.monotonic()))
        await self._submit(client, draft)
        self._recent.append(draft.run)
        del self._recent[:-RECENT_MAX]
        ending = asyncio.create_task(client.wait(draft.run))
        saying = asyncio.create_task(self._say(client, draft.run, made, ending, chance.uniform(0, SIGNAL_AFTER_S)))
        try:
            if chance.random() < CANCEL_SHARE:
                await asyncio.sleep(chance.uniform(0, 0.3))
                await self._cancel(client, draft.run)
            if chance.random() < AGAIN_SHARE:
                await asyncio.sleep(chance.uniform(0, 2))
                await self._submit(client, client.draft(made.name, packed, {}, options))
                self.journal.counts["submitted again"] += 1
            ended = await ending
        finally:
            ending.cancel()
            saying.cancel()
        self.journal.ended(ended, time.monotonic())
        if ended.status == "succeeded":
            self.journal.values(draft.run, await self._resolved(client, ended))

    async def _submit(self, client: Client, draft: Submit) -> None:
        while True:
            try:
                await client.submit([draft])
            except BusError as error:
                self.journal.counts[f"submission {error.kind}"] += 1
                await asyncio.sleep(RETRY_S)
            else:
                self.journal.acknowledged(draft.run, time.monotonic())
                return

    async def _say(self, client: Client, run: str, made: Flow, ending: asyncio.Task[RunEnded], after_s: float) -> None:
        """What a run waits for: each signal once, after a while; events until it has ended."""
        if not made.signals and not made.events:
            return
        await asyncio.sleep(after_s)
        for name, value in made.signals.items():
            while True:
                try:
                    await client.signal(run, name, value)
                    self.journal.counts["signals"] += 1
                    break
                except BusError:
                    await asyncio.sleep(RETRY_S)
        while made.events and not ending.done():
            for name, value in made.events:
                with contextlib.suppress(BusError):
                    await client.publish_event(name, value)
                    self.journal.counts["events"] += 1
            await asyncio.sleep(EVENT_INTERVAL_S)

    async def _cancel(self, client: Client, run: str) -> None:
        self.journal.runs[run].cancelled = True
        with contextlib.suppress(BusError):
            await client.cancel(run, "chaos")
            self.journal.counts["cancels"] += 1

    async def _resolved(self, client: Client, ended: RunEnded) -> object:
        while True:
            try:
                return await resolved(client, ended)
            except BusError as error:
                if error.kind not in ("timed_out", "unavailable"):
                    return f"cannot be read: {error}"
                await asyncio.sleep(RETRY_S)

    async def _ask(self) -> None:
        """Ask about runs that are under way, and about some that have ended."""
        # Not for ever: what is cancelled in the moment in which an answer comes may go on (`asyncio.wait_for` before 3.12).
        while not self._stopping.is_set():
            await asyncio.sleep(1 / SHOWS_PER_S)
            if self._recent:
                client = self._chance.choice(self._clients)
                await self.show(client, self._chance.choice(self._recent))

    async def show(self, client: Client, run: str, tries: int = 1) -> bool:
        """Ask about a run once; whether there was an answer."""
        for _ in range(tries):
            asked_s = time.monotonic()
            try:
                view = await client.show(run, nodes=True, values=True)
            except BusError:
                await asyncio.sleep(RETRY_S if tries > 1 else 0)
                continue
            self.journal.shown(run, view, asked_s)
            return True
        return False

    async def show_all(self) -> int:
        """Ask about every run once more; how many gave no answer."""
        silent = 0
        queue = list(self.journal.runs)

        async def worker(client: Client) -> None:
            nonlocal silent
            while queue:
                run = queue.pop()
                if not await self.show(client, run, tries=20):
                    silent += 1

        await asyncio.gather(*(worker(client) for client in self._clients for _ in range(8)))
        return silent

    async def history(self, run: str) -> list[HistoryEntry]:
        """What happened to a run, as the system tells it."""
        return await self._clients[0].history(run) or []
