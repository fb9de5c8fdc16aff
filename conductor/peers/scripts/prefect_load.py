"""Prefect: flows and their tasks in one process, as its guide has them; PREFECT_API_URL is the server's."""

from __future__ import annotations

import asyncio
import os
import sys

import load
from prefect import flow, task


@task
async def noop(step: int) -> dict[str, object]:
    # With no input of their own the steps of a run would have one key in its cache, and only the first would be done.
    return {"step": step}


@task
async def echo(step: str, order: dict[str, object]) -> dict[str, object]:
    return {"step": step, "order": order}


@flow
async def chain(steps: int) -> None:
    for step in range(steps):
        await noop(step)


@flow
async def order_flow(order: dict[str, object]) -> dict[str, object]:
    for step in load.FLOW:
        order = (await echo(step, order))["order"]  # type: ignore[assignment]
    return order


async def begin(kind: str) -> object:
    if kind == "flow":
        return await order_flow(load.ORDER)
    return await chain(load.CHAIN_STEPS if kind == "chain" else 1)


async def main() -> None:
    said = load.arguments()
    await load.measure(begin, said.scenarios, said.window, said.runs)
    sys.stdout.flush()
    # What was given up may still be told to the server by threads of its own; every row is printed.
    os._exit(0)


asyncio.run(main())
