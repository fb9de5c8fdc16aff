"""Workers of a pool end with whoever started them, also where the broker is gone and takes no farewell."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from conductor.embedded import binaries
from conductor.wire import subjects
from tests.broker import Broker

pytestmark = pytest.mark.broker

COMMANDS = {
    "rust": [str(binaries.pit()), "players"],
    "python": [sys.executable, "-m", "conductor.cli", "worker", "tests.chaos.functions"],
}


async def ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if process.poll() is not None:
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.parametrize("language", COMMANDS)
@pytest.mark.parametrize("first", ["broker", "starter"])
async def test_a_worker_of_a_pool_ends_when_its_pool_manager_and_the_broker_are_gone(language: str, first: str) -> None:
    starter = subprocess.Popen(["sleep", "600"])  # in place of a Pool Manager, around a script
    async with Broker() as broker:
        bus = await broker.connect("test")
        beats = await bus.subscribe(subjects.heartbeat("w"))
        await bus.flush()
        said = {"URL": broker.url, "WORKER": "w", "POOL": "p", "POOL_PID": str(starter.pid)}
        env = {**os.environ, **{f"SYMPHONY_{name}": value for name, value in said.items()}}
        worker = subprocess.Popen(COMMANDS[language], env=env, stderr=subprocess.DEVNULL)
        try:
            async with asyncio.timeout(30):
                await beats.wait()
            kills = [broker.kill, lambda: (starter.kill(), starter.wait())]
            for kill in kills if first == "broker" else reversed(kills):
                kill()
            assert await ended(worker, 15), "it goes on, and nobody is left to end it"
        finally:
            for process in (worker, starter):
                process.kill()
                process.wait()
            await bus.close()
