"""A checker that finds nothing in a lie is worth nothing: each kind of violation, made by hand, is found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from conductor.wire.dag import NodeView, RunView
from conductor.wire.errors import ErrorValue
from conductor.wire.runs import RunEnded
from tests.chaos.checker import Disturbance, Lines, check, read_effects
from tests.chaos.evaluate import Expected
from tests.chaos.journal import Journal, Seen

RUN = "0" * 32
OUT = b"\x81\xa1v\x01"


def journal(expected: Expected | None = None) -> Journal:
    """One run, submitted and acknowledged."""
    made = Journal()
    made.begin(Seen(RUN, 1, expected or Expected(outputs={"v": 1}), 1.0))
    made.acknowledged(RUN, 2.0)
    return made


def ended(status: str = "succeeded", outputs: bytes = OUT, error: ErrorValue | None = None) -> RunEnded:
    return RunEnded(
        run=RUN, tenant="default", workflow="w", version="1.0.0", status=status, outputs=outputs, error=error
    )


def view(status: str = "succeeded", outputs: bytes = OUT, nodes: list[NodeView] | None = None) -> RunView:
    return RunView(run=RUN, status=status, outputs=outputs, nodes=nodes or [])


def kinds(made: Journal, lines: Lines | None = None, disturbances: list[Disturbance] | None = None) -> list[str]:
    return [violation.kind for violation in check(made, lines or {}, [], disturbances or [])]


def test_a_run_that_ends_as_it_should_is_no_violation() -> None:
    made = journal()
    made.shown(RUN, None, 2.0)
    made.shown(RUN, view("running", b"\x80"), 2.5)
    made.ended(ended(), 3.0)
    made.values(RUN, {"v": 1})
    made.shown(RUN, view(), 4.0)
    assert kinds(made) == []


def test_an_acknowledged_run_without_an_end_is_lost() -> None:
    assert kinds(journal()) == ["lost"]
    unacknowledged = Journal()
    unacknowledged.begin(Seen(RUN, 1, Expected(), 1.0))
    assert kinds(unacknowledged) == []


def test_wrong_outputs_and_wrong_ends_are_found() -> None:
    made = journal()
    made.ended(ended(), 3.0)
    made.values(RUN, {"v": 2})
    assert kinds(made) == ["wrong"]
    made = journal()
    made.ended(ended("failed", b"\x80", ErrorValue(kind="lost", task="t")), 3.0)
    assert kinds(made) == ["wrong"]
    made = journal(Expected("failed", error=("out_of_cheese", "wrong")))
    made.ended(ended("failed", b"\x80", ErrorValue(kind="out_of_cheese", task="wrong")), 3.0)
    assert kinds(made) == []


def test_a_cancelled_run_may_end_either_way() -> None:
    made = journal()
    made.runs[RUN].cancelled = True
    made.ended(ended("cancelled", b"\x80"), 3.0)
    assert kinds(made) == []
    made = journal()
    made.ended(ended("cancelled", b"\x80"), 3.0)
    assert kinds(made) == ["wrong"]


def test_an_end_that_changes_is_found_however_it_is_told() -> None:
    made = journal()
    made.ended(ended(), 3.0)
    made.ended(ended("failed"), 4.0)
    assert kinds(made) == ["changed"]
    made = journal()
    made.ended(ended(), 3.0)
    made.shown(RUN, view(outputs=b"\x80"), 4.0)
    assert kinds(made) == ["changed"]
    made = journal()
    made.ended(ended(), 3.0)
    made.shown(RUN, view("running"), 4.0)
    assert kinds(made) == ["changed"]
    made = journal()
    made.ended(ended(), 3.0)
    made.shown(RUN, view("running"), 2.5)  # asked before the end was told: an answer may be that old
    assert kinds(made) == []


def test_a_run_that_is_forgotten_is_found() -> None:
    made = journal()
    made.shown(RUN, view(), 3.0)
    made.ended(ended(), 3.5)
    made.shown(RUN, None, 4.0)
    assert kinds(made) == ["changed"]


@pytest.mark.parametrize(
    "second",
    [
        NodeView(task="t", status="succeeded", outputs=b"\x02"),
        NodeView(task="t", status="failed", outputs=b"\x01"),
        NodeView(task="t", status="running"),
    ],
)
def test_a_result_that_does_not_stay_is_found(second: NodeView) -> None:
    made = journal()
    made.shown(RUN, view("running", nodes=[NodeView(task="t", status="succeeded", outputs=b"\x01")]), 3.0)
    made.shown(RUN, view("running", nodes=[second]), 4.0)
    made.ended(ended(), 5.0)
    assert kinds(made) == ["changed"]


def test_a_task_that_came_out_otherwise_than_it_means_is_found() -> None:
    made = journal(Expected(outputs={"v": 1}, statuses={"t": "skipped"}))
    made.shown(RUN, view("running", nodes=[NodeView(task="t", status="succeeded")]), 3.0)
    made.ended(ended(), 5.0)
    assert kinds(made) == ["wrong"]


def effect(lasting: bool) -> Journal:
    made = journal(Expected(outputs={"v": 1}, effects={"t": (("line",), lasting)}))
    made.ended(ended(), 5.0)
    return made


def lines(*written: tuple[int, int]) -> Lines:
    return {(RUN, "t"): Counter({(attempt, "line"): count for attempt, count in written})}


def test_effects_are_at_least_once_and_once_where_nothing_was_lost() -> None:
    during = [Disturbance(2.0, 3.0)]
    assert kinds(effect(False)) == ["effect"]
    assert kinds(effect(False), lines((1, 1))) == []
    assert kinds(effect(False), lines((1, 2))) == ["effect"]
    assert kinds(effect(False), lines((1, 2)), during) == []
    assert kinds(effect(False), lines((1, 2)), [Disturbance(6.0, 9.0)]) == ["effect"]
    assert kinds(effect(True), lines((1, 1), (2, 1)), during) == []
    assert kinds(effect(True), lines((1, 2)), during) == ["effect"]


def test_lines_that_nobody_asked_for_and_torn_ones_are_found(tmp_path: Path) -> None:
    (tmp_path / "00.txt").write_text(f"{RUN} t 1 line\n{RUN} t 2 line\n{RUN} t 1 li{RUN} t 1 line\n")
    found, torn = read_effects(tmp_path)
    assert found == lines((1, 1), (2, 1))
    assert len(torn) == 1
    made = journal()
    made.ended(ended(), 5.0)
    assert [v.kind for v in check(made, found, torn, [])] == ["effect", "effect"]
