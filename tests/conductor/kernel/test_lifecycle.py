"""Extensions: what is validated before a worker's slots may be leased."""

from __future__ import annotations

import asyncio

from conductor.bus import Endpoint
from conductor.bus.interface import Received
from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.kernel.lifecycle import Lifecycle, problems
from conductor.kernel.retirement import ASK_INTERVAL_MS, GRACE_MS
from conductor.wire.base import decode, encode
from conductor.wire.extensions import Active, ActiveList, ExtensionEvent, Function, ListActive, Manifest, Parameter
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


class Ring:
    """A life cycle among services that say yes; the tracker names `active` extensions of the log."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.bus = MemoryBus(self.broker)
        self.active: list[str] = []
        self.lifecycle = Lifecycle(self.bus, "c")

    async def start(self) -> None:
        self.heard = await self.bus.subscribe("sym.ext.*")

        async def yes(_: Received) -> bytes:
            return encode(Reply())

        async def active(message: Received) -> bytes:
            left = [name for name in sorted(self.active) if name > decode(message.data, ListActive).after]
            found = [Active(worker=name, extension="m", version="1", digest="0" * 64) for name in left[:1]]
            return encode(ActiveList(extensions=found, more=len(left) > 1))

        await self.bus.serve("pool", "1", "", [Endpoint("activate", "sym.pit.pool.activate", yes)])
        await self.bus.serve("dag", "1", "", [Endpoint("active", "sym.pit.dag.active", active)])

    async def events(self) -> list[tuple[str, str, str]]:
        await settled(self.lifecycle)
        found = [decode(message.data, ExtensionEvent) for message in self.heard.take_all()]
        return [
            (event.event, event.worker, event.reason) for event in found if event.event in ("activated", "unloaded")
        ]


async def test_a_worker_that_only_restarts_stays_known_and_one_that_is_gone_does_not() -> None:
    ring = Ring()
    await ring.start()
    offered = manifest(Function(capability="f", retry_safe=False))
    for name in ("back", "gone"):
        ring.lifecycle.beat(Heartbeat(worker=name, beat=0, manifest=offered), 0)
    await ring.events()
    for name in ("back", "gone"):
        ring.lifecycle.lost(name, "its worker is dead", 1_000)
    ring.lifecycle.retire(set(), 1_000 + GRACE_MS - 1)
    assert await ring.events() == []
    assert not ring.lifecycle.retry_safe("f"), "what is lost meanwhile is not taken for safe"
    ring.lifecycle.beat(Heartbeat(worker="back", beat=0, manifest=offered), 1_000 + GRACE_MS - 1)
    assert [event[:2] for event in await ring.events()] == [("unloaded", "back"), ("activated", "back")]
    ring.lifecycle.retire({"back"}, 1_000 + GRACE_MS)
    [(event, worker, reason)] = await ring.events()
    assert (event, worker) == ("unloaded", "gone")
    assert reason == "its worker is dead; not heard again for 30 s"
    assert "f" in ring.lifecycle.functions


async def test_a_worker_of_an_earlier_session_is_unloaded_once_its_grace_is_over() -> None:
    ring = Ring()
    ring.active = ["crashed", "restarting", "serving"]
    await ring.start()
    offered = manifest(Function(capability="f"))
    ring.lifecycle.beat(Heartbeat(worker="serving", beat=0, manifest=offered), 0)
    await ring.events()
    for now_ms in range(0, GRACE_MS, ASK_INTERVAL_MS):
        ring.lifecycle.retire({"serving"}, now_ms)
        assert await ring.events() == []
    ring.lifecycle.retire({"serving", "restarting"}, GRACE_MS)
    [(event, worker, reason)] = await ring.events()
    assert (event, worker) == ("unloaded", "crashed")
    assert "before this session" in reason


async def test_a_dead_worker_does_not_stand_in_the_way_of_its_functions_next_contract() -> None:
    ring = Ring()
    await ring.start()
    ring.lifecycle.beat(Heartbeat(worker="old", beat=0, manifest=manifest(Function(capability="f"))), 0)
    await ring.events()
    ring.lifecycle.lost("old", "its worker is dead", 1_000)
    other = Function(capability="f", inputs={"a": Parameter(type="integer")})
    ring.lifecycle.beat(Heartbeat(worker="new", beat=0, manifest=manifest(other)), 1_100)
    assert [event[:2] for event in await ring.events()] == [("activated", "new")]
    ring.lifecycle.retire({"new"}, 1_000 + GRACE_MS)
    assert [event[:2] for event in await ring.events()] == [("unloaded", "old")]
    assert ring.lifecycle.functions["f"] == other
