"""Errors of Serverless Workflow as kinds of ours: what is raised, what is caught, and what the handler sees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conductor.workflow.importers.cel import Cel, binary, literal
from conductor.workflow.importers.foreign import Node

HTTP = "http_"
"""`http.request` with `check` fails with this and the status."""
_BASE = "https://serverlessworkflow.io/spec/1.0.0/errors/"
_STANDARD = {
    "timeout": ["timeout"],
    "validation": ["contract"],
    "expression": ["expression"],
    "authentication": ["http_401"],
    "authorization": ["http_403"],
    "runtime": ["user", "internal"],
    "configuration": ["invalid_workflow"],
}


def kind(type_: str, status: int | None) -> str:
    """The kind that an error of this type is raised as."""
    last = type_.rstrip("/").rsplit("/", 1)[-1]
    if last == "communication":
        return f"{HTTP}{status}" if status is not None else "unavailable"
    standard = _STANDARD.get(last)
    return standard[0] if standard else re.sub(r"[^a-z0-9_]+", "_", last.lower()).strip("_") or "user"


def caught(filter_: Node) -> tuple[list[str] | None, bool]:
    """The kinds that `catch.errors` lets through (None: every one), and whether errors of HTTP are all among them."""
    wanted = filter_.take("with")
    if wanted is None:
        return None, True
    type_, status = wanted.take("type"), wanted.take("status")
    number = status.whole() if status is not None else None
    last = ((type_.text() if type_ is not None else None) or "").rstrip("/").rsplit("/", 1)[-1]
    for word in ("instance", "title", "detail"):
        node = wanted.take(word)
        if node is not None:
            node.refuse("errors are told apart by kind alone")
    if isinstance(number, int):
        standard = _STANDARD.get(last, [])
        return ([f"{HTTP}{number}"] if last in ("communication", "") or standard else [kind(last, number)]), False
    if last in ("communication", ""):
        return (["unavailable", "lost"], True) if last else (None, True)
    return list(_STANDARD.get(last, [kind(last, None)])), False


def passes(task: str, kinds: list[str] | None, http: bool) -> Cel | None:
    """The condition that a task's error is among these."""
    if kinds is None:
        return None
    own = Cel(f"tasks_meta.{task}.error.kind")
    among = binary(own, "in", literal(list(kinds)))
    return binary(Cel(f"{own.text}.startsWith('{HTTP}')", kind="boolean"), "||", among) if http else among


def seen(task: str, raised: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
    """What a handler sees of the error, as the value of a task. `raised` are type and status of what is raised here."""
    own = f"tasks_meta.{task}.error"
    http = f"{own}.kind.startsWith('{HTTP}')"
    status = f"{http} ? int({own}.kind.split('_')[1]) : 500"
    type_ = f"{http} ? '{_BASE}communication' : '{_BASE}' + {own}.kind"
    if raised:
        known = f"{own}.kind in {literal(list(raised)).text}"
        types = literal({name: said[0] for name, said in raised.items()}).text
        statuses = literal({name: said[1] for name, said in raised.items()}).text
        type_ = f"{known} ? {types}[{own}.kind] : ({type_})"
        status = f"{known} ? {statuses}[{own}.kind] : ({status})"
    return {
        "type": f"${{{type_}}}",
        "status": f"${{{status}}}",
        "title": f"${{{own}.kind}}",
        "detail": f"${{{own}.message}}",
    }
