"""A whole system on one machine: broker, Pit, conductor and workers, each a process, started in order and supervised."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conductor import __version__
from conductor.bus import BusError, BusOptions, NatsBus
from conductor.bus.streams import api, ensure_streams
from conductor.bus.tasks import stopped
from conductor.embedded import binaries, broker, pit, roles
from conductor.embedded.disk import Disk
from conductor.embedded.errors import EmbeddedError
from conductor.embedded.keys import Authority, mesh_secret
from conductor.embedded.layout import Layout, ServiceState, State
from conductor.embedded.processes import Process
from conductor.wire import subjects

_log = logging.getLogger("symphony.embedded")

TENANT = "default"
READY_POLL_S = 0.001
STATE_INTERVAL_S = 1.0
WORKERS_PATIENCE_S = 20.0
PROBE = "SYM_PROBE"
"""A stream that is made and deleted, to see whether several brokers are one."""


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """What `symphony up` may be told. `pit` is `one` process for the five, or `each` its own; those in `without` are not
    started: something else takes their place, with the credentials that are made for it. Then each is its own.

    Conductors and trackers share the partitions; those beyond the partitions stand by, and take over from one that dies.
    `addresses` are the broker's URL as a process of a name (`conductor-0`, `pit-dag`, `stock-0`) reaches it, where that
    is by another way than the supervisor's own. `snapshot_s`: the least time between two snapshots of a partition.
    `disk_reserve_mib`: what is kept free of submissions, for what is under way.
    `dag`: numbers of the tracker's configuration (`live_runs_max`, `memory_high_mib`, ...) and `bounds`: bytes of streams
    by name, where they are to be other than usual.
    """

    data: Path
    port: int | None = None
    pit: str = "one"
    workers: str | None = None
    partitions: int = 1
    durable: bool = True
    conductors: int = 1
    trackers: int = 1
    addresses: Mapping[str, str] = field(default_factory=dict)
    snapshot_s: int = 30
    disk_reserve_mib: int = 256
    dag: Mapping[str, int] = field(default_factory=dict)
    bounds: Mapping[str, int] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    brokers: int = 1
    """More than one have everything: each stream is on all of them, and served as long as more than half are there."""

    @property
    def names(self) -> list[str]:
        """The conductors' names."""
        return [f"conductor-{number}" for number in range(self.conductors)]


class System:
    """An embedded system. `async with System(options)` starts and stops it."""

    def __init__(self, options: SystemOptions) -> None:
        self.options = options
        self.layout = Layout(options.data)
        self.url = ""
        self.processes: list[Process] = []
        self._bus: NatsBus | None = None
        self._started_at_ms = 0
        self._keeper: asyncio.Task[None] | None = None
        self._disk: Disk | None = None

    async def __aenter__(self) -> System:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything, in order.

        Raises:
            EmbeddedError: `wrong`: the folder, the port or the machine cannot be used; `failed`: a process fails.
        """
        options, layout = self.options, self.layout
        pools = pit.parse_workers(options.workers or pit.default_workers())
        server, program = binaries.nats_server(), binaries.pit()
        layout.prepare()
        layout.lock()
        try:
            port = broker.free_port(options.port)
            self.url = f"nats://127.0.0.1:{port}"
            authority = Authority(layout.keys)
            self._mint(authority)
            pit_config = layout.config / "pit.toml"
            site = pit.Site(
                self.url, options.addresses, options.partitions, {"snapshot_seconds": options.snapshot_s, **options.dag}
            )
            pit.write_config(pit_config, layout, site, pools, authority)
            self._started_at_ms = int(time.time() * 1000)
            await self._start_brokers(server, port, authority)
            assert self._bus is not None
            self._disk = Disk(layout.broker, options.disk_reserve_mib << 20, self._bus, self.processes[0])
            await self._start_pit(program, pit_config)
            await asyncio.gather(*(self._start_conductor(name) for name in options.names))
            self._write_state()
            await self._await_workers(0 if "pool" in options.without else sum(pool.min for pool in pools))
        except BaseException:
            await self.stop()
            raise
        self._keeper = asyncio.create_task(self._keep_state())

    async def stop(self) -> None:
        """Stop everything, the last started first; then let the folder go."""
        if self._keeper is not None:
            await stopped([self._keeper])
        if self._disk is not None:
            await self._disk.close()
        broker_process = [process for process in self.processes if process.kind == "broker"]
        others = [process for process in self.processes if process.kind != "broker"]
        await asyncio.gather(*(process.stop() for process in reversed(others)))
        if self._bus is not None:
            await self._bus.close()
        for process in broker_process:
            await process.stop()
        self.layout.forget_state()
        self.layout.unlock()

    def mint(self, name: str, permissions: roles.Permissions) -> Path:
        """Credentials for one more user of this system."""
        path = self.layout.cred(name)
        Authority(self.layout.keys).mint(name, permissions, path)
        return path

    def _address(self, name: str) -> str:
        return self.options.addresses.get(name, self.url)

    def _mint(self, authority: Authority) -> None:
        layout = self.layout
        mesh_secret(layout.keys / "mesh.secret")
        users = {
            "supervisor": roles.operator(),
            "operator": roles.operator(),
            f"client-{TENANT}": roles.client(TENANT),
        }
        users |= {name: roles.conductor(name) for name in self.options.names}
        users |= {user: roles.pit(role) for user, role in self._pit_users().items()}
        users |= {_pit_user(role): roles.pit(role) for role in self.options.without}
        for name, permissions in users.items():
            authority.mint(name, permissions, layout.cred(name))

    async def _start_brokers(self, server: Path, port: int, authority: Authority) -> None:
        layout, count = self.layout, self.options.brokers
        routes = tuple(broker.free_port(None) for _ in range(count))
        secret = secrets.token_hex(16)
        for number in range(count):
            peer = broker.Peer(number, routes, secret) if count > 1 else None
            name = "broker" if number == 0 else f"broker-{number}"
            config = layout.config / ("nats.conf" if number == 0 else f"nats-{number}.conf")
            data = layout.broker if number == 0 else layout.root / name
            own = port if number == 0 else broker.free_port(None)
            broker.write_config(config, data, own, authority, self.options.durable, peer)
            command = [str(server), "-c", str(config)]
            ready = self._connect if number == 0 else _at_once
            self.processes.append(Process(name, "broker", command, {}, layout.logs / f"{name}.log", ready))
        await asyncio.gather(*(process.start() for process in self.processes))
        assert self._bus is not None
        await self._led()
        try:
            await ensure_streams(self._bus, self.options.partitions, self.options.bounds, count)
        except BusError as error:
            raise EmbeddedError("wrong" if error.kind == "config" else "failed", str(error)) from None

    async def _led(self) -> None:
        """Until several brokers have chosen who leads them, and all have joined: streams are made on all of them."""
        assert self._bus is not None
        if self.options.brokers == 1:
            return
        probe = {"name": PROBE, "subjects": ["sym.probe"], "num_replicas": self.options.brokers}
        deadline = time.monotonic() + WORKERS_PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(BusError):
                if "error" not in await api(self._bus, f"STREAM.CREATE.{PROBE}", probe):
                    await api(self._bus, f"STREAM.DELETE.{PROBE}", {})
                    return
            await asyncio.sleep(0.1)
        raise EmbeddedError("failed", f"the brokers do not find each other: see {self.layout.logs}")

    async def _connect(self) -> None:
        if self._bus is None:
            options = BusOptions(self.url, "supervisor", self.layout.cred("supervisor"), wait_s=15)
            try:
                self._bus = await NatsBus.connect(options)
            except BusError as error:
                raise EmbeddedError("failed", str(error)) from None
        while not self._bus.connected:  # noqa: ASYNC110 - the client reconnects by itself and tells nobody
            await asyncio.sleep(READY_POLL_S)

    async def _start_pit(self, program: Path, config: Path) -> None:
        for user, role in self._pit_users().items():
            services = list(roles.PIT) if role == "all" else [role]
            env = {
                "SYMPHONY_URL": self._address(user),
                "SYMPHONY_CREDS": str(self.layout.cred(user)),
                "SYMPHONY_PIT_NAME": user,
            }
            command = [str(program), role, "--config", str(config)]
            log = self.layout.logs / f"{user}.log"
            answered: dict[str, float] = {}
            ready = self._answering(services, answered)
            process = Process(user, "pit", command, env, log, ready, answered=answered)
            self.processes.append(process)
        await asyncio.gather(*(process.start() for process in self.processes if process.kind == "pit"))

    def _pit_users(self) -> dict[str, str]:
        """The processes of the Pit, by user: their roles. Trackers after the first are processes of their own."""
        without = self.options.without
        whole = self.options.pit == "one" and not without
        names = ["all"] if whole else [role for role in roles.PIT if role not in without]
        more = {f"pit-dag-{number}": "dag" for number in range(1, self.options.trackers)}
        return {_pit_user(role): role for role in names} | more

    def _pinged(self, name: str) -> Callable[[], Awaitable[None]]:
        """Wait until a conductor answers under its own name: others may be there already."""

        async def wait() -> None:
            await self._ask(subjects.pit("conductor", "ping", name))

        return wait

    def _answering(self, services: list[str], answered: dict[str, float]) -> Callable[[], Awaitable[None]]:
        """Wait until every one of some micro services answers; note when each did, in milliseconds from now."""

        async def wait() -> None:
            began = time.perf_counter()

            async def one(name: str) -> None:
                await self._ping(name)
                answered[name] = round((time.perf_counter() - began) * 1000, 2)

            await asyncio.gather(*(one(name) for name in services))

        return wait

    async def _ping(self, name: str) -> None:
        await self._ask(f"$SRV.PING.{name}")

    async def _ask(self, subject: str) -> None:
        assert self._bus is not None
        while True:
            try:
                await self._bus.request(subject, b"", 1.0)
                return
            except BusError:
                await asyncio.sleep(READY_POLL_S)

    async def _start_conductor(self, name: str) -> None:
        env = {
            "SYMPHONY_URL": self._address(name),
            "SYMPHONY_CREDS": str(self.layout.cred(name)),
            "SYMPHONY_CONDUCTOR": name,
            "SYMPHONY_SECRET_FILE": str(self.layout.keys / "mesh.secret"),
            "SYMPHONY_PARTITIONS": str(self.options.partitions),
        }
        command = [sys.executable, "-m", "conductor.kernel"]
        log = self.layout.logs / f"{name}.log"
        process = Process(name, "conductor", command, env, log, self._pinged(name))
        self.processes.append(process)
        await process.start()

    async def _await_workers(self, count: int) -> None:
        """Until the first workers are leased: `up` is done when a run would run."""
        from conductor.embedded.inspect import leased_workers  # noqa: PLC0415 - it imports the messages

        assert self._bus is not None
        deadline = time.monotonic() + WORKERS_PATIENCE_S
        while (count and await leased_workers(self._bus) < count) or not await self._dispatch():
            if time.monotonic() > deadline:
                raise EmbeddedError("failed", f"the workers do not come up: see {self.layout.logs}")
            await asyncio.sleep(0.02)

    async def _dispatch(self) -> bool:
        """Whether every partition has an owner that gives tasks to workers."""
        from conductor.embedded.inspect import owned  # noqa: PLC0415 - it imports the messages

        assert self._bus is not None
        return len(await owned(self._bus, self.options.names)) == self.options.partitions

    def state(self) -> State:
        """What the other verbs find the system by."""
        services = []
        for process in self.processes:
            answered = process.answered
            names = sorted(answered) or [process.name]
            for name in names:
                ready = answered.get(name, process.ready_ms)
                services.append(
                    ServiceState(
                        name=name, kind=process.kind, pid=process.pid, ready_ms=ready, restarts=process.restarts
                    )
                )
        return State(
            url=self.url,
            pid=os.getpid(),
            version=__version__,
            partitions=self.options.partitions,
            conductors=self.options.conductors,
            tenant=TENANT,
            started_at_ms=self._started_at_ms,
            durability="always" if self.options.durable else "interval",
            services=services,
        )

    def _write_state(self) -> None:
        self.layout.write_state(self.state())

    async def _keep_state(self) -> None:
        """Tell of processes that were started again."""
        told = None
        while True:
            now = [(process.pid, process.restarts, process.ready_ms) for process in self.processes]
            if now != told:
                try:
                    self._write_state()
                    told = now
                except OSError as error:  # a full disk: told again once there is room
                    _log.warning("the state of the system is not written down: %s", error)
            await asyncio.sleep(STATE_INTERVAL_S)


async def _at_once() -> None:
    """Nothing is waited for here: whoever comes first is."""


def _pit_user(role: str) -> str:
    return "pit" if role == "all" else f"pit-{role}"
