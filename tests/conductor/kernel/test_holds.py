"""Locks, semaphores and rates of a conductor: asked in bulk, granted by the ledger, let go of when nothing runs."""

from __future__ import annotations

from typing import Any

from conductor.kernel.execution import Execution
from conductor.kernel.holds import Holds, over
from conductor.wire.base import decode
from conductor.wire.holds import Granted, HoldAsk, HoldGrant, HoldKey, HoldRate, HoldRef, Wants
from tests.conductor.kernel.support import execution

LOCK = Wants(keys=[HoldKey(key="db")])
RATE = Wants(rate=HoldRate(key="api", per_second=5.0))


def locked(number: int = 1, wants: Wants = LOCK, **said: Any) -> Execution:
    return execution(number, wants=wants, **said)


def said(holds: Holds, level: bool = False) -> list[HoldAsk]:
    return [decode(data, HoldAsk) for _, data in holds.messages({0: 5}, level)]


def ref(one: Execution) -> HoldRef:
    run, task, generation, try_ = one.key
    return HoldRef(run=run, task=task, generation=generation, try_=try_)


def grant(*held: tuple[Execution, int], renewal: int = 0) -> HoldGrant:
    made = [Granted(hold=ref(one), token=token, renewal=renewal) for one, token in held]
    return HoldGrant(conductor="c", partition=0, epoch=5, held=made)


def never(_: object) -> bool:
    return False


def test_what_wants_nothing_is_asked_for_nobody() -> None:
    holds = Holds("c")
    holds.want(execution(1))
    assert said(holds) == []


def test_what_waits_is_asked_for_once_and_then_in_every_level_until_it_is_granted() -> None:
    holds, one = Holds("c"), locked()
    holds.want(one)
    (ask,) = said(holds)
    assert (ask.epoch, ask.wants[0].hold, ask.wants[0].since_ms) == (5, ref(one), 1)
    assert said(holds) == []
    holds.level(0)
    (level,) = said(holds, level=True)
    assert (level.level, level.held, len(level.wants)) == (True, 0, 1)
    assert holds.granted(grant((one, 7)), never) == [one]
    assert (one.token, one.fences) == (7, {"db": 7})
    holds.level(0)
    (level,) = said(holds, level=True)
    assert (level.held, level.wants) == (1, [])


def test_what_is_over_is_let_go_of_once() -> None:
    holds, one = Holds("c"), locked()
    holds.want(one)
    holds.granted(grant((one, 7)), never)
    holds.over(one)
    holds.over(one)
    (ask,) = said(holds)
    assert (ask.wants, ask.released) == ([], [ref(one)])


def test_who_waits_in_vain_leaves_the_line() -> None:
    holds, one = Holds("c"), locked()
    holds.want(one)
    assert said(holds)
    holds.over(one)
    assert said(holds)[0].released == [ref(one)]


def test_a_rate_is_spent_and_not_let_go_of() -> None:
    holds, one = Holds("c"), locked(wants=RATE)
    holds.want(one)
    assert said(holds)
    assert holds.granted(grant((one, 0)), never) == [one]
    assert one.fences == {}
    holds.renew(one)
    assert one.token == 0, "a lost attempt is no start of another try"
    holds.over(one)
    assert said(holds) == []


def test_a_hold_that_nobody_here_knows_of_is_let_go_of_unless_an_attempt_may_run() -> None:
    holds, gone = Holds("c"), locked(9)
    assert holds.granted(grant((gone, 7)), lambda _: True) == []
    assert said(holds) == []
    assert holds.granted(grant((gone, 7)), never) == []
    assert said(holds)[0].released == [ref(gone)]


def test_a_lost_attempt_waits_for_a_greater_token() -> None:
    holds, one = Holds("c"), locked()
    holds.want(one)
    holds.granted(grant((one, 7)), never)
    said(holds)
    holds.renew(one)
    assert said(holds)[0].wants[0].renewal == 1
    assert holds.granted(grant((one, 7)), never) == [], "the token of before does not do"
    assert holds.granted(grant((one, 8), renewal=1), never) == [one]
    assert one.fences == {"db": 8}


def test_the_same_identity_given_out_anew_waits_until_the_attempt_of_before_is_over() -> None:
    holds, before, after = Holds("c"), locked(), locked()
    holds.want(before)
    holds.granted(grant((before, 7)), never)
    said(holds)
    holds.want(after)
    assert said(holds) == []
    holds.over(before)
    (ask,) = said(holds)
    assert (ask.released, ask.wants[0].renewal) == ([], 1)
    assert holds.granted(grant((after, 9), renewal=1), never) == [after]


def test_a_partition_that_is_somebody_elses_is_let_alone() -> None:
    holds, one = Holds("c"), locked()
    holds.want(one)
    holds.granted(grant((one, 7)), never)
    holds.forget(0)
    holds.over(one)
    assert said(holds) == []
    assert holds.counts() == (0, 0)


def test_a_task_is_told_the_tokens_of_its_run_and_its_own() -> None:
    holds, one = Holds("c"), locked(fences={"account": 3})
    holds.want(one)
    holds.granted(grant((one, 7)), never)
    assert one.fences == {"account": 3, "db": 7}


def test_only_what_no_worker_has_and_nobody_wants_is_over() -> None:
    running, waiting, plain, done = locked(1), locked(2), execution(3), locked(4)
    running.worker = "w"
    assert over([running, waiting, plain, done], lambda e: e is waiting) == [done]
