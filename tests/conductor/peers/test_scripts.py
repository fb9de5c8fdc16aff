"""The scripts of peers against the peers themselves: of those that `symphony bench --against` has fetched here before."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from conductor.measure.machine import disk
from conductor.peers import PEERS
from conductor.peers.peer import Load
from conductor.peers.tools import cache

FETCHED = [name for name in PEERS if (cache() / name).is_dir()]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FETCHED or [pytest.param("none", marks=pytest.mark.skip("no peer was fetched here"))])
async def test_a_flow_of_nine_steps_ends_alone_or_it_is_said_why(name: str) -> None:
    peer, folder = PEERS[name], cache() / name
    await peer.set_up(folder)
    with tempfile.TemporaryDirectory(prefix="symphony-peer-", dir=disk(), ignore_cleanup_errors=True) as data:
        async with peer.running(folder, Path(data)) as running:
            made = await running.measure(["flow"], Load(1.0, 2))
    assert made.rows, made.skipped
    assert made.rows[0]["name"] == "flow_9"
    assert 0 < made.rows[0]["p50"] <= made.rows[0]["p99"]
    assert {row["name"] for row in made.rows} | {one.name for one in made.skipped} == {
        "flow_9",
        "flow_9_50",
        "flow_9_500",
    }
