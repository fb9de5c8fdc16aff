"""What may be asked of runs, from the command line: pause, resume, retry, cancel, one by one and by filter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conductor.embedded import System, SystemOptions
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import RunView, Show
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs

CHAIN = {
    "first": {"wait_for": {"signal": "go"}},
    "second": {"call": "test.echo", "with": {"x": 1}, "after": ["first"]},
}


async def test_a_paused_run_waits_and_goes_on_when_it_is_resumed(shared_system: Running) -> None:
    run = await shared_system.begin(document(CHAIN, "control-pause", outputs={"x": "${tasks.second.x}"}))
    await shared_system.cli_async("runs", "pause", run, "--reason", "lunch")
    await shared_system.cli_async("runs", "signal", run, "go")

    async def first_is_done() -> bool:
        view = await shared_system.client.show(run, nodes=True)
        assert view is not None and view.status == "paused"
        return {node.task: node.status for node in view.nodes}["first"] == "succeeded"

    await until(first_is_done)
    view = await shared_system.client.show(run, nodes=True)
    assert view is not None and {node.task: node.status for node in view.nodes}["second"] == "ready"
    again = await shared_system.cli_async("runs", "pause", run, check=1)
    assert "paused already" in again.stderr
    await shared_system.cli_async("runs", "resume", run)
    assert outputs(await shared_system.end(run)) == {"x": 1}
    history = json.loads((await shared_system.cli_async("runs", "history", run, "--json")).stdout)["history"]
    paused = next(entry for entry in history if entry["event"] == "pause")
    assert (paused["by"], paused["detail"]) == ("default", "lunch")


async def test_a_retried_run_keeps_what_succeeded(shared_system: Running, tmp_path: Path) -> None:
    file, log = tmp_path / "late.txt", tmp_path / "effects"
    tasks = {
        "mark": {"call": "test.append", "with": {"file": str(log), "line": "once"}},
        "read": {"call": "files.read", "with": {"file": str(file)}, "after": ["mark"]},
    }
    packed = document(tasks, "control-retry", outputs={"text": "${tasks.read.text}"})
    run = await shared_system.begin(packed)
    assert (await shared_system.end(run)).status == "failed"
    refused = await shared_system.cli_async("runs", "retry", run, "--from", "nothing", check=1)
    assert "`nothing` is no task" in refused.stderr
    file.write_text("here now")
    said = await shared_system.cli_async("runs", "retry", run)
    assert "1 tasks are run again" in said.stdout
    assert outputs(await shared_system.end(run)) == {"text": "here now"}
    assert log.read_text().count("once") == 1, "what had succeeded was not done again"

    async def archived() -> bool:
        read = await shared_system.client.read(run)
        return read is not None and read.summary is not None and read.summary.status == "succeeded"

    await until(archived)
    shown = json.loads((await shared_system.cli_async("runs", "show", run, "--json")).stdout)
    assert (shown["status"], shown["tasks"]["failed"]) == ("succeeded", 0)


async def test_a_filter_names_the_runs_and_does_nothing_before_it_is_told_to(shared_system: Running) -> None:
    slow = {"wait": {"call": "time.sleep", "with": {"seconds": 30}}}
    packed = document(slow, "control-bulk", tags={"team": "night"})
    runs = {await shared_system.begin(packed) for _ in range(3)}
    words = ("runs", "cancel", "--tag", "team=night", "--workflow", "control-bulk")

    async def all_are_listed() -> bool:
        told = json.loads((await shared_system.cli_async(*words, "--json")).stdout)
        assert told["done"] is False
        return {run["run"] for run in told["runs"]} == runs

    await until(all_are_listed)
    done = json.loads((await shared_system.cli_async(*words, "--yes", "--json")).stdout)
    assert done["done"] is True and len(done["runs"]) == 3
    for run in runs:
        assert (await shared_system.end(run)).status == "cancelled"
    nothing = await shared_system.cli_async("runs", "cancel", check=2)
    assert "needs a run, or a filter" in nothing.stderr
    listed = json.loads((await shared_system.cli_async("runs", "list", "--search", "control-b", "--json")).stdout)
    assert {run["run"] for run in listed["runs"]} == runs


async def test_a_run_goes_back_to_a_checkpoint(shared_system: Running, tmp_path: Path) -> None:
    file, log = tmp_path / "late", tmp_path / "effects"
    mark = {"call": "test.append", "with": {"file": str(log), "line": "did"}}
    undo = {"call": "test.append", "with": {"file": str(log), "line": "undid"}}
    tasks = {
        "prepare": {**mark, "checkpoint": "ready", "compensate": undo},
        "one": {**mark, "after": ["prepare"], "compensate": undo},
        "two": {**mark, "after": ["one"], "compensate": undo},
        "use": {"call": "files.read", "with": {"file": str(file)}, "after": ["two"]},
    }
    run = await shared_system.begin(document(tasks, "back", outputs={"text": "${tasks.use.text}"}))
    assert (await shared_system.end(run)).status == "failed"
    file.write_text("now")
    said = await shared_system.cli_async("runs", "rollback", run, "--to", "ready")
    assert "2 are undone, and 3 tasks are run again" in said.stdout
    assert outputs(await shared_system.end(run)) == {"text": "now"}
    lines = [(line.split()[3], line.split()[1]) for line in log.read_text().splitlines()]
    assert lines == [
        ("did", "prepare"),
        ("did", "one"),
        ("did", "two"),
        ("undid", "two:compensate"),
        ("undid", "one:compensate"),
        ("did", "one"),
        ("did", "two"),
    ]


async def test_a_cancelled_run_undoes_what_it_did_and_does_it_again_when_retried(
    shared_system: Running, tmp_path: Path
) -> None:
    log = tmp_path / "effects"
    mark = {"call": "test.append", "with": {"file": str(log), "line": "did"}}
    undo = {"call": "test.append", "with": {"file": str(log), "line": "undid"}}
    tasks = {"book": {**mark, "compensate": undo}, "hold": {"wait_for": {"signal": "go"}, "after": ["book"]}}
    run = await shared_system.begin(document(tasks, "control-cancel", on_failure="compensate"))
    await shared_system.waits(run)
    await shared_system.cli_async("runs", "cancel", run)
    assert (await shared_system.end(run)).status == "cancelled"
    await shared_system.cli_async("runs", "retry", run)
    await shared_system.waits(run)
    await shared_system.cli_async("runs", "signal", run, "go")
    assert (await shared_system.end(run)).status == "succeeded"
    assert [line.split()[3] for line in log.read_text().splitlines()] == ["did", "undid", "did"]


async def test_a_run_is_shown_as_the_log_says_it_was(shared_system: Running) -> None:
    tasks = {
        "first": {"wait_for": {"signal": "go"}},
        "second": {"call": "test.echo", "with": {"x": "${tasks.first.value}"}, "after": ["first"]},
    }
    run = await shared_system.begin(document(tasks, "control-past", outputs={"x": "${tasks.second.x}"}))
    await shared_system.waits(run)
    await shared_system.cli_async("runs", "signal", run, "go", "--value", "7")
    assert outputs(await shared_system.end(run)) == {"x": 7}
    history = await shared_system.client.history(run)
    assert history is not None
    signalled = next(entry.sequence for entry in history if entry.event == "signal")

    async def shown(at: int) -> dict[str, str]:
        told = json.loads((await shared_system.cli_async("runs", "show", run, "--at", str(at), "--json")).stdout)
        assert told["from"] == "log", told
        return {node["task"]: node["status"] for node in told["nodes"]}

    assert await shown(signalled - 1) == {"first": "waiting", "second": "pending"}
    assert await shown(signalled) == {"first": "succeeded", "second": "ready"}


async def test_a_run_that_failed_and_was_archived_is_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMPHONY_RETRY_WINDOW_S", "0")
    file, log = tmp_path / "late", tmp_path / "effects"
    tasks = {
        "mark": {"call": "test.append", "with": {"file": str(log), "line": "once"}},
        "read": {"call": "files.read", "with": {"file": str(file)}, "after": ["mark"]},
    }
    options = SystemOptions(tmp_path / "data", workers="stock=1x8")
    async with System(options) as system, Running(system) as running:
        run = await running.begin(document(tasks, "next-morning", outputs={"text": "${tasks.read.text}"}))
        assert (await running.end(run)).status == "failed"

        async def forgotten() -> bool:
            subject = subjects.pit("dag", "show", 0, "default")
            return not decode(await running.client.bus.request(subject, encode(Show(run=run))), RunView).found

        await until(forgotten)
        file.write_text("here now")
        said = await running.cli_async("runs", "retry", run)
        assert "1 tasks are run again" in said.stdout
        assert outputs(await running.end(run)) == {"text": "here now"}
        assert log.read_text().count("once") == 1, "what had succeeded was kept"
        history = await running.client.history(run)
        assert history is not None and "recalled" in [entry.event for entry in history]
