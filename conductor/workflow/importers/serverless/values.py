"""Values with runtime expressions in them, as values of a document or as one expression."""

from __future__ import annotations

from typing import Any

from conductor.workflow.importers.cel import Cel, Text, escape, literal, quote
from conductor.workflow.importers.foreign import Node, scalar_text
from conductor.workflow.importers.scanner import Untranslatable
from conductor.workflow.importers.serverless.jq import Data, is_expression, translate


def expression(node: Node, data: Data) -> Cel | None:
    """A word that is an expression, with or without `${ }`; listed, and None, where it cannot be said."""
    try:
        return translate(node.text() or "", data) if node.is_text else literal(node.whole())
    except Untranslatable as error:
        node.note(f"{_short(node)}: {error}")
        return None


def value(node: Node, data: Data) -> Any:
    """A value of a document. An expression that cannot be said is listed, and null stands for it."""
    if node.is_map:
        return {key: value(child, data) for key, child in node.entries()}
    if node.is_list:
        return [value(child, data) for child in node.items()]
    if node.is_text and is_expression(node.peek()):
        made = expression(node, data)
        return None if made is None else made.template()
    return escape(node.text() or "") if node.is_text else node.whole()


def computed(node: Node, data: Data) -> Cel:
    """The same as one expression."""
    if node.is_map:
        entries = [f"{quote(key)}: {computed(child, data).text}" for key, child in node.entries()]
        return Cel(f"{{{', '.join(entries)}}}", kind="object")
    if node.is_list:
        return Cel(f"[{', '.join(computed(child, data).text for child in node.items())}]", kind="list")
    if node.is_text and is_expression(node.peek()):
        return expression(node, data) or literal(None)
    return literal(node.whole())


def text(node: Node, data: Data) -> str | None:
    """A value that has to be a text."""
    if node.is_text and is_expression(node.peek()):
        made = expression(node, data)
        return None if made is None else made.as_text().template()
    return escape(scalar_text(node.whole())) if not node.is_map and not node.is_list else None


def address(node: Node, data: Data) -> str | None:
    """A URI, whose `{name}` are fields of the data."""
    said = node.text() or ""
    if is_expression(said):
        return text(node, data)
    pieces: list[str | Cel] = []
    at = 0
    while (start := said.find("{", at)) >= 0 and (end := said.find("}", start)) > 0:
        pieces.append(said[at:start])
        made = data.dot
        for part in said[start + 1 : end].strip().split("."):
            made = made.field(part)
        pieces.append(made.as_text())
        at = end + 1
    pieces.append(said[at:])
    return Text.of(*pieces).value()


def _short(node: Node) -> str:
    said = " ".join(str(node.peek()).split())
    return said if len(said) <= 80 else f"{said[:77]}..."
