"""One trace a run, in a real back end: the tree that it shows is exactly the one expected."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from conductor.cli import follow
from conductor.embedded import System, SystemOptions
from conductor.wire.trace import run_span_id
from conductor.wire.values import pack
from tests.e2e.phoenix import Phoenix
from tests.e2e.running import Running, document, outputs

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600), pytest.mark.xdist_group("phoenix")]

TASKS = {
    "make": {"call": "test.echo", "with": {"items": [1, 2]}},
    "each": {"call": "test.echo", "for_each": "${tasks.make.items}", "with": {"item": "${item}"}},
    "flaky": {
        "call": "test.fail",
        "with": {"kind": "user", "times": 1},
        "retry": {"max_attempts": 2, "backoff": "10ms"},
        "after": ["each"],
    },
}


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoenix]:
    with Phoenix(tmp_path_factory.mktemp("phoenix")) as running:
        yield running


def tree(spans: list[dict[str, Any]]) -> dict[str, Any]:
    """Names by parent: `{name: {child: ...}}`, siblings of one name numbered by their start."""
    children: dict[str | None, list[dict[str, Any]]] = {}
    known = {span["context"]["span_id"] for span in spans}
    for span in sorted(spans, key=lambda span: (span["start_time"], span["name"])):
        parent = span["parent_id"]
        assert parent is None or parent in known, f"{span['name']} hangs below nothing"
        children.setdefault(parent, []).append(span)

    def below(parent: str | None) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for span in children.get(parent, []):
            name = span["name"]
            if name in made:
                name += " again"
            made[name] = below(span["context"]["span_id"])
        return made

    return below(None)


def eventually(phoenix: Phoenix, trace_id: str, count: int) -> list[dict[str, Any]]:
    """Exporters send in batches every few seconds."""
    deadline = time.monotonic() + 60
    while True:
        spans = phoenix.spans(trace_id)
        if len(spans) >= count or time.monotonic() > deadline:
            return spans
        time.sleep(0.25)


async def test_a_run_is_one_trace_with_exactly_its_tree(
    phoenix: Phoenix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", phoenix.url)
    async with System(SystemOptions(tmp_path / "data", workers="stock=1x4")) as system, Running(system) as running:
        ended = await running.run(document(TASKS))
        assert ended.status == "succeeded", ended.error
    await running.client.close_tracer()
    spans = eventually(phoenix, ended.run, 17)
    once = {"queue test.echo": {}, "execute test.echo": {}}
    failing = {"queue test.fail": {}, "execute test.fail": {}}
    assert tree(spans) == {
        "run test": {
            "submit test": {},
            "task make": once,
            "task each[0]": once,
            "task each[1]": once,
            "task flaky": failing,
            "task flaky again": failing,
        }
    }
    root = next(span for span in spans if span["parent_id"] is None)
    assert root["context"]["span_id"] == run_span_id(ended.run).hex()
    assert root["attributes"]["symphony.status"] == "succeeded"
    flaky = sorted((s for s in spans if s["name"] == "task flaky"), key=lambda span: span["start_time"])
    assert [span["status_code"] for span in flaky] == ["ERROR", "OK"]
    decided = next(event for event in flaky[0]["events"] if event["name"] == "decided")
    assert decided["attributes"]["symphony.action"] == "retry"
    assert decided["attributes"]["symphony.policy"] == "rules/1"
    for span in spans:
        assert span["end_time"] >= span["start_time"]


FUNCTIONS = """
from conductor.worker import task


@task("mine.big")
def big() -> dict:
    return {"text": "x" * 70_000}


@task("mine.half")
def half() -> dict:
    return {"text": "y" * 40_000}


@task("mine.length")
def length(text: str) -> dict:
    return {"length": len(text)}
"""
LARGE = {
    "big": {"call": "mine.big"},
    "echo": {"call": "test.echo", "with": {"text": "${tasks.big.text}"}},
    "length": {"call": "mine.length", "with": {"text": "${tasks.echo.text}"}},
    "halves": {"call": "mine.half", "for_each": "${range(2)}"},
    "join": {"call": "test.noop", "with": {"texts": "${tasks.halves[*].text}"}},
}


async def test_artifacts_on_their_way_are_spans_of_whoever_moves_them(
    phoenix: Phoenix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers in Python and in Rust put large outputs and get large inputs; what the fold composes the conductor puts."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", phoenix.url)
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    async with System(SystemOptions(tmp_path / "data", workers="stock=1x4")) as system, Running(system) as running:
        command = [
            sys.executable,
            "-m",
            "conductor.cli",
            "worker",
            str(tmp_path / "mine.py"),
            "--data",
            str(system.layout.root),
        ]
        quiet = asyncio.subprocess.DEVNULL
        worker = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
        try:
            ended = await running.run(document(LARGE, outputs={"length": "${tasks.length.length}"}))
        finally:
            worker.terminate()
            await asyncio.wait_for(worker.wait(), 20)
        assert outputs(ended) == {"length": 70_000}
    await running.client.close_tracer()
    spans = eventually(phoenix, ended.run, 25)

    def task(name: str, *transfers: str) -> dict[str, Any]:
        return {f"queue {name}": {}, f"execute {name}": {f"{transfer} artifact": {} for transfer in transfers}}

    assert tree(spans) == {
        "run test": {
            "submit test": {},
            "put artifact": {},
            "task big": task("mine.big", "put"),
            "task echo": task("test.echo", "get", "put"),
            "task length": task("mine.length", "get"),
            "task halves[0]": task("mine.half"),
            "task halves[1]": task("mine.half"),
            "task join": task("test.noop", "get"),
        }
    }
    moved = [span["attributes"] for span in spans if span["name"].endswith(" artifact")]
    told = {
        (m["symphony.artifact.direction"], m["symphony.artifact.digest"], m["symphony.artifact.size_bytes"])
        for m in moved
    }
    text, texts = pack("x" * 70_000), pack(["y" * 40_000] * 2)
    assert told == {(d, blake3(v).hexdigest(), len(v)) for d in ("put", "get") for v in (text, texts)}


async def test_large_inputs_lists_and_outputs_are_spans_of_their_run(
    phoenix: Phoenix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client puts the list that an input is, the conductor reads it for the map, the client gets the output."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", phoenix.url)
    texts: list[Any] = ["x" * 30_000, "y" * 30_000, "z" * 30_000]
    each = {"call": "test.echo", "for_each": "${inputs.texts}", "with": {"text": "${item}"}}
    inputs = {"texts": {"type": "array"}}
    packed = document({"each": each}, inputs=inputs, outputs={"all": "${tasks.each[*].text}"})
    async with System(SystemOptions(tmp_path / "data", workers="stock=1x4")) as system, Running(system) as running:
        given = await running.client.stored.spill({"texts": texts})
        ended = await running.run(packed, given)
        assert (await follow.document(running.client, ended))["outputs"] == {"all": texts}
    await running.client.close_tracer()
    spans = eventually(phoenix, ended.run, 15)
    task = {"queue test.echo": {}, "execute test.echo": {}}
    assert tree(spans) == {
        "run test": {
            "submit test": {},
            "put artifact": {},
            "put artifact again": {},
            "get artifact": {},
            "get artifact again": {},
            "task each[0]": task,
            "task each[1]": task,
            "task each[2]": task,
        }
    }
    moved = [span["attributes"] for span in spans if span["name"].endswith(" artifact")]
    assert {m["symphony.artifact.digest"] for m in moved} == {blake3(pack(texts)).hexdigest()}


async def test_a_run_goes_on_in_the_trace_of_whoever_began_it_and_an_unsampled_one_is_not_told(
    phoenix: Phoenix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", phoenix.url)
    trace_id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    async with System(SystemOptions(tmp_path / "data", workers="stock=1x4")) as system, Running(system) as running:
        monkeypatch.setenv("TRACEPARENT", f"00-{trace_id}-{parent}-00")
        quiet = await running.run(document({"one": {"call": "test.noop"}}))
        monkeypatch.setenv("TRACEPARENT", f"00-{trace_id}-{parent}-01")
        told = await running.run(document({"one": {"call": "test.noop"}}))
    await running.client.close_tracer()
    spans = eventually(phoenix, trace_id, 5)
    runs = {span["attributes"]["symphony.run"] for span in spans}
    assert runs == {told.run}
    assert quiet.run not in runs
    root = next(span for span in spans if span["name"] == "run test")
    assert root["parent_id"] == parent
