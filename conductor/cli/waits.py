"""What the tasks of a run wait for, or hold: locks, semaphores and rates, as Arbitration's ledger has them."""

from __future__ import annotations

from typing import Any

from conductor.bus import BusError
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.holds import AskHolds, HoldRef, HoldsShow, WaitView
from conductor.workflow.client import Client

ASK_TIME_S = 1.0
"""What stands in a ledger is at hand; without an answer a run is shown without it."""

RUN = ":lock"
"""Stands for the run itself, whose own lock is held over several tasks."""


async def add(client: Client, run: str, nodes: list[dict[str, Any]]) -> None:
    """Write `waits` (`{key, ahead, holder}`, null for what does not wait) and `fences` (tokens by key) to the nodes."""
    for node in nodes:
        node["waits"], node["fences"] = None, {}
    if not any(node["keys"] for node in nodes):
        return
    subject = subjects.pit("arbitration", "holds", client.tenant)
    try:
        shown = decode(await client.bus.request(subject, encode(AskHolds(run=run)), ASK_TIME_S), HoldsShow)
    except BusError:
        return
    by_task: dict[str, dict[str, Any]] = {node["task"]: node for node in nodes if node["keys"]}
    for wait in shown.waiting:
        if wait.hold.task in by_task:
            by_task[wait.hold.task] |= {"status": "waiting", "waits": _wait(wait)}
        elif wait.hold.task == RUN:
            for node in by_task.values():
                if node["status"] == "waiting" and wait.key in node["keys"]:
                    node["waits"] = _wait(wait)
    for held in shown.held:
        if held.hold.task in by_task:
            by_task[held.hold.task]["fences"][held.key.key] = held.token


def _wait(wait: WaitView) -> dict[str, Any]:
    return {"key": wait.key, "ahead": wait.ahead, "holder": None if wait.holder is None else _holder(wait.holder)}


def _holder(hold: HoldRef) -> dict[str, Any]:
    return {"run": hold.run, "task": hold.task}


def sentence(node: dict[str, Any]) -> str | None:
    """Why a task has not begun, for people; None where it waits for no key."""
    waits = node["waits"]
    if waits is None:
        return None
    holder = waits["holder"]
    by = "the rate allows its start" if holder is None else f"{holder['task']} of run {holder['run']} lets go of it"
    behind = f", behind {waits['ahead']} others" if waits["ahead"] else ""
    return f"{node['task']} waits for the key {waits['key']} until {by}{behind}"
