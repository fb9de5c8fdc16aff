"""The words of the language on the real system: one document each, from a client to its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conductor.embedded import System, SystemOptions
from conductor.embedded.roles import client as client_role
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs

ECHO = {"call": "test.echo"}


@pytest.fixture
def running(shared_system: Running) -> Running:
    """The system that tests share, under a shorter name."""
    return shared_system


async def test_a_switch_runs_the_first_branch_that_holds(running: Running) -> None:
    tasks = {
        "n": {**ECHO, "with": {"n": 7}},
        "s": {
            "switch": [
                {"when": "tasks.n.n > 10", "then": {"tasks": {"a": {**ECHO, "with": {"is": "big"}}}}},
                {
                    "when": "tasks.n.n > 5",
                    "then": {
                        "tasks": {"b": {**ECHO, "with": {"is": "middle", "n": "${tasks.n.n}"}}},
                        "outputs": {"is": "${tasks.b.is}", "n": "${tasks.b.n}"},
                    },
                },
                {"else": {"tasks": {"c": {**ECHO, "with": {"is": "small"}}}}},
            ]
        },
    }
    ended = await running.run(document(tasks, outputs={"s": "${tasks.s}"}))
    assert outputs(ended) == {"s": {"is": "middle", "n": 7, "branch": 1}}
    view = await running.client.show(ended.run, nodes=True)
    assert view is not None
    assert {node.task: node.status for node in view.nodes} == {"n": "succeeded", "s": "succeeded", "s.b": "succeeded"}


async def test_a_loop_carries_its_state(running: Running) -> None:
    body = {"tasks": {"add": {**ECHO, "with": {"sum": "${state.sum + iteration}"}}}}
    loop = {"until": "state.sum >= 6", "max_iterations": 10, "state": {"sum": 0}, "tasks": body}
    tasks = {"r": {"repeat": {**loop, "next": {"sum": "${tasks.add.sum}"}}}}
    ended = await running.run(document(tasks, outputs={"r": "${tasks.r}"}))
    assert outputs(ended) == {"r": {"state": {"sum": 6}, "iterations": 4}}


async def test_a_loop_that_does_not_end_is_a_failure_of_kind_limit(running: Running) -> None:
    loop = {"while": "true", "max_iterations": 3, "tasks": {"tasks": {"a": {"call": "test.noop"}}}}
    ended = await running.run(document({"r": {"repeat": loop}}))
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error.kind == "limit"


async def test_maps_take_batches_and_nest_and_may_partly_fail(running: Running) -> None:
    inner = {
        "tasks": {"c": {**ECHO, "for_each": "range(row)", "with": {"at": "${[row, item]}"}}},
        "outputs": {"c": "${tasks.c[*].at}"},
    }
    tasks = {
        "batched": {**ECHO, "for_each": "range(5)", "batch": 2, "with": {"items": "${item}"}},
        "nested": {"for_each": "[1, 2]", "as": "row", "switch": [{"else": inner}]},
        "partly": {
            "call": "test.fail",
            "for_each": "[0, 9, 0]",
            "min_success": "60%",
            "with": {"kind": "user", "times": "${item}"},
        },
    }
    said = {"b": "${tasks.batched[*].items}", "n": "${tasks.nested[*].c}", "p": "${tasks.partly}"}
    found = outputs(await running.run(document(tasks, outputs=said)))
    assert found["b"] == [[0, 1], [2, 3], [4]]
    assert found["n"] == [[[1, 0]], [[2, 0], [2, 1]]]
    assert [item is None for item in found["p"]] == [False, True, False]


async def test_a_signal_reaches_its_wait_and_is_told_with_who_and_when(running: Running) -> None:
    tasks = {"w": {"wait_for": {"signal": "go"}}, "e": {**ECHO, "with": {"v": "${tasks.w.value}"}}}
    run = await running.begin(document(tasks, outputs={"w": "${tasks.w}", "v": "${tasks.e.v}"}))
    refused = await running.cli_async("runs", "signal", run, "go", "--value", "{", check=2)
    assert "JSON" in refused.stderr
    await running.cli_async("runs", "signal", run, "go", "--value", '{"n": 1}')
    found = outputs(await running.end(run))
    assert (found["w"]["value"], found["w"]["by"], found["v"]) == ({"n": 1}, "default", {"n": 1})
    history = await running.client.history(run)
    assert history is not None
    assert any(entry.event == "signal" and entry.by == "default" and entry.accepted for entry in history)


async def test_an_approval_is_given_or_refused(running: Running) -> None:
    packed = document({"ok": {"approve": {"question": "Ship it?"}}}, outputs={"ok": "${tasks.ok}"})
    yes, no = await running.begin(packed), await running.begin(packed)
    told = await running.cli_async("runs", "signal", yes, "ok", "--value", "perhaps", check=2)
    assert "JSON" in told.stderr
    await running.cli_async("runs", "signal", yes, "ok", "--value", '"perhaps"', check=1)
    await running.cli_async("runs", "signal", yes, "ok", "--value", "yes", "--comment", "looks fine")
    await running.cli_async("runs", "signal", no, "ok", "--value", "no", "--comment", "not today")
    found = outputs(await running.end(yes))["ok"]
    assert (found["answer"], found["by"], found["comment"]) == ("yes", "default", "looks fine")
    ended = await running.end(no)
    assert ended.error is not None
    assert (ended.status, ended.error.kind) == ("failed", "rejected")
    assert "not today" in ended.error.message


async def test_an_approval_is_given_by_another_tenant_that_cannot_see_the_run(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = document({"ok": {"approve": {"by": ["finance"]}}}, outputs={"ok": "${tasks.ok}"})
    run = await running.begin(packed)
    await running.cli_async("runs", "signal", run, "ok", "--value", "yes", check=1)
    running.system.mint("client-finance", client_role("finance"))
    monkeypatch.setenv("SYMPHONY_TENANT", "finance")
    refused = await running.cli_async("runs", "signal", run, "ok", "--value", "yes", check=1)
    assert "--foreign" in refused.stderr
    await running.cli_async("runs", "signal", run, "ok", "--value", "yes", "--foreign")
    found = outputs(await running.end(run))["ok"]
    assert (found["answer"], found["by"]) == ("yes", "finance")


async def test_waits_pass_by_the_clock_and_time_out(running: Running) -> None:
    tasks = {
        "d": {"wait_for": {"duration": "100ms"}},
        "t": {"wait_for": {"time": "run.started + 0.2"}},
        "s": {"wait_for": {"signal": "never"}, "timeout": "300ms", "fallback": [{"value": "'nobody came'"}]},
    }
    found = outputs(await running.run(document(tasks, outputs={"s": "${tasks.s}", "at": "${tasks.d.at}"})))
    assert found["s"] == "nobody came"
    assert found["at"] > 0


async def test_an_event_reaches_the_run_whose_condition_holds(running: Running) -> None:
    tasks = {
        "order": {**ECHO, "with": {"id": 7}},
        "paid": {"wait_for": {"event": "paid", "where": "event.order == tasks.order.id"}, "timeout": "60s"},
    }
    run = await running.begin(document(tasks, outputs={"paid": "${tasks.paid.value}"}))
    await running.waits(run)
    await running.client.publish_event("paid", {"order": 8})
    bus = running.client.bus
    await bus.publish_log("sym.event.paid", json.dumps({"order": 7, "sum": 70}).encode())
    assert outputs(await running.end(run)) == {"paid": {"order": 7, "sum": 70}}


async def test_what_completed_is_undone_backwards(running: Running, tmp_path: Path) -> None:
    file = str(tmp_path / "undone")

    def undo(line: str) -> dict[str, Any]:
        return {"call": "test.append", "with": {"file": file, "line": line}}

    tasks = {
        "book": {**ECHO, "with": {"id": 3}, "compensate": undo("unbook ${output.id}")},
        "pay": {**ECHO, "with": {}, "after": ["book"], "compensate": undo("refund")},
        "ship": {"call": "test.fail", "with": {"kind": "user", "times": 9}, "after": ["pay"]},
    }
    ended = await running.run(document(tasks, on_failure="compensate"))
    assert ended.error is not None
    assert (ended.status, ended.error.kind, ended.error.task) == ("failed", "user", "ship")
    lines = [line for line in Path(file).read_text().splitlines() if line]
    assert ["refund" in lines[0], "unbook 3" in lines[1], len(lines)] == [True, True, 2]
    view = await running.client.show(ended.run, nodes=True)
    assert view is not None
    statuses = {node.task: node.status for node in view.nodes}
    assert (statuses["book"], statuses["pay"]) == ("compensated", "compensated")


@pytest.mark.parametrize("inline", [False, True])
async def test_a_registered_workflow_is_run_or_merged(running: Running, tmp_path: Path, inline: bool) -> None:
    name = f"inner-{str(inline).lower()}"
    for version, factor in (("1.0.0", 2), ("1.2.0", 3), ("2.0.0", 5)):
        inner = {
            "workflow": name,
            "version": version,
            "inputs": {"x": {"type": "integer"}},
            "tasks": {"c": {**ECHO, "with": {"y": f"${{inputs.x * {factor}}}"}}},
            "outputs": {"y": "${tasks.c.y}"},
        }
        file = tmp_path / f"{version}.json"
        file.write_text(json.dumps(inner))
        await running.cli_async("workflows", "register", str(file))
    task: dict[str, Any] = {"workflow": f"{name}@^1", "with": {"x": 7}}
    tasks = {"w": {**task, "inline": True} if inline else task}
    ended = await running.run(document(tasks, outputs={"y": "${tasks.w.y}"}))
    assert outputs(ended) == {"y": 21}
    view = await running.client.show(ended.run, nodes=True)
    assert view is not None
    if inline:
        assert [node.task for node in view.nodes] == ["w", "w.c"]
        return
    child = view.nodes[0].child
    assert child is not None
    shown = json.loads((await running.cli_async("runs", "show", child, "--json")).stdout)
    assert (shown["parent"], shown["workflow"], shown["outputs"]) == (ended.run, name, {"y": 21})
    assert (
        shown["trace_id"]
        != json.loads((await running.cli_async("runs", "show", ended.run, "--json")).stdout)["trace_id"]
    )


async def test_a_child_is_cancelled_with_its_parent_and_a_missing_one_is_named(
    running: Running, tmp_path: Path
) -> None:
    ended = await running.run(document({"w": {"workflow": "nowhere"}}))
    assert ended.error is not None
    assert (ended.error.kind, "nowhere" in ended.error.message) == ("invalid_workflow", True)
    file = tmp_path / "slow.json"
    file.write_text(
        json.dumps({"workflow": "slow", "version": "1.0.0", "tasks": {"s": {"wait_for": {"duration": "1h"}}}})
    )
    await running.cli_async("workflows", "register", str(file))
    run = await running.begin(document({"w": {"workflow": "slow"}}))
    await running.until(run, lambda view: any(node.child for node in view.nodes))
    view = await running.client.show(run, nodes=True)
    assert view is not None
    child = view.nodes[0].child
    assert child is not None
    await running.client.cancel(run)
    assert (await running.end(run)).status == "cancelled"
    assert (await running.end(child)).status == "cancelled"


async def test_a_cached_result_is_used_again(running: Running, tmp_path: Path) -> None:
    file = str(tmp_path / "calls")
    tasks = {"a": {"call": "test.append", "with": {"file": file, "line": "x"}, "cache": {"ttl": "1h"}}}
    packed = document(tasks, outputs={"status": "${tasks_meta.a.status}"})
    assert outputs(await running.run(packed)) == {"status": "succeeded"}
    assert outputs(await running.run(packed)) == {"status": "cached"}
    assert len(Path(file).read_text().splitlines()) == 1


async def test_a_budget_of_calls_ends_the_run(running: Running) -> None:
    tasks = {"m": {"call": "test.noop", "for_each": "range(5)", "max_parallel": 1}}
    ended = await running.run(document(tasks, budget={"calls": 3}))
    assert ended.error is not None
    assert (ended.status, ended.error.kind) == ("failed", "budget")


async def test_a_wait_outlives_the_system(tmp_path: Path) -> None:
    tasks = {"go": {"wait_for": {"signal": "go"}}, "then": {"call": "test.echo", "with": {"said": "${tasks.go.value}"}}}
    packed = document(tasks, "outlives", outputs={"said": "${tasks.then.said}"})
    options = SystemOptions(tmp_path / "data", workers="stock=1x4")
    async with System(options) as system, Running(system) as running:
        run = await running.begin(packed)

        async def waiting() -> bool:
            view = await running.client.show(run)
            return view is not None and view.status == "waiting"

        await until(waiting)
    async with System(options) as system, Running(system) as running:
        await running.cli_async("runs", "signal", run, "go", "--value", '"still here"')
        assert outputs(await running.end(run)) == {"said": "still here"}
