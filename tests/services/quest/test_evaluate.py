"""The table that `symphony quest eval` prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from quest.statistics import wilson

from conductor.cli.output import Refusal
from conductor.cli.quest import quest as command
from tests.shared import ROOT


@pytest.mark.parametrize(
    ("solved", "episodes", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (990, 1000, 0.9817, 0.9946)],
)
def test_intervals_are_those_of_the_books(solved: int, episodes: int, low: float, high: float) -> None:
    assert wilson(solved, episodes) == pytest.approx((low, high), abs=1e-4)


def test_the_document_has_a_row_a_level_with_intervals() -> None:
    done = CliRunner().invoke(
        command,
        ["eval", "--policy", "heft", "--beside", "random,oracle", "--levels", "1,6", "--episodes", "8", "--json"],
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["policy"] == "heft"
    assert [row["level"] for row in found["levels"]] == [1, 6]
    for row in found["levels"]:
        assert row["episodes"] == 8
        assert row["low"] <= row["success"] == row["solved"] / 8 <= row["high"]
        assert row["oracle_score"] >= row["score"] - 0.02
    assert found["low"] <= found["success"] <= found["high"]
    assert set(found["beside"]) == {"random", "oracle"}
    assert found["beside"]["oracle"]["success"] == 1.0


def test_quests_of_a_file_are_evaluated_without_touching_code() -> None:
    path = ROOT / "examples" / "quests" / "locked-door.json"
    done = CliRunner().invoke(command, ["eval", "--policy", "rules", "--beside", "", "--file", str(path), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["levels"][0]["solved"] == 1


@pytest.mark.parametrize(
    "arguments", [["--policy", "nobody.onnx"], ["--file", "nowhere.json"], ["--outside", "nowhere"]]
)
def test_what_cannot_be_read_is_told_in_one_line(arguments: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["eval", "--episodes", "1", "--levels", "1", *arguments])
    assert isinstance(done.exception, SystemExit | Refusal)
    assert done.exit_code != 0


def test_a_person_can_play_and_watch() -> None:
    watched = CliRunner().invoke(command, ["play", "7", "--watch", "heft"])
    assert watched.exit_code == 0, watched.output
    assert "the best known play" in watched.output
    played = CliRunner().invoke(command, ["play", "1"], input="nonsense\n" + "1\n" * 200)
    assert played.exit_code == 0, played.output
    assert "a number from 1 to" in played.output
