"""Rule 8: a client that is refused as busy comes back when it was told to, for a while, and never all at once."""

from __future__ import annotations

import asyncio

import pytest

from conductor.bus import BusError
from conductor.workflow import sending
from conductor.workflow.sending import GROWTH, SPREAD, WAIT_S_MAX, patiently


class Time:
    """The clock and the sleeps of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        monkeypatch.setattr(sending.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(sending.asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Busy:
    """Something that refuses `times` times."""

    def __init__(self, times: int, kind: str = "busy", after_s: float = 2.0) -> None:
        self.times, self.kind, self.after_s, self.asked = times, kind, after_s, 0

    async def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise BusError(self.kind, "no room", self.after_s)  # type: ignore[arg-type]  # each kind is tried
        return "taken"


async def test_rule_8_a_refusal_states_after_how_long_it_is_to_be_tried_again() -> None:
    assert BusError("busy", "full").retry_after_s == 2.0
    assert BusError("busy", "full", 7.0).retry_after_s == 7.0
    assert BusError("fenced", "another").retry_after_s is None


async def test_rule_8_waits_are_no_shorter_than_told_longer_each_time_and_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time = Time(monkeypatch)
    assert await patiently(Busy(4), 300) == "taken"
    assert len(time.waits) == 4
    for number, wait_s in enumerate(time.waits):
        told_s = min(2.0 * GROWTH**number, WAIT_S_MAX)
        assert told_s <= wait_s <= told_s * (1 + SPREAD)
    firsts = []
    for _ in range(20):
        other = Time(monkeypatch)
        await patiently(Busy(1), 300)
        firsts += other.waits
    assert len(set(firsts)) > 10, "refused together, they do not come back together"


async def test_rule_8_patience_is_bounded_and_the_refusal_is_what_the_caller_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time, refuses = Time(monkeypatch), Busy(10**9)
    with pytest.raises(BusError) as refused:
        await patiently(refuses, 30)
    assert (refused.value.kind, refused.value.retry_after_s) == ("busy", 2.0)
    assert time.now <= 30
    assert refuses.asked == len(time.waits) + 1


@pytest.mark.parametrize("kind", ["unavailable", "invalid"])
async def test_what_is_not_busy_is_not_sent_again(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses = Busy(1, kind)
    Time(monkeypatch)
    with pytest.raises(BusError):
        await patiently(refuses, 30)
    assert refuses.asked == 1
    await asyncio.sleep(0)


async def test_what_no_word_came_of_is_sent_again_at_once_and_no_longer_than_patience() -> None:
    sent = 0

    async def send() -> str:
        nonlocal sent
        sent += 1
        if sent < 3:
            raise BusError("timed_out", "the broker did not acknowledge")
        return "taken"

    assert await patiently(send, 300) == "taken"
    sent = 0
    with pytest.raises(BusError, match="did not acknowledge"):
        await patiently(send, 0)
    assert sent == 1


async def test_a_stream_without_a_leader_is_waited_for_and_one_that_is_not_there_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time = Time(monkeypatch)
    assert await patiently(Busy(9, "not_found"), 300) == "taken"
    assert sum(time.waits) < 2
    never = Busy(10_000, "not_found")
    with pytest.raises(BusError, match="no room"):
        await patiently(never, 300)
    assert 40 < never.asked < 100
