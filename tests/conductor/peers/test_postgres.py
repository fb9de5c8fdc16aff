"""The PostgreSQL that peers have: a real one, with the defaults that make it durable, gone at the end."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psutil
import pytest

from conductor.measure.machine import disk
from conductor.peers import tools
from conductor.peers.peer import PeerError
from conductor.peers.postgres import postgres, program, version

try:
    program("postgres")
except PeerError as error:
    pytest.skip(str(error), allow_module_level=True)


async def asked(url: str, what: str) -> str:
    return (await tools.done([program("psql"), f"{url}/postgres", "--tuples-only", "--no-align", "-c", what])).strip()


async def test_it_syncs_what_is_committed_is_empty_and_is_stopped() -> None:
    # Not in pytest's folder: it runs as a user of its own where we are the superuser, who could not come by there.
    with tempfile.TemporaryDirectory(prefix="symphony-peer-", dir=disk()) as folder:
        data = Path(folder)
        await stopped_after(data)


async def stopped_after(data: Path) -> None:
    async with postgres(data) as url:
        assert await asked(url, "show fsync") == "on"
        assert await asked(url, "show synchronous_commit") == "on"
        assert await asked(url, "select count(*) from pg_stat_user_tables") == "0"
        assert (await asked(url, "show server_version")).startswith(await version())
        pid = int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
