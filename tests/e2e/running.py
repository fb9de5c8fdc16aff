"""A running system as tests use it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from conductor.bus import BusOptions, NatsBus
from conductor.embedded import System
from conductor.wire.dag import RunView
from conductor.wire.runs import RunEnded
from conductor.wire.values import unpack
from conductor.workflow import read_bytes
from conductor.workflow.client import Client, SubmitOptions


def document(tasks: dict[str, Any], name: str = "test", **rest: Any) -> bytes:
    """A packed document of these tasks."""
    value = {"workflow": name, "version": "1.0.0", **rest, "tasks": tasks}
    return read_bytes(msgspec.json.encode(value)).packed()


class Running:
    """A system and a client of it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.client: Client

    async def __aenter__(self) -> Running:
        self.client = Client(await self.connect("client-default"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.bus.close()

    async def connect(self, user: str) -> NatsBus:
        """A connection as a user of the system."""
        return await NatsBus.connect(BusOptions(self.system.url, user, self.system.layout.cred(user), wait_s=10))

    async def begin(self, packed: bytes, inputs: dict[str, Any] | None = None, **said: Any) -> str:
        """Submit a run; its identifier."""
        submit = self.client.draft("test", packed, inputs or {}, SubmitOptions(**said))
        await self.client.submit([submit])
        return submit.run

    async def end(self, run: str, timeout_s: float = 60.0) -> RunEnded:
        """How a run ended."""
        async with asyncio.timeout(timeout_s):
            return await self.client.wait(run)

    async def run(self, packed: bytes, inputs: dict[str, Any] | None = None, **said: Any) -> RunEnded:
        """Submit a run and wait for its end."""
        return await self.end(await self.begin(packed, inputs, **said))

    async def until(self, run: str, holds: Callable[[RunView], bool], timeout_s: float = 60.0) -> RunView:
        """The state of a run once a condition holds for it."""
        async with asyncio.timeout(timeout_s):
            while True:
                view = await self.client.show(run, nodes=True)
                if view is not None and holds(view):
                    return view
                await asyncio.sleep(0.02)

    async def waits(self, run: str) -> RunView:
        """The state of a run once it only waits."""
        return await self.until(run, lambda view: view.status == "waiting")

    def process(self, name: str) -> Any:
        """A supervised process."""
        return next(process for process in self.system.processes if process.name == name)

    def cli(self, *arguments: str, timeout_s: float = 60, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run `symphony` against this system."""
        done = symphony(*arguments, data=self.system.layout.root, timeout_s=timeout_s)
        if check is not None:
            assert done.returncode == check, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done

    async def cli_async(self, *arguments: str, check: int | None = 0, timeout_s: float = 60) -> Any:
        """The same, without stopping the loop."""
        return await asyncio.to_thread(self.cli, *arguments, timeout_s=timeout_s, check=check)


def symphony(*arguments: str, data: Path, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `symphony` on a data folder."""
    env = {**os.environ, "SYMPHONY_DATA": str(data)}
    command = [sys.executable, "-m", "conductor.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=env, check=False)


def outputs(ended: RunEnded) -> dict[str, Any]:
    """The outputs of a run that succeeded."""
    assert ended.status == "succeeded", ended.error
    found: dict[str, Any] = unpack(ended.outputs)
    return found
