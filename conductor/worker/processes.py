"""Processes for CPU-bound functions: one call at a time each, killed where it overruns.

The standard pool of `concurrent.futures` cannot kill one call without losing the others, so each slot here has a process of
its own, started when first needed and reused.
"""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import signal
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from conductor.worker.errors import TaskError

_CONTEXT = multiprocessing.get_context("spawn")  # fork would copy the event loop's threads and sockets


def _serve(connection: Connection) -> None:
    """The child's loop: import, call, answer, until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent drains; a terminal's interrupt reaches the whole group
    while True:
        try:
            module, name, arguments = connection.recv()
        except (EOFError, OSError):
            return
        try:
            target: Any = importlib.import_module(module)
            for part in name.split("."):
                target = getattr(target, part)
            answer: tuple[bool, Any] = (True, getattr(target, "function", target)(**arguments))
        except BaseException as error:  # whatever it was, the parent must hear of it
            answer = (False, _portable(error))
        try:
            connection.send(answer)
        except (TypeError, AttributeError, ValueError) as error:
            connection.send((False, TaskError("contract", f"the output cannot leave the process: {error}")))


def _portable(error: BaseException) -> TaskError:
    if isinstance(error, TaskError):
        made = TaskError(error.kind, str(error), retryable=error.retryable, retry_after_ms=error.retry_after_ms)
        made.__cause__ = None
        return made
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return TaskError("user", text)


class _Child:
    """One process and the pipe to it."""

    def __init__(self) -> None:
        self._pipe, there = _CONTEXT.Pipe()
        self._process: BaseProcess = _CONTEXT.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()

    def call(self, module: str, name: str, arguments: Mapping[str, Any]) -> Any:
        try:
            self._pipe.send((module, name, dict(arguments)))
            done, value = self._pipe.recv()
        except (EOFError, OSError):
            code = self._process.exitcode
            raise TaskError("resource", f"the process that ran it ended (exit code {code})") from None
        if done:
            return value
        raise value

    def kill(self) -> None:
        self._process.kill()
        self._process.join(5)
        self._pipe.close()


class Processes:
    """At most `limit` processes; `call` takes a free one, or starts one."""

    def __init__(self, limit: int) -> None:
        self._free: list[_Child] = []
        self._busy: set[_Child] = set()
        self._slots = asyncio.Semaphore(limit)

    async def call(self, module: str, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run `module.name(**arguments)` in a process.

        Cancelling the caller kills the process. Raises what the function raised as `TaskError`, kind `resource` where the
        process died.
        """
        async with self._slots:
            loop = asyncio.get_running_loop()
            child = self._free.pop() if self._free else await loop.run_in_executor(None, _Child)
            self._busy.add(child)
            healthy = False
            try:
                value = await loop.run_in_executor(None, child.call, module, name, arguments)
                healthy = True
                return value
            except TaskError as error:
                healthy = error.kind != "resource"
                raise
            finally:
                self._busy.discard(child)
                if healthy:
                    self._free.append(child)
                else:
                    child.kill()

    def close(self) -> None:
        """Kill every process."""
        for child in [*self._free, *self._busy]:
            child.kill()
        self._free.clear()
        self._busy.clear()
