"""Running one function for one attempt: on the loop, in a thread, or in a process, within its time."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from conductor.wire.values import Value
from conductor.worker.context import TaskContext, entered
from conductor.worker.contract import output_value
from conductor.worker.errors import Cancelled, TaskError
from conductor.worker.processes import Processes
from conductor.worker.task import TaskFunction


class Executor:
    """Runs functions. `slots` bounds threads and processes alike."""

    def __init__(self, slots: int) -> None:
        self._threads = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="task")
        self._processes = Processes(slots)
        self._calls: set[Future[Any]] = set()
        """In threads, as many as there are."""

    @property
    def lingers(self) -> bool:
        """Whether a thread is under way, its attempt wanted or not."""
        return bool(self._calls)

    async def run(
        self, task: TaskFunction[..., Any], inputs: Value, attempt: TaskContext, timeout_ms: int | None
    ) -> Value:
        """The output of a function.

        A thread that overruns its time cannot be stopped: its attempt fails at once with kind `timeout`, and `stop` is set
        for it to see. Async functions and processes are stopped.

        Raises:
            TaskError: the function's own, or kind `timeout`, `contract`, `cancelled`.
        """
        arguments = task.contract.bind(inputs)
        try:
            async with asyncio.timeout(None if timeout_ms is None else timeout_ms / 1000) as limit:
                value = await self._call(task, arguments, attempt)
        except TimeoutError:
            attempt.stop.set()
            if limit.expired():
                raise TaskError("timeout", f"it took longer than {timeout_ms} ms") from None
            raise
        except asyncio.CancelledError:
            attempt.stop.set()
            raise Cancelled from None
        return output_value(value)

    async def _call(self, task: TaskFunction[..., Any], arguments: dict[str, Any], attempt: TaskContext) -> Any:
        if task.how == "process":
            return await self._processes.call(task.function.__module__, task.function.__qualname__, arguments)
        if task.how == "async":
            entered(attempt)
            return await task.function(**arguments)
        inside = contextvars.copy_context()
        inside.run(entered, attempt)
        call = self._threads.submit(lambda: inside.run(task.function, **arguments))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return await asyncio.wrap_future(call)

    def close(self) -> None:
        """Let go of threads and processes; calls still under way are abandoned."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._processes.close()
