"""Loops of Argo: `withItems`, `withParam`, `withSequence`."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from conductor.workflow.importers.argo.scope import Scope
from conductor.workflow.importers.cel import Cel, Text, escape, literal
from conductor.workflow.importers.foreign import Node
from conductor.workflow.importers.scanner import Untranslatable

NUMBERS_MAX = 10_000
"""Of a sequence that is written out; one that is known only at run time is a range, which has its own bound."""


def loop(task: Node, scope: Scope) -> tuple[Cel | list[Any], Cel] | None:
    """`withItems`, `withParam` or `withSequence`: what is gone over, and the item's own expression.

    Raises:
        Untranslatable: it is known only at run time and has no expression of ours.
    """
    name = "item" if not scope.loops else f"item_{scope.loops + 1}"
    items = task.take("withItems")
    if items is not None:
        return _items(items, scope, name)
    parameter = task.take("withParam")
    if parameter is not None:
        text = scope.substitute(parameter.text() or "")
        return _listed(text), Cel(name)
    sequence = task.take("withSequence")
    return None if sequence is None else (_sequence(sequence, scope), Cel(name, kind="text"))


def _items(items: Node, scope: Scope, name: str) -> tuple[Cel | list[Any], Cel]:
    if not items.is_list:
        return _listed(scope.substitute(items.text() or "")), Cel(name)
    texts = all(item.is_text for item in items.items())
    made = [_substituted(item, scope) for item in items.items()]
    return made, Cel(name, kind="text" if texts else "any")


def _substituted(node: Node, scope: Scope) -> Any:
    if node.is_list:
        return [_substituted(item, scope) for item in node.items()]
    if node.is_map:
        return {key: _substituted(value, scope) for key, value in node.entries()}
    return scope.substitute(node.text() or "").value() if node.is_text else node.whole()


def _listed(text: Text) -> Cel | list[Any]:
    """A text that holds a list as JSON, as that list."""
    plain = text.plain()
    if plain is not None:
        try:
            value = msgspec.json.decode(plain)
        except msgspec.DecodeError:
            raise Untranslatable(f"{plain[:40]!r} is no list") from None
        if not isinstance(value, (list, dict)):
            raise Untranslatable(f"{plain[:40]!r} is no list")
        return literal(value)
    cel = text.cel()
    return cel if cel.kind == "list" else Cel(f"parse_json({cel.text})", kind="list")


def _sequence(node: Node, scope: Scope) -> Cel | list[Any]:
    def bound(key: str) -> Cel | None:
        value = node.take(key)
        if value is None:
            return None
        cel = scope.substitute(value.text() or "").cel()
        plain = value.peek()
        if str(plain).lstrip("-").isdigit():
            return literal(int(plain))
        return cel if cel.kind == "number" else Cel(f"int({cel.text})", kind="number")

    start, end, count = bound("start") or literal(0), bound("end"), bound("count")
    pattern = node.string("format") or "%d"
    found = re.fullmatch(r"([^%]*)%(0?\d*)([dxXo])([^%]*)", pattern)
    if found is None:
        raise Untranslatable(f"the format {pattern!r} has no translation")
    known = [None if one is None else _integer(one) for one in (start, end, count)]
    if known[0] is not None and (known[1] is not None or known[2] is not None):
        first = known[0]
        last = known[1] if known[2] is None else first + known[2] - 1
        if last is None or abs(last - first) >= NUMBERS_MAX:
            raise Untranslatable(f"a sequence has at most {NUMBERS_MAX} numbers here")
        ascending = last >= first or known[2] is not None
        numbers = range(first, last + 1) if ascending else range(first, last - 1, -1)
        return [escape(found[1]) + format(n, found[2] + found[3]) + escape(found[4]) for n in numbers]
    if found[2] or found[3] != "d":
        raise Untranslatable(f"the format {pattern!r} of numbers that are known only at run time")
    stop = f"{start.text} + {count.text}" if count is not None else f"{end.text if end else 0} + 1"
    around = f"{literal(found[1]).text} + string(i)" if found[1] else "string(i)"
    shown = f"{around} + {literal(found[4]).text}" if found[4] else around
    span = stop.removeprefix("0 + ")
    return Cel(f"range({start.text}, {span}).map(i, {shown})", kind="list")


def _integer(value: Cel) -> int | None:
    return int(value.text) if value.text.lstrip("-").isdigit() else None
