"""An owned partition: its memory, writer and outbox; taking over (rule 7) and resyncing (rule 5)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from conductor.bus import BusError, NatsBus
from conductor.kernel import clock
from conductor.kernel.execution import Execution, Key
from conductor.kernel.outbox import Outbox
from conductor.kernel.partition import Partition
from conductor.kernel.recall import Recalls
from conductor.kernel.roster import Roster
from conductor.kernel.writer import LogWriter
from conductor.observe import metrics
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.heartbeat import HEARTBEAT_INTERVAL_MS, MISSED_BEATS_UNTIL_DEAD, Heartbeat, RollCall
from conductor.wire.log import Serving
from conductor.wire.ready import ArtifactNeed, Claimed, Failure, Ready, Resync, ResyncPage, WorkflowNeed
from conductor.wire.runs import RunEnded

_log = logging.getLogger("symphony.kernel")

ROLL_TIME_S = HEARTBEAT_INTERVAL_MS * MISSED_BEATS_UNTIL_DEAD / 1000
"""A worker that does not answer the roll for so long has missed three heartbeats: it is dead."""
DUE_REPEAT_MS = 250
"""A `due` is not written again before this: the tracker may not have folded the last one yet."""
RETRY_S = 0.1
RESYNC_TIME_S = 1.0
"""A tracker answers a page in milliseconds; one that died while it was asked never does."""
FOLD_POLL_S = 0.01
GRANT_TIME_S = 3.0
"""For the first grant: they come every second, unless the Pool Manager is gone too."""


class Desk(Protocol):
    """What an office hands its findings to."""

    roster: Roster

    def accept(self, office: Office, execution: Execution | None) -> None: ...
    def decide(self, office: Office, failure: Failure) -> None: ...
    def end(self, office: Office, ended: RunEnded) -> None: ...
    def drop(self, office: Office, execution: Execution) -> None: ...
    def need(self, office: Office, need: ArtifactNeed) -> None: ...
    def resolve(self, office: Office, need: WorkflowNeed) -> None: ...
    def listen(self, office: Office, names: dict[str, int]) -> None: ...
    def lose(self, number: int) -> None: ...
    def alive(self) -> set[str]: ...
    def open_office(self, office: Office, complete: bool) -> None: ...
    def wake(self) -> None: ...


class Office:
    """One owned partition."""

    def __init__(
        self,
        bus: NatsBus,
        conductor: str,
        partition: Partition,
        secret: bytes,
        desk: Desk,
        listened: Callable[[], bool] = lambda: False,
    ) -> None:
        self._bus = bus
        self._conductor = conductor
        self._desk = desk
        self._listened = listened
        self.partition = partition
        self.outbox = Outbox(conductor, partition.number, partition.owned.epoch, secret)
        self.writer = LogWriter(bus, partition.number, partition.owned, self._stood, self._fenced)
        self.recalls = Recalls(bus, partition.number, partition.owned.epoch, self.writer.recall)
        self._served: list[Serving] = []
        self.unstored: dict[str, RunEnded] = {}
        """Ended runs whose outputs refer to parts that are not stored yet."""
        self.due_told_ms = 0
        self.resyncing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered = asyncio.Event()

    def begin(self) -> None:
        """Take over: hear all workers, then ask for everything, then dispatch."""
        self.resyncing = True
        self._start(self._take_over())

    def begin_resync(self) -> None:
        """Ask for everything, since something was missed."""
        self.resyncing = True
        self._start(self._resync())

    def serve(self, functions: list[Serving]) -> None:
        """What workers serve, once a second: the log is told where that has changed."""
        if self.partition.ready and functions != self._served and self.writer.idle:
            self._served = functions
            self.writer.serve(functions)

    def ended(self, message: Ready) -> None:
        """While a resync is under way: what this message ends, a page that was written before it may list still."""
        if self.resyncing:
            for settled in message.settled:
                if settled.accepted:
                    self.partition.settle(settled.run, settled.task)
            for unwanted in message.unwanted:
                self.partition.settle(unwanted.run, unwanted.task)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.recalls.close()
        self._start(self.writer.close())

    def _start(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stood(self, keys: list[Key]) -> None:
        for key in keys:
            self.partition.deciding.pop(key, None)

    def _fenced(self) -> None:
        self._desk.lose(self.partition.number)

    def tell_due(self, wall_ms: int, now_ms: int) -> None:
        """Time came for what the fold waits for: the log is told, and again where no tracker hears it.

        By the clock on the wall; the broker's own decides what is released, so a clock that is ahead costs a message in
        every `DUE_REPEAT_MS`, and releases nothing too early. Repeats are counted by `now_ms`, which never jumps: a clock
        that was a day ahead for a moment would else hold them back for a day.
        """
        due = self.partition.next_due_at_ms
        if due is None or due > wall_ms:
            return
        if due > self.due_told_ms or now_ms - self.partition.due_sent_at_ms >= DUE_REPEAT_MS:
            self.partition.due_sent_at_ms, self.due_told_ms = now_ms, due
            self.writer.due(wall_ms)
        self.partition.next_due_at_ms = None  # told again by the next message of the tracker

    def heard(self, beat: Heartbeat) -> None:
        """A heartbeat, which may be an answer to the roll."""
        if self.partition.takeover.answered(beat):
            self._answered.set()

    async def _take_over(self) -> None:
        owned = self.partition.owned
        # Whoever has listened for three beats knows every worker that lives, and need not wait when all have answered.
        self.partition.takeover.awaited = self._desk.alive()
        called_ms = clock.steady_ms()
        call = RollCall(
            by=self._conductor,
            manifests=True,
            attempts=True,
            reason="takeover",
            partition=self.partition.number,
            epoch=owned.epoch,
            at_ms=clock.wall_ms(),
        )
        await self._bus.publish(subjects.ROLL_CALL, encode(call))
        if not owned.first:
            known = bool(self.partition.takeover.awaited) and self._listened()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait() if known else asyncio.Event().wait(), ROLL_TIME_S)
        await self._resync()
        while self.partition.folded < self.partition.takeover.stored_sequence:  # noqa: ASYNC110 - told by messages
            await asyncio.sleep(FOLD_POLL_S)
        complete = owned.first or await self._complete(called_ms)
        self._desk.open_office(self, complete)

    async def _complete(self, since_ms: int) -> bool:
        """Whether all workers of late have answered. Nothing can be dispatched before a grant, which tells of the dead."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRANT_TIME_S):
                while self._desk.roster.dead is None:  # noqa: ASYNC110 - told by a message
                    await asyncio.sleep(FOLD_POLL_S)
        return self._desk.roster.complete(since_ms)

    async def _resync(self) -> None:
        metrics.RESYNCS.inc()
        while True:
            self.partition.stale = False
            self.partition.settled.clear()
            try:
                await self._read_pages()
                break
            except (BusError, ValueError) as error:
                _log.debug("partition %d: the tracker does not answer yet: %s", self.partition.number, error)
                await asyncio.sleep(RETRY_S)
        self.partition.settled.clear()
        self.resyncing = False
        self._desk.wake()

    async def _read_pages(self) -> None:
        partition, cursor = self.partition, 0
        listed: set[Key] = set()
        claimed = dict.fromkeys(partition.claims())
        claims = [Claimed(run=run, task=task, generation=g, try_=try_) for run, task, g, try_ in claimed]
        first: ResyncPage | None = None
        while True:
            ask = Resync(
                partition=partition.number,
                epoch=partition.owned.epoch,
                conductor=self._conductor,
                cursor=cursor,
                claimed=[] if cursor else claims,
            )
            subject = subjects.pit("dag", "resync", partition.number)
            page = decode(await self._bus.request(subject, encode(ask), RESYNC_TIME_S), ResyncPage)
            first = first or page
            if partition.precedes(page) or page.epoch != first.epoch:
                raise ValueError("a page of an emitter that is behind, or of another than the first")
            for task in page.tasks:
                if partition.overtaken(task, page):
                    continue
                listed.add((task.run, task.task, task.generation, task.try_))
                self._desk.accept(self, partition.add(task))
            for failure in page.failures:
                self._desk.decide(self, failure)
            for artifact in page.needs:
                self._desk.need(self, artifact)
            for workflow in page.needs_workflows:
                self._desk.resolve(self, workflow)
            for run in page.needs_runs:
                self.recalls.need(run)
            if cursor == 0:
                self._desk.listen(self, page.listens)
            for ended in page.ended:
                self._desk.end(self, ended)
            self.writer.quarantine(page.quarantined)
            if page.next is None:
                break
            cursor = page.next
        partition.next_due_at_ms = first.next_due_at_ms
        for execution in partition.resynced(first, listed, claimed):
            self._desk.drop(self, execution)
