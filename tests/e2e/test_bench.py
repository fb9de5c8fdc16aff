"""`symphony bench` on a system of its own: what it prints, records, compares and refuses."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from conductor.measure import profile
from conductor.measure.baseline import Baseline, Entry

pytestmark = [pytest.mark.broker, pytest.mark.serial, pytest.mark.xdist_group("bench")]

QUICK = ("--window", "0.5", "--runs", "3")


async def bench(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    command = [sys.executable, "-m", "conductor.cli", "bench", *arguments]
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, **pipes)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def measured(*names: str, cwd: Path) -> dict[str, Any]:
    code, out, err = await bench(*names, *QUICK, "--json", cwd=cwd)
    assert code == 0, err
    return json.loads(out)


async def test_rows_have_the_contracts_keys_and_stand_beside_their_floors(tmp_path: Path) -> None:
    document = await measured(
        "floors", "rest", "chain", "signal", "open", "payload", "--rate", "50", "--record", "kept", cwd=tmp_path
    )
    assert {"machine", "durability", "results"} <= set(document)
    rows = {row["name"]: row for row in document["results"]}
    assert all({"name", "unit", "value", "p50", "p99", "runs"} <= set(row) for row in rows.values())
    assert {"floor_publish_fsync", "floor_hop", "floor_disk_fsync", "floor_publish_rate"} <= set(rows)
    chain = rows["chain_40"]
    assert (chain["unit"], chain["loop"], chain["runs"]) == ("ms", "closed", 3)
    floor = chain["floors"][0]
    assert floor["name"] == "floor_publish_fsync"
    assert floor["times"] == pytest.approx(chain["value"] / floor["value"])
    assert (rows["open_50"]["loop"], rows["open_50"]["runs"]) == ("open", 25)
    assert {"broker", "pit", "conductor", "worker"} == set(rows["cpu_chain_40"]["parts"])
    assert rows["memory_rest"]["value"] > 10
    assert [one["name"] for one in rows["payload_16mib"]["floors"]] == ["floor_disk_16mib", "floor_memcpy_16mib"]
    assert [one["name"] for one in rows["payload_1kib"]["floors"]] == ["floor_publish_fsync", "floor_memcpy_1kib"]
    assert "`chain_40`" in (tmp_path / "kept" / "performance.md").read_text()
    assert len((tmp_path / "kept" / "history" / "bench.jsonl").read_text().splitlines()) == 1
    assert (tmp_path / "kept" / "performance.svg").read_text().startswith("<svg")


async def test_two_partitions_have_names_of_their_own(tmp_path: Path) -> None:
    document = await measured("partitions", cwd=tmp_path)
    names = {row["name"] for row in document["results"]}
    assert {"chain_40_2p", "throughput_50_2p", "throughput_500_2p", "throughput_2000_2p"} <= names


async def test_the_check_passes_or_fails_by_the_baseline_and_names_the_scenario(tmp_path: Path) -> None:
    def write(ratio: float) -> None:
        entry = Entry(ratio=ratio, band=1.3, better="lower", floor="floor_publish_fsync")
        made = Baseline(machine={}, measured="2026-11-25", scenarios={"chain_40": entry})
        (tmp_path / "baseline.json").write_bytes(msgspec.json.encode(made))

    write(1000.0)
    code, out, err = await bench("chain", *QUICK, "--check", "baseline.json", cwd=tmp_path)
    assert (code, out.startswith("1 scenarios are as in")) == (0, True), err
    write(0.01)
    code, _, err = await bench("chain", *QUICK, "--check", "baseline.json", cwd=tmp_path)
    assert code == 1
    assert "symphony: slower than baseline.json beyond its noise: chain_40:" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch"], "there is no benchmark 'nosuch'"),
        (["--update"], "--update says to write the file of --check"),
        (["chain", "--check", "nowhere.json"], "--update makes one"),
        (["chain", "--rate", "0"], "--rate"),
    ],
)
async def test_a_wrong_request_is_one_line_and_exit_code_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    code, out, err = await bench(*arguments, cwd=tmp_path)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err


async def test_a_profile_leaves_a_picture_of_each_process_or_says_what_is_missing(tmp_path: Path) -> None:
    code, _, err = await bench("chain", *QUICK, "--runs", "40", "--profile", cwd=tmp_path)
    assert code == 0, err
    pictures = {path.name.split("-")[0] for path in tmp_path.glob("build/profile/*/*.svg")}
    for name in ("broker", "pit", "worker"):
        assert name in pictures or "perf" in err or f"no flame graph of {name}" in err
    assert "conductor" in pictures or "py-spy" in err or "no flame graph of conductor" in err


async def test_a_missing_profiler_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(profile, "_tool", lambda _: None)
    profiles = profile.Profiles(tmp_path, told.append)
    me = psutil.Process().pid
    async with profiles.watch([("conductor", me), ("conductor", me)]):
        assert [line.partition(":")[0] for line in told] == ["no flame graphs of Python processes without py-spy"]
    assert list(tmp_path.iterdir()) == []
