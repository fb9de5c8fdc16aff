"""Programs of peers: what is missing is named, what was started is ended, and rows are read."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from conductor.peers import PEERS, postgres, tools
from conductor.peers.peer import Load, PeerError

NEEDED = {
    "restate": "npm",
    "celery": "redis-server",
    "temporal": "go",
    "prefect": "postgres",
    "airflow": "postgres",
}


@pytest.mark.parametrize(("name", "program"), NEEDED.items())
async def test_a_peer_whose_tool_is_missing_says_which_and_what_brings_it(
    name: str, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "KEPT", tmp_path)
    with pytest.raises(PeerError, match=f"^{program} is not installed: .+"):
        await PEERS[name].set_up(tmp_path / name)


async def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(PeerError, match="failed: it broke here"):
        await tools.done([sys.executable, "-c", "import sys; print('it broke\\nhere'); sys.exit(3)"])


async def test_what_was_started_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    parent = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    log = tmp_path / "log"
    async with tools.started([sys.executable, "-c", parent], log) as pid:
        async with asyncio.timeout(20):
            while not log.read_text().strip():
                await asyncio.sleep(0.02)
        child = int(log.read_text())
        assert psutil.pid_exists(child)
    assert not psutil.pid_exists(pid)
    async with asyncio.timeout(10):
        while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.02)


async def test_rows_are_read_and_other_lines_passed_over() -> None:
    script = "import sys, json; print('hello'); print(json.dumps({'name': 'x', 'value': len(sys.argv)}))"
    made = await tools.measured([sys.executable, "-c", script], ["chain", "one"], Load(2.0, 7))
    assert made == ([{"name": "x", "value": 8}], [])


async def test_what_a_peer_left_out_is_no_row() -> None:
    script = 'print(\'{"name": "x", "value": 1}\'); print(\'{"name": "y", "why": "too long"}\')'
    made = await tools.measured([sys.executable, "-c", script], ["chain"], Load(2.0, 7))
    assert made == ([{"name": "x", "value": 1}], [("y", "too long")])


async def test_a_process_that_outlives_the_one_that_started_it_is_ended(tmp_path: Path) -> None:
    wait = "time.sleep(600)"
    deaf = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {wait}"
    begin = f"print(subprocess.Popen([sys.executable, '-c', {deaf!r}]).pid, flush=True)"
    parent = f"import subprocess, sys, time; {begin}; {wait}"
    log = tmp_path / "log"
    async with tools.started([sys.executable, "-c", parent], log):
        async with asyncio.timeout(20):
            while "deaf" not in log.read_text():
                await asyncio.sleep(0.02)
        child = int(log.read_text().split()[0])
    async with asyncio.timeout(10):
        while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.02)


async def test_a_port_that_nobody_listens_at_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "START_TIME_S", 0.2)
    with pytest.raises(PeerError, match="it does not listen on port"):
        await tools.listens(tools.port(), "it")


def test_peers_are_kept_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMPHONY_PEERS", "/somewhere")
    assert tools.cache() == Path("/somewhere")
    monkeypatch.delenv("SYMPHONY_PEERS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/kept")
    assert tools.cache() == Path("/kept/symphony/peers")
    assert os.environ.get("SYMPHONY_PEERS") is None
