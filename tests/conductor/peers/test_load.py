"""The closed loop of a peer's client: what it prints of a peer that is quick, slow, stuck or broken."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType

import pytest

from conductor.peers import tools


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, as a peer's Python has it; it knows nothing of ours. A scenario has half a second."""
    spec = importlib.util.spec_from_file_location("load", Path(tools.SCRIPTS) / "load.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, seconds in {"WARM_UP_TIME_S": 0.05, "ENOUGH_TIME_S": 0.2, "LONGEST_S": 0.5}.items():
        monkeypatch.setattr(module, name, seconds)
    return module


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {row["name"]: row for row in rows}


async def test_a_quick_peer_has_a_row_of_every_size(
    load: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WARM_UP_TIME_S", "ENOUGH_TIME_S", "LONGEST_S"):
        monkeypatch.setattr(load, name, 30.0)
    begun: list[str] = []

    async def begin(kind: str) -> None:
        begun.append(kind)
        await asyncio.sleep(0.001)

    await load.measure(begin, ["chain", "one", "flow"], 0.2, 3)
    rows = printed(capsys)
    assert list(rows) == [name for name, _, _ in load.PLAN]
    assert [row["unit"] for row in rows.values()] == ["ms"] * 3 + ["runs/s"] * 4
    assert (rows["chain_40"]["runs"], rows["one_step"]["runs"], rows["flow_9"]["runs"]) == (3, 15, 3)
    assert 1 / load.CHAIN_STEPS <= rows["chain_40"]["value"] < rows["one_step"]["value"]
    assert begun[: load.WARM_UP_RUNS + 3] == ["chain"] * (load.WARM_UP_RUNS + 3)


async def test_a_slow_peer_is_measured_with_fewer_runs(load: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    async def begin(kind: str) -> None:
        await asyncio.sleep(0.1)

    await load.measure(begin, ["chain"], 0.2, 40)
    row = printed(capsys)["chain_40"]
    assert 1 <= row["runs"] <= 3
    assert row["value"] == pytest.approx(100 / load.CHAIN_STEPS, rel=0.5)


async def test_what_does_not_end_is_left_out_with_all_after_it(
    load: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    under_way, cancelled = 0, 0

    async def begin(kind: str) -> None:
        nonlocal under_way, cancelled
        under_way += 1
        try:
            await asyncio.sleep(0.001 if under_way < 20 else 60)
        except asyncio.CancelledError:
            cancelled += 1
            raise
        finally:
            under_way -= 1

    began_s = time.monotonic()
    await load.measure(begin, ["one"], 0.1, 2)
    rows = printed(capsys)
    assert rows["one_step"]["runs"] == 10
    assert rows["one_step_50"]["why"].startswith("with 50 under way ")
    assert rows["one_step_500"] == {"name": "one_step_500", "why": "not tried after one_step_50"}
    assert (under_way, cancelled > 0) == (0, True)
    assert time.monotonic() - began_s < 10


async def test_a_run_alone_that_never_ends_is_given_up(load: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    async def begin(kind: str) -> None:
        await asyncio.sleep(60)

    await load.measure(begin, ["chain"], 0.1, 2)
    assert printed(capsys) == {"chain_40": {"name": "chain_40", "why": "after the first ones, no run had ended in 0 s"}}


async def test_a_client_that_raises_is_said_and_ends_nothing_else(
    load: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    async def begin(kind: str) -> None:
        if kind == "flow":
            raise ConnectionError("refused\nby the server")

    await load.measure(begin, ["chain", "flow"], 0.1, 2)
    rows = printed(capsys)
    assert rows["chain_40"]["runs"] == 2
    assert rows["flow_9"]["why"] == "ConnectionError: refused by the server"
    assert rows["flow_9_50"]["why"] == "not tried after flow_9"


async def test_each_client_begins_a_run_even_where_the_loop_is_blocked(load: ModuleType) -> None:
    begun = 0

    async def begin(kind: str) -> None:
        nonlocal begun
        begun += 1
        time.sleep(0.02)  # a client library that computes

    rate, times = await load.many(begin, "one", 20, 0.1)
    assert begun == len(times) >= 20
    assert rate == pytest.approx(50, rel=0.5)
