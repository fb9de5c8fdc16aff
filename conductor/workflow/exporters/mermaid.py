"""A document as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html).

Hard edges are solid, soft ones dotted, optional ones thick; a map has the shape of a subroutine, switches and loops are
subgraphs.
"""

from __future__ import annotations

from typing import Any

from conductor.workflow.exporters.drawing import Box, Drawing, draw

_ARROWS = {"hard": "-->", "soft": "-.->|soft|", "optional": "==>|optional|"}
_LABEL_LENGTH_MAX = 80


def to_mermaid(document: dict[str, Any]) -> str:
    """The flowchart; the same document gives the same text."""
    drawing = draw(document)
    names = {box.key: f"n{at}" for at, box in enumerate(drawing.all_boxes())}
    lines = ["---", f"title: {_quoted(drawing.title)}", "---", "flowchart TD"]
    for box in drawing.boxes:
        _box(box, names, lines, 1)
    return "\n".join(lines + _edges(drawing, names)) + "\n"


def _box(box: Box, names: dict[str, str], lines: list[str], depth: int) -> None:
    pad, name = "  " * depth, names[box.key]
    title = _quoted(f"{box.name}\n{_short(box.label)}")
    if not box.inside:
        left, right = _shape(box)
        lines.append(f"{pad}{name}{left}{title}{right}")
        return
    lines.append(f"{pad}subgraph {name}[{_quoted(_heading(box))}]")
    for at, (label, part) in enumerate(box.inside):
        lines.append(f"{pad}  subgraph {name}p{at}[{_quoted(_short(label))}]")
        for inner in part:
            _box(inner, names, lines, depth + 2)
        lines.append(f"{pad}  end")
    lines.append(f"{pad}end")


def _heading(box: Box) -> str:
    each = "for each: " if box.mapped else ""
    return f"{each}{box.name}: {_short(box.label)}"


def _shape(box: Box) -> tuple[str, str]:
    if box.mapped:
        return "[[", "]]"
    return {"value": ("([", "])"), "wait_for": ("{{", "}}"), "approve": ("{{", "}}")}.get(box.form, ("[", "]"))


def _edges(drawing: Drawing, names: dict[str, str]) -> list[str]:
    return [f"  {names[one.source]} {_ARROWS[one.kind]} {names[one.target]}" for one in drawing.lines]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LABEL_LENGTH_MAX else f"{text[: _LABEL_LENGTH_MAX - 3]}..."


def _quoted(text: str) -> str:
    """A label; characters that mean something to Mermaid or to HTML are written as entities."""
    made = []
    for character in text:
        if character == "\n":
            made.append("<br/>")
        elif character in '"&<>#`\\;{}[]()|' or not character.isprintable():
            made.append(f"#{ord(character)};")
        else:
            made.append(character)
    return f'"{"".join(made)}"'
