"""Temporal: workflows replayed from a server's history."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from conductor.peers import tools
from conductor.peers.peer import Load, Measured

MODULE = "github.com/temporalio/cli/cmd/temporal@v1.5.1"
"""The newest that `go install` takes: later ones replace a module by a folder of theirs."""
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL")
"""As durable as the journal that SQLite has by itself, by a quarter of its syncs: 7 a step of a chain instead of 29."""


class Temporal:
    """Its development server with a database on the disk, which is the one server that needs nothing beside it."""

    name = "temporal"
    durable = True
    settings = f"`temporal server start-dev` with its state in a file of SQLite ({', '.join(PRAGMAS)})"
    caveats = (
        "a server for development: a cluster over PostgreSQL or Cassandra does more at once, and takes more than two cores",
        "activities go to a worker one by one, as our steps do; its worker and client are one Python process, without the "
        "sandbox of workflows, which costs time",
    )

    async def set_up(self, folder: Path) -> dict[str, str]:
        server = _linked(folder)
        if server is None:
            server = await _build(folder / "temporal")
        python = await tools.python_with(folder / "venv", ["temporalio"])
        said = await tools.done([server, "--version"])
        words = said.replace("(", " ").replace(")", " ").replace(",", " ").split()
        version = " ".join(word for word in words if word[0].isdigit())
        return {"temporal cli and server": version, "temporalio": await tools.version_of(python, "temporalio")}

    @asynccontextmanager
    async def running(self, folder: Path, data: Path) -> AsyncIterator[_Running]:
        number = tools.port()
        command: list[str | Path] = [
            folder / "temporal",
            "server",
            "start-dev",
            "--headless",
            "--ip",
            "127.0.0.1",
            "--port",
            str(number),
        ]
        command += ["--db-filename", str(data / "temporal.sqlite"), "--log-level", "error"]
        for pragma in PRAGMAS:
            command += ["--sqlite-pragma", pragma]
        env = {"HOME": os.environ.get("HOME", str(data))}
        async with tools.started(command, data / "server.log", env):
            await tools.listens(number, "Temporal")
            yield _Running(folder / "venv" / "bin" / "python", f"127.0.0.1:{number}")


def _linked(folder: Path) -> Path | None:
    """The server that is kept, or that the system has."""
    server = folder / "temporal"
    folder.mkdir(parents=True, exist_ok=True)
    found = shutil.which("temporal")
    if not server.exists() and found is not None:
        server.symlink_to(found)
    return server if server.exists() else None


async def _build(server: Path) -> Path:
    go = tools.tool("go", "Temporal's server is built by it (the system's package golang, or go.dev)")
    await tools.done([go, "install", MODULE], env={"GOBIN": str(server.parent), "GOFLAGS": "-p=1"})
    return server


class _Running:
    def __init__(self, python: Path, address: str) -> None:
        self._command = [python, tools.SCRIPTS / "temporal_load.py"]
        self._env = {"TEMPORAL_ADDRESS": address}

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        return await tools.measured(self._command, scenarios, load, self._env)
