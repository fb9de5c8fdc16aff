"""Functions run on the loop, in threads or in processes, within their time."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from conductor.worker.context import TaskContext, context
from conductor.worker.errors import TaskError, error_value
from conductor.worker.execute import Executor
from conductor.worker.task import task


def attempt() -> TaskContext:
    return TaskContext(run="0" * 32, task="t", attempt=1, generation=0, worker="w", capability="c")


@pytest.fixture
def executor():
    made = Executor(2)
    yield made
    made.close()


@task("sample.where")
async def where() -> str:
    return context().task


@task("sample.thread")
def in_thread(wait_s: float = 0.0) -> str:
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        context().check()
        time.sleep(0.005)
    return context().run


@task("sample.process", cpu=True)
def in_process(spin_s: float = 0.0, die: bool = False) -> int:
    deadline = time.monotonic() + spin_s
    while time.monotonic() < deadline:
        pass
    if die:
        os._exit(7)
    return os.getpid()


@task("sample.fails")
def fails(kind: str = "") -> None:
    if kind:
        raise TaskError(kind, "as asked", retryable=False, retry_after_ms=5)
    raise ValueError("no")


async def test_async_and_threads_know_their_attempt(executor):
    assert await executor.run(where, {}, attempt(), 1000) == "t"
    assert await executor.run(in_thread, {}, attempt(), 1000) == "0" * 32


async def test_a_thread_that_overruns_fails_at_once_and_sees_the_stop(executor):
    one = attempt()
    with pytest.raises(TaskError) as caught:
        await executor.run(in_thread, {"wait_s": 30.0}, one, 30)
    assert caught.value.kind == "timeout"
    assert one.cancelled


async def test_a_cpu_bound_function_runs_elsewhere_and_the_process_is_reused(executor):
    first = await executor.run(in_process, {}, attempt(), None)
    assert first != os.getpid()
    assert await executor.run(in_process, {}, attempt(), None) == first


async def test_a_process_that_overruns_is_killed_and_replaced(executor):
    with pytest.raises(TaskError) as caught:
        await executor.run(in_process, {"spin_s": 600.0}, attempt(), 300)
    assert caught.value.kind == "timeout"
    assert isinstance(await executor.run(in_process, {}, attempt(), None), int)


async def test_a_process_that_dies_is_a_failure_of_kind_resource(executor):
    with pytest.raises(TaskError) as caught:
        await executor.run(in_process, {"die": True}, attempt(), None)
    assert caught.value.kind == "resource"


async def test_a_cancelled_attempt_stops(executor):
    @task("sample.sleeps")
    async def sleeps() -> None:
        await asyncio.Event().wait()

    one = attempt()
    running = asyncio.create_task(executor.run(sleeps, {}, one, None))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(TaskError) as caught:
        await running
    assert caught.value.kind == "cancelled"
    assert one.cancelled


async def test_an_error_becomes_a_value_without_a_stack(executor):
    with pytest.raises(ValueError, match="no") as caught:
        await executor.run(fails, {}, attempt(), None)
    assert error_value(caught.value).kind == "user"
    assert error_value(caught.value).message == "ValueError: no"
    with pytest.raises(TaskError) as declared:
        await executor.run(fails, {"kind": "busy"}, attempt(), None)
    value = error_value(declared.value)
    assert (value.kind, value.retryable, value.retry_after_ms) == ("busy", False, 5)
