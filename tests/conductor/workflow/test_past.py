"""A run as it was at one event of the log."""

from __future__ import annotations

from typing import Any

import pytest

from conductor.bus import BusError
from conductor.wire.dag import HistoryEntry, NodeView, RunSummary, RunView
from conductor.wire.stale import ArchivedRun
from conductor.wire.values import pack
from conductor.workflow.past import as_it_was, at_sequence, why_not_again


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


class Answers:
    """A client whose tracker answers as it is told."""

    def __init__(self, view: RunView | BusError | None, history: list[HistoryEntry] | None = None) -> None:
        self.view = view
        self.entries = history
        self.archived: ArchivedRun | None = None

    async def show(self, run: str, nodes: bool, values: bool, at: int) -> RunView | None:
        if isinstance(self.view, BusError):
            raise self.view
        return self.view

    async def history(self, run: str) -> list[HistoryEntry] | None:
        return self.entries

    async def read(self, run: str, state: bool) -> ArchivedRun | None:
        return self.archived


RUN = f"{1:032x}"


async def then(client: Any, sequence: int = 7) -> dict[str, Any]:
    found = await as_it_was(client, RUN, sequence)
    assert found is not None
    return found


async def test_the_log_says_it_best() -> None:
    node = NodeView(task="a", status="running", attempts=2, inputs=pack({"x": 1}))
    told = await then(Answers(RunView(run=RUN, status="running", nodes=[node]), HISTORY))
    assert (told["from"], told["status"]) == ("log", "running")
    assert told["nodes"][0]["inputs"] == {"x": 1}


async def test_where_the_log_does_not_reach_the_history_is_left_and_says_so() -> None:
    told = await then(Answers(BusError("not_found", "the log before 100 is gone"), HISTORY))
    assert (told["from"], told["note"]) == ("history", "the log before 100 is gone")
    assert told["nodes"][0]["status"] == "waiting"
    told = await then(Answers(None, HISTORY), sequence=2)
    assert told == {"began": 3}
    assert await as_it_was(Answers(None, None), RUN, 7) is None  # type: ignore[arg-type]  # what it asks is there


@pytest.mark.parametrize(
    ("status", "state", "why"),
    [("failed", b"kept", None), ("failed", b"", "kept no state"), ("succeeded", b"", "has succeeded")],
)
async def test_an_archived_run_goes_on_by_what_was_kept(status: str, state: bytes, why: str | None) -> None:
    client = Answers(None)
    summary = RunSummary(run=RUN, tenant="t", workflow="w", version="1.0.0", status=status)
    client.archived = ArchivedRun(summary=summary, state=state)
    said = await why_not_again(client, RUN)  # type: ignore[arg-type]  # what it asks is there
    assert said is None if why is None else said is not None and why in said
