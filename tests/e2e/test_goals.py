"""A goal is composed, shown and run, on a system of real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conductor.embedded import System, SystemOptions
from tests.e2e.running import Running
from tests.shared import ROOT

pytestmark = pytest.mark.broker

FOLDER = ROOT / "examples" / "code-from-wish"


def plan(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conductor.cli", "plan", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def test_a_goal_is_shown_as_a_workflow_without_a_system(tmp_path: Path) -> None:
    out = tmp_path / "workflow.yaml"
    done = plan(str(FOLDER / "goal.yaml"), "--functions", str(FOLDER / "functions.py"), "--json", "--out", str(out))
    document = json.loads(done.stdout)["workflow"]
    assert list(document["outputs"]) == ["code", "verdict"]
    assert document["tasks"]["code_generate"]["with"]["prompt"] == "${tasks.prompt_enhance.prompt}"
    assert "code.generate" in out.read_text()


def test_a_goal_runs_and_its_values_are_there() -> None:
    done = plan(
        str(FOLDER / "goal.yaml"),
        "--functions",
        str(FOLDER / "functions.py"),
        "--run",
        "--embedded",
        "-i",
        "wish=add two numbers",
        "--json",
    )
    ended = json.loads(done.stdout)
    assert ended["status"] == "succeeded"
    assert ended["outputs"]["verdict"] == "yes"
    assert "add two numbers" in ended["outputs"]["code"]


def test_a_goal_that_nobody_can_reach_says_what_is_missing(tmp_path: Path) -> None:
    goal = tmp_path / "goal.yaml"
    goal.write_text("goal: moon\nhave: {wish: string}\nwant: [cheese]\n")
    refused = plan(str(goal), "--functions", str(FOLDER / "functions.py"), code=2)
    assert "nobody makes cheese" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


async def test_a_goal_is_composed_of_what_a_running_system_serves(tmp_path: Path) -> None:
    workers = f"stock=1x2,{FOLDER / 'functions.py'}=1x2"
    async with System(SystemOptions(tmp_path / "data", workers=workers)) as system, Running(system) as running:
        shown = json.loads((await running.cli_async("plan", str(FOLDER / "goal.yaml"), "--json")).stdout)
        calls = [task["call"] for task in shown["workflow"]["tasks"].values()]
        assert calls[-1] == "code.review" and "code.generate" in calls
        arguments = ("plan", str(FOLDER / "goal.yaml"), "--run", "-i", "wish=sum a list", "--json")
        ended = json.loads((await running.cli_async(*arguments)).stdout)
        assert ended["status"] == "succeeded" and ended["outputs"]["verdict"] == "yes"
