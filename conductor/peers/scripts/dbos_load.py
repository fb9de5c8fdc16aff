"""DBOS: workflows and steps in one process, as its guide has them; the state is in the database of DBOS_URL."""

from __future__ import annotations

import asyncio
import os

import load
from dbos import DBOS, DBOSConfig

config: DBOSConfig = {
    "name": "symphony-bench",
    "system_database_url": os.environ["DBOS_URL"],
    "run_admin_server": False,
    "log_level": "ERROR",
}
DBOS(config=config)


@DBOS.step()
async def noop() -> dict[str, object]:
    return {}


@DBOS.step()
async def echo(step: str, order: dict[str, object]) -> dict[str, object]:
    return {"step": step, "order": order}


@DBOS.workflow()
async def chain(steps: int) -> None:
    for _ in range(steps):
        await noop()


@DBOS.workflow()
async def flow(order: dict[str, object]) -> dict[str, object]:
    for step in load.FLOW:
        order = (await echo(step, order))["order"]  # type: ignore[assignment]
    return order


async def begin(kind: str) -> None:
    if kind == "flow":
        handle = await DBOS.start_workflow_async(flow, load.ORDER)
    else:
        handle = await DBOS.start_workflow_async(chain, load.CHAIN_STEPS if kind == "chain" else 1)
    await handle.get_result()


async def main() -> None:
    said = load.arguments()
    DBOS.launch()
    try:
        await load.measure(begin, said.scenarios, said.window, said.runs)
    finally:
        DBOS.destroy()


asyncio.run(main())
