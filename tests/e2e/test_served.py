"""What workers serve is in the log: a new version of a function has no earlier results, and its cost is counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from conductor.embedded import roles
from conductor.embedded.keys import Authority
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import Check, Checked
from conductor.worker import task
from conductor.worker.runtime import Worker, WorkerOptions
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs


@asynccontextmanager
async def serving(running: Running, name: str, version: str, cost_per_second: float = 0.0) -> AsyncIterator[list[str]]:
    """A worker that serves one version of `served.twice`; the list has an entry for each call."""
    calls: list[str] = []

    @task("served.twice", version=version, pure=True, cost_per_second=cost_per_second)
    async def twice(n: int) -> dict[str, str | int]:
        calls.append(version)
        await asyncio.sleep(0.06)
        return {"n": 2 * n, "by": version}

    layout = running.system.layout
    Authority(layout.keys).mint(name, roles.worker(name), layout.cred(name))
    worker = Worker(await running.connect(name), WorkerOptions(name, slots=4), [twice])
    serves = asyncio.create_task(worker.run())
    try:
        yield calls
    finally:
        worker.stop()
        await serves


def calling(name: str, **words: object) -> bytes:
    call = {"call": "served.twice", "with": {"n": 4}, **words}
    return document({"a": call}, name, outputs={"by": "${tasks.a.by}", "status": "${tasks_meta.a.status}"})


async def begun(running: Running, packed: bytes) -> None:
    """Whether the functions of a document are known: its worker has been activated."""

    async def known() -> bool:
        subject = subjects.pit("dag", "check", "default")
        return not decode(await running.client.bus.request(subject, encode(Check(document=packed))), Checked).problems

    await until(known)


async def test_a_new_version_of_a_function_makes_its_results_anew(own_system: Running) -> None:
    packed = calling("served-cache", cache={"ttl": "1h"})
    async with serving(own_system, "worker-old", "1.1.0") as calls:
        await begun(own_system, packed)

        async def comes_from_the_cache() -> bool:
            told = outputs(await own_system.run(packed))
            assert told["by"] == "1.1.0"
            return bool(told["status"] == "cached")

        await until(comes_from_the_cache)  # from when the log says what is served
        assert calls
    async with serving(own_system, "worker-new", "1.2.0") as calls:

        async def comes_from_the_new_one() -> bool:
            return bool(outputs(await own_system.run(packed))["by"] == "1.2.0")

        await until(comes_from_the_new_one)
        assert calls


async def test_a_budget_of_money_ends_a_run_by_the_cost_that_a_worker_declares(own_system: Running) -> None:
    tasks = {"many": {"call": "served.twice", "with": {"n": 4}, "for_each": "${range(6)}", "max_parallel": 1}}
    packed = document(tasks, "served-money", budget={"money": 0.5})
    async with serving(own_system, "worker-dear", "1.0.0", cost_per_second=5.0) as calls:
        await begun(own_system, packed)

        async def ends_by_its_cost() -> bool:
            return (await own_system.run(packed)).status == "failed"

        await until(ends_by_its_cost)  # from when the log says what a call costs
        calls.clear()
        ended = await own_system.run(packed)
        assert ended.error is not None and ended.error.kind == "budget", ended.error
        assert 1 <= len(calls) <= 2, "a call costs a quarter and more: the third may not begin"
