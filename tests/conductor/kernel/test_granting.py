"""When what is held is let go of: not before nobody wants it and nothing runs."""

from __future__ import annotations

import time
from typing import Any

from conductor.kernel import granting
from conductor.kernel.core import Core
from conductor.kernel.execution import Execution
from conductor.kernel.holds import Holds
from conductor.kernel.partition import Owned, Partition
from conductor.kernel.workers import Worker, Workers
from conductor.wire.base import decode
from conductor.wire.heartbeat import Heartbeat, Holding
from conductor.wire.holds import Granted, HoldAsk, HoldGrant, HoldKey, HoldRef, Wants
from conductor.wire.log import Acquired, Decided
from conductor.wire.tasks import Attempt
from tests.conductor.kernel.support import task


class Office:
    """What granting needs of an office."""

    def __init__(self) -> None:
        self.partition = Partition(0, Owned(5, 1))
        self.partition.ready = True


class Desk:
    """What granting needs of the kernel's core."""

    def __init__(self) -> None:
        self.office = Office()
        self.offices = {0: self.office}
        self.holds = Holds("c")
        self.workers = Workers()
        self.touched: list[Execution] = []
        self.written: list[Decided] = []

    def look(self, execution: Execution) -> None:
        execution.blocked = execution.awaits_grant

    def decided(self, _: object, decided: Decided) -> None:
        self.written.append(decided)

    def given(self, **said: Any) -> Execution:
        """An execution that waits for the key `db`."""
        wants = Wants(keys=[HoldKey(key="db")], scope=said.pop("scope", False))
        made = self.office.partition.add(task(wants=wants, **said))
        assert made is not None
        self.holds.want(made)
        return made

    def grant(self, execution: Execution, token: int = 7, epoch: int = 5) -> None:
        run, path, generation, try_ = execution.key
        hold = HoldRef(run=run, task=path, generation=generation, try_=try_)
        made = HoldGrant(conductor="c", partition=0, epoch=epoch, held=[Granted(hold=hold, token=token)])
        granting.granted(self.core, made)

    def released(self) -> list[str]:
        """Tasks whose holds are let go of, since the last time."""
        granting.let_go(self.core)
        asks = [decode(data, HoldAsk) for _, data in self.holds.messages({0: 5})]
        return [hold.task for ask in asks for hold in ask.released]

    @property
    def core(self) -> Core:
        return self  # type: ignore[return-value]  # of the core it has what granting uses


def test_what_is_granted_may_start_and_an_owner_of_before_is_granted_nothing() -> None:
    desk = Desk()
    one = desk.given()
    desk.grant(one, epoch=4)
    assert one.blocked
    desk.grant(one)
    assert not one.blocked


def test_a_try_that_is_still_open_or_runs_keeps_its_hold() -> None:
    desk = Desk()
    one = desk.given()
    desk.grant(one)
    desk.touched.append(one)
    assert desk.released() == [], "it is open"
    del desk.office.partition.open[one.key]
    one.worker = "w"
    desk.touched.append(one)
    assert desk.released() == [], "its worker has not let go of it"
    one.worker = None
    desk.touched.append(one)
    assert desk.released() == ["t"]


def test_what_an_earlier_owner_dispatched_keeps_its_hold_until_its_worker_lets_go_of_it() -> None:
    desk = Desk()
    takeover = desk.office.partition.takeover
    held = Holding(partition=0, epoch=4, n=3, run=f"{1:032x}", task="t")
    takeover.answered(Heartbeat(worker="w", beat=1, holding=[held]))
    assert takeover.left({}) == []
    gone = Execution(task(wants=Wants(keys=[HoldKey(key="db")])), 0, (1, 1))
    desk.grant(gone)
    assert desk.released() == [], "an attempt of it runs"
    running = Heartbeat(worker="w", beat=2, held=[Attempt(partition=0, epoch=4, n=3)])
    assert takeover.let_go(running) == []
    keys = takeover.let_go(Heartbeat(worker="w", beat=3))
    granting.left(desk.core, desk.office, keys)  # type: ignore[arg-type]  # of an office it has what is used
    assert desk.released() == ["t"]


def test_a_runs_own_lock_is_written_to_the_log_once() -> None:
    desk = Desk()
    scope = desk.given(scope=True, task=":lock")
    desk.grant(scope)
    desk.grant(scope)
    (written,) = desk.written
    assert (written.task, written.action) == (":lock", Acquired(token=7))


def test_a_runs_own_lock_that_the_log_has_already_is_not_written_again() -> None:
    desk = Desk()
    desk.grant(desk.given(scope=True, task=":lock", fences={"db": 7}))
    assert desk.written == []


def test_a_runs_own_lock_is_kept_until_its_last_attempt_has_stopped() -> None:
    desk = Desk()
    scope = desk.given(scope=True, task=":lock")
    desk.grant(scope)
    worker = Worker("w", slots=1, expires_at_ms=time.time_ns())
    desk.workers.by_name["w"] = worker
    worker.cancelled[(0, 1)] = Execution(task(task="inside"), 0, (1, 1))
    del desk.office.partition.open[scope.key]
    desk.touched.append(scope)
    assert desk.released() == []
    worker.cancelled.clear()
    assert desk.released() == [":lock"]
