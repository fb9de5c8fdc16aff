"""The nemesis: does what a schedule says to the processes of a world, and undoes what does not undo itself."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass

from tests.chaos.checker import Disturbance
from tests.chaos.holding import Struck
from tests.chaos.recovery import Observer
from tests.chaos.schedule import Fault
from tests.chaos.world import World, until

SNAPSHOT_PATIENCE_S = 8.0
TAKEOVER_PATIENCE_S = 10.0
LEASE_S = 2.0
"""Who is stopped for less keeps what it holds."""
SETTLE_S = 5.0
"""After a process is back, until nothing may be lost by what was done to it: dead workers are found, leases taken."""


@dataclass
class Done:
    """A fault as it was done. `pid` is None where there was no such process at that moment."""

    fault: Fault
    name: str
    begin_s: float
    end_s: float
    pid: int | None

    def __str__(self) -> str:
        where = f"process {self.pid}" if self.pid else "nobody there"
        return f"{self.fault} -> {self.name} ({where})"


class Nemesis:
    """`run` goes through a schedule; `done` is what became of it."""

    def __init__(self, world: World, observer: Observer, schedule: list[Fault]) -> None:
        self._world = world
        self._observer = observer
        self._schedule = schedule
        self._under_way: set[asyncio.Task[None]] = set()
        self.done: list[Done] = []

    async def run(self, seconds: float) -> None:
        """For so long; everything is healed then."""
        began = time.monotonic()
        try:
            for fault in self._schedule:
                await asyncio.sleep(max(0.0, began + fault.at_s - time.monotonic()))
                task = asyncio.create_task(self._strike(fault))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
            if self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            self._world.heal()

    def disturbances(self) -> list[Disturbance]:
        """When attempts may have been lost."""
        return [Disturbance(done.begin_s, done.end_s + SETTLE_S) for done in self.done]

    def struck(self) -> list[Struck]:
        """Workers that may have been taken for dead, and were not: stopped, or cut off. One that was killed is dead."""
        found = []
        for done in self.done:
            if done.fault.role == "broker":
                found.append(Struck(None, done.begin_s, done.end_s))
            elif done.fault.role in ("worker", "python") and done.fault.kind in ("stop", "cut"):
                found.append(Struck(done.name, done.begin_s, done.end_s))
        return found

    async def _strike(self, fault: Fault) -> None:
        names = self._world.of(fault.role)
        name = names[fault.which % len(names)]
        alone = len(self._under_way) <= 1
        if fault.kind == "kill_in_snapshot":
            await until(self._snapshot_begins(), SNAPSHOT_PATIENCE_S)
        done = Done(fault, name, time.monotonic(), float("inf"), None)
        self.done.append(done)
        try:
            await self._do(fault, done, alone)
        finally:
            done.end_s = time.monotonic()

    async def _do(self, fault: Fault, done: Done, alone: bool) -> None:
        world, name = self._world, done.name
        if fault.kind == "cut":
            proxies = world.cut(name)
            for proxy in proxies:
                proxy.set(fault.mode)
            done.pid = world.pid(name)
            await asyncio.sleep(fault.duration_s)
            for proxy in proxies:
                proxy.set("pass")
            return
        if fault.kind == "stop":
            done.pid = world.signal(name, signal.SIGSTOP)
            if done.pid is not None and fault.role in ("conductor", "tracker") and fault.duration_s > LEASE_S:
                self._observer.begin(fault.role, fault.kind, name, done.pid, alone)
            await asyncio.sleep(fault.duration_s)
            world.resume(done.pid)
            return
        number = signal.SIGTERM if fault.kind == "restart" else signal.SIGKILL
        done.pid = world.signal(name, number)
        if done.pid is not None:
            self._observer.begin(fault.role, fault.kind, name, done.pid, alone)
        if fault.kind == "kill_in_takeover":
            await self._successor(fault, done)

    async def _successor(self, fault: Fault, done: Done) -> None:
        """Whoever takes over is killed as soon as it does."""
        observer, world = self._observer, self._world
        if fault.role == "conductor":
            before = dict(observer.owners)

            def new() -> bool:
                return any(now[1] > before.get(number, ("", 0))[1] for number, now in observer.owners.items())

            if await until(new, TAKEOVER_PATIENCE_S):
                owners = [now[0] for number, now in observer.owners.items() if now != before.get(number)]
                world.signal(owners[0], signal.SIGKILL)
            return
        old = done.pid
        if await until(lambda: world.pid(done.name) not in (None, old), TAKEOVER_PATIENCE_S):
            await asyncio.sleep(0.05)  # while it reads its snapshot
            world.signal(done.name, signal.SIGKILL)

    def _snapshot_begins(self) -> object:
        folder = self._world.snapshots
        before = {path.name for path in folder.rglob("*.*")}
        return lambda: any(path.name not in before for path in folder.rglob("*.*"))
