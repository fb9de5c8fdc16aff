"""DBOS: durable execution as a library over a database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from conductor.peers import tools
from conductor.peers.peer import Load, Measured
from conductor.peers.postgres import postgres, version

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
        self.durable = True
        self.caveats = (
            "workflows and steps run in the process that begins them: no message goes to a worker, and none can be added",
            "asynchronous workflows and steps, one process",
        )

    async def set_up(self, folder: Path) -> dict[str, str]:
        python = await tools.python_with(folder / "venv", ["dbos"])
        versions = {"dbos": await tools.version_of(python, "dbos")}
        if self.database == "postgres":
            versions["postgres"] = await version()
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

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        return await tools.measured(self._command, scenarios, load, {"DBOS_URL": self._url})
