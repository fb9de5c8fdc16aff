"""Versions of functions: a call with a range goes to workers that serve one of them, and to nobody else."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs

pytestmark = pytest.mark.broker

SERVED = '''
from conductor.worker import task


@task("versions.name", version="{version}")
def name() -> dict:
    """The version that answers."""
    return {{"version": "{version}"}}
'''


@contextlib.contextmanager
def serving(running: Running, folder: Path, version: str) -> Iterator[None]:
    """A worker of its own that serves a version of the function."""
    module = folder / f"served_{version.replace('.', '_')}.py"
    module.write_text(SERVED.format(version=version))
    command = [sys.executable, "-m", "conductor.cli", "worker", str(module), "--name", f"versions-{version[0]}"]
    env = {**os.environ, "SYMPHONY_DATA": str(running.system.layout.root)}
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


async def test_a_call_goes_to_a_worker_whose_version_is_in_its_range(own_system: Running, tmp_path: Path) -> None:
    def calling(wanted: str) -> bytes:
        task = {"call": f"versions.name@{wanted}", "for_each": "range(12)"}
        return document({"name": task}, outputs={"versions": "${unique(tasks.name[*].version)}"})

    async def problems(wanted: str) -> list[str]:
        return [problem.message for problem in (await own_system.client.check(calling(wanted))).problems]

    with serving(own_system, tmp_path, "1.4.0"), serving(own_system, tmp_path, "2.0.0"):

        async def both() -> bool:
            return await problems("^1") == await problems("^2") == []

        await until(both, 60)
        for wanted, version in (("^1.2", "1.4.0"), (">=2", "2.0.0")):
            ended = await own_system.run(calling(wanted))
            assert outputs(ended) == {"versions": [version]}
        refused = ["no version of the function `versions.name` is in `^3`: there are 1.4.0, 2.0.0"]
        assert await problems("^3") == refused
