"""DBOS: durable execution as a library over a database."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from conductor.measure.rows import Row
from conductor.peers import tools
from conductor.peers.peer import Load

SETTINGS = {
    "sqlite": "system database in SQLite, as it is without a URL of another",
    "postgres": "system database in PostgreSQL with its defaults (fsync and synchronous_commit on)",
}


class Dbos:
    """On one of its two databases."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.name = "dbos" if database == "postgres" else "dbos-sqlite"
        self.settings = SETTINGS[database]
        self.caveats = (
            "workflows and steps run in the process that begins them: no message goes to a worker, and none can be added",
            "asynchronous workflows and steps, one process",
        )

    async def set_up(self, folder: Path) -> dict[str, str]:
        python = await tools.python_with(folder / "venv", ["dbos"])
        versions = {"dbos": await tools.version_of(python, "dbos")}
        if self.database == "postgres":
            versions["postgres"] = (await tools.done([_postgres("postgres"), "--version"])).split()[2]
        return versions

    @asynccontextmanager
    async def running(self, folder: Path, data: Path) -> AsyncIterator[_Running]:
        python = folder / "venv" / "bin" / "python"
        if self.database == "sqlite":
            yield _Running(python, f"sqlite:///{data}/dbos.sqlite")
            return
        async with postgres(data) as url:
            yield _Running(python, f"{url}/dbos")


class _Running:
    def __init__(self, python: Path, url: str) -> None:
        self._command = [python, tools.SCRIPTS / "dbos_load.py"]
        self._url = url

    async def measure(self, scenarios: Sequence[str], load: Load) -> list[Row]:
        return await tools.rows(self._command, scenarios, load, {"DBOS_URL": self._url})


def _postgres(program: str) -> str:
    """A program of the newest PostgreSQL that is here; Debian keeps them out of the path."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    found = shutil.which(program) or (str(kept[-1]) if kept else None)
    return found or tools.tool(program, "Debian's package postgresql has it")


def _given(data: Path, folder: Path, user: str | None) -> None:
    folder.mkdir(mode=0o700)
    if user is not None:
        for path in (data, folder):
            shutil.chown(path, user)


@asynccontextmanager
async def postgres(data: Path) -> AsyncIterator[str]:
    """A PostgreSQL of one's own on loopback, with its defaults; its URL without a database.

    Raises:
        PeerError: it is not installed, or does not start.
    """
    number, folder = tools.port(), data / "postgres"
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as the superuser
    _given(data, folder, user)
    as_user: list[str] = []
    if user is not None:
        as_user = [tools.tool("runuser", "util-linux has it"), "-u", user, "--"]
    make: list[str | Path] = [_postgres("initdb"), "-D", folder, "-U", "postgres", "-A", "trust", "--no-instructions"]
    await tools.done([*as_user, *make], folder=data)
    command: list[str | Path] = [_postgres("postgres"), "-D", folder, "-p", str(number), "-h", "127.0.0.1", "-k", ""]
    async with tools.started(command, data / "postgres.log", user=user):
        await tools.listens(number, "PostgreSQL")
        yield f"postgresql://postgres@127.0.0.1:{number}"
