"""The life cycle of extensions: register → validate → activate → use → return and unload, each step an event.

A manifest comes with a worker's heartbeat. It is validated once for each worker and content; only then may the Pool
Manager lease the worker's slots.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine

from blake3 import blake3

from conductor.bus import Bus, BusError
from conductor.bus.tasks import stopped
from conductor.kernel.retirement import Retirement
from conductor.wire import bounds, subjects
from conductor.wire.base import decode, encode
from conductor.wire.extensions import Active, ActiveList, ExtensionEvent, Function, ListActive, Manifest
from conductor.wire.grants import Activate, Lease, Reply
from conductor.wire.heartbeat import Heartbeat, RollCall

_log = logging.getLogger("symphony.kernel")

WORKERS_MAX = 10_000
"""Workers whose manifests are remembered: as many as the Pool Manager knows."""
ROLL_INTERVAL_MS = 1_000
_TRIES = 10


def problems(manifest: Manifest, known: dict[str, Function]) -> list[str]:
    """Why a manifest cannot be activated; empty: it can.

    Functions that other active extensions offer under the same capability and version must have the same contract:
    otherwise a run's outcome would hang on the worker that happens to be free.
    """
    found = []
    names = [function.capability for function in manifest.functions]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(f"{name} is offered twice")
    if not manifest.functions:
        found.append("it offers no function")
    for function in manifest.functions:
        for name, amount in (("cpu", function.resources.cpu), ("gpu", function.resources.gpu)):
            if amount < 0:
                found.append(f"{function.capability}: {name} is negative")
        if function.timeout_ms == 0:
            found.append(f"{function.capability}: a time-out of 0 ms ends every attempt")
        other = known.get(function.capability)
        if other is not None and other.version == function.version and contract(other) != contract(function):
            text = f"{function.capability} {function.version} has another contract than the one that is active"
            found.append(f"{text}: change its version")
    return found


def contract(function: Function) -> tuple[object, ...]:
    """What must agree between extensions that offer one capability in one version."""
    return (function.inputs, function.open_inputs, function.outputs)


class Lifecycle:
    """Registers and activates workers. Runs off the path of a step."""

    def __init__(self, bus: Bus, conductor: str) -> None:
        self._bus = bus
        self._conductor = conductor
        self._digests: dict[str, str] = {}
        self._manifests: dict[str, Manifest] = {}
        self._offered: dict[str, int] = {}
        self.functions: dict[str, Function] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._rolled_at_ms = 0
        self._retirement = Retirement()
        self._away: dict[str, int] = {}
        """By capability, how many of those that offer it are not heard at the moment."""

    def retry_safe(self, capability: str) -> bool:
        """Whether a second attempt of a function does no harm, as its manifest says."""
        function = self.functions.get(capability)
        return function is None or function.retry_safe

    def beat(self, beat: Heartbeat, now_ms: int) -> None:
        """Look at a heartbeat: a new manifest begins a life cycle, a stopped worker ends one."""
        name = beat.worker
        if beat.state == "stopped":
            self.unload(name, "it stopped")
            return
        self._back(name, beat.manifest)
        if beat.manifest is not None:
            self._meet(name, beat.manifest)
        elif name not in self._digests and name not in self._busy:
            self._call_roll(now_ms)

    def plain(self, lease: Lease) -> None:
        """A plain client registered: it has no manifest, so its functions take anything."""
        if lease.worker in self._digests or lease.worker in self._busy:
            return
        functions = [Function(capability=name, version=lease.version, open_inputs=True) for name in lease.capabilities]
        self._meet(lease.worker, Manifest(name=lease.worker, version=lease.version, functions=functions))

    def lost(self, worker: str, why: str, now_ms: int) -> None:
        """The worker is not heard. What it offers stays known for as long as a restart takes; `retire` ends that."""
        manifest = self._manifests.get(worker)
        if manifest is None or self._retirement.is_absent(worker):
            return
        self._retirement.lost(worker, why, now_ms)
        self._count_away(manifest, 1)

    def retire(self, alive: set[str], now_ms: int) -> None:
        """Unload what has been away for too long; `alive` are the workers heard lately."""
        for worker, why in self._retirement.due(now_ms):
            self._count_away(self._manifests.get(worker), -1)
            self.unload(worker, why)
        if self._retirement.asks(now_ms) and "retire" not in self._busy:
            self._start("retire", self._retire_strangers(alive, now_ms))

    def unload(self, worker: str, reason: str) -> None:
        """The worker is gone."""
        told = self._forget(worker, reason)
        if told is not None:
            self._start(f"unload {worker}", told)

    def _forget(self, worker: str, reason: str) -> Coroutine[None, None, None] | None:
        """Take a worker out. What tells the log of it, to be awaited; None if it was not active."""
        self._back(worker, None)
        manifest = self._manifests.pop(worker, None)
        digest = self._digests.pop(worker, None)
        if manifest is None or digest is None:
            return None
        for function in manifest.functions:
            left = self._offered.get(function.capability, 1) - 1
            self._offered[function.capability] = left
            if left <= 0:
                self._offered.pop(function.capability, None)
                self.functions.pop(function.capability, None)
        return self._tell("unloaded", worker, manifest, digest, reason, carry=False)

    def level(self, leased: set[str], alive: set[str], now_ms: int) -> None:
        """What is looked at every second: workers without a lease, and those that have gone."""
        self.reconcile(leased, alive)
        self.retire(alive, now_ms)

    def reconcile(self, leased: set[str], alive: set[str]) -> None:
        """Activate again what lives and is active here, but has no lease: the Pool Manager may have begun anew."""
        for worker in alive - leased:
            manifest = self._manifests.get(worker)
            if manifest is not None and worker not in self._busy:
                self._start(worker, self._activate(worker, manifest))

    async def close(self) -> None:
        await stopped(self._busy.values())

    def _back(self, worker: str, manifest: Manifest | None) -> None:
        """The worker is there. With a manifest it is a new process, whose life begins anew."""
        if self._retirement.heard(worker):
            self._count_away(self._manifests.get(worker), -1)
            if manifest is not None and worker not in self._busy:
                self._start(worker, self._admit(worker, manifest, blake3(encode(manifest)).hexdigest()))

    def _count_away(self, manifest: Manifest | None, more: int) -> None:
        for function in manifest.functions if manifest is not None else ():
            self._away[function.capability] = self._away.get(function.capability, 0) + more
            if self._away[function.capability] <= 0:
                del self._away[function.capability]

    async def _retire_strangers(self, alive: set[str], now_ms: int) -> None:
        """Workers that the log names as active and nobody hears: they went while no conductor looked."""
        active: dict[str, Active] = {}
        more, after = True, ""
        while more and len(active) < WORKERS_MAX:
            ask = encode(ListActive(after=after))
            try:
                page = decode(await self._bus.request(subjects.pit("dag", "active"), ask), ActiveList)
            except BusError as error:
                _log.debug("which extensions are active: %s", error)
                return
            active.update({one.worker: one for one in page.extensions})
            more = page.more and bool(page.extensions)
            after = page.extensions[-1].worker if page.extensions else ""
        here = alive | set(self._manifests) | set(self._busy)
        for worker in self._retirement.named(active, here, now_ms):
            one = active[worker]
            manifest = Manifest(name=one.extension, version=one.version)
            reason = "its worker went before this session began, and has not come back"
            _log.info("%s of %s is unloaded: %s", one.extension, worker, reason)
            await self._tell("unloaded", worker, manifest, one.digest, reason, carry=False)

    def _meet(self, worker: str, manifest: Manifest) -> None:
        digest = blake3(encode(manifest)).hexdigest()
        if self._digests.get(worker) == digest or worker in self._busy or len(self._digests) >= WORKERS_MAX:
            return
        self._start(worker, self._admit(worker, manifest, digest))

    async def _admit(self, worker: str, manifest: Manifest, digest: str) -> None:
        await self._tell("registered", worker, manifest, digest, "", carry=True)
        # A worker that came back with other functions does not stand in its own way.
        mine = self._manifests.get(worker)
        own = {function.capability for function in mine.functions} if mine else set()
        # Nor does one that is away: it may have been stopped for the very change that comes here.
        known = {
            name: function
            for name, function in self.functions.items()
            if self._offered.get(name, 0) > (name in own) + self._away.get(name, 0)
        }
        reasons = problems(manifest, known)
        if reasons:
            text = "; ".join(reasons)
            _log.warning("the extension %s of %s is refused: %s", manifest.name, worker, text)
            await self._tell("rejected", worker, manifest, digest, text, carry=False)
            self._digests[worker] = digest
            return
        await self._tell("validated", worker, manifest, digest, "", carry=False)
        if mine is not None:
            again = self._digests.get(worker) == digest
            told = self._forget(worker, "it came back as a new process" if again else "replaced by another manifest")
            if told is not None:
                await told  # before the next word on it: a reader of the log would take it for gone
        await self._tell("activated", worker, manifest, digest, "", carry=True)
        if not await self._activate(worker, manifest):
            return  # the next heartbeat with a manifest tries again
        self._digests[worker] = digest
        self._manifests[worker] = manifest
        for function in manifest.functions:
            self._offered[function.capability] = self._offered.get(function.capability, 0) + 1
            self.functions[function.capability] = function
        _log.info("%s serves %d functions of %s %s", worker, len(manifest.functions), manifest.name, manifest.version)

    async def _activate(self, worker: str, manifest: Manifest) -> bool:
        ask = encode(Activate(worker=worker, manifest=manifest))
        for attempt in range(_TRIES):
            try:
                reply = decode(await self._bus.request(subjects.pit("pool", "activate"), ask), Reply)
                return reply.ok
            except BusError as error:
                _log.debug("activating %s: %s", worker, error)
                await asyncio.sleep(0.05 * (attempt + 1))
        _log.warning("%s is not activated: the Pool Manager does not answer", worker)
        return False

    async def _tell(self, event: str, worker: str, manifest: Manifest, digest: str, reason: str, carry: bool) -> None:
        message = ExtensionEvent(
            event=event,  # type: ignore[arg-type]  # one of the names above
            extension=manifest.name,
            version=manifest.version,
            worker=worker,
            digest=digest,
            at_ms=int(time.time() * 1000),
            reason=reason[: bounds.TEXT_LENGTH_MAX],
            manifest=manifest if carry else None,
        )
        for attempt in range(_TRIES):
            try:
                await self._bus.publish_log(subjects.extension(event), encode(message))
                return
            except BusError as error:
                _log.debug("%s of %s is not stored yet: %s", event, worker, error)
                await asyncio.sleep(0.05 * 2**attempt)

    def _call_roll(self, now_ms: int) -> None:
        if now_ms - self._rolled_at_ms < ROLL_INTERVAL_MS:
            return
        self._rolled_at_ms = now_ms
        call = RollCall(by=self._conductor, manifests=True, reason="an unknown worker", at_ms=now_ms)
        self._start("roll", self._bus.publish(subjects.ROLL_CALL, encode(call)))

    def _start(self, name: str, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._busy[name] = task
        task.add_done_callback(lambda done: self._done(name, done))

    def _done(self, name: str, task: asyncio.Task[None]) -> None:
        if self._busy.get(name) is task:
            del self._busy[name]
        if not task.cancelled() and task.exception() is not None:
            _log.warning("%s: %s", name, task.exception())
