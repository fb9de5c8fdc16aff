"""Airflow's client: runs are begun by its REST API at AIRFLOW_API, and one loop asks which of them have ended."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import httpx
import load

ASK_EVERY_S = 0.1
PAGE = 100
"""Ended runs that one answer has: more than it ends in `ASK_EVERY_S` a hundred times over."""
DAGS = {"chain", "one", "flow"}
ANSWER_TIME_S = 120.0
"""500 runs that begin at once wait for each other."""
KNOWN_TIME_S = 240.0
"""Until its processor of DAGs has read the file."""


class Runs:
    """Begins runs, and tells each one that waits of its end."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._waiting: dict[str, asyncio.Future[str]] = {}

    async def begin(self, kind: str) -> None:
        asked = {"logical_date": None, "conf": {"order": load.ORDER}}
        answer = await self._client.post(f"/api/v2/dags/{kind}/dagRuns", json=asked)
        answer.raise_for_status()
        name = answer.json()["dag_run_id"]
        ended = self._waiting[name] = asyncio.get_running_loop().create_future()
        try:
            state = await ended
        finally:
            del self._waiting[name]
        if state != "success":
            raise RuntimeError(f"a run of {kind} ended as {state}")

    async def watch(self) -> None:
        """Ask until it is cancelled; a question that fails ends all runs that wait."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            if not self._waiting:
                continue
            try:
                ended = await self._ended()
            except httpx.HTTPError as error:
                for waiting in self._waiting.values():
                    if not waiting.done():
                        waiting.set_exception(error)
                continue
            for name, state in ended.items():
                if name in self._waiting and not self._waiting[name].done():
                    self._waiting[name].set_result(state)

    async def _ended(self) -> dict[str, str]:
        asked: dict[str, Any] = {"state": ["success", "failed"], "order_by": "-end_date", "limit": PAGE}
        answer = await self._client.get("/api/v2/dags/~/dagRuns", params=asked)
        answer.raise_for_status()
        return {run["dag_run_id"]: run["state"] for run in answer.json()["dag_runs"]}


async def token(client: httpx.AsyncClient) -> str:
    answer = await client.get("/auth/token")
    answer.raise_for_status()
    return f"Bearer {answer.json()['access_token']}"


async def known(client: httpx.AsyncClient) -> None:
    """Wait until all DAGs can be run."""
    until_s = time.monotonic() + KNOWN_TIME_S
    while time.monotonic() < until_s:
        answer = await client.get("/api/v2/dags")
        if answer.is_success and {one["dag_id"] for one in answer.json()["dags"]} >= DAGS:
            return
        await asyncio.sleep(0.5)
    raise SystemExit(f"Airflow has not read its DAGs in {KNOWN_TIME_S:.0f} s")


async def main() -> None:
    said = load.arguments()
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(base_url=os.environ["AIRFLOW_API"], timeout=ANSWER_TIME_S, limits=limits) as client:
        client.headers["Authorization"] = await token(client)
        await known(client)
        runs = Runs(client)
        watching = asyncio.create_task(runs.watch())
        try:
            await load.measure(runs.begin, said.scenarios, said.window, said.runs)
        finally:
            watching.cancel()


asyncio.run(main())
