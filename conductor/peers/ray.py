"""Ray Core: tasks that are cheap to begin, and that nothing remembers."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from conductor.peers import tools
from conductor.peers.peer import Load, Measured


class Ray:
    """One node on this machine, begun by the program that gives it the tasks, as `ray.init()` does."""

    name = "ray"
    durable = False
    settings = "Ray Core, `ray.init()` with a node of its own; tasks and what they return are in memory"
    caveats = (
        "nothing is written: with the program that began a run, or its machine, the run and all its steps are gone. Ray "
        "Workflows, which wrote steps down, were deprecated in 2.44 and taken out after 2.47, and nothing took their place",
        "a step's reference is handed to the next one, so that its program waits once a run and not once a step",
    )

    async def set_up(self, folder: Path) -> dict[str, str]:
        python = await tools.python_with(folder / "venv", ["ray"])
        return {"ray": await tools.version_of(python, "ray")}

    @asynccontextmanager
    async def running(self, folder: Path, data: Path) -> AsyncIterator[_Running]:
        # Its sockets' paths begin with its folder, and a socket's path has 107 bytes at most.
        with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as short:
            env = {"RAY_FOLDER": short, "RAY_USAGE_STATS_ENABLED": "0", "HOME": str(data)}
            yield _Running(folder / "venv" / "bin" / "python", env)


class _Running:
    def __init__(self, python: Path, env: dict[str, str]) -> None:
        self._command = [python, tools.SCRIPTS / "ray_load.py"]
        self._env = env

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        return await tools.measured(self._command, scenarios, load, self._env)
