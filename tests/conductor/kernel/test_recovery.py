"""Rule 6: nothing is redone that is only late."""

from __future__ import annotations

import pytest

from conductor.kernel import recovery
from conductor.kernel.workers import Worker
from tests.conductor.kernel.support import beat, execution

EPOCHS = {0: 5}


@pytest.fixture
def worker() -> Worker:
    """A worker that was sent three attempts at time 1000."""
    made = Worker("w", slots=4, capabilities=frozenset({"f"}))
    for n in (1, 2, 3):
        attempt = execution(n)
        attempt.worker, attempt.n, attempt.sent_at_ms = "w", made.number(0), 1000
        made.held[(0, n)] = attempt
    return made


def test_rule_6_what_is_held_or_stored_or_not_seen_yet_is_not_lost(worker: Worker) -> None:
    found = recovery.compare(worker, beat(seen=2, held=(1,), stored={2: 50}), EPOCHS, {0: 100}, 1300)
    assert found.lost == []
    assert sorted(worker.held) == [(0, 1), (0, 2), (0, 3)]


def test_rule_6_what_was_seen_and_is_listed_nowhere_is_lost_once_the_tracker_is_past_every_stored_result(
    worker: Worker,
) -> None:
    early = recovery.compare(worker, beat(1, seen=3, held=(1,), stored={2: 50}), EPOCHS, {0: 49}, 1300)
    assert early.lost == []  # its result may be among those that the tracker has not folded
    late = recovery.compare(worker, beat(2, seen=3, held=(1,), stored={2: 50}), EPOCHS, {0: 50}, 1550)
    assert [lost.n for lost in late.lost] == [3]
    assert (0, 3) not in worker.held


def test_rule_6_a_busy_worker_does_not_put_off_what_is_lost_for_ever(worker: Worker) -> None:
    recovery.compare(worker, beat(1, seen=3, held=(1,), stored={2: 50}), EPOCHS, {0: 49}, 1300)
    found = recovery.compare(worker, beat(2, seen=3, held=(1,), stored={2: 900}), EPOCHS, {0: 60}, 1550)
    assert [lost.n for lost in found.lost] == [3]


def test_rule_6_a_heartbeat_that_cannot_list_everything_loses_nothing(worker: Worker) -> None:
    found = recovery.compare(worker, beat(seen=3, truncated=True), EPOCHS, {0: 100}, 1300)
    assert found.lost == []


def test_a_dispatch_that_never_arrived_is_lost_after_a_while(worker: Worker) -> None:
    assert recovery.compare(worker, beat(1, seen=2, held=(1, 2)), EPOCHS, {0: 0}, 2000).lost == []
    found = recovery.compare(worker, beat(2, seen=2, held=(1, 2)), EPOCHS, {0: 0}, 1001 + recovery.UNSEEN_AFTER_MS)
    assert [lost.n for lost in found.lost] == [3]


def test_a_process_that_began_anew_has_nothing_of_before(worker: Worker) -> None:
    recovery.compare(worker, beat(40, seen=3, held=(1, 2, 3)), EPOCHS, {0: 0}, 1300)
    found = recovery.compare(worker, beat(0), EPOCHS, {0: 0}, 1300)
    assert sorted(lost.n for lost in found.lost) == [1, 2, 3]


def test_rule_7_a_refusal_is_taken_back_at_once(worker: Worker) -> None:
    from conductor.wire.tasks import Attempt

    refused = [Attempt(partition=0, epoch=5, n=2)]
    found = recovery.compare(worker, beat(seen=3, held=(1, 3), refused=refused), EPOCHS, {0: 0}, 1300)
    assert [attempt.n for attempt in found.refused] == [2]


def test_attempts_of_another_epoch_say_nothing(worker: Worker) -> None:
    found = recovery.compare(worker, beat(seen=3), {0: 6}, {0: 100}, 1300)
    assert found.lost == []


def test_rule_14_what_is_held_and_not_wanted_is_told_again_until_it_is_let_go(worker: Worker) -> None:
    worker.cancelled[(0, 2)] = worker.held.pop((0, 2))
    first = recovery.compare(worker, beat(1, seen=3, held=(1, 2, 3)), EPOCHS, {0: 0}, 1300)
    assert first.unwanted == [(0, 2)]
    assert worker.free == 1
    second = recovery.compare(worker, beat(2, seen=3, held=(1, 3)), EPOCHS, {0: 0}, 1550)
    assert second.unwanted == []
    assert worker.free == 2


def test_rule_14_what_is_not_wanted_and_never_arrived_gives_its_slot_back(worker: Worker) -> None:
    worker.cancelled[(0, 3)] = worker.held.pop((0, 3))
    recovery.compare(worker, beat(1, seen=2, held=(1, 2)), EPOCHS, {0: 0}, 2000)
    assert (0, 3) in worker.cancelled  # it may be on its way
    recovery.compare(worker, beat(2, seen=2, held=(1, 2)), EPOCHS, {0: 0}, 1001 + recovery.UNSEEN_AFTER_MS)
    assert worker.cancelled == {}
    assert worker.free == 2


def test_rule_14_what_is_not_wanted_went_with_the_process_that_had_it(worker: Worker) -> None:
    worker.cancelled[(0, 3)] = worker.held.pop((0, 3))
    recovery.compare(worker, beat(40, seen=3, held=(1, 2, 3)), EPOCHS, {0: 0}, 1300)
    recovery.compare(worker, beat(0), EPOCHS, {0: 0}, 1300)
    assert worker.cancelled == {}


def test_rule_15_a_plain_client_is_given_up_at_its_time(worker: Worker) -> None:
    worker.held[(0, 1)].expires_at_ms = 1200
    assert recovery.overdue(worker, 1199) == []
    assert [late.n for late in recovery.overdue(worker, 1200)] == [1]
