"""Executions whose workers died: tried again one at a time, and not for ever."""

from __future__ import annotations

from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.kernel.allowances import Allowances
from conductor.kernel.execution import DEATHS_MAX
from conductor.kernel.placement import place
from conductor.kernel.waiting import Waiting
from conductor.kernel.workers import Workers
from conductor.policy import Rules
from conductor.wire.heartbeat import Heartbeat
from conductor.wire.log import Lost
from tests.conductor.kernel.support import beat, close, core, execution, grant, task

NOW = 1_000_000


def suspect(number: int, deaths: int, **said: object):
    made = execution(number, ready_at_ms=NOW, **said)
    made.deaths = deaths
    return made


def test_a_worker_holds_one_suspect_at_a_time_and_others_beside_it() -> None:
    waiting, workers = Waiting(), Workers()
    workers.grant(grant(("v", 4), ("w", 4)), NOW)
    innocent = execution(9, ready_at_ms=NOW)
    for one in (suspect(1, 3), suspect(2, 2), suspect(3, 2), innocent):
        waiting.add(one)
    placed = place(waiting, workers, Allowances(), Rules(), NOW)
    assert [e.key[0][-1] for e, _ in placed.starts] == ["2", "3", "9"], "the fewest deaths first"
    assert [w.name for _, w in placed.starts[:2]] == ["v", "w"]
    assert place(waiting, workers, Allowances(), Rules(), NOW).starts == []
    workers.by_name["v"].held.clear()
    (start,) = place(waiting, workers, Allowances(), Rules(), NOW).starts
    assert (start[0].key[0][-1], start[1].name) == ("1", "v")
    assert waiting.suspects == set()
    assert waiting.counts() == {}


def test_a_suspect_may_take_the_last_slot() -> None:
    waiting, workers = Waiting(), Workers()
    workers.grant(grant(("w", 1)), NOW)
    for one in (suspect(1, 2), execution(2, ready_at_ms=NOW)):
        waiting.add(one)
    (start,) = place(waiting, workers, Allowances(), Rules(), NOW).starts
    assert start[0].deaths == 2
    assert waiting.counts() == {"f": 1}


def test_one_that_is_wanted_no_more_is_a_suspect_no_more() -> None:
    waiting = Waiting()
    one = suspect(1, 2)
    waiting.add(one)
    waiting.remove(one)
    assert (waiting.suspects, waiting.counts()) == (set(), {})


def test_one_death_makes_nobody_a_suspect() -> None:
    waiting, workers = Waiting(), Workers()
    workers.grant(grant(("w", 4)), NOW)
    for number in range(1, 5):
        waiting.add(suspect(number, 1))
    assert len(place(waiting, workers, Allowances(), Rules(), NOW).starts) == 4


async def test_a_task_that_took_too_many_workers_with_it_is_told_as_lost_with_its_count() -> None:
    made, office = core(MemoryBus(MemoryBroker()))
    made.now_ms = NOW
    made.accept(office, office.partition.add(task(1)))
    for number in range(DEATHS_MAX):
        assert office.partition.deciding == {}
        made.pool_grant(grant((f"w{number}", 1)))
        made.act()
        assert len(made.workers.by_name[f"w{number}"].held) == 1
        made.pool_grant(grant(dead=[f"w{number}"]))
    (decided,) = office.partition.deciding.values()
    assert isinstance(decided.action, Lost)
    assert (decided.action.attempts, decided.action.begun) == (DEATHS_MAX, True)
    assert made.waiting.counts() == {}
    await close(office)


async def test_a_worker_that_stops_politely_accuses_nobody() -> None:
    made, office = core(MemoryBus(MemoryBroker()))
    made.now_ms = NOW
    made.accept(office, office.partition.add(task(1)))
    for number in range(2 * DEATHS_MAX):
        made.pool_grant(grant((f"w{number}", 1)))
        made.act()
        made.heartbeat(Heartbeat(worker=f"w{number}", beat=1, state="stopped"))
    (left,) = made.waiting.lines["f"].values()
    assert left.deaths == 0
    await close(office)


async def test_a_process_that_dies_before_its_second_heartbeat_is_told_by_its_number() -> None:
    made, office = core(MemoryBus(MemoryBroker()))
    made.now_ms = NOW
    made.accept(office, office.partition.add(task(1)))
    made.pool_grant(grant(("w", 1)))
    made.heartbeat(beat(0, pid=100))
    for pid in range(101, 101 + DEATHS_MAX):
        made.act()
        made.now_ms += 50
        made.heartbeat(beat(0, pid=pid))
        assert made.waiting.counts() == {}, "it may not have read yet what was sent a moment ago"
        made.now_ms += 250
        made.heartbeat(beat(1, pid=pid))
    (decided,) = office.partition.deciding.values()
    assert decided.action == Lost(message=decided.action.message, attempts=DEATHS_MAX)
    await close(office)


async def test_a_process_that_dies_of_the_first_attempt_after_its_lease_is_told_from_its_successor() -> None:
    made, office = core(MemoryBus(MemoryBroker()))
    made.now_ms = NOW
    made.accept(office, office.partition.add(task(1)))
    made.heartbeat(beat(0, pid=100))
    made.pool_grant(grant(("w", 1)))
    made.act()
    made.now_ms += 50
    made.heartbeat(beat(0, pid=101))
    made.now_ms += 250
    made.heartbeat(beat(1, pid=101))
    (left,) = made.waiting.lines["f"].values()
    assert left.deaths == 1
    await close(office)


async def test_a_process_that_came_anew_under_its_name_died_with_what_it_held() -> None:
    made, office = core(MemoryBus(MemoryBroker()))
    made.now_ms = NOW
    made.accept(office, office.partition.add(task(1)))
    made.pool_grant(grant(("w", 1)))
    made.heartbeat(beat(7))
    made.act()
    made.now_ms += 200
    made.heartbeat(beat(0))
    (left,) = made.waiting.lines["f"].values()
    assert left.deaths == 1
    made.act()
    made.now_ms += 5_000
    made.heartbeat(beat(1))
    (left,) = made.waiting.lines["f"].values()
    assert left.deaths == 1, "a dispatch that never arrived killed nobody"
    await close(office)
