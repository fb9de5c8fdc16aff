"""The words of the workflow language on real processes: what documents say is what happens."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from conductor.embedded import System, SystemOptions
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs


async def test_a_switch_takes_the_first_branch_that_holds(shared_system: Running) -> None:
    tasks = {
        "size": {"value": "inputs.n * 2"},
        "pick": {
            "switch": [
                {
                    "when": "tasks.size > 10",
                    "then": {"tasks": {"a": {"value": "'big'"}}, "outputs": {"is": "${tasks.a}"}},
                },
                {
                    "else": {
                        "tasks": {"a": {"call": "test.echo", "with": {"is": "small ${tasks.size}"}}},
                        "outputs": {"is": "${tasks.a.is}"},
                    }
                },
            ]
        },
    }
    packed = document(tasks, "pick", inputs={"n": "integer"}, outputs={"got": "${tasks.pick}"})
    assert outputs(await shared_system.run(packed, {"n": 9})) == {"got": {"is": "big", "branch": 0}}
    assert outputs(await shared_system.run(packed, {"n": 2})) == {"got": {"is": "small 4", "branch": 1}}


async def test_a_loop_carries_its_state_and_ends_by_itself_or_at_its_bound(shared_system: Running) -> None:
    def loop(most: int) -> dict[str, Any]:
        body = {"tasks": {"add": {"call": "test.echo", "with": {"n": "${state.n + iteration}"}}}}
        repeat = {
            "until": "state.n >= 10",
            "max_iterations": most,
            "state": {"n": "1"},
            "tasks": body,
            "next": {"n": "tasks.add.n"},
        }
        return {"count": {"repeat": repeat}}

    done = await shared_system.run(document(loop(100), "count", outputs={"count": "${tasks.count}"}))
    assert outputs(done) == {"count": {"state": {"n": 11}, "iterations": 5}}
    failed = await shared_system.run(document(loop(3), "count"))
    assert failed.status == "failed" and failed.error is not None and failed.error.kind == "limit"


async def test_maps_in_batches_may_lose_some_of_their_items(shared_system: Running) -> None:
    tasks = {
        "pairs": {"call": "test.echo", "for_each": "${range(5)}", "batch": 2, "with": {"all": "${item}"}},
        "most": {
            "for_each": "${range(4)}",
            "min_success": "75%",
            "switch": [
                {
                    "when": "item == 2",
                    "then": {"tasks": {"no": {"call": "test.fail", "with": {"kind": "user", "times": 9}}}},
                },
                {"else": {"tasks": {"yes": {"value": "item"}}, "outputs": {"n": "${tasks.yes}"}}},
            ],
        },
    }
    made = document(tasks, "maps", outputs={"pairs": "${tasks.pairs[*].all}", "most": "${tasks.most}"})
    got = outputs(await shared_system.run(made))
    assert got["pairs"] == [[0, 1], [2, 3], [4]]
    assert [item and item["n"] for item in got["most"]] == [0, 1, None, 3]


async def test_a_wait_holds_no_slot_until_it_is_signalled(shared_system: Running) -> None:
    tasks = {
        "go": {"wait_for": {"signal": "go"}},
        "then": {"call": "test.echo", "with": {"said": "${tasks.go.value}", "by": "${tasks.go.by}"}},
    }
    run = await shared_system.begin(document(tasks, "waits", outputs={"got": "${tasks.then}"}))

    async def waiting() -> bool:
        view = await shared_system.client.show(run)
        return view is not None and view.status == "waiting"

    await until(waiting)
    await shared_system.cli_async("runs", "signal", run, "go", "--value", '{"answer": 42}')
    assert outputs(await shared_system.end(run)) == {"got": {"said": {"answer": 42}, "by": "default"}}


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


async def test_a_wait_has_a_way_out(shared_system: Running) -> None:
    tasks = {"go": {"wait_for": {"signal": "never"}, "timeout": "200ms", "fallback": [{"value": "'gave up'"}]}}
    assert outputs(await shared_system.run(document(tasks, "out", outputs={"go": "${tasks.go}"}))) == {"go": "gave up"}
    late = {"nap": {"wait_for": {"duration": "300ms"}}, "end": {"call": "test.noop", "after": ["nap"]}}
    ended = await shared_system.run(document(late, "nap"))
    assert ended.status == "succeeded" and ended.duration_us >= 300_000


async def test_an_approval_that_is_refused_fails_as_rejected(shared_system: Running) -> None:
    tasks = {"ok": {"approve": {"question": "Ship it?"}}, "ship": {"call": "test.noop", "after": ["ok"]}}
    packed = document(tasks, "approve", outputs={"ok": "${tasks.ok.answer}"})
    yes, no = await shared_system.begin(packed), await shared_system.begin(packed)
    await shared_system.cli_async("runs", "signal", yes, "ok", "--value", '"yes"')
    await shared_system.cli_async("runs", "signal", no, "ok", "--value", '"no"')
    assert outputs(await shared_system.end(yes))["ok"] in ("yes", True)
    refused = await shared_system.end(no)
    assert refused.status == "failed" and refused.error is not None and refused.error.kind == "rejected"


async def test_what_completed_is_undone_in_reverse_order(shared_system: Running, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def step(name: str, **words: Any) -> dict[str, Any]:
        undo = {"call": "test.append", "with": {"file": str(log), "line": f"undo {name}"}}
        return {"call": "test.append", "with": {"file": str(log), "line": f"do {name}"}, "compensate": undo, **words}

    tasks = {
        "book": step("book"),
        "pay": step("pay", after=["book"]),
        "ship": {
            "call": "test.fail",
            "with": {"kind": "user", "times": 9},
            "after": ["pay"],
            "on_failure": "compensate",
        },
    }
    run = await shared_system.begin(document(tasks, "saga"))
    ended = await shared_system.end(run)
    assert ended.status == "failed"
    said = [" ".join(line.split()[3:]) for line in log.read_text().splitlines()]
    assert said == ["do book", "do pay", "undo pay", "undo book"]
    view = await shared_system.client.show(run, nodes=True)
    assert view is not None
    assert {node.task: node.status for node in view.nodes}["pay"] == "compensated"


async def test_a_registered_workflow_runs_as_a_child_and_inline(shared_system: Running, tmp_path: Path) -> None:
    child = {
        "workflow": "twice",
        "version": "1.1.0",
        "inputs": {"n": "integer"},
        "tasks": {"double": {"call": "test.echo", "with": {"n": "${inputs.n * 2}"}}},
        "outputs": {"n": "${tasks.double.n}"},
    }
    file = tmp_path / "twice.json"
    file.write_text(json.dumps(child))
    await shared_system.cli_async("workflows", "register", str(file))
    tasks = {
        "a": {"workflow": "twice@^1.0", "with": {"n": 4}},
        "b": {"workflow": "twice", "inline": True, "with": {"n": "${tasks.a.n}"}},
    }
    packed = document(tasks, "parent", outputs={"n": "${tasks.b.n}"})
    assert outputs(await shared_system.run(packed)) == {"n": 16}
    children = await shared_system.client.list()
    assert any(summary.workflow == "twice" for summary in children)
    missing = await shared_system.run(document({"a": {"workflow": "nobody"}}, "parent"))
    assert missing.status == "failed" and missing.error is not None and missing.error.kind == "invalid_workflow"


async def test_a_result_is_used_again_while_its_time_lasts(shared_system: Running, tmp_path: Path) -> None:
    log = tmp_path / "log"
    tasks = {
        "once": {"call": "test.append", "with": {"file": str(log), "line": "x"}, "cache": {"key": "'k'", "ttl": "1h"}}
    }
    packed = document(tasks, "cached")
    first = await shared_system.run(packed)
    second = await shared_system.begin(packed)
    assert first.status == (await shared_system.end(second)).status == "succeeded"
    assert len(log.read_text().splitlines()) == 1
    view = await shared_system.client.show(second, nodes=True)
    assert view is not None and view.nodes[0].status == "cached"


async def test_a_budget_of_calls_is_kept(shared_system: Running) -> None:
    tasks = {"many": {"call": "test.noop", "for_each": "${range(10)}", "max_parallel": 1}}
    ended = await shared_system.run(document(tasks, "budget", budget={"calls": 4}))
    assert ended.status == "failed" and ended.error is not None and ended.error.kind == "budget"


async def test_a_run_goes_back_to_a_checkpoint(shared_system: Running, tmp_path: Path) -> None:
    file = tmp_path / "late"
    tasks = {
        "prepare": {"call": "test.echo", "with": {"x": 1}, "checkpoint": "ready"},
        "use": {"call": "files.read", "with": {"file": str(file)}, "after": ["prepare"]},
    }
    run = await shared_system.begin(document(tasks, "back", outputs={"text": "${tasks.use.text}"}))
    assert (await shared_system.end(run)).status == "failed"
    file.write_text("now")
    await shared_system.cli_async("runs", "rollback", run, "--to", "ready")
    assert outputs(await shared_system.end(run)) == {"text": "now"}


async def test_an_event_reaches_the_run_whose_condition_it_fits(shared_system: Running) -> None:
    tasks = {"paid": {"wait_for": {"event": "payment", "where": "event.order == inputs.order"}}}
    packed = document(tasks, "events", inputs={"order": "string"}, outputs={"sum": "${tasks.paid.value.sum}"})
    run = await shared_system.begin(packed, {"order": "a"})
    bus = await shared_system.connect("operator")

    async def heard() -> bool:
        for order, amount in (("b", 1), ("a", 2)):
            await bus.publish("sym.event.payment", json.dumps({"order": order, "sum": amount}).encode())
        await asyncio.sleep(0.2)  # events are told again until the wait is known to the conductor
        view = await shared_system.client.show(run)
        return view is not None and view.status == "succeeded"

    await until(heard)
    assert outputs(await shared_system.end(run)) == {"sum": 2}
    await bus.close()
