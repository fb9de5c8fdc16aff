"""The conductor's spans: a run's root, and for each try of a task a span with its time in the queue below it."""

from __future__ import annotations

from collections import OrderedDict

from conductor.kernel.execution import Execution, Key
from conductor.observe.tracing import Tracer, new_span_id, transfer
from conductor.wire.log import Decided
from conductor.wire.ready import ArtifactNeed, Settled
from conductor.wire.runs import RunEnded
from conductor.wire.trace import TraceContext, run_span_id

DECISIONS_MAX = 10_000
"""Decisions that wait for the span of their try, which ends in the same beat."""
STORES_MAX = 10_000
"""Composed values of which the storing and the run that needed it are not both known yet; beyond it they go untold."""


class Spans:
    """Records spans where tracing is on and a run is sampled; otherwise every call returns at once."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._decisions: OrderedDict[Key, Decided] = OrderedDict()
        self._stored: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        self._needed: OrderedDict[str, TraceContext] = OrderedDict()

    def dispatch(self, execution: Execution) -> bytes | None:
        """The trace context that a dispatch carries: the try's span, or the run's where the try has none."""
        trace = execution.task.trace
        if trace is None:
            return None
        if not self._tracer.on or not trace[24] & 1:
            return trace[:16] + run_span_id(execution.task.run) + trace[24:]
        if execution.span is None:
            execution.span = new_span_id()
            for digest in execution.task.frames:
                self._need(digest, trace, execution.task.run)
        return trace[:16] + execution.span + trace[24:]

    def stored(self, digest: str, began_us: int, ended_us: int, size_bytes: int) -> None:
        """A composed value was put into the store: a span below the run that needed it first."""
        if not self._tracer.on:
            return
        above = self._needed.pop(digest, None)
        if above is not None:
            transfer(self._tracer, above, "put", (began_us, ended_us), digest, size_bytes)
            return
        self._stored[digest] = (began_us, ended_us, size_bytes)
        while len(self._stored) > STORES_MAX:
            self._stored.popitem(last=False)

    def supplied(
        self, need: ArtifactNeed, span_us: tuple[int, int], size_bytes: int | None, error: str | None = None
    ) -> None:
        """An artifact that a map goes over was read: a span below the run that came upon it first."""
        if self._tracer.on and need.trace is not None:
            above = TraceContext.unpack(need.trace)._replace(span_id=run_span_id(need.run))
            transfer(self._tracer, above, "get", span_us, need.digest, size_bytes, error)

    def _need(self, digest: str, trace: bytes, run: str) -> None:
        above = TraceContext.unpack(trace)._replace(span_id=run_span_id(run))
        done = self._stored.pop(digest, None)
        if done is not None:
            transfer(self._tracer, above, "put", done[:2], digest, done[2])
        elif above.sampled:
            self._needed[digest] = above
            while len(self._needed) > STORES_MAX:
                self._needed.popitem(last=False)

    def decided(self, key: Key, decided: Decided) -> None:
        """A decision about a try, told as an event of its span."""
        if self._tracer.on:
            self._decisions[key] = decided
            while len(self._decisions) > DECISIONS_MAX:
                self._decisions.popitem(last=False)

    def settled(self, execution: Execution, settled: Settled, now_us: int, ahead_us: int = 0) -> None:
        """A try ended. `ahead_us`: by how much the clock on the wall is ahead of the one that dispatches are noted by."""
        if execution.span is None or execution.task.trace is None:
            return
        task = execution.task
        trace = TraceContext.unpack(task.trace)._replace(span_id=execution.span) if task.trace else None
        if trace is None:
            return
        root = run_span_id(task.run)
        sent_us, ready_us = execution.sent_at_ms * 1000 + ahead_us, task.ready_at_ms * 1000
        attributes = {
            "symphony.run": task.run,
            "symphony.task": task.task,
            "symphony.capability": task.capability,
            "symphony.try": task.try_,
            "symphony.generation": task.generation,
            "symphony.worker": settled.worker,
            "symphony.status": settled.status,
        }
        events: list[tuple[str, int, dict[str, object]]] = [
            ("dispatched", sent_us, {"symphony.worker": settled.worker, "symphony.n": execution.n})
        ]
        decided = self._decisions.pop(execution.key, None)
        if decided is not None:
            action = type(decided.action).__name__.lower()
            said: dict[str, object] = {
                "symphony.action": action,
                "symphony.policy": decided.policy,
                "symphony.reason": decided.reason,
            }
            events.append(("decided", now_us, said))
        error = None if settled.status == "succeeded" else settled.status
        self._tracer.record(f"task {task.task}", trace, root, ready_us, now_us, attributes, error, events)
        queue = trace._replace(span_id=new_span_id())
        self._tracer.record(f"queue {task.capability}", queue, execution.span, ready_us, sent_us, attributes)

    def ended(self, ended: RunEnded) -> None:
        """A run ended: its root span."""
        if not self._tracer.on or ended.trace is None:
            return
        for digest in ended.frames:
            self._need(digest, ended.trace, ended.run)
        given = TraceContext.unpack(ended.trace)
        own = run_span_id(ended.run)
        parent = None if given.span_id == own else given.span_id
        attributes: dict[str, object] = {
            "symphony.run": ended.run,
            "symphony.tenant": ended.tenant,
            "symphony.workflow": ended.workflow,
            "symphony.version": ended.version,
            "symphony.status": ended.status,
            "symphony.tasks": ended.tasks.total,
        }
        error = None if ended.status == "succeeded" else (ended.error.message if ended.error else ended.status)
        start_us, end_us = ended.submitted_at_ms * 1000, ended.ended_at_ms * 1000
        trace = given._replace(span_id=own)
        links = []
        if ended.parent is not None and ended.link is not None:
            attributes["symphony.parent"] = ended.parent
            links.append(TraceContext.unpack(ended.link)._replace(span_id=run_span_id(ended.parent)))
        self._tracer.record(f"run {ended.workflow}", trace, parent, start_us, end_us, attributes, error, links=links)

    def close(self) -> None:
        """Send what waits."""
        self._tracer.close()
