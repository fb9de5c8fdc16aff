"""Bad input: one line that says what, where and what to do, the exit code of CLI.md, nothing lost, no stack trace."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import msgpack
import pytest

from conductor.bus import BusError
from conductor.wire import bounds
from conductor.wire.base import encode
from conductor.wire.log import ResultBatch, Succeeded, TaskResult
from conductor.wire.runs import Submit, SubmitBatch
from conductor.wire.tasks import TaskBatch
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs, symphony


def one_line(done: Any, code: int, *words: str) -> None:
    """The command failed as it should: its code, one line on stderr, and what a person needs in it."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("symphony: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])
    assert done.stdout == ""


def write(folder: Path, text: str | bytes, name: str = "w.yaml") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


HEAD = "workflow: w\nversion: 1.0.0\n"
GOOD = HEAD + "inputs:\n  n: {type: integer}\ntasks:\n  a: {call: test.echo, with: {n: '${inputs.n}'}}\n"
BAD = {
    "unknown word": (GOOD.replace("call: test.echo", "cal: test.echo"), ["w.yaml:6", "cal"]),
    "bad yaml": ("workflow: w\ntasks: [", ["w.yaml:3:1", "not YAML"]),
    "cycle": (
        "workflow: w\nversion: 1.0.0\ntasks:\n  a: {call: test.noop, after: [b]}\n  b: {call: test.noop, after: [a]}\n",
        ["w.yaml:", "cycle"],
    ),
    "unknown reference": (
        "workflow: w\nversion: 1.0.0\ntasks:\n  a: {call: test.echo, with: {x: '${tasks.nope.y}'}}\n",
        ["w.yaml:4", "nope"],
    ),
    "absent function": (
        "workflow: w\nversion: 1.0.0\ntasks:\n  a: {call: test.nop}\n",
        ["w.yaml:4", "test.nop", "test.noop"],
    ),
    "no tasks": ("workflow: w\nversion: 1.0.0\n", ["w.yaml", "tasks"]),
    "not a mapping": ("- a\n- b\n", ["w.yaml:1", "mapping"]),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_document_that_cannot_run_is_refused_with_its_place(
    shared_system: Running, tmp_path: Path, name: str
) -> None:
    text, words = BAD[name]
    done = await shared_system.cli_async("run", write(tmp_path, text), "--json", check=None)
    one_line(done, 2, *words)


async def test_a_document_that_is_not_utf8_is_refused(shared_system: Running, tmp_path: Path) -> None:
    done = await shared_system.cli_async("run", write(tmp_path, b"workflow: w\n\xff\xfe: x\n"), check=None)
    one_line(done, 2, "w.yaml:2", "UTF-8")


async def test_a_document_of_20_megabytes_is_refused_before_it_is_read(shared_system: Running, tmp_path: Path) -> None:
    done = await shared_system.cli_async("run", write(tmp_path, b"#" * 20_000_000), check=None)
    one_line(done, 2, "20,000,000 bytes", "-i name=@file")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([], ["n", "missing"]),
        (["-i", "n=many"], ["n=many", "integer"]),
        (["-i", 'n="3"'], ["n", "integer"]),
        (["-i", "m=3"], ["'m'", "it has n"]),
        (["-i", "n"], ["'='"]),
    ],
)
async def test_inputs_that_do_not_fit_are_refused(
    shared_system: Running, tmp_path: Path, inputs: list[str], words: list[str]
) -> None:
    done = await shared_system.cli_async("run", write(tmp_path, GOOD), *inputs, check=None)
    one_line(done, 2, *words)


async def test_what_is_not_there_is_said(shared_system: Running) -> None:
    one_line(await shared_system.cli_async("run", "nowhere.yaml", check=None), 2, "nowhere.yaml", "no such file")
    one_line(await shared_system.cli_async("run", "nobody", check=None), 2, "nobody", "registered")
    one_line(await shared_system.cli_async("runs", "show", "0" * 32, check=None), 1, "there is no run")
    one_line(await shared_system.cli_async("runs", "show", "zz", check=None), 2, "'zz'")
    one_line(await shared_system.cli_async("artifacts", "get", "0" * 64, check=None), 1, "0000")
    one_line(await shared_system.cli_async("rum", check=None), 2, "did you mean `run`?")
    one_line(await shared_system.cli_async("run", "--frobnicate", check=None), 2, "--frobnicate")
    one_line(await shared_system.cli_async("marketplace", "plans", check=None), 2, "not in version")


def test_a_broker_that_is_not_there_is_exit_code_3(tmp_path: Path) -> None:
    one_line(symphony("status", data=tmp_path), 3, "symphony up")
    one_line(symphony("status", "--url", "nats://127.0.0.1:9", data=tmp_path), 3, "127.0.0.1:9")
    example = write(tmp_path, GOOD)
    one_line(symphony("run", example, "-i", "n=1", "--url", "nats://127.0.0.1:9", data=tmp_path), 3, "127.0.0.1:9")


async def test_a_data_folder_in_use_is_refused(shared_system: Running) -> None:
    done = await shared_system.cli_async("up", "--detach", check=None)
    one_line(done, 2, "in use", str(os.getpid()), "--data")


@pytest.mark.skipif(
    os.geteuid() == 0, reason="the superuser may write everywhere: a file in the way stands for it below"
)
def test_a_data_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    one_line(symphony("up", "--detach", data=folder / "data"), 2, "cannot be written", "--data")


def test_a_file_where_the_data_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    one_line(symphony("up", "--detach", data=tmp_path / "file" / "data"), 2, "cannot be written", "--data")


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one_line(symphony("up", "--detach", "--port", str(port), data=tmp_path / "data"), 2, str(port), "--port")


def test_workers_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    one_line(symphony("up", "--detach", "--workers", "stock", data=tmp_path / "data"), 2, "'stock'", "stock=1x8")


def test_validate_needs_no_system(tmp_path: Path) -> None:
    good = symphony("workflows", "validate", write(tmp_path, GOOD), "--json", data=tmp_path)
    assert json.loads(good.stdout)["valid"] is True
    bad = symphony("workflows", "validate", write(tmp_path, BAD["cycle"][0]), data=tmp_path)
    one_line(bad, 2, "cycle")


async def test_a_raw_submission_that_cannot_run_becomes_a_failed_run(shared_system: Running) -> None:
    client = shared_system.client
    submit = client.draft("raw", b"this is no document", {})
    await client.submit([submit])
    ended = await shared_system.end(submit.run)
    assert ended.status == "failed"
    assert ended.error is not None and ended.error.kind == "invalid_workflow"


async def test_garbage_on_the_bus_stops_nobody(shared_system: Running) -> None:
    client = shared_system.client
    for data in (b"", b"\xc1", b"\x00" * 1000, msgpack.packb({"runs": "none"}), msgpack.packb([1, 2])):
        await client.bus.publish_log(f"sym.in.submit.default.{'0' * 32}", data)
        await client.bus.publish_log(f"sym.in.cancel.default.{'0' * 32}", data)
    assert outputs(await shared_system.run(document({"a": {"call": "test.noop"}}, outputs={"x": "${1 + 1}"}))) == {
        "x": 2
    }


async def test_a_message_over_the_bound_is_refused_and_nothing_breaks(shared_system: Running) -> None:
    client = shared_system.client
    run = client.draft("big", b"x" * 1000, {})
    huge = SubmitBatch(runs=[Submit(run=run.run, workflow="big", document=b"x", inputs=b"\xc6" + b"x" * 4_300_000)])
    with pytest.raises(BusError) as refused:
        await client.bus.publish_log(f"sym.in.submit.default.{run.run}", encode(huge))
    assert refused.value.kind in ("unavailable", "invalid", "timed_out")
    assert len(encode(huge)) > bounds.MESSAGE_BYTES_MAX
    ended = await shared_system.run(document({"a": {"call": "test.noop"}}))
    assert ended.status == "succeeded"


async def test_rule_2_a_worker_that_answers_garbage_twice_or_for_another_changes_nothing(own_system: Running) -> None:
    """A worker of ours is played by hand: it answers with a wrong token, with garbage, late and twice."""
    from conductor.embedded import inspect, roles
    from conductor.wire.extensions import Function, Manifest
    from conductor.wire.heartbeat import Heartbeat
    from conductor.wire.values import pack

    own_system.system.mint("rogue", roles.worker("rogue"))
    bus = await own_system.connect("rogue")
    mailbox = await bus.subscribe("sym.task.*.rogue")
    functions = [Function(capability="rogue.answer", open_inputs=True)]
    manifest = Manifest(name="rogue", functions=functions)
    beats = 0

    async def beat(held: list[Any]) -> None:
        nonlocal beats
        message = Heartbeat(worker="rogue", beat=beats, slots=1, manifest=manifest, held=held, seen=held)
        beats += 1
        await bus.publish("sym.heartbeat.rogue", encode(message))

    operator = await own_system.connect("operator")

    async def leased() -> bool:
        await beat([])
        shown = await inspect.pool_show(operator)
        return any(worker.worker == "rogue" and worker.capabilities for worker in shown.workers)

    await until(leased)
    run = await own_system.begin(document({"ask": {"call": "rogue.answer"}}, outputs={"is": "${tasks.ask.is}"}))
    batches: list[TaskBatch] = []

    async def given() -> bool:
        from conductor.wire.base import decode

        await beat([])
        batches.extend(decode(message.data, TaskBatch) for message in mailbox.take_all())
        return any(batch.tasks for batch in batches)

    await until(given)
    batch = next(batch for batch in batches if batch.tasks)
    task = batch.tasks[0]

    def result(token: bytes, said: str) -> bytes:
        answer = TaskResult(
            run=task.run, task=task.task, generation=task.generation, try_=task.try_, epoch=batch.epoch, n=task.n,
            token=token, outcome=Succeeded(output=pack({"is": said})),
        )  # fmt: skip
        return encode(ResultBatch(worker="rogue", results=[answer]))

    await bus.publish_log(batch.reply, result(b"\x00" * 16, "forged"))
    await bus.publish_log(batch.reply, b"\xc1 garbage")
    await bus.publish_log(batch.reply, result(task.token, "true"))
    await bus.publish_log(batch.reply, result(task.token, "twice"))
    ended = await own_system.end(run)
    assert outputs(ended) == {"is": "true"}
    history = await own_system.client.history(run)
    assert history is not None
    assert sum(entry.accepted and entry.event == "succeeded" for entry in history) == 1
    await asyncio.gather(bus.close(), operator.close())


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
def test_a_bulk_verb_that_nothing_limits_is_refused_before_anything_is_connected_to(tmp_path: Path, verb: str) -> None:
    one_line(symphony("runs", verb, "--yes", data=tmp_path), 2, f"`runs {verb}`", "a filter")
