"""Who goes first and where: the choice of one beat. Pure; shares and limits stand around the policy, never inside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from conductor.kernel.allowances import Allowances
from conductor.kernel.execution import SUSPECT_DEATHS, Execution, parts_of
from conductor.kernel.orders import Orders
from conductor.kernel.places import MANY
from conductor.kernel.turns import CANDIDATES_MAX, Turns
from conductor.kernel.waiting import Waiting
from conductor.kernel.workers import Worker, Workers
from conductor.policy import Policy
from conductor.wire.ready import Requires
from conductor.wire.stale import Decision

TURN_US = 5_000
"""A turn of the ring under load, from one attempt's end to the next one's arrival."""
AHEAD_TURNS = 2
AHEAD_RUN_US_MAX = 250_000


@dataclass(slots=True)
class Placement:
    """What a beat starts, and the choices that were made for it."""

    starts: list[tuple[Execution, Worker]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


@dataclass(slots=True)
class Sites:
    """What is known of workers beside their slots."""

    fits: Callable[[str, str, str], bool] = lambda *_: False
    """Whether a worker serves a version of a function that is in a range."""
    takes: Callable[[Worker, Requires], int] = lambda *_: 0
    """How many more executions that need a pool, labels or resources it may be given."""
    share: Callable[[Requires], float] = lambda _: 1.0
    """How many slots one such execution counts as, by the resource that it takes most of."""
    could: Callable[[Worker, Requires], bool] = lambda *_: False
    """Whether it could be given one, once it holds nothing."""


ANYWHERE = Sites()


@dataclass(slots=True)
class _Line:
    """Those who wait in one line, and the workers that may be given them."""

    ready: list[Execution]
    workers: list[Worker]
    requires: Requires | None
    ahead: float
    most: dict[str, int]
    """How many a worker may be given by what it offers; empty: nothing but its slots bounds it."""

    def room(self) -> int:
        return sum(min(w.room(w.ahead(self.ahead)), self.most.get(w.name, MANY)) for w in self.workers)


@dataclass(slots=True)
class _Beat:
    """One beat's choice."""

    waiting: Waiting
    workers: Workers
    allowances: Allowances
    policy: Policy
    now_ms: int
    orders: Orders | None
    conductor: str
    sites: Sites
    made: Placement = field(default_factory=Placement)
    kept: dict[str, Requires] = field(default_factory=dict)
    """Workers whose resources are kept, by what for."""

    def keep(self) -> None:
        """Keep the resources of a worker for each line that waited past the bound and fits nowhere: what needs much of
        something would else never find it free, while others take each piece that falls free."""
        overdue_ms = self.now_ms - self.allowances.starvation_ms
        for name, queued in self.waiting.lines.items():
            capability, wanted, needs = parts_of(name)
            first = next(iter(queued.values()))
            requires = first.task.requires
            if not needs or requires is None or not requires.resources or first.task.ready_at_ms > overdue_ms:
                continue
            able = [w for w in self.workers.leased(capability) if w.name not in self.kept]
            if wanted:
                able = [w for w in able if self.sites.fits(w.name, capability, wanted)]
            if any(self.sites.takes(worker, requires) > 0 for worker in able):
                continue
            able = [worker for worker in able if self.sites.could(worker, requires)]
            if able:
                # The one that holds least is the soonest free; it stays the same one until then.
                chosen = min(able, key=lambda worker: (len(worker.held), worker.name))
                self.kept[chosen.name] = requires

    def may_take(self, worker: Worker, requires: Requires) -> bool:
        """Whether what it needs there is not kept for others."""
        kept = self.kept.get(worker.name)
        return kept is None or kept == requires or not kept.resources.keys() & requires.resources.keys()

    def fill(self, capability: str, names: list[str]) -> None:
        """Fill the free slots of a capability from its lines."""
        ahead = share_ahead(self.allowances.run_us.get(capability))
        free = self.workers.serving(capability, ahead)
        if not free:
            return
        found = {name: line for name in names if (line := self.line(name, free, ahead)) is not None and line.ready}
        if not all(line.ahead for line in found.values()):
            # What others sent ahead would take each slot that falls free from who must not wait at a worker.
            for line in found.values():
                line.ahead = 0.0
        lines = {name: line for name, line in found.items() if line.room() > 0}
        if len(lines) > 1:
            self.together(capability, lines)
            return
        for line in lines.values():
            room, ready = line.room(), line.ready
            if len(ready) > room:
                ready = self.turns(capability, room).order(ready)
            rest = self.give(line, ready, 0.0)
            if rest and line.ahead:
                self.give(line, rest, line.ahead)

    def line(self, name: str, free: list[Worker], ahead: float) -> _Line | None:
        """Who of a line may start, and where; None: no worker is free for it."""
        capability, wanted, needs = parts_of(name)
        if wanted:
            free = [worker for worker in free if self.sites.fits(worker.name, capability, wanted)]
        most: dict[str, int] = {}
        requires = None
        if needs and (requires := next(iter(self.waiting.lines[name].values())).task.requires) is not None:
            if self.kept:
                free = [worker for worker in free if self.may_take(worker, requires)]
            most = {worker.name: self.sites.takes(worker, requires) for worker in free}
            free = [worker for worker in free if most[worker.name] > 0]
            if requires.resources:
                ahead = 0.0  # one that waits at its worker would have what another needs
                share = self.sites.share(requires)
                for execution in self.waiting.lines[name].values():
                    execution.share = share
        if not free:
            return None
        ready = [e for e in self.waiting.lines[name].values() if not e.blocked]
        if self.allowances.limits:
            ready = [e for e in ready if self.allowances.admits(e.task, self.now_ms)]
        line = _Line(ready, free, requires, ahead, most)
        if self.waiting.suspects:
            line.ready = self.apart(line)
        return line

    def turns(self, capability: str, room: int) -> Turns:
        leased = self.workers.slots.get(capability, room)
        return Turns(
            capability,
            room,
            leased,
            self.allowances,
            self.policy,
            self.now_ms,
            self.orders,
            self.conductor,
            self.made.decisions,
        )

    def apart(self, line: _Line) -> list[Execution]:
        """Start suspects, those with the fewest deaths first, each at a worker that has no other. Returns the rest.

        All that a dead worker held come under suspicion with the one that killed it. Together again, they would go on dying
        of it until each was taken for poison; one at a time, the others end.
        """
        suspects = [execution for execution in line.ready if execution.deaths >= SUSPECT_DEATHS]
        suspects.sort(key=lambda execution: (execution.deaths, execution.task.ready_at_ms))
        alone = [
            w for w in line.workers if w.free > 0 and all(held.deaths < SUSPECT_DEATHS for held in w.held.values())
        ]
        for execution, worker in zip(suspects, alone, strict=False):
            if line.most.get(worker.name, MANY) > 0:
                self.give(line, [execution], 0.0, [worker])
        return [execution for execution in line.ready if execution.deaths < SUSPECT_DEATHS]

    def give(
        self, line: _Line, ready: list[Execution], ahead: float, workers: list[Worker] | None = None
    ) -> list[Execution]:
        """Give executions of a line to workers in turn, the freest first. Returns those for which there was no room."""
        limited = bool(self.allowances.limits)
        most = line.most
        # Rooms are counted here and not asked for again: this loop runs once for every step of every workflow.
        free: deque[Any] = deque(
            [worker, min(worker.room(worker.ahead(ahead)), most.get(worker.name, MANY))]
            for worker in workers or line.workers
        )
        for place, execution in enumerate(ready):
            if limited and not self.allowances.admits(execution.task, self.now_ms):
                continue  # the ones before it in this beat used the rest of the limit
            while free and free[0][1] <= 0:
                free.popleft()
            if not free:
                return ready[place:]
            entry = free[0]
            entry[1] -= 1
            worker = entry[0]
            if most:
                most[worker.name] -= 1
            free.rotate(-1)
            self.start(execution, worker)
        return []

    def start(self, execution: Execution, worker: Worker) -> None:
        queued = self.waiting.lines[execution.line]
        del queued[execution.key]
        if not queued:
            del self.waiting.lines[execution.line]
        if execution.deaths >= SUSPECT_DEATHS:
            self.waiting.suspects.discard(execution.key)
        execution.worker = worker.name
        execution.n = worker.number(execution.partition)
        worker.held[(execution.partition, execution.n)] = execution
        execution.usage = self.allowances.start(execution.task, self.now_ms, execution.share)
        self.made.starts.append((execution, worker))

    def together(self, capability: str, lines: dict[str, _Line]) -> None:
        """Several lines want the same slots: their executions stand in one order, and each goes where it may.

        One line after the other would let a flood in the first keep the others out for as long as it lasts.
        """
        ready = [execution for line in lines.values() for execution in line.ready]
        room = sum(worker.room(0) for worker in {w.name: w for line in lines.values() for w in line.workers}.values())
        if len(ready) > room:
            # Some of those whose turn it is fit nowhere: so more are put in order than there is room for.
            ready = self.turns(capability, min(len(ready), room + CANDIDATES_MAX)).order(ready)
        for share in (0.0, 1.0):
            # The freest first; who has no more room for a line has none for the rest of the pass.
            free = {name: deque(line.workers) for name, line in lines.items() if line.ahead or not share}
            left = []
            for execution in ready:
                line = lines[execution.line]
                worker = self.next(free.get(execution.line), line, line.ahead * share)
                if worker is None or not self.allowances.admits(execution.task, self.now_ms):
                    left.append(execution)
                else:
                    self.start(execution, worker)
            ready = left

    def next(self, free: deque[Worker] | None, line: _Line, ahead: float) -> Worker | None:
        """The next worker that has room for one more of a line; None: none has any."""
        while free:
            worker = free[0]
            # What the other lines were given in this beat counts.
            if worker.room(worker.ahead(ahead)) <= 0 or (
                line.requires is not None and self.sites.takes(worker, line.requires) <= 0
            ):
                free.popleft()
                continue
            free.rotate(-1)
            return worker
        return None


def place(
    waiting: Waiting,
    workers: Workers,
    allowances: Allowances,
    policy: Policy,
    now_ms: int,
    orders: Orders | None = None,
    conductor: str = "",
    sites: Sites = ANYWHERE,
) -> Placement:
    """Fill free slots. Where all fit nobody is asked; else shares choose the claimant and the policy its execution.

    Where several claimants want them, `orders` may have Arbitration's answer, and gets the question for the next one.
    """
    beat = _Beat(waiting, workers, allowances, policy, now_ms, orders, conductor, sites)
    beat.keep()
    for capability, names in _by_capability(waiting.lines):
        beat.fill(capability, names)
    return beat.made


def _by_capability(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(parts_of(line)[0], []).append(line)
    yield from found.items()


def share_ahead(run_us: float | None) -> float:
    """What share of a worker's slots may wait there as well, so that none is empty while a result goes round the ring.

    The shorter a function runs, the more slots fall free within a turn of the ring. A long one is not sent ahead at all: it
    might wait behind another while a slot elsewhere falls free.
    """
    if run_us is None or run_us > AHEAD_RUN_US_MAX:
        return 0.0
    return min(1.0, AHEAD_TURNS * TURN_US / max(run_us, 1.0))
