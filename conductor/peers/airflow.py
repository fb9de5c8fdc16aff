"""Airflow: DAGs that a scheduler looks after in a database."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from conductor.peers import tools
from conductor.peers.peer import Load, Measured
from conductor.peers.postgres import postgres, version

PROCESSES = 4
"""Of its executor: two a core. All of it takes 6 GB with the 32 that it has by itself."""
RUNS_MAX = 500
"""Of a DAG at once; its 16 would leave the rest of 50 and 500 waiting."""


class Airflow:
    """All of it on this machine, as `airflow standalone` starts it, over PostgreSQL."""

    name = "airflow"
    durable = True
    settings = (
        f"`airflow standalone` over PostgreSQL with its defaults (fsync and synchronous_commit on); LocalExecutor of "
        f"{PROCESSES} processes; {RUNS_MAX} runs of a DAG at once; all else as it is"
    )
    caveats = (
        "it is made for jobs of minutes: each task is a process of its own, and its scheduler looks once a second when "
        "there was nothing to do (`scheduler_idle_sleep_time`, 1 by default)",
        "runs begin by its REST API; their ends are asked for ten times a second, since it tells nobody of them",
        "its packages are those of the registry's newest, without the file of constraints that its documentation has",
    )

    async def set_up(self, folder: Path) -> dict[str, str]:
        database = await version()
        python = await tools.python_with(folder / "venv", ["apache-airflow[postgres]"])
        return {"airflow": await tools.version_of(python, "apache-airflow"), "postgres": database}

    @asynccontextmanager
    async def running(self, folder: Path, data: Path) -> AsyncIterator[_Running]:
        number, programs = tools.port(), folder / "venv" / "bin"
        dags = data / "airflow" / "dags"
        dags.mkdir(parents=True)
        for script in ("airflow_dags.py", "load.py"):
            shutil.copy(tools.SCRIPTS / script, dags / script)
        async with postgres(data) as url:
            env = _settings(data / "airflow", f"{url.replace('://', '+psycopg2://')}/postgres", number, programs)
            async with tools.started([programs / "airflow", "standalone"], data / "airflow.log", env):
                await tools.listens(number, "Airflow's server", tools.SLOW_START_TIME_S)
                yield _Running(programs / "python", env)


def _settings(home: Path, database: str, number: int, programs: Path) -> dict[str, str]:
    address = f"http://127.0.0.1:{number}"
    sections = {
        "CORE__LOAD_EXAMPLES": "false",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "CORE__PARALLELISM": str(PROCESSES),
        "CORE__MAX_ACTIVE_RUNS_PER_DAG": str(RUNS_MAX),
        "CORE__MAX_ACTIVE_TASKS_PER_DAG": str(RUNS_MAX),
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "true",
        "CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": database,
        "API__HOST": "127.0.0.1",
        "API__PORT": str(number),
        "API__BASE_URL": address,
        "LOGGING__WORKER_LOG_SERVER_PORT": str(tools.port()),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(tools.port()),
    }
    # `standalone` starts `airflow` again by its name.
    env = {"AIRFLOW_HOME": str(home), "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
    return env | {"AIRFLOW_API": address} | {f"AIRFLOW__{name}": value for name, value in sections.items()}


class _Running:
    def __init__(self, python: Path, env: dict[str, str]) -> None:
        self._command = [python, tools.SCRIPTS / "airflow_load.py"]
        self._env = env

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        return await tools.measured(self._command, scenarios, load, self._env)
