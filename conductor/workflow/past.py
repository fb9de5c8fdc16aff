"""A run as it was: as the log folds it once more, else what its history says up to one event; and one that is archived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conductor.bus import BusError
from conductor.wire.dag import HistoryEntry, NodeView
from conductor.wire.values import unpack
from conductor.workflow.client import Client

_RUN_AFTER = {"pause": "paused", "resume": "running", "retry": "running", "rollback": "running"}


async def as_it_was(client: Client, run: str, sequence: int) -> dict[str, Any] | None:
    """The run's status and tasks at an event of the log, and `from`: `log` or `history`. None where nobody knows
    the run; where it had not begun, `began` says when it did.

    Only a replay of the log has inputs and outputs, and the tasks that were under way. Where the log does not reach back
    that far, the history is what is left; `note` says why.

    Raises:
        BusError: nobody answers.
    """
    note = "it was not there then, or was archived already"
    try:
        view = await client.show(run, nodes=True, values=True, at=sequence)
    except BusError as error:
        view, note = None, str(error)
    if view is not None:
        return {"from": "log", "status": view.status, "nodes": [_node(node) for node in view.nodes]}
    entries = await client.history(run)
    if not entries:
        return None
    then = at_sequence(entries, sequence)
    if then is None:
        return {"began": entries[0].sequence}
    return {"from": "history", "note": note, **then}


async def why_not_again(client: Client, run: str) -> str | None:
    """Why an archived run cannot be taken up again; None where nothing is known against it."""
    read = await client.read(run, state=True)
    if read is None or read.state:
        return None
    if read.summary is not None and read.summary.status == "succeeded":
        return "it has succeeded and is archived: run it anew"
    return "its archive kept no state to go on by: run it anew"


def _node(node: NodeView) -> dict[str, Any]:
    return {
        "task": node.task,
        "status": node.status,
        "attempts": node.attempts,
        "worker": node.worker,
        "detail": "" if node.error is None else f"{node.error.kind}: {node.error.message}",
        "inputs": unpack(node.inputs) if node.inputs else None,
        "outputs": unpack(node.outputs) if node.outputs else None,
    }


def at_sequence(entries: Sequence[HistoryEntry], sequence: int) -> dict[str, Any] | None:
    """The run's status and the tasks that had answered by then, in the order of their last event; None before it began.

    Tasks that had not answered yet have left nothing in the history, and are not among them.
    """
    past = [entry for entry in entries if entry.sequence <= sequence]
    if not past:
        return None
    status = "running"
    nodes: dict[str, dict[str, Any]] = {}
    for entry in past:
        if not entry.accepted:
            continue
        if entry.task is None:
            status = entry.detail.partition(":")[0] if entry.event == "ended" else _RUN_AFTER.get(entry.event, status)
            continue
        node = nodes.pop(entry.task, {"task": entry.task, "status": "", "attempts": 0, "worker": None, "detail": ""})
        nodes[entry.task] = node | _told(entry)
    return {"status": status, "nodes": list(nodes.values())}


def _told(entry: HistoryEntry) -> dict[str, Any]:
    said: dict[str, Any] = {"detail": entry.detail, "attempts": entry.attempt or 0}
    if entry.event == "decided":
        return {"status": "waiting", "detail": entry.detail}
    return {"status": entry.event, "worker": entry.by or None, **said}
