"""The clock on the wall jumps: what is counted by it, and what is not (rule 12's side of the conductor)."""

from __future__ import annotations

from types import MethodType, SimpleNamespace
from typing import Any

import pytest

from conductor.kernel import clock
from conductor.kernel.conductor import Conductor
from conductor.kernel.core import Core
from conductor.kernel.office import DUE_REPEAT_MS, Office
from conductor.kernel.partition import Owned, Partition
from conductor.kernel.workers import Workers
from tests.conductor.kernel.support import grant

DAY_MS = 86_400_000
AT_MS = 1_700_000_000_000


class Written:
    """A writer that keeps the moments it was told."""

    def __init__(self) -> None:
        self.dues: list[int] = []

    def due(self, at_ms: int) -> None:
        self.dues.append(at_ms)


def office(due_at_ms: int) -> tuple[Any, Written]:
    made: Any = Office.__new__(Office)
    made.partition = Partition(0, Owned(1, 1), next_due_at_ms=due_at_ms)
    made.writer = Written()
    made.due_told_ms = 0
    return made, made.writer


def test_the_steady_clock_goes_on_whatever_the_wall_says(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.steady_ms()
    monkeypatch.setattr(clock.time, "time_ns", lambda: 0)
    assert clock.wall_ms() == 0
    assert before <= clock.steady_ms() < before + 60_000


def test_a_clock_that_is_ahead_writes_a_due_at_most_every_interval_and_the_broker_decides() -> None:
    made, written = office(AT_MS + DAY_MS)
    for passed in range(0, 2001, 50):  # the tracker's level says again what is due next: nothing was released
        made.partition.next_due_at_ms = AT_MS + DAY_MS
        made.tell_due(AT_MS + 2 * DAY_MS + passed, AT_MS + passed)
    assert len(written.dues) == 2000 // DUE_REPEAT_MS + 1


def test_a_clock_that_was_ahead_for_a_moment_does_not_hold_a_timer_back() -> None:
    due = AT_MS + 1000
    made, written = office(due)
    made.tell_due(AT_MS + DAY_MS, AT_MS)  # a day ahead: told too early, and the fold releases nothing
    made.partition.next_due_at_ms = due
    made.tell_due(AT_MS + 500, AT_MS + 500)
    assert len(written.dues) == 1, "not due by the clock that is right again"
    made.tell_due(AT_MS + 1000, AT_MS + 1000)
    assert len(written.dues) == 2, "told again at once, not a day later"


class Empty:
    """A mailbox into which nothing has come."""

    def take_all(self) -> list[Any]:
        return []


def test_no_lease_runs_out_and_no_worker_is_silent_because_the_wall_jumped(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = Conductor.__new__(Conductor)
    made.core = SimpleNamespace(now_ms=0, wall_ms=0, heard_at={})
    made.core.begin = MethodType(Core.begin, made.core)
    boxes = (Empty(), Empty(), Empty(), Empty(), Empty())
    made._take(*boxes)
    workers, before = Workers(), made.core.now_ms
    workers.grant(grant(("w", 2)), before)
    jumped = clock.wall_ms() + DAY_MS
    monkeypatch.setattr(clock.time, "time_ns", lambda: jumped * 1_000_000)
    made._take(*boxes)
    assert made.core.wall_ms == jumped
    assert made.core.now_ms - before < 2000
    workers.expire(made.core.now_ms)
    assert workers.by_name["w"].slots == 2
    workers.expire(made.core.wall_ms)
    assert "w" not in workers.by_name, "by the wall it would have run out"
