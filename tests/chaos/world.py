"""The system under attack: every process in its own, each behind a proxy of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from conductor.bus import BusOptions, NatsBus
from conductor.embedded import System, SystemOptions, roles
from conductor.embedded.broker import free_port
from conductor.embedded.roles import Permissions
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import Role

STOCK, PYTHON = "stock", "tests-chaos-functions"
POOLS = {STOCK: 3, PYTHON: 2}
WORKERS = f"{STOCK}=1-3x4,tests.chaos.functions=1-2x4"
"""Fewer than may be needed: the Pool Manager starts and stops some while others die."""
SNAPSHOT_S = 3
KILL_PATIENCE_S = 60.0
CLIENT = "client-default"


@dataclass
class World:
    """`async with World(folder) as world`."""

    data: Path
    partitions: int = 2
    conductors: int = 2
    trackers: int = 2
    system: System = field(init=False)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def __aenter__(self) -> World:
        port = free_port(None)
        async with contextlib.AsyncExitStack() as stack:
            for name in self.names():
                self.proxies[name] = await stack.enter_async_context(Proxy(port))
            addresses = {name: proxy.url for name, proxy in self.proxies.items()}
            options = SystemOptions(
                self.data, port, "each", WORKERS, self.partitions,
                conductors=self.conductors, trackers=self.trackers, addresses=addresses, snapshot_s=SNAPSHOT_S,
            )  # fmt: skip
            self.system = await stack.enter_async_context(System(options))
            self.system.mint(
                "observer", Permissions((), ("sym.task.>", "sym.log.>", "sym.ready.*", "$KV.sym_owners.>"))
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.heal()
        await self._stack.aclose()

    def names(self) -> list[str]:
        """The processes that have a proxy, and the clients."""
        conductors = [f"conductor-{number}" for number in range(self.conductors)]
        workers = [f"{pool}-{number}" for pool, count in POOLS.items() for number in range(count)]
        trackers = [f"pit-dag-{number}" for number in range(1, self.trackers)]
        return [*conductors, *(f"pit-{role}" for role in roles.PIT), *trackers, *workers, CLIENT]

    def of(self, role: Role) -> list[str]:
        """The processes of a role."""
        pit = {"pool": "pit-pool", "arbitration": "pit-arbitration", "store": "pit-store"}
        pit |= {"stale": "pit-stale", "broker": "broker", "client": CLIENT}
        if role in pit:
            return [pit[role]]
        prefix = {"worker": STOCK, "python": PYTHON, "conductor": "conductor", "tracker": "pit-dag"}[role]
        return [name for name in self.names() if name == prefix or name.startswith(f"{prefix}-")]

    def cut(self, name: str) -> list[Proxy]:
        """The proxies between a process and the broker; of the broker, all."""
        return list(self.proxies.values()) if name == "broker" else [self.proxies[name]]

    def pid(self, name: str) -> int | None:
        """The process of a name, while there is one."""
        for process in self.system.processes:
            if process.name == name:
                return process.pid if psutil.pid_exists(process.pid) else None
        for child in self._children():
            with contextlib.suppress(psutil.Error):
                if child.environ().get("SYMPHONY_WORKER") == name and child.status() != psutil.STATUS_ZOMBIE:
                    return child.pid
        return None

    def _children(self) -> list[psutil.Process]:
        """The workers, those too whose Pool Manager is gone."""
        found = []
        for process in psutil.process_iter(["environ"]):
            creds = (process.info["environ"] or {}).get("SYMPHONY_CREDS", "")
            if creds.startswith(str(self.system.layout.creds)):
                found.append(process)
        return found

    def signal(self, name: str, number: signal.Signals) -> int | None:
        """Send a signal; the process that got it."""
        pid = self.pid(name)
        if pid is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return pid
        return None

    def resume(self, pid: int | None) -> None:
        """Let a stopped process go on."""
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def heal(self) -> None:
        """Nothing is stopped or cut off any more."""
        for proxy in self.proxies.values():
            proxy.set("pass")
        with contextlib.suppress(AttributeError):
            for name in [*self.names(), "broker"]:
                self.signal(name, signal.SIGCONT)

    async def kill_all(self) -> None:
        """Kill every process, and wait until all are back."""
        before = {process.name: process.pid for process in self.system.processes}
        for name in ["broker", *self.names()]:
            self.signal(name, signal.SIGKILL)

        def back() -> bool:
            return all(process.pid != before[process.name] for process in self.system.processes)

        if not await until(back, KILL_PATIENCE_S):
            raise AssertionError("a process that was killed did not come back")

    async def connect(self, user: str, through: str | None = None) -> NatsBus:
        """A connection as a user, straight to the broker or through a proxy."""
        url = self.proxies[through].url if through else self.system.url
        return await NatsBus.connect(BusOptions(url, user, self.system.layout.cred(user), wait_s=30))

    @property
    def snapshots(self) -> Path:
        """Where the tracker's snapshots lie."""
        return self.system.layout.pit / "snapshots"


async def until(condition: object, timeout_s: float) -> bool:
    """Wait for a condition; whether it came true in time."""
    assert callable(condition)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.005)
            return True
    return False
