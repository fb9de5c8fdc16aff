"""The disk fills: submissions are refused in time, nothing acknowledged is lost, and the system comes back by itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conductor.bus import BusError
from conductor.embedded import System, SystemOptions
from conductor.workflow.client import Client
from tests.e2e.conftest import until
from tests.e2e.running import Running, document

pytestmark = pytest.mark.broker

SIZE_MIB, RESERVE_MIB = 96, 24
WAITING = document({"w": {"wait_for": {"signal": "go"}}, "then": {"call": "test.noop", "after": ["w"]}})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; skips where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=700", "tmpfs", str(folder)]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("a small disk needs the program mount")
    if made.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


class Ballast:
    """Somebody else's file, which takes what is left but `rest_bytes`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / "ballast"

    def fill(self, rest_bytes: int) -> None:
        free = os.statvfs(self._folder).f_bavail * os.statvfs(self._folder).f_frsize
        with self._path.open("ab") as stream:
            held = stream.tell()
            os.posix_fallocate(stream.fileno(), 0, max(held + free - rest_bytes, 1))

    def remove(self) -> None:
        self._path.unlink()


async def test_a_disk_below_its_reserve_refuses_submissions_while_what_is_under_way_ends(small_disk: Path) -> None:
    options = SystemOptions(small_disk / "data", workers="stock=1x8", disk_reserve_mib=RESERVE_MIB)
    ballast = Ballast(small_disk)
    async with System(options) as system, Running(system) as running:
        run = await running.begin(WAITING)
        ballast.fill(RESERVE_MIB // 2 << 20)
        hasty = Client(running.client.bus, patience_s=0)
        refused: list[BusError] = []

        async def is_busy() -> bool:
            try:
                await hasty.submit([hasty.draft("test", WAITING, {})])
            except BusError as error:
                refused.append(error)
            return bool(refused)

        await until(is_busy)
        assert (refused[0].kind, refused[0].retry_after_s) == ("busy", 2.0)
        await running.client.signal(run, "go")
        assert (await running.end(run)).status == "succeeded"
        ballast.remove()
        later = await running.begin(WAITING)  # with the patience that clients have
        await running.client.signal(later, "go")
        assert (await running.end(later)).status == "succeeded"


async def test_a_disk_that_others_filled_stops_the_broker_and_loses_nothing(small_disk: Path) -> None:
    options = SystemOptions(small_disk / "data", workers="stock=1x8", disk_reserve_mib=RESERVE_MIB)
    ballast = Ballast(small_disk)
    async with System(options) as system, Running(system) as running:
        hasty = Client(running.client.bus, patience_s=0)
        acknowledged = [await running.begin(WAITING) for _ in range(10)]
        ballast.fill(0)

        async def is_stopped() -> bool:
            try:
                draft = hasty.draft("test", WAITING, {"pad": "x" * 60_000})
                await hasty.submit([draft])
                acknowledged.append(draft.run)
            except BusError as error:
                return error.kind in ("unavailable", "timed_out")
            return False

        await until(is_stopped)
        broker = running.process("broker")
        before = broker.restarts
        ballast.remove()
        async with asyncio.timeout(60):
            while broker.restarts == before:
                await asyncio.sleep(0.05)
            for run in acknowledged:
                await _signal(running, run)
            for run in acknowledged:
                ended = await running.end(run)
                wanted = "succeeded" if run in acknowledged[:10] else ended.status
                assert ended.status == wanted, (run, ended.error)


async def _signal(running: Running, run: str) -> None:
    """Until the broker takes it: it is starting."""
    while True:
        try:
            await running.client.signal(run, "go")
            return
        except BusError as error:
            assert error.kind in ("unavailable", "timed_out", "busy")
            await asyncio.sleep(0.1)
