"""Flame graphs of every process while a load goes on: `py-spy` for those of Python, `perf` for the others."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from conductor.measure import flame

RATE_HZ = 199
"""Samples a second: no multiple of what programs do themselves."""
STACK_BYTES = 8192
"""Copied with each sample of a program without frame pointers."""
ENDING_S = 120.0
"""How long a profiler may take to write down what it has."""
SECONDS_MAX = 3600
"""py-spy wants an end to be named; it is ended before."""


@dataclass(slots=True)
class Profiler:
    """A profiler of one process, and the picture that it leaves."""

    name: str
    picture: Path
    process: asyncio.subprocess.Process
    data: Path | None = None


@dataclass(slots=True)
class Profiles:
    """Leaves `<process>-<pid>.svg` in `folder`; `tell` hears, once a tool, what is missing where one is."""

    folder: Path
    tell: Callable[[str], None]
    told: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def watch(self, processes: list[tuple[str, int]]) -> AsyncIterator[None]:
        """Profile these processes as long as the context lasts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        profilers = [started for name, pid in processes if (started := await self._begin(name, pid)) is not None]
        try:
            yield
        finally:
            for profiler in profilers:
                await self._end(profiler)

    async def _begin(self, name: str, pid: int) -> Profiler | None:
        picture = self.folder / f"{name}-{pid}.svg"
        if _is_python(pid):
            tool = _tool("py-spy")
            if tool is None:
                self._missing(
                    "py-spy", "no flame graphs of Python processes without py-spy: install it (pip install py-spy)"
                )
                return None
            command = [tool, "record", "--pid", str(pid), "--output", str(picture), "--rate", str(RATE_HZ)]
            command += ["--duration", str(SECONDS_MAX), "--nonblocking"]
            return Profiler(name, picture, await _spawn(command))
        tool = _tool("perf")
        if tool is None:
            self._missing(
                "perf", "no flame graphs of Rust processes and the broker without perf: install it (Debian: linux-perf)"
            )
            return None
        data = picture.with_suffix(".perf")
        # Go keeps frame pointers, a release build in Rust does not.
        how = "fp" if name == "broker" else f"dwarf,{STACK_BYTES}"
        command = [
            tool,
            "record",
            "--freq",
            str(RATE_HZ),
            "--call-graph",
            how,
            "--pid",
            str(pid),
            "--output",
            str(data),
        ]
        return Profiler(name, picture, await _spawn(command), data)

    async def _end(self, profiler: Profiler) -> None:
        with contextlib.suppress(ProcessLookupError):
            profiler.process.send_signal(signal.SIGINT)
        try:
            _, said = await asyncio.wait_for(profiler.process.communicate(), ENDING_S)
        except TimeoutError:
            profiler.process.kill()
            await profiler.process.wait()
            said = b"it does not end"
        if profiler.data is not None and profiler.data.exists():
            await self._draw(profiler.name, profiler.data, profiler.picture)
        if not profiler.picture.exists():
            lines = said.decode(errors="replace").strip().splitlines() or ["it says nothing"]
            self._missing(profiler.name, f"no flame graph of {profiler.name}: {lines[-1]}")

    async def _draw(self, name: str, data: Path, picture: Path) -> None:
        command = ["perf", "script", "--input", str(data), "--fields", "comm,ip,sym,symoff,dso", "--no-inline"]
        process = await _spawn(command, asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
        await asyncio.to_thread(_draw, name, said, data, picture)

    def _missing(self, what: str, line: str) -> None:
        if what not in self.told:
            self.told.add(what)
            self.tell(line)


def _draw(name: str, said: bytes, data: Path, picture: Path) -> None:
    root = flame.graph(flame.stacks(said.decode(errors="replace").splitlines()))
    data.unlink()
    if root.count:
        title = f"{name}: {root.count:,} samples at {RATE_HZ} a second of processor time"
        picture.write_text(flame.draw(root, title))


def _is_python(pid: int) -> bool:
    try:
        return "python" in Path(psutil.Process(pid).exe()).name
    except psutil.Error:
        return False


def _tool(name: str) -> str | None:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


async def _spawn(command: list[str], stdout: int = asyncio.subprocess.DEVNULL) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=stdout, stderr=asyncio.subprocess.PIPE
    )
