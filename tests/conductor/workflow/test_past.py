"""A run as it was at one event of the log."""

from __future__ import annotations

from conductor.wire.dag import HistoryEntry
from conductor.workflow.past import at_sequence


def entry(sequence: int, event: str, task: str | None = None, **said: object) -> HistoryEntry:
    return HistoryEntry(sequence=sequence, at_ms=sequence, event=event, task=task, **said)  # type: ignore[arg-type]


HISTORY = [
    entry(3, "submitted"),
    entry(5, "failed", "a", attempt=1, by="w", detail="user: no"),
    entry(6, "decided", "a", detail="retry"),
    entry(8, "succeeded", "a", attempt=2, by="w"),
    entry(9, "succeeded", "a", attempt=1, by="v", accepted=False),
    entry(10, "ended", detail="succeeded"),
]


def test_before_its_submission_there_is_nothing() -> None:
    assert at_sequence(HISTORY, 2) is None


def test_each_moment_shows_what_had_been_answered_by_then() -> None:
    def status(at: int) -> list[tuple[str, str, int]]:
        then = at_sequence(HISTORY, at)
        assert then is not None
        return [(node["task"], node["status"], node["attempts"]) for node in then["nodes"]]

    assert status(4) == []
    assert status(5) == [("a", "failed", 1)]
    assert status(7) == [("a", "waiting", 1)]
    assert status(9) == [("a", "succeeded", 2)], "what was not applied changes nothing"


def test_the_run_itself_has_a_status_then() -> None:
    moments = [(at_sequence(HISTORY, at) or {}).get("status") for at in (3, 9, 10)]
    assert moments == ["running", "running", "succeeded"]
