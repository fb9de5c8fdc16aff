"""The worker: takes tasks, runs functions, beats, drains."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from conductor import __version__
from conductor.bus import Artifacts, Bus, BusError
from conductor.observe import logs, metrics
from conductor.observe.tracing import Tracer, new_span_id
from conductor.wire import bounds, subjects
from conductor.wire.base import WireError, decode, encode
from conductor.wire.extensions import Manifest
from conductor.wire.heartbeat import HEARTBEAT_INTERVAL_MS, Heartbeat, RollCall
from conductor.wire.log import Cancelled as CancelledOutcome
from conductor.wire.log import Failed, Outcome, Succeeded, TaskResult
from conductor.wire.store import Lineage
from conductor.wire.tasks import Task, TaskBatch
from conductor.wire.trace import TraceContext
from conductor.wire.values import unpack
from conductor.worker.context import TaskContext
from conductor.worker.errors import Cancelled, ContractError, TaskError, error_value
from conductor.worker.execute import Executor
from conductor.worker.ledger import Key, Ledger
from conductor.worker.payloads import resolve, spill
from conductor.worker.results import Results
from conductor.worker.starter import Starter
from conductor.worker.task import TaskFunction
from conductor.worker.transfers import Transfers

_log = logging.getLogger("symphony.worker")

DRAIN_S = 10.0
"""How long attempts under way may take after SIGTERM; what is not done then is done elsewhere."""
ABANDON_S = 1.0
"""How long functions that are abandoned may take to end: they only have to hear of it."""
STORE_PATIENCE_S = 60.0
"""How long values wait for an Artifact Store that starts again: the function has done its part, and is not done again."""
MANIFEST_BEATS = 4
"""The first beats carry the manifest: whoever starts a moment later has it without asking."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`name` is the user of the credentials; `slots` bounds attempts at once."""

    name: str
    slots: int = 4
    pool: str | None = None
    extension: str = "functions"
    version: str = __version__
    labels: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, float] = field(default_factory=dict)
    """What it has in all, for tasks that say what they need."""


@dataclass(slots=True)
class _Held:
    running: asyncio.Task[None]
    context: TaskContext


class Worker:
    """Serves functions until stopped."""

    def __init__(self, bus: Bus, options: WorkerOptions, functions: Iterable[TaskFunction[..., Any]]) -> None:
        self._bus = bus
        self.options = options
        self._functions = {function.capability: function for function in functions}
        self._ledger = Ledger()
        self._results = Results(bus, options.name, self._ledger.stored)
        self._executor = Executor(options.slots)
        self._tracer = Tracer(f"symphony-worker-{options.extension}")
        self._artifacts = Transfers(Artifacts(bus, STORE_PATIENCE_S), self._tracer)
        self._held: dict[Key, _Held] = {}
        self._pending: dict[Key, tuple[str, Task]] = {}
        self._beat = 0
        self._ready_us = 0
        self._process = psutil.Process()
        self._starter = None if options.pool is None else Starter()
        """None of a worker without a pool: it is its user's own, and outlives the terminal that it was started from."""
        self.stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._abandoning = False

    @property
    def lingers(self) -> bool:
        """After `run`: a function goes on in a thread, which only the end of the process stops."""
        return self._executor.lingers

    def manifest(self) -> Manifest:
        """What this worker offers."""
        functions = [self._functions[name].manifest for name in sorted(self._functions)]
        return Manifest(name=self.options.extension, version=self.options.version, functions=functions)

    def _version(self, capability: str) -> str | None:
        """Of the function that answers; None for the first, which every reader takes it for."""
        function = self._functions.get(capability)
        version = function.manifest.version if function is not None else bounds.FIRST_VERSION
        return None if version == bounds.FIRST_VERSION else version

    def stop(self) -> None:
        """Take no more, finish what is under way, end."""
        self.stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Serve until stopped and drained."""
        began = time.perf_counter()
        tasks = await self._bus.subscribe(subjects.tasks_of(self.options.name), notify=self._wake.set)
        roll = await self._bus.subscribe(subjects.ROLL_CALL, notify=self._wake.set)
        await self._bus.flush()
        if self._orphaned():
            _log.warning("the Pool Manager that started this worker is gone: it does not begin")
            self._close()
            return
        self._ready_us = int((time.perf_counter() - began) * 1e6)
        deadline: float | None = None
        next_beat = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= next_beat:
                await self._heartbeat()
                next_beat = now + HEARTBEAT_INTERVAL_MS / 1000
            try:
                await asyncio.wait_for(self._wake.wait(), max(next_beat - time.monotonic(), 0.001))
                self._wake.clear()
            except TimeoutError:
                pass
            if self._orphaned():
                # Its successor starts another process under the same name: both would do what is sent to it now.
                _log.warning(
                    "the Pool Manager that started this worker is gone: %d attempts are left", len(self._ledger)
                )
                break
            for message in tasks.take_all():
                self._take(message.data)
            for message in roll.take_all():
                call = _roll_call(message.data)
                if call.partition is not None:
                    self._ledger.owned(call.partition, call.epoch)
                await self._heartbeat(manifest=call.manifests, attempts=call.attempts)
            if self.stopping.is_set():
                deadline = deadline or await self._drain()
                if self._drained(deadline):
                    break
        await self._abandon()
        if not self.lingers:
            # Else the silence says it, once the process is gone: what it holds is not let go of before.
            await self._heartbeat(state="stopped")
        with contextlib.suppress(BusError):
            await self._bus.flush()
        self._close()

    async def _abandon(self) -> None:
        """End what is under way, without an answer: others do it once this worker says that it has stopped."""
        self._abandoning = True
        self._pending.clear()
        running = [held.running for held in self._held.values()]
        for held in self._held.values():
            held.context.stop.set()
            held.running.cancel()
        if running:
            await asyncio.wait(running, timeout=ABANDON_S)

    async def _drain(self) -> float:
        """Take no more. Returns until when what is under way may take."""
        for waiting in list(self._pending):
            del self._pending[waiting]
            self._ledger.refuse(waiting)  # others take them at once
        await self._heartbeat()
        return time.monotonic() + DRAIN_S

    def _drained(self, deadline: float) -> bool:
        if not len(self._ledger) and self._results.empty:
            return True
        if time.monotonic() > deadline:
            _log.warning("%d attempts are abandoned", len(self._ledger))
            return True
        return False

    def _orphaned(self) -> bool:
        return self._starter is not None and self._starter.gone

    def _close(self) -> None:
        self._executor.close()
        self._tracer.close()

    def _take(self, data: bytes) -> None:
        try:
            batch = decode(data, TaskBatch)
        except WireError as error:
            _log.warning("a message of tasks is passed over: %s", error)
            return
        for attempt in batch.cancel:
            key = (attempt.partition, attempt.epoch, attempt.n)
            held = self._held.get(key)
            if self._pending.pop(key, None) is not None:
                self._ledger.refuse(key)
            if held is not None:
                held.context.stop.set()
                held.running.cancel()
        for task in batch.tasks:
            key = (batch.partition, batch.epoch, task.n)
            if not self._ledger.arrive(key, (task.run, task.task, task.generation, task.try_)):
                continue
            if self.stopping.is_set() or len(self._pending) >= self.options.slots:
                self._ledger.refuse(key)
            elif len(self._held) >= self.options.slots:
                # As many as there are slots may wait here, so that one that falls free is filled at once.
                self._pending[key] = (batch.reply, task)
            else:
                self._begin(key, batch.reply, task)

    def _begin(self, key: Key, reply: str, task: Task) -> None:
        context = TaskContext(
            run=task.run,
            task=task.task,
            attempt=task.try_,
            generation=task.generation,
            worker=self.options.name,
            capability=task.capability,
            deadline_at_ms=task.deadline_at_ms,
            fences=task.fences,
        )
        running = asyncio.create_task(self._attempt(key, reply, task, context, time.time_ns() // 1000))
        self._held[key] = _Held(running, context)
        running.add_done_callback(lambda _: self._over(key))

    def _over(self, key: Key) -> None:
        """However an attempt ended, its slot is free. One that is cancelled before it has begun does nothing of itself."""
        if self._held.pop(key, None) is not None:
            self._ledger.refuse(key)
        while self._pending and len(self._held) < self.options.slots:
            waiting = next(iter(self._pending))
            self._begin(waiting, *self._pending.pop(waiting))
        self._wake.set()

    async def _attempt(self, key: Key, reply: str, task: Task, context: TaskContext, received_us: int) -> None:
        span = self._span(task)
        token = logs.CURRENT.set(span)
        began_us, began = time.time_ns() // 1000, time.perf_counter()
        outcome: Outcome
        try:
            outcome = Succeeded(output=await self._call(task, context))
        except (Cancelled, asyncio.CancelledError):
            outcome = CancelledOutcome()
        except Exception as error:  # whatever a function raises is its failure, never the worker's
            if not isinstance(error, TaskError):
                _log.info("%s of run %s raised", task.task, task.run, exc_info=error)
            outcome = Failed(error=error_value(error))
        if self._abandoning and isinstance(outcome, CancelledOutcome):
            self._held.pop(key, None)  # still listed as held, and so as lost: it may have done something
            return
        run_us = int((time.perf_counter() - began) * 1e6)
        result = TaskResult(
            run=task.run,
            task=task.task,
            generation=task.generation,
            try_=task.try_,
            epoch=key[1],
            n=task.n,
            token=task.token,
            outcome=outcome,
            received_at_us=received_us,
            started_at_us=began_us,
            run_us=run_us,
            version=self._version(task.capability),
        )
        self._held.pop(key, None)
        self._results.push(reply, key, result)
        status = type(outcome).__name__.removesuffix("Outcome").lower()
        metrics.WORKER_TASKS.labels(task.capability, status).inc()
        self._record(task, span, outcome, began_us, began_us + run_us, status)
        logs.CURRENT.reset(token)

    async def _call(self, task: Task, context: TaskContext) -> bytes:
        function = self._functions.get(task.capability)
        if function is None:
            raise ContractError(f"this worker has no function `{task.capability}`")
        try:
            inputs = unpack(task.inputs)
        except WireError as error:
            raise ContractError(f"the inputs are no value: {error}") from None
        inputs = await resolve(inputs, self._artifacts.get, function.contract.artifacts)
        value = await self._executor.run(function, inputs, context, task.timeout_ms)
        lineage = Lineage(run=task.run, task=task.task)

        async def store(data: bytes, media_type: str) -> str:
            return await self._artifacts.put(data, media_type, lineage, task.tenant)

        try:
            return await spill(value, store)
        except WireError as error:
            raise ContractError(f"the output cannot be sent: {error}") from None

    def _span(self, task: Task) -> TraceContext | None:
        if task.trace is None:
            return None
        above = TraceContext.unpack(task.trace)
        return above._replace(span_id=new_span_id()) if self._tracer.on and above.sampled else above

    def _record(
        self, task: Task, span: TraceContext | None, outcome: Outcome, start_us: int, end_us: int, status: str
    ) -> None:
        if span is None or task.trace is None or not self._tracer.on:
            return
        attributes = {
            "symphony.run": task.run,
            "symphony.task": task.task,
            "symphony.capability": task.capability,
            "symphony.try": task.try_,
            "symphony.worker": self.options.name,
            "symphony.status": status,
        }
        error = f"{outcome.error.kind}: {outcome.error.message}" if isinstance(outcome, Failed) else None
        parent = TraceContext.unpack(task.trace).span_id
        self._tracer.record(f"execute {task.capability}", span, parent, start_us, end_us, attributes, error)

    async def _heartbeat(self, manifest: bool = False, attempts: bool = False, state: str | None = None) -> None:
        holding = self._ledger.holding() if attempts else None
        seen, held, stored, refused = self._ledger.beat()
        serving = "draining" if self.stopping.is_set() else "serving"
        beat = Heartbeat(
            worker=self.options.name,
            beat=self._beat,
            state=state or serving,  # type: ignore[arg-type]  # one of the words above
            version=self.options.version,
            host=socket.gethostname()[:128] or "localhost",
            pid=os.getpid(),
            language="python",
            pool=self.options.pool,
            slots=self.options.slots,
            busy=min(len(self._held), self.options.slots),
            ready_us=self._ready_us,
            seen=seen,
            held=held,
            stored=stored,
            refused=refused,
            truncated=self._ledger.truncated,
            memory_bytes=self._process.memory_info().rss,
            labels=dict(self.options.labels),
            resources=dict(self.options.resources),
            manifest=self.manifest() if manifest or self._beat < MANIFEST_BEATS else None,
            holding=holding,
        )
        self._beat += 1
        try:
            await self._bus.publish(subjects.heartbeat(self.options.name), encode(beat))
        except Exception as error:  # a beat that is not sent is missed, and the next one says the same
            _log.debug("no heartbeat: %s", error)


def _roll_call(data: bytes) -> RollCall:
    try:
        return decode(data, RollCall)
    except WireError:
        return RollCall(by="unknown")
