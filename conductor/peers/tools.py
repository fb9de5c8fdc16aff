"""Programs that peers need: found, run, waited for, and ended."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from conductor.measure.suite import Skipped
from conductor.peers.peer import Load, Measured, PeerError

SCRIPTS = Path(__file__).parent / "scripts"
START_TIME_S = 60.0
SLOW_START_TIME_S = 240.0
"""Of those that make their tables first, and load hundreds of modules: 40 s on two cores that do nothing else."""
STOP_TIME_S = 10.0
SET_UP_TIME_S = 1800.0
"""Of one step: a server that is built from its sources takes minutes on two cores. Also of all scenarios of a load
generator, which bounds each of them by itself."""
SAID_MAX = 400


def cache() -> Path:
    """Where peers are kept between runs: `SYMPHONY_PEERS`, or a folder of the user's cache."""
    said = os.environ.get("SYMPHONY_PEERS")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(said) if said else base / "symphony" / "peers"


def tool(name: str, install: str) -> str:
    """The path of a program.

    Raises:
        PeerError: it is not here; `install` says what brings it.
    """
    found = shutil.which(name)
    if found is None:
        raise PeerError(f"{name} is not installed: {install}")
    return found


async def done(command: Sequence[str | Path], folder: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command to its end; what it printed.

    Raises:
        PeerError: it failed, with its last words, or took too long.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SET_UP_TIME_S):
            said, _ = await process.communicate()
    except TimeoutError:
        raise PeerError(f"{Path(command[0]).name} took longer than {SET_UP_TIME_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = said.decode(errors="replace")
    if process.returncode != 0:
        raise PeerError(f"{Path(command[0]).name} failed: {' '.join(text.split())[-SAID_MAX:]}")
    return text


async def python_with(folder: Path, packages: Sequence[str]) -> Path:
    """A Python of the peer's own with packages of PyPI in it.

    Raises:
        PeerError: they cannot be installed.
    """
    python = folder / "bin" / "python"
    if not await asyncio.to_thread(python.exists):
        await done([sys.executable, "-m", "venv", "--clear", folder])
        await done([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
    return python


async def version_of(python: Path, package: str) -> str:
    """The version of a package that a peer's Python has."""
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    return (await done([python, "-c", code, package])).strip()


def port() -> int:
    """A port of loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def listens(number: int, what: str, longest_s: float | None = None) -> None:
    """Wait until somebody takes connections at a port of loopback.

    Raises:
        PeerError: nobody did in `longest_s` (`START_TIME_S` where none is said).
    """
    longest_s = START_TIME_S if longest_s is None else longest_s
    until_s = time.monotonic() + longest_s
    while time.monotonic() < until_s:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise PeerError(f"{what} does not listen on port {number} after {longest_s:.0f} s")


@asynccontextmanager
async def started(
    command: Sequence[str | Path], log: Path, env: dict[str, str] | None = None, user: str | None = None
) -> AsyncIterator[int]:
    """A process with a group of its own, ended with all that it started; its number. What it says goes to `log`."""
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **(env or {})},
            cwd=log.parent,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            user=user,
        )
    try:
        yield process.pid
    finally:
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIME_S):
                await process.wait()
                break
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what its first process left behind


async def measured(
    command: Sequence[str | Path], scenarios: Sequence[str], load: Load, env: dict[str, str] | None = None
) -> Measured:
    """Run a peer's load generator, which prints a row a line, or `name` and `why` of what it leaves out.

    Raises:
        PeerError: it failed, or printed something else.
    """
    said = await done(
        [*command, "--window", str(load.window_s), "--runs", str(load.runs), "--scenarios", *scenarios], env=env
    )
    lines = [line for line in said.splitlines() if line.startswith("{")]
    try:
        rows = [msgspec.json.decode(line, type=dict) for line in lines]
    except msgspec.DecodeError as error:
        raise PeerError(f"{Path(command[0]).name} printed no row: {error}") from None
    skipped = [Skipped(row["name"], row["why"]) for row in rows if "why" in row]
    return Measured([row for row in rows if "why" not in row], skipped)
