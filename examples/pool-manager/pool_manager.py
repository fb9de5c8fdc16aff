"""A Pool Manager in place of the stock one: it knows workers by their heartbeats and leases their slots to conductors.

Usage: pool_manager.py NATS_URL [CREDENTIALS_FILE NAME], beside `symphony up --without pool --workers none`. It starts no
processes: workers start themselves. Its own policy is to give every conductor the same.
"""

import asyncio
import itertools
import sys
import time
from dataclasses import dataclass, field

import msgpack
import nats
from nats.micro import ServiceConfig, add_service
from nats.micro.service import EndpointConfig

LEASE_MS, SLACK_MS = 3_000, 500
"""Conductors count a lease from receipt: a slot that is taken back is given on only when the slack has passed as well."""
DEAD_AFTER_MS, GONE_AFTER_MS, DEAD_TOLD_MS = 750, 3_500, 10_000


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass
class Worker:
    """`held`: by conductor, slots and until when it may believe to hold them. Plain clients have a time-out and no beat."""

    slots: int = 0
    serving: bool = False
    capabilities: list[str] = field(default_factory=list)
    version: str = "0.0.0"
    timeout_ms: int | None = None
    last_ms: int = field(default_factory=now_ms)
    held: dict[str, tuple[int, int]] = field(default_factory=dict)
    fading: list[tuple[int, int]] = field(default_factory=list)

    def divide(self, conductors: list[str]) -> None:
        """The same for all, as far as what was given out before and is not over yet allows."""
        now = now_ms()
        share, odd = divmod(self.slots, max(len(conductors), 1))
        wanted = {name: share + (at < odd) for at, name in enumerate(conductors)}
        kept = {}
        for name, (slots, until) in self.held.items():
            kept[name] = min(slots, wanted.get(name, 0)) if until > now else 0
            self.fading.append((slots - kept[name], until))
        self.fading = [(slots, until) for slots, until in self.fading if slots and until > now]
        free = self.slots - sum(kept.values()) - sum(slots for slots, _ in self.fading)
        self.held = {}
        for name in conductors:
            more = max(min(wanted[name] - kept.get(name, 0), free), 0)
            free -= more
            self.held[name] = (kept.get(name, 0) + more, now + LEASE_MS + SLACK_MS)


class PoolManager:
    def __init__(self, bus) -> None:
        self.bus, self.sequence, self.issuer = bus, itertools.count(1), f"python-{time.time_ns()}"
        self.workers: dict[str, Worker] = {}
        self.conductors: dict[str, int] = {}
        self.dead: dict[str, int] = {}

    async def grant(self) -> None:
        """Tell every conductor all that it holds."""
        conductors, sequence = sorted(self.conductors), next(self.sequence)
        leased = {name: w for name, w in self.workers.items() if w.serving and w.capabilities}
        for worker in leased.values():
            worker.divide(conductors)
        for conductor in conductors:
            leases = []
            for number, (name, w) in enumerate(leased.items()):
                lease = {"lease": number, "worker": name, "slots": w.held[conductor][0], "expires_in_ms": LEASE_MS}
                lease |= {"capabilities": w.capabilities, "version": w.version}
                leases.append(lease | {"queue": w.timeout_ms is not None, "timeout_ms": w.timeout_ms})
            said = {"v": 1, "is": "pool", "conductor": conductor, "issuer": self.issuer, "sequence": sequence}
            said |= {"leases": leases, "dead": list(self.dead)}
            await self.bus.publish(f"sym.grant.{conductor.replace('.', '-')}", msgpack.packb(said))

    async def heartbeat(self, beat: dict) -> None:
        self.dead.pop(beat["worker"], None)
        worker = self.workers.setdefault(beat["worker"], Worker())
        before = (worker.serving, worker.slots)
        worker.serving, worker.slots = beat.get("state", "serving") == "serving", beat.get("slots", 1)
        worker.version, worker.last_ms = beat.get("version", "0.1.0"), now_ms()
        if beat.get("state") == "stopped":
            del self.workers[beat["worker"]]
        if before != (worker.serving, worker.slots):
            await self.grant()

    async def demand(self, demand: dict) -> None:
        self.conductors[demand["conductor"]] = now_ms()
        await self.grant()

    async def activate(self, said: dict) -> dict:
        if (worker := self.workers.get(said["worker"])) is not None:
            functions = said["manifest"]["functions"] if said.get("active", True) else []
            worker.capabilities = sorted(function["capability"] for function in functions)
        await self.grant()  # before the answer: whoever activates waits to dispatch
        return {"v": 1, "ok": True}

    async def register(self, said: dict) -> dict:
        self.workers[said["worker"]] = Worker(said["slots"], True, said["capabilities"], "0.0.0", said["timeout_ms"])
        await self.grant()
        return {"v": 1, "ok": True}

    async def show(self, _: dict) -> dict:
        workers = [{"worker": n, "slots": w.slots, "capabilities": w.capabilities} for n, w in self.workers.items()]
        return {"v": 1, "workers": [{"state": "warm" if w["capabilities"] else "loading"} | w for w in workers]}

    async def sweep(self) -> None:
        """Eight times a second find the dead and the gone; once a second tell everybody again."""
        for turn in itertools.count():
            now = now_ms()
            silent = [n for n, w in self.workers.items() if w.last_ms + DEAD_AFTER_MS < now and w.timeout_ms is None]
            self.dead |= {name: now for name in silent if self.workers.pop(name)}
            self.dead = {name: at for name, at in self.dead.items() if at + DEAD_TOLD_MS > now}
            self.conductors = {name: at for name, at in self.conductors.items() if at + GONE_AFTER_MS > now}
            if silent or turn % 8 == 0:
                await self.grant()
            await asyncio.sleep(0.125)


def takes(take):
    async def taken(message) -> None:
        try:
            answer = await take(msgpack.unpackb(message.data or b"\x80"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            answer = {"v": 1, "ok": False, "kind": "invalid", "message": repr(error)}
        if answer is not None and getattr(message, "reply", True):
            await message.respond(msgpack.packb(answer))

    return taken


async def main(url: str, credentials: str | None = None, name: str = "pool") -> None:
    bus = await nats.connect(url, user_credentials=credentials, inbox_prefix=f"_INBOX_{name}".encode())
    manager = PoolManager(bus)
    service = await add_service(bus, ServiceConfig(name="pool", version="0.1.0", description="An example"))
    for what, take in (("activate", manager.activate), ("register", manager.register), ("show", manager.show)):
        await service.add_endpoint(EndpointConfig(what, takes(take), subject=f"sym.pit.pool.{what}"))
    await bus.subscribe("sym.heartbeat.*", cb=takes(manager.heartbeat))
    await bus.subscribe("sym.pit.pool.demand", cb=takes(manager.demand))
    await bus.publish("sym.heartbeat", msgpack.packb({"v": 1, "by": manager.issuer}))
    await manager.sweep()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
