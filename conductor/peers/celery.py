"""Celery over Redis: the task queue that most begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from conductor.peers import tools
from conductor.peers.peer import Load, Measured

WORKERS = 2
"""Processes of its worker: one a core."""


class Celery:
    """With a Redis of its own that writes every command to the disk before it answers."""

    name = "celery"
    durable = True
    settings = "Redis with appendonly and appendfsync always; task_acks_late; a prefork worker of two processes"
    caveats = (
        "a chain's next message is sent by the worker that ended the step before: there is no run that anybody could ask "
        "about, resume or show",
        "500 in flight are 500 threads of the client, each of which waits for its result",
    )

    async def set_up(self, folder: Path) -> dict[str, str]:
        redis = tools.tool("redis-server", "Debian's package redis-server has it")
        python = await tools.python_with(folder / "venv", ["celery[redis]"])
        said = await tools.done([redis, "--version"])
        version = next((word[2:] for word in said.split() if word.startswith("v=")), "unknown")
        return {"celery": await tools.version_of(python, "celery"), "redis": version}

    @asynccontextmanager
    async def running(self, folder: Path, data: Path) -> AsyncIterator[_Running]:
        number = tools.port()
        redis = ["redis-server", "--port", str(number), "--bind", "127.0.0.1", "--dir", str(data), "--save", ""]
        redis += ["--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no"]
        env = {"CELERY_URL": f"redis://127.0.0.1:{number}/0", "PYTHONPATH": str(tools.SCRIPTS)}
        python = folder / "venv" / "bin" / "python"
        worker: list[str | Path] = [python, "-m", "celery", "-A", "celery_app", "worker", "--concurrency", str(WORKERS)]
        worker += ["--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
        async with tools.started(redis, data / "redis.log"):
            await tools.listens(number, "Redis")
            async with tools.started(worker, data / "worker.log", env):
                yield _Running(python, env)


class _Running:
    def __init__(self, python: Path, env: dict[str, str]) -> None:
        self._command = [python, tools.SCRIPTS / "celery_load.py"]
        self._env = env

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        return await tools.measured(self._command, scenarios, load, self._env)
