"""Rule 8, room: when submissions are refused, and what of them may be dropped."""

from __future__ import annotations

from typing import Any

import pytest

from conductor.kernel.room import KEPT_COUNT, droppable, pressure
from conductor.wire.dag import DagShow


def stream(messages: int, used: int, most: int, first: int = 1) -> dict[str, Any]:
    """A stream's state and configuration as the broker tells them."""
    state = {"messages": messages, "bytes": used, "first_seq": first, "last_seq": first + messages - 1}
    return {"state": state, "config": {"name": "S", "max_bytes": most}}


EMPTY = stream(0, 0, 1000)


@pytest.mark.parametrize(
    ("shown", "log", "full", "why"),
    [
        (DagShow(partition=0), EMPTY, 0.0, "full to 0%"),
        (DagShow(partition=1, live=50, live_max=100), EMPTY, 0.5, "50 live runs"),
        (DagShow(partition=1, live=100, live_max=100), EMPTY, 1.0, "100 live runs"),
        (DagShow(partition=2, live=1, memory_bytes=6 << 20, memory_high_bytes=4 << 20), EMPTY, 1.5, "6 MiB"),
        (DagShow(partition=2, memory_bytes=6 << 20, memory_high_bytes=4 << 20), EMPTY, 0.0, "full to 0%"),
        (DagShow(partition=0), stream(9, 900, 1000), 1.0, "the log is full to 90%"),
        (DagShow(partition=0), stream(9, 900, -1), 0.0, "nothing"),
    ],
)
def test_rule_8_the_fullest_bound_decides_and_is_named(shown: DagShow, log: Any, full: float, why: str) -> None:
    found, said = pressure([DagShow(partition=9), shown], log)
    assert found == pytest.approx(full)
    assert why in said


def test_rule_8_what_the_log_has_not_copied_is_never_dropped() -> None:
    crowded = stream(5 * KEPT_COUNT, 900, 1000, first=11)
    assert droppable(crowded, copied=0) == 0
    assert droppable(crowded, copied=10) == 0
    assert droppable(crowded, copied=2000) == 2000
    assert droppable(crowded, copied=10**9) == 10 + 5 * KEPT_COUNT


def test_rule_8_the_last_submissions_stay_as_many_as_runs_live() -> None:
    crowded = stream(5 * KEPT_COUNT, 900, 1000)
    assert droppable(crowded, copied=10**9, live=3 * KEPT_COUNT) == 2 * KEPT_COUNT
    assert droppable(crowded, copied=10**9, live=5 * KEPT_COUNT) == 0


def test_rule_8_few_messages_lie_there_until_the_stream_is_half_full() -> None:
    assert droppable(stream(KEPT_COUNT, 400, 1000), copied=10**9) == 0
    assert droppable(stream(KEPT_COUNT, 600, 1000), copied=10**9) == KEPT_COUNT
    assert droppable(stream(KEPT_COUNT + 1, 400, 1000), copied=10**9) == KEPT_COUNT + 1
