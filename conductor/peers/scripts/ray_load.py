"""Ray Core: a run's tasks have each other's references, the last one is waited for. RAY_FOLDER: its sockets and logs."""

from __future__ import annotations

import asyncio
import os

import load
import ray


@ray.remote
def noop(*_: object) -> dict[str, object]:
    return {}


@ray.remote
def echo(step: str, said: dict[str, object]) -> dict[str, object]:
    return {"step": step, "order": said["order"]}


async def begin(kind: str) -> object:
    if kind == "flow":
        said: object = {"order": load.ORDER}
        for step in load.FLOW:
            said = echo.remote(step, said)
        return await said
    last = noop.remote()
    for _ in range(load.CHAIN_STEPS - 1 if kind == "chain" else 0):
        last = noop.remote(last)
    return await last


async def main() -> None:
    said = load.arguments()
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="error", _temp_dir=os.environ["RAY_FOLDER"])
    try:
        await load.measure(begin, said.scenarios, said.window, said.runs)
    finally:
        ray.shutdown()


asyncio.run(main())
