"""Temporal: a worker of workflows and activities, and its client, in one process. TEMPORAL_ADDRESS: the server's.

Its converter reads `dict[str, Any]` and refuses `dict[str, object]`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from datetime import timedelta
from typing import Any

import load
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "bench"
LONGEST = timedelta(seconds=60)
AT_ONCE = 1000


@activity.defn
async def noop() -> dict[str, Any]:
    return {}


@activity.defn
async def echo(said: dict[str, Any]) -> dict[str, Any]:
    return said


@workflow.defn
class Chain:
    @workflow.run
    async def run(self, steps: int) -> None:
        for _ in range(steps):
            await workflow.execute_activity(noop, start_to_close_timeout=LONGEST)


@workflow.defn
class Flow:
    @workflow.run
    async def run(self, order: dict[str, Any]) -> dict[str, Any]:
        for step in load.FLOW:
            said = {"step": step, "order": order}
            order = (await workflow.execute_activity(echo, said, start_to_close_timeout=LONGEST))["order"]
        return order


async def main() -> None:
    said = load.arguments()
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])

    async def begin(kind: str) -> object:
        name = uuid.uuid4().hex
        if kind == "flow":
            return await client.execute_workflow(Flow.run, load.ORDER, id=name, task_queue=QUEUE)
        steps = load.CHAIN_STEPS if kind == "chain" else 1
        return await client.execute_workflow(Chain.run, steps, id=name, task_queue=QUEUE)

    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[Chain, Flow],
        activities=[noop, echo],
        workflow_runner=UnsandboxedWorkflowRunner(),
        workflow_failure_exception_types=[Exception],  # else what raises is tried again for ever, and nobody is told
        max_concurrent_activities=AT_ONCE,
        max_concurrent_workflow_tasks=AT_ONCE,
        max_concurrent_workflow_task_polls=10,
        max_concurrent_activity_task_polls=10,
    ):
        await load.measure(begin, said.scenarios, said.window, said.runs)


asyncio.run(main())
# Threads of its core outlive the interpreter, and now and then crash it on the way out, when every row is printed.
sys.stdout.flush()
os._exit(0)
