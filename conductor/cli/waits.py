"""What the tasks of a run wait for: keys, as Arbitration's ledger has them, and workers that could take them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from conductor.bus import BusError
from conductor.kernel.places import BY_SLOTS
from conductor.wire import subjects
from conductor.wire.base import Message, decode, encode
from conductor.wire.dag import NodeView
from conductor.wire.grants import Nothing, Offer, Offers
from conductor.wire.holds import AskHolds, HoldRef, HoldsShow, WaitView
from conductor.wire.ready import Requires
from conductor.workflow.client import Client

ASK_TIME_S = 1.0
"""What is asked for here is at hand; without an answer a run is shown without it."""

LATE_MS = 1_000
"""What became ready just now is on its way to a worker: nobody is asked why it waits."""

M = TypeVar("M", bound=Message)

RUN = ":lock"
"""Stands for the run itself, whose own lock is held over several tasks."""


async def add(client: Client, run: str, nodes: list[dict[str, Any]], views: Iterable[NodeView]) -> None:
    """Write to the nodes what they wait for.

    `waits` is `{key, ahead, holder}`, null for what waits for no key; `fences` are tokens by key; `unserved` says why no
    worker that is there could take it, null where one could or where it is not ready.
    """
    for node in nodes:
        node["waits"], node["fences"], node["unserved"] = None, {}, None
    await _keys(client, run, nodes)
    by_ms = time.time() * 1000 - LATE_MS
    pairs = zip(nodes, views, strict=True)
    ready = [(node, view) for node, view in pairs if view.status == "ready" and (view.ready_at_ms or 0) < by_ms]
    if not ready:
        return
    shown = await _ask(client, subjects.pit("pool", "offers"), Nothing(), Offers)
    for node, view in ready if shown else ():
        assert shown is not None
        node["unserved"] = unserved(view.capability or "", view.requires, shown.offers)


async def _ask(client: Client, subject: str, question: Message, kind: type[M]) -> M | None:
    try:
        return decode(await client.bus.request(subject, encode(question), ASK_TIME_S), kind)
    except BusError:
        return None


async def _keys(client: Client, run: str, nodes: list[dict[str, Any]]) -> None:
    if not any(node["keys"] for node in nodes):
        return
    shown = await _ask(client, subjects.pit("arbitration", "holds", client.tenant), AskHolds(run=run), HoldsShow)
    if shown is None:
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


def unserved(capability: str, requires: Requires | None, workers: Iterable[Offer]) -> str | None:
    """Why none of these workers could take a task, however free it was, and what to do; None where one could."""
    able = [worker for worker in workers if capability in worker.capabilities]
    if not able:
        return f"no worker offers {capability}: start one (`symphony worker MODULE`)"
    needs = requires or Requires()
    said = f"offers {capability}"
    for what, holds in _steps(needs):
        left = [worker for worker in able if holds(worker)]
        if not left:
            return f"no worker that {said} is {what}: start one that is"
        able, said = left, f"{said} {what}"
    return None


def _steps(needs: Requires) -> Iterator[tuple[str, Callable[[Offer], bool]]]:
    if needs.pool is not None:
        yield f"in the pool {needs.pool}", lambda worker: worker.pool == needs.pool
    for name, value in needs.labels.items():
        yield f"labelled {name}={value}", partial(_is_labelled, name, value)
    for name, count in needs.resources.items():
        yield f"a machine with {_amount(name, count)}", partial(_has, name, count)


def _is_labelled(name: str, value: str, worker: Offer) -> bool:
    return worker.labels.get(name) == value


def _has(name: str, count: float, worker: Offer) -> bool:
    return worker.resources.get(name, math.inf if name in BY_SLOTS else 0.0) >= count


def _amount(name: str, count: float) -> str:
    return f"{count / (1 << 20):g} MiB of memory" if name == "memory" else f"{count:g} {name}"


def sentence(node: dict[str, Any]) -> str | None:
    """Why a task has not begun, for people; None where nothing is known that it waits for."""
    if node["unserved"] is not None:
        return f"{node['task']} waits: {node['unserved']}"
    waits = node["waits"]
    if waits is None:
        return None
    holder = waits["holder"]
    by = "the rate allows its start" if holder is None else f"{holder['task']} of run {holder['run']} lets go of it"
    behind = f", behind {waits['ahead']} others" if waits["ahead"] else ""
    return f"{node['task']} waits for the key {waits['key']} until {by}{behind}"
