"""Prefect: flows and tasks in Python, whose states a server keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from conductor.peers import tools
from conductor.peers.peer import Load, Measured
from conductor.peers.postgres import postgres, version


class Prefect:
    """Its own server over PostgreSQL, which its documentation has for production."""

    name = "prefect"
    durable = True
    settings = (
        "`prefect server start` over PostgreSQL with its defaults (fsync and synchronous_commit on); results persisted "
        "by default, which is what a flow that is retried goes on from"
    )
    caveats = (
        "a task's state goes to the server as an event, which is written down after the next task has begun; its result is "
        "a file that is not synced. What a crash of the machine takes are the last steps",
        "flows and tasks run in the process that calls the flow; one process, asynchronous",
    )

    async def set_up(self, folder: Path) -> dict[str, str]:
        database = await version()
        python = await tools.python_with(folder / "venv", ["prefect"])
        return {"prefect": await tools.version_of(python, "prefect"), "postgres": database}

    @asynccontextmanager
    async def running(self, folder: Path, data: Path) -> AsyncIterator[_Running]:
        number, programs = tools.port(), folder / "venv" / "bin"
        async with postgres(data) as url:
            env = {
                "PREFECT_HOME": str(data / "prefect"),
                "PREFECT_API_URL": f"http://127.0.0.1:{number}/api",
                "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"{url.replace('://', '+asyncpg://')}/postgres",
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
                "PREFECT_LOGGING_LEVEL": "ERROR",
            }
            server: list[str | Path] = [programs / "prefect", "server", "start", "--no-ui"]
            server += ["--host", "127.0.0.1", "--port", str(number)]
            async with tools.started(server, data / "server.log", env):
                await tools.listens(number, "Prefect's server", tools.SLOW_START_TIME_S)
                yield _Running(programs / "python", env)


class _Running:
    def __init__(self, python: Path, env: dict[str, str]) -> None:
        self._command = [python, tools.SCRIPTS / "prefect_load.py"]
        self._env = env

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        return await tools.measured(self._command, scenarios, load, self._env)
