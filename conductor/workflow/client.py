"""The client: submits runs, follows them, asks about them. The tenant is the one of its credentials.

An end is told twice (DESIGN.md's rule 14): the run's events are subscribed to first, then the tracker is asked, and then
asked again slowly.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from conductor.bus import Artifacts, BusError, NatsBus
from conductor.observe import tracing
from conductor.wire import bounds, subjects
from conductor.wire.base import WireError, decode, encode
from conductor.wire.control import MoveRun, PauseRun, ResumeRun, RetryRun, RollbackRun
from conductor.wire.dag import (
    Check,
    Checked,
    History,
    HistoryEntry,
    HistoryPage,
    ListRuns,
    NodeView,
    RunSummary,
    RunView,
    Show,
)
from conductor.wire.runs import Cancel, Occurred, RunEnded, RunEvent, Signal, Submit, SubmitBatch
from conductor.wire.stale import ArchivedRun, FindRuns, ReadRun
from conductor.wire.trace import TraceContext, run_span_id
from conductor.wire.values import Value, pack
from conductor.workflow.errors import WorkflowError
from conductor.workflow.following import follow
from conductor.workflow.listing import RunFilter, pages
from conductor.workflow.sending import batches, patiently
from conductor.workflow.stored import Stored

CONTROL_WAIT_S, CONTROL_POLL_S = 3.0, 0.02
PATIENCE_S = 30.0
ControlEvent = Literal["cancel", "pause", "resume", "retry", "rollback", "move"]
Control = Cancel | PauseRun | ResumeRun | RetryRun | RollbackRun | MoveRun
ENDED = ("succeeded", "failed", "cancelled", "timed_out")


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """What may be said of a run. `deadline_ms` counts from acceptance; `key` makes the submission idempotent."""

    key: str | None = None
    priority: int | None = None
    deadline_ms: int | None = None
    budget_money: float | None = None
    watch: bool = False


class Client:
    """Runs of one tenant. What a full system refuses is sent again, for up to `patience_s` seconds."""

    def __init__(self, bus: NatsBus, tenant: str = "default", patience_s: float = PATIENCE_S) -> None:
        self.bus = bus
        self.tenant = tenant
        self.patience_s = patience_s
        self.artifacts = Artifacts(bus, tenant=tenant)
        self._tracer = tracing.Tracer("symphony-client")
        self.stored = Stored(self.artifacts, self._tracer)
        self._partitions: int | None = None

    async def partitions(self) -> int:
        """How many the mesh has, as its trackers say.

        Raises:
            BusError: no tracker answers.
        """
        if self._partitions is None:
            info = json.loads(await self.bus.request("$SRV.INFO.dag", b"", 5))
            self._partitions = int(info.get("metadata", {}).get("partitions", 1))
        return self._partitions

    async def check(self, document: bytes, inputs: dict[str, Value] | None = None) -> Checked:
        """Ask whether a packed document can run, and whether these are its inputs."""
        ask = Check(document=document, inputs=None if inputs is None else pack(inputs))
        subject = subjects.pit("dag", "check", self.tenant)
        return decode(await self.bus.request(subject, encode(ask), 15), Checked)

    def draft(
        self, workflow: str, document: bytes, inputs: dict[str, Value], options: SubmitOptions | None = None
    ) -> Submit:
        """A submission, not yet sent.

        Raises:
            WorkflowError: the inputs are no values that can travel.
        """
        said = options or SubmitOptions()
        run = subjects.run_id(self.tenant, workflow, said.key) if said.key else secrets.token_hex(16)
        packed = _packed("inputs", inputs)
        return Submit(
            run=run,
            workflow=workflow,
            document=document,
            inputs=packed,
            key=said.key,
            priority=said.priority,
            deadline_ms=said.deadline_ms,
            budget_money=said.budget_money,
            trace=tracing.begin(run).pack(),
            watch=said.watch,
            submitted_at_ms=int(time.time() * 1000),
        )

    async def spill(self, values: dict[str, Value]) -> dict[str, Value]:
        """Inputs with those that are too large to travel stored, and replaced by references."""
        return await self.stored.spill(values)

    async def submit(self, runs: Sequence[Submit]) -> None:
        """Send submissions; when it returns, the broker has them on disk, and none of them will be lost.

        Raises:
            BusError: `busy` (try again after `retry_after_s`), `unavailable` or `timed_out`. Some may have been accepted:
                sending the same ones again changes nothing for those.
        """
        partitions = await self.partitions()
        groups: dict[int, list[Submit]] = {}
        for run in runs:
            groups.setdefault(subjects.partition_of(run.run, partitions), []).append(run)
        began_us = time.time_ns() // 1000
        for group in groups.values():
            for batch in batches(group):
                data = encode(SubmitBatch(runs=batch))
                if len(data) > bounds.MESSAGE_BYTES_MAX:
                    raise BusError("invalid", f"a submission of {len(data):,} bytes is over the bound of a message")
                await self._publish(subjects.submit(self.tenant, batch[0].run), data)
        if self._tracer.on:
            self._record(runs, began_us)

    async def _publish(self, subject: str, data: bytes) -> None:
        try:
            await patiently(lambda: self.bus.publish_log(subject, data), self.patience_s)
        except BusError as error:
            if error.kind != "not_found":
                raise
            text = "the broker takes no writes: its disk is full, or it is starting again (`symphony doctor` tells)"
            raise BusError("unavailable", text) from error

    def _record(self, runs: Sequence[Submit], began_us: int) -> None:
        """The span of each submission: from sending it to the broker's word that it is on disk."""
        now_us = time.time_ns() // 1000
        for run in runs:
            if run.trace is not None:
                own = TraceContext.unpack(run.trace)._replace(span_id=tracing.new_span_id())
                attributes = {"symphony.run": run.run, "symphony.workflow": run.workflow}
                self._tracer.record(f"submit {run.workflow}", own, run_span_id(run.run), began_us, now_us, attributes)
                self.stored.submitted(run)

    async def close_tracer(self) -> None:
        """Send the spans that wait."""
        await asyncio.to_thread(self._tracer.close)

    async def show(self, run: str, nodes: bool = False, values: bool = False, at: int | None = None) -> RunView | None:
        """The state of a run, live or archived; None where nobody knows it. With `at` as it was once the event with that
        sequence was folded: a BusError where the log does not reach back so far."""
        subject = subjects.pit("dag", "show", await self._partition(run), self.tenant)
        found: RunView | None = None
        listed: list[NodeView] = []
        cursor = 0
        while True:
            ask = encode(Show(run=run, nodes=nodes, values=values, cursor=cursor, at=at))
            view = decode(await self.bus.request(subject, ask), RunView)
            if not view.found:
                return await self._archived(run) if at is None else None
            found = found or view
            listed += view.nodes
            if view.next is None or not nodes:
                break
            cursor = view.next
        return _with_nodes(found, listed)

    async def _archived(self, run: str) -> RunView | None:
        read = await self.read(run)
        if read is None or read.view is None:
            return None
        return decode(read.view, RunView)

    async def read(self, run: str, state: bool = False) -> ArchivedRun | None:
        """What the archive has of a run; with `state` what it can go on by, too. None where it is not archived."""
        subject = subjects.pit("stale", "read", self.tenant)
        read = decode(await self.bus.request(subject, encode(ReadRun(run=run, state=state)), 15), ArchivedRun)
        return read if read.found else None

    async def history(self, run: str) -> list[HistoryEntry] | None:
        """What happened to a run, event by event; None where nobody knows it."""
        subject = subjects.pit("dag", "history", await self._partition(run), self.tenant)
        entries: list[HistoryEntry] = []
        cursor = 0
        while True:
            page = decode(await self.bus.request(subject, encode(History(run=run, cursor=cursor))), HistoryPage)
            if not page.found:
                break
            entries += page.entries
            if page.next is None:
                return entries
            cursor = page.next
        read = await self.read(run)
        if read is None or read.history is None:
            return None
        return msgspec.msgpack.decode(read.history, type=list[HistoryEntry])

    async def list(self, wanted: RunFilter | None = None, limit: int = 100) -> list[RunSummary]:
        """Runs, newest first: the live ones of the tracker, and the ended ones of the archive."""
        asked = wanted or RunFilter()
        found: dict[str, RunSummary] = {}
        for partition in range(await self.partitions()):
            subject = subjects.pit("dag", "list", partition, self.tenant)
            async for summary in pages(self.bus, subject, ListRuns, asked, limit):
                found[summary.run] = summary
        archive = subjects.pit("stale", "list", self.tenant)
        async for summary in pages(self.bus, archive, FindRuns, asked, limit):
            found.setdefault(summary.run, summary)
        newest = sorted(found.values(), key=lambda summary: (-summary.submitted_at_ms, summary.run))
        return newest[:limit]

    async def cancel(self, run: str, reason: str = "") -> None:
        """Wish that a run end; the log's order decides between it and a completion."""
        await self.say("cancel", Cancel(run=run, reason=reason))

    async def signal(self, run: str, name: str, value: Value = None, comment: str = "", said_by: str = "") -> str:
        """Send a run the signal of a name: of `wait_for: {signal}`, or the path of an `approve` task, which takes "yes",
        "no", or `{answer, comment}`. When it returns, it is in the log; one that comes early is kept for its wait. Returns
        the signal's identifier, by which the fold knows a repeated message.

        Raises:
            WorkflowError: the value cannot travel.
            BusError: `busy`, `unavailable` or `timed_out`.
        """
        message = Signal(
            run=run, name=name, value=_packed("value", value), id=secrets.token_hex(8), comment=comment, said_by=said_by
        )
        await self._publish(subjects.signal(self.tenant, run), encode(message))
        return message.id

    async def signal_and_hear(
        self, run: str, name: str, value: Value = None, comment: str = "", said_by: str = ""
    ) -> HistoryEntry | None:
        """Send a signal, and wait until the fold has taken it. Returns the entry of the run's history that tells what
        became of it; None where the tracker has not told within a few seconds: it is in the log, and will be taken.

        Raises:
            WorkflowError, BusError: as `signal`.
        """
        before = len(await self.history(run) or ())
        await self.signal(run, name, value, comment, said_by)
        return await self._told(run, before, lambda entry: entry.event == "signal" and entry.task == name)

    async def publish_event(self, name: str, value: Value = None) -> None:
        """Tell all runs that wait for events of a name that one happened.

        Raises:
            WorkflowError: the value cannot travel.
            BusError: `busy`, `unavailable` or `timed_out`.
        """
        await self.bus.publish_log(subjects.event(name), encode(Occurred(value=_packed("value", value))))

    async def say(self, event: ControlEvent, message: Control) -> None:
        """Ask something of a run; when it returns, it is in the log.

        Raises:
            BusError: `busy`, `unavailable` or `timed_out`.
        """
        await self._publish(subjects.control(event, self.tenant, message.run), encode(message))

    async def control(self, event: ControlEvent, message: Control) -> HistoryEntry | None:
        """Ask something of a run, and wait until the fold has taken it. Returns the entry of its history that tells what
        became of it; None where the tracker has not told within a few seconds: it is in the log, and will be taken.

        Raises:
            BusError: `busy`, `unavailable` or `timed_out`: it may not be in the log; ask again.
        """
        before = len(await self.history(message.run) or ())
        await self.say(event, message)
        meant = (event, "ended") if event == "cancel" else (event,)
        return await self._told(message.run, before, lambda entry: entry.event in meant)

    async def _told(self, run: str, before: int, fits: Callable[[HistoryEntry], bool]) -> HistoryEntry | None:
        """The first entry that fits, behind the first `before` of a run's history; None where none comes in time."""
        deadline = time.monotonic() + CONTROL_WAIT_S
        while time.monotonic() < deadline:
            for entry in (await self.history(run) or ())[before:]:
                if fits(entry):
                    return entry
            await asyncio.sleep(CONTROL_POLL_S)
        return None

    async def events(self, run: str) -> AsyncIterator[RunEvent]:
        """The events of a run until it ends, beginning now. They are lossy; the last one is always `ended`."""
        mailbox = await self.bus.subscribe(subjects.run_events(self.tenant, run))
        try:
            with contextlib.suppress(BusError):  # the connection may be coming back: asking again finds the end
                await self.bus.flush()
            async for event in follow(mailbox, lambda: self._ended(run), run):
                yield event
        finally:
            await mailbox.close()

    async def wait(self, run: str) -> RunEnded:
        """How a run ended, once it has."""
        async for event in self.events(run):
            if event.ended is not None:
                return event.ended
        raise AssertionError("the last event is the end")

    async def _ended(self, run: str) -> RunEnded | None:
        try:
            view = await self.show(run)
        except BusError as error:
            if error.kind in ("timed_out", "unavailable"):
                return None  # asked again later: the mesh may be starting again
            raise
        return ended_of(view) if view is not None and view.status in ENDED else None

    async def _partition(self, run: str) -> int:
        return subjects.partition_of(run, await self.partitions())


def ended_of(view: RunView) -> RunEnded:
    """The end of a run, as its view tells it."""
    return RunEnded(
        run=view.run,
        tenant=view.tenant or "default",
        workflow=view.workflow or "unknown",
        version=view.version or "0.0.0",
        status=view.status,
        outputs=view.outputs or b"\x80",
        error=view.error,
        tasks=view.tasks,
        submitted_at_ms=view.submitted_at_ms,
        ended_at_ms=view.ended_at_ms or 0,
        duration_us=view.duration_us,
        function_us=view.function_us,
        trace=view.trace,
    )


def _packed(where: str, value: Value) -> bytes:
    """A user's value as bytes.

    Raises:
        WorkflowError: it is no value that can travel; `where` names it.
    """
    try:
        return pack(value)
    except WireError as error:
        raise WorkflowError.one(where, str(error)) from None


def _with_nodes(view: RunView, nodes: Sequence[NodeView]) -> RunView:
    return msgspec.structs.replace(view, nodes=list(nodes), next=None)
