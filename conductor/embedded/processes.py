"""Child processes: started, watched, started again with a backoff, stopped politely and then not."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conductor.embedded.errors import EmbeddedError

_log = logging.getLogger("symphony.embedded")

BACKOFF_FIRST_S, BACKOFF_LAST_S = 0.05, 5.0
HEALTHY_AFTER_S = 10.0
"""A process that lived so long did not crash at its start: the next backoff is the first again."""
STOP_TIME_S = 15.0
"""Longer than a worker's drain: none is killed while it finishes what it holds."""
LOG_BYTES_MAX = 16 * 1024 * 1024
"""A log larger than this is set aside at the next start: two files of it at most."""
_PR_SET_PDEATHSIG = 1
"""Source: prctl(2)."""
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
    "PYTHON",
    "OTEL_",
    "SYMPHONY_",
    "SSL_CERT_",
)


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a child is given: the few variables that programs need, and its own. Nothing else leaks into it."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(INHERITED)}
    return {**kept, **extra}


def _die_with_parent() -> None:
    """In the child, before it becomes the program: a supervisor that is killed must not leave a broker on its data.

    Linux tells a child of its parent's death; elsewhere a killed supervisor leaves its processes, and `doctor` shows them.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Process:
    """A process that is kept running. `ready` returns once it answers; its time from exec is measured."""

    name: str
    kind: str
    command: list[str]
    env: dict[str, str]
    log: Path
    ready: Callable[[], Awaitable[None]]
    pid: int = 0
    ready_ms: float | None = None
    restarts: int = 0
    answered: dict[str, float] = field(default_factory=dict)
    """When each micro service of it answered first, in milliseconds from its start."""
    _child: asyncio.subprocess.Process | None = None
    _stopping: bool = False
    _watch: asyncio.Task[None] | None = field(default=None, repr=False)

    async def start(self, patience_s: float = 20.0) -> None:
        """Start it and wait until it answers.

        Raises:
            EmbeddedError: kind `failed`: it ended, or did not answer in time; the end of its log says why.
        """
        began = time.perf_counter()
        await self._spawn()
        child = self._child
        waiter = asyncio.ensure_future(self.ready())
        ended = asyncio.ensure_future(child.wait()) if child else None
        try:
            wanted = {waiter, ended} if ended else {waiter}
            done, _ = await asyncio.wait(wanted, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if waiter not in done:
                raise EmbeddedError("failed", f"{self.name} did not start: {self.last_line()} (see {self.log})")
            waiter.result()
        finally:
            for task in (waiter, ended):
                if task is not None and not task.done():
                    task.cancel()
        self.ready_ms = round((time.perf_counter() - began) * 1000, 2)
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep())

    async def _spawn(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_BYTES_MAX:
                self.log.replace(self.log.with_suffix(".log.1"))
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=environment(self.env),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            raise EmbeddedError("failed", f"{self.name} cannot be run: {self.command[0]}: {error.strerror}") from None
        finally:
            os.close(descriptor)
        self.pid = self._child.pid

    async def _keep(self) -> None:
        """Bring it back whenever it ends, later each time it ends soon."""
        wait_s = BACKOFF_FIRST_S
        while self._child is not None:
            began = time.monotonic()
            code = await self._child.wait()
            if self._stopping:
                return
            if time.monotonic() - began > HEALTHY_AFTER_S:
                wait_s = BACKOFF_FIRST_S
            _log.warning("%s ended with code %s; started again in %.2f s", self.name, code, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, BACKOFF_LAST_S)
            self.restarts += 1
            try:
                await self.start()
            except EmbeddedError as error:
                _log.warning("%s", error)

    async def stop(self) -> None:
        """SIGTERM, and after a while SIGKILL."""
        self._stopping = True
        child = self._child
        if child is None or child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_TIME_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
        if self._watch is not None:
            await asyncio.gather(self._watch, return_exceptions=True)

    def kill(self) -> None:
        """As a crash would: it comes back by itself."""
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()

    def last_line(self) -> str:
        """The last thing that its log says."""
        try:
            lines = self.log.read_bytes()[-4096:].decode(errors="replace").strip().splitlines()
        except OSError:
            return "it wrote nothing"
        return lines[-1] if lines else "it wrote nothing"
