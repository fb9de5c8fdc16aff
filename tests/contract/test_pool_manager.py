"""What a Pool Manager promises over the bus, of the stock one and of the example that takes its place."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from conductor.bus import NatsBus
from conductor.bus.streams import ensure_streams
from conductor.embedded import binaries
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.extensions import Function, Manifest
from conductor.wire.grants import Activate, Demand, Grant, Lease, Nothing, PoolGrant, PoolShow, Register, Reply
from conductor.wire.heartbeat import Heartbeat
from tests.broker import Broker

pytestmark = pytest.mark.broker
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "pool-manager" / "pool_manager.py"
PATIENCE_S = 10.0
BEAT_S = 0.25


def command(kind: str, url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """How a Pool Manager is started on a broker without accounts."""
    if kind == "example":
        return [sys.executable, str(EXAMPLE), url], {}
    config = folder / "pit.toml"
    config.write_text("[pool]\n")
    return [str(binaries.pit()), "pool", "--config", str(config)], {
        "SYMPHONY_URL": url,
        "SYMPHONY_PIT_NAME": "pit-pool",
    }


class Mesh:
    """Conductors and workers as the Pool Manager under test sees them."""

    def __init__(self, bus: NatsBus) -> None:
        self.bus = bus
        self.last: dict[str, PoolGrant] = {}
        self.sequences: dict[str, list[tuple[str, int]]] = {}
        self._beats: dict[str, tuple[asyncio.Task[None], dict[str, Any]]] = {}
        self._demands: dict[str, asyncio.Task[None]] = {}
        self._heard: list[asyncio.Task[None]] = []

    async def ask(self, operation: str, message: Any, kind: Any) -> Any:
        return decode(await self.bus.request(subjects.pit("pool", operation), encode(message)), kind)

    async def conductor(self, name: str) -> None:
        """One that states its demand every second, and hears its grants."""
        mailbox = await self.bus.subscribe(subjects.grant(name))

        async def hear() -> None:
            while True:
                await mailbox.wait()
                for received in mailbox.take_all():
                    grant = decode(received.data, Grant)
                    assert isinstance(grant, PoolGrant)
                    assert grant.conductor == name
                    self.last[name] = grant
                    self.sequences.setdefault(name, []).append((grant.issuer, grant.sequence))

        async def demand() -> None:
            while True:
                await self.bus.publish(subjects.pit("pool", "demand"), encode(Demand(conductor=name, partitions=[0])))
                await asyncio.sleep(1)

        self._heard.append(asyncio.create_task(hear()))
        self._demands[name] = asyncio.create_task(demand())

    def leave(self, name: str) -> None:
        """The conductor falls silent."""
        self._demands.pop(name).cancel()

    async def worker(self, name: str, slots: int = 4, capability: str = "text.count") -> None:
        """One that beats and has been activated."""
        said: dict[str, Any] = {"state": "serving", "slots": slots}

        async def beat() -> None:
            number = 0
            while True:
                number += 1
                await self.bus.publish(subjects.heartbeat(name), encode(Heartbeat(worker=name, beat=number, **said)))
                await asyncio.sleep(BEAT_S)

        self._beats[name] = (asyncio.create_task(beat()), said)
        await self.until(lambda: self.knows(name))
        functions = [Function(capability=capability)]
        reply = await self.ask(
            "activate", Activate(worker=name, manifest=Manifest(name="example", functions=functions)), Reply
        )
        assert reply.ok

    async def knows(self, name: str) -> bool:
        shown = await self.ask("show", Nothing(), PoolShow)
        return any(view.worker == name for view in shown.workers)

    def says(self, name: str, **words: Any) -> None:
        """Other words in its next beats."""
        self._beats[name][1].update(words)

    def falls_silent(self, name: str) -> None:
        self._beats[name][0].cancel()

    def lease(self, conductor: str, worker: str) -> Lease | None:
        grant = self.last.get(conductor)
        leases = [] if grant is None else [lease for lease in grant.leases if lease.worker == worker]
        return leases[0] if leases and leases[0].slots else None

    def slots(self, conductor: str, worker: str) -> int:
        lease = self.lease(conductor, worker)
        return 0 if lease is None else lease.slots

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = true()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.02)

    def close(self) -> None:
        for task in (*(beat for beat, _ in self._beats.values()), *self._demands.values(), *self._heard):
            task.cancel()


@pytest.fixture(params=["stock", "example"])
async def mesh(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Mesh]:
    async with Broker() as broker:
        bus = await broker.connect("mesh")
        await ensure_streams(bus, 1)
        arguments, env = command(request.param, broker.url, tmp_path)
        process = await asyncio.create_subprocess_exec(*arguments, env=os.environ | env)
        made = Mesh(bus)
        try:

            async def answers() -> bool:
                try:
                    await made.ask("show", Nothing(), PoolShow)
                except Exception:
                    return False
                return True

            await made.until(answers)
            yield made
        finally:
            made.close()
            process.kill()
            await process.wait()
            await bus.close()


async def test_what_is_activated_is_leased_before_the_answer_with_all_its_slots(mesh: Mesh) -> None:
    await mesh.conductor("c")
    await mesh.worker("w", slots=3)
    await mesh.until(lambda: mesh.slots("c", "w") == 3)
    lease = mesh.lease("c", "w")
    assert lease is not None
    assert (lease.capabilities, lease.queue) == (["text.count"], False)
    assert 1000 <= lease.expires_in_ms <= 10_000


async def test_grants_are_absolute_repeated_and_numbered_upwards_by_one_issuer(mesh: Mesh) -> None:
    await mesh.conductor("c")
    await mesh.worker("w")
    await mesh.worker("v")
    await mesh.until(lambda: mesh.lease("c", "w") is not None and mesh.lease("c", "v") is not None)
    first = len(mesh.sequences["c"])
    await mesh.until(lambda: len(mesh.sequences["c"]) >= first + 3)
    numbers = [sequence for _, sequence in mesh.sequences["c"]]
    assert numbers == sorted(set(numbers))
    assert len({issuer for issuer, _ in mesh.sequences["c"]}) == 1
    assert {lease.worker for lease in mesh.last["c"].leases} == {"w", "v"}


async def test_a_worker_without_an_active_function_is_leased_to_nobody(mesh: Mesh) -> None:
    await mesh.conductor("c")
    await mesh.worker("w")
    await mesh.until(lambda: mesh.lease("c", "w") is not None)
    taken_back = Activate(worker="w", manifest=Manifest(name="example"), active=False, reason="it lied")
    assert (await mesh.ask("activate", taken_back, Reply)).ok
    await mesh.until(lambda: mesh.lease("c", "w") is None)


async def test_two_conductors_share_and_never_hold_more_than_there_is(mesh: Mesh) -> None:
    await mesh.conductor("c")
    await mesh.worker("w", slots=4)
    await mesh.until(lambda: mesh.slots("c", "w") == 4)
    await mesh.conductor("d")
    most = 0

    def shared() -> bool:
        nonlocal most
        most = max(most, mesh.slots("c", "w") + mesh.slots("d", "w"))
        return mesh.slots("d", "w") > 0

    await mesh.until(shared)
    assert most <= 4
    assert mesh.slots("c", "w") + mesh.slots("d", "w") == 4


async def test_what_a_conductor_held_that_is_gone_comes_to_the_others(mesh: Mesh) -> None:
    await mesh.conductor("c")
    await mesh.conductor("d")
    await mesh.worker("w", slots=4)
    await mesh.until(lambda: mesh.slots("c", "w") > 0 and mesh.slots("d", "w") > 0)
    mesh.leave("d")
    await mesh.until(lambda: mesh.slots("c", "w") == 4)


async def test_who_falls_silent_is_told_dead_and_who_stopped_is_not(mesh: Mesh) -> None:
    await mesh.conductor("c")
    await mesh.worker("silent")
    await mesh.worker("polite")
    await mesh.until(lambda: mesh.lease("c", "silent") is not None and mesh.lease("c", "polite") is not None)
    mesh.falls_silent("silent")
    mesh.says("polite", state="stopped")
    await mesh.until(lambda: mesh.lease("c", "polite") is None)
    mesh.falls_silent("polite")
    await mesh.until(lambda: "silent" in mesh.last["c"].dead)
    assert mesh.lease("c", "silent") is None
    assert "polite" not in mesh.last["c"].dead


async def test_who_drains_is_leased_no_more_and_stays_known(mesh: Mesh) -> None:
    await mesh.conductor("c")
    await mesh.worker("w")
    await mesh.until(lambda: mesh.lease("c", "w") is not None)
    mesh.says("w", state="draining", busy=1)
    await mesh.until(lambda: mesh.lease("c", "w") is None)
    assert await mesh.knows("w")
    assert "w" not in mesh.last["c"].dead


async def test_a_plain_client_has_fixed_slots_a_queue_and_a_time_out(mesh: Mesh) -> None:
    await mesh.conductor("c")
    offer = Register(worker="plain", slots=2, capabilities=["plain.reverse"], timeout_ms=5_000)
    assert (await mesh.ask("register", offer, Reply)).ok
    await mesh.until(lambda: mesh.slots("c", "plain") == 2)
    lease = mesh.lease("c", "plain")
    assert lease is not None
    assert (lease.queue, lease.timeout_ms, lease.capabilities) == (True, 5_000, ["plain.reverse"])


async def test_garbage_stops_nothing(mesh: Mesh) -> None:
    for subject in (subjects.heartbeat("w"), subjects.pit("pool", "demand")):
        for data in (b"", b"\xc1", b"\x93\x01\x02\x03", encode(Nothing())):
            await mesh.bus.publish(subject, data)
    await mesh.conductor("c")
    await mesh.worker("w")
    await mesh.until(lambda: mesh.lease("c", "w") is not None)
