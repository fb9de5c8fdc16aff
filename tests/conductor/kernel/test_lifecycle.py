"""Extensions: what is validated before a worker's slots may be leased."""

from __future__ import annotations

import asyncio

from conductor.bus import Endpoint
from conductor.bus.interface import Received
from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.kernel.lifecycle import Lifecycle, problems
from conductor.wire.base import decode, encode
from conductor.wire.extensions import ExtensionEvent, Function, Manifest, Parameter
from conductor.wire.grants import Activate, Reply
from conductor.wire.heartbeat import Heartbeat


def manifest(*functions: Function) -> Manifest:
    return Manifest(name="m", functions=list(functions))


def test_what_contradicts_itself_or_others_is_refused() -> None:
    known = {"f": Function(capability="f", inputs={"a": Parameter(type="string")})}
    assert problems(manifest(Function(capability="g")), known) == []
    assert problems(manifest(), known) == ["it offers no function"]
    assert problems(manifest(Function(capability="g"), Function(capability="g")), {}) == ["g is offered twice"]
    other = Function(capability="f", inputs={"a": Parameter(type="integer")})
    assert "another contract" in problems(manifest(other), known)[0]
    assert problems(manifest(Function(capability="f", version="2.0.0")), known) == []
    assert "0 ms" in problems(manifest(Function(capability="h", timeout_ms=0)), {})[0]


async def settled(lifecycle: Lifecycle) -> None:
    async with asyncio.timeout(5):
        while lifecycle._busy:
            await asyncio.sleep(0.001)


async def test_the_steps_of_a_life_are_events_and_only_a_valid_worker_is_activated() -> None:
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    activated: list[str] = []

    async def activate(message: Received) -> bytes:
        activated.append(decode(message.data, Activate).worker)
        return encode(Reply())

    await bus.serve("pool", "1", "", [Endpoint("activate", "sym.pit.pool.activate", activate)])
    heard = await bus.subscribe("sym.ext.*")
    lifecycle = Lifecycle(bus, "c")
    good = manifest(Function(capability="f", retry_safe=False))
    lifecycle.beat(Heartbeat(worker="w", beat=0, manifest=good), 0)
    await settled(lifecycle)
    lifecycle.beat(Heartbeat(worker="w", beat=1, manifest=good), 250)
    lifecycle.beat(Heartbeat(worker="bad", beat=0, manifest=manifest()), 250)
    await settled(lifecycle)
    lifecycle.beat(Heartbeat(worker="w", beat=2, state="stopped"), 500)
    await settled(lifecycle)
    events = [(decode(m.data, ExtensionEvent).event, decode(m.data, ExtensionEvent).worker) for m in heard.take_all()]
    assert events == [
        ("registered", "w"),
        ("validated", "w"),
        ("activated", "w"),
        ("registered", "bad"),
        ("rejected", "bad"),
        ("unloaded", "w"),
    ]
    assert activated == ["w"]
    assert lifecycle.functions == {}


async def test_what_is_not_safe_to_repeat_is_known() -> None:
    broker = MemoryBroker()
    bus = MemoryBus(broker)

    async def activate(_: Received) -> bytes:
        return encode(Reply())

    await bus.serve("pool", "1", "", [Endpoint("activate", "sym.pit.pool.activate", activate)])
    lifecycle = Lifecycle(bus, "c")
    lifecycle.beat(Heartbeat(worker="w", beat=0, manifest=manifest(Function(capability="f", retry_safe=False))), 0)
    await settled(lifecycle)
    assert not lifecycle.retry_safe("f")
    assert lifecycle.retry_safe("unknown")
    lifecycle.reconcile(leased=set(), alive={"w"})
    await settled(lifecycle)


async def test_an_unknown_worker_is_asked_for_its_manifest() -> None:
    bus = MemoryBus(MemoryBroker())
    calls = await bus.subscribe("sym.heartbeat")
    lifecycle = Lifecycle(bus, "c")
    lifecycle.beat(Heartbeat(worker="w", beat=7), 10_000)
    lifecycle.beat(Heartbeat(worker="v", beat=7), 10_001)
    await settled(lifecycle)
    assert len(calls.take_all()) == 1
