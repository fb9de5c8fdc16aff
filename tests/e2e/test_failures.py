"""What processes do to each other when they die, and what becomes of runs: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import psutil

from conductor.embedded import inspect, roles
from conductor.wire.values import unpack
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs, symphony
from tests.shared import ROOT

BUSY = {
    "work": {"call": "time.sleep", "for_each": "${range(40)}", "with": {"seconds": 0.1}},
    "join": {"call": "test.noop", "after": ["work"]},
}


async def test_a_worker_killed_in_mid_run_costs_no_run(own_system: Running) -> None:
    run = await own_system.begin(document(BUSY))
    bus = await own_system.connect("operator")

    async def busy() -> bool:
        return any(worker.busy > 0 for worker in (await inspect.pool_show(bus)).workers)

    await until(busy)
    victim = next(worker for worker in (await inspect.pool_show(bus)).workers if worker.busy > 0)
    os.kill(victim.pid, signal.SIGKILL)
    ended = await own_system.end(run)
    assert ended.status == "succeeded", ended.error
    assert ended.tasks.succeeded == 41

    async def back() -> bool:
        shown = await inspect.pool_show(bus)
        return len(shown.workers) == 2 and any(
            w.pid not in (0, victim.pid) and w.worker == victim.worker for w in shown.workers
        )

    await until(back)
    await bus.close()


async def test_a_broker_killed_in_mid_run_costs_no_run(own_system: Running) -> None:
    runs = [await own_system.begin(document(BUSY)) for _ in range(3)]
    await asyncio.sleep(0.2)  # somewhere in the middle: which step it hits is not the test's to choose
    os.kill(own_system.process("broker").pid, signal.SIGKILL)
    for run in runs:
        ended = await own_system.end(run)
        assert ended.status == "succeeded", ended.error
        assert ended.tasks.succeeded == 41


async def test_a_conductor_killed_in_mid_run_costs_no_run(own_system: Running) -> None:
    run = await own_system.begin(document(BUSY))
    await asyncio.sleep(0.2)
    os.kill(own_system.process("conductor-0").pid, signal.SIGKILL)
    ended = await own_system.end(run)
    assert ended.status == "succeeded", ended.error
    assert ended.tasks.succeeded == 41


async def test_a_pit_killed_in_mid_run_costs_no_run_and_its_workers_go_with_it(own_system: Running) -> None:
    run = await own_system.begin(document(BUSY))
    await asyncio.sleep(0.2)
    pit = own_system.process("pit").pid
    workers = [child.pid for child in psutil.Process(pit).children()]
    assert len(workers) == 2
    os.kill(pit, signal.SIGKILL)

    async def gone() -> bool:
        return not any(psutil.pid_exists(pid) for pid in workers)

    await until(gone)
    ended = await own_system.end(run)
    assert ended.status == "succeeded", ended.error
    assert ended.tasks.succeeded == 41


async def test_a_failure_is_retried_as_the_document_says(shared_system: Running) -> None:
    tasks = {
        "flaky": {
            "call": "test.fail",
            "with": {"kind": "user", "times": 2},
            "retry": {"max_attempts": 3, "backoff": "10ms"},
        }
    }
    ended = await shared_system.run(document(tasks))
    assert ended.status == "succeeded", ended.error
    assert ended.tasks.retried == 2


async def test_a_fallback_takes_over_and_skip_and_continue_go_on(shared_system: Running) -> None:
    tasks = {
        "backed": {
            "call": "test.fail",
            "with": {"kind": "user"},
            "retry": {"max_attempts": 1},
            "fallback": [{"call": "test.echo", "with": {"text": "second"}}],
        },
        "skipped": {"call": "test.fail", "with": {"kind": "user"}, "retry": {"max_attempts": 1}, "on_failure": "skip"},
        "behind": {"call": "test.noop", "after": ["skipped"]},
        "failed": {
            "call": "test.fail",
            "with": {"kind": "user"},
            "retry": {"max_attempts": 1},
            "on_failure": "continue",
        },
        "after": {"call": "test.noop", "after": ["failed"]},
    }
    ended = await shared_system.run(document(tasks, outputs={"text": "${tasks.backed.text}"}))
    assert outputs(ended) == {"text": "second"}
    view = await shared_system.client.show(ended.run, nodes=True)
    assert view is not None
    statuses = {node.task: node.status for node in view.nodes}
    assert statuses == {
        "backed": "succeeded",
        "skipped": "skipped",
        "behind": "skipped",
        "failed": "failed",
        "after": "succeeded",
    }


async def test_a_run_that_fails_says_where_and_why(shared_system: Running) -> None:
    tasks = {"wrong": {"call": "test.fail", "with": {"kind": "out_of_cheese"}, "retry": {"max_attempts": 1}}}
    ended = await shared_system.run(document(tasks))
    assert ended.status == "failed"
    assert ended.error is not None
    assert (ended.error.kind, ended.error.task) == ("out_of_cheese", "wrong")


async def test_a_task_that_overruns_its_time_times_out(shared_system: Running) -> None:
    tasks = {"slow": {"call": "time.sleep", "with": {"seconds": 30}, "timeout": "100ms", "retry": {"max_attempts": 1}}}
    ended = await shared_system.run(document(tasks))
    assert ended.status == "failed"
    assert ended.error is not None and ended.error.kind == "timeout"


async def test_a_run_is_cancelled_and_its_tasks_stop(shared_system: Running) -> None:
    run = await shared_system.begin(document({"slow": {"call": "time.sleep", "with": {"seconds": 60}}}))
    bus = await shared_system.connect("operator")

    async def begun() -> bool:
        view = await shared_system.client.show(run, nodes=True)
        return view is not None and bool(view.nodes)

    await until(begun)
    await shared_system.client.cancel(run, "enough")
    ended = await shared_system.end(run)
    assert ended.status == "cancelled"

    async def idle() -> bool:
        return all(worker.busy == 0 for worker in (await inspect.pool_show(bus)).workers)

    await until(idle)
    await bus.close()


async def test_a_deadline_ends_a_run(shared_system: Running) -> None:
    packed = document({"slow": {"call": "time.sleep", "with": {"seconds": 60}}})
    ended = await shared_system.run(packed, deadline_ms=300)
    assert ended.status == "timed_out"


async def test_inputs_of_megabytes_go_through_the_store(shared_system: Running) -> None:
    tasks = {
        "make": {"call": "test.echo", "for_each": "${range(30)}", "with": {"text": "${inputs.text}", "at": "${item}"}},
        "join": {"call": "test.echo", "with": {"all": "${tasks.make}"}},
    }
    text = "0123456789" * 5000
    packed = document(tasks, inputs={"text": {"type": "string"}}, outputs={"all": "${tasks.join.all}"})
    ended = await shared_system.run(packed, {"text": text})
    from conductor.cli.follow import resolved

    assert ended.status == "succeeded", ended.error
    found = await resolved(shared_system.client, ended)
    assert [entry["at"] for entry in found["all"]] == list(range(30))
    assert all(entry["text"] == text for entry in found["all"])


async def test_the_same_key_is_the_same_run(shared_system: Running) -> None:
    packed = document({"say": {"call": "test.echo", "with": {"text": "once"}}})
    first = await shared_system.run(packed, key="order-17")
    second = await shared_system.run(packed, key="order-17")
    assert first.run == second.run
    assert first.ended_at_ms == second.ended_at_ms


async def test_a_plain_client_serves_tasks_with_nothing_of_ours(own_system: Running) -> None:
    creds = own_system.system.mint("plain-1", roles.plain(["plain.reverse"]))
    script = str(ROOT / "examples" / "plain-worker" / "worker.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, own_system.system.url, str(creds), "plain-1", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert b"'ok': True" in await process.stdout.readline()
        tasks = {"turn": {"call": "plain.reverse", "for_each": "${inputs.words}", "with": {"text": "${item}"}}}
        packed = document(tasks, inputs={"words": {"type": "array"}}, outputs={"words": "${tasks.turn[*].text}"})
        words = [f"word{number}" for number in range(25)]
        ended = await own_system.run(packed, {"words": words})
        assert outputs(ended) == {"words": [word[::-1] for word in words]}
    finally:
        process.kill()
        await process.wait()


async def test_rule_15_a_plain_client_that_never_answers_loses_its_attempt(own_system: Running) -> None:
    from conductor.wire.base import encode
    from conductor.wire.grants import Register

    own_system.system.mint("plain-2", roles.plain(["plain.silent"]))
    bus = await own_system.connect("plain-2")
    mailbox = await bus.subscribe("sym.task.plain-silent", queue="q")
    offer = Register(worker="plain-2", slots=1, capabilities=["plain.silent"], timeout_ms=300)
    await bus.request("sym.pit.pool.register", encode(offer))
    tasks = {"ask": {"call": "plain.silent", "retry": {"max_attempts": 2, "backoff": "10ms"}}}
    ended = await own_system.run(document(tasks))
    assert ended.status == "failed"
    assert ended.error is not None and ended.error.kind == "lost"
    assert len(mailbox.take_all()) == 2
    await bus.close()


async def test_python_functions_are_served_by_name_of_their_file(own_system: Running) -> None:
    folder = ROOT / "examples" / "hello"
    data = str(own_system.system.layout.root)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "conductor.cli", "worker", str(folder / "functions.py"), "--data", data,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    bus = await own_system.connect("operator")

    async def serving() -> bool:
        shown = await inspect.pool_show(bus)
        return any("hello.greet" in worker.capabilities for worker in shown.workers)

    try:
        await until(serving)
        done = await own_system.cli_async("run", str(folder / "workflow.yaml"), "-i", "name=Ada", "--json")
        assert json.loads(done.stdout)["outputs"] == {"said": "HELLO, ADA!"}
        done = await own_system.cli_async("run", f"{folder / 'functions.py'}:hello", "--json")
        assert json.loads(done.stdout)["outputs"] == {"said": "HELLO, WORLD!"}
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
        await bus.close()
    assert unpack(b"\x80") == {}


async def test_a_supervisor_that_is_killed_leaves_no_process_and_the_next_one_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def system() -> list[int]:
        """The processes that know this data folder: all of a system but its supervisor."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environment = process.environ().get("SYMPHONY_CREDS", "")
                if str(data) in environment or any(str(data) in word for word in process.cmdline()):
                    found.append(process.pid)
        return found

    started = await asyncio.to_thread(symphony, "up", "--detach", "--json", data=data)
    assert started.returncode == 0, started.stderr
    assert len(system()) >= 5
    write = tmp_path / "w.json"
    write.write_text(json.dumps({"workflow": "w", "version": "1.0.0", "tasks": BUSY}))
    begun = await asyncio.to_thread(symphony, "run", str(write), "--no-wait", "--json", data=data)
    run = json.loads(begun.stdout)["run"]
    os.kill(json.loads(started.stdout)["pid"], signal.SIGKILL)

    async def gone() -> bool:
        return not system()

    await until(gone)
    again = await asyncio.to_thread(symphony, "up", "--detach", data=data)
    assert again.returncode == 0, again.stderr
    watched = await asyncio.to_thread(symphony, "runs", "watch", run, "--json", data=data)
    assert json.loads(watched.stdout)["status"] == "succeeded", watched.stderr
    stopped = await asyncio.to_thread(symphony, "down", data=data)
    assert stopped.returncode == 0
    await until(gone)
