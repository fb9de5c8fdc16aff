"""A document in Graphviz' DOT language (https://graphviz.org/doc/info/lang.html).

Hard edges are solid, soft ones dashed, optional ones dotted; a map has a double border, switches and loops are clusters.
"""

from __future__ import annotations

from typing import Any

from conductor.workflow.exporters.drawing import Box, draw

_STYLES = {"hard": "solid", "soft": "dashed", "optional": "dotted"}
_SHAPES = {"value": "ellipse", "wait_for": "hexagon", "approve": "hexagon", "workflow": "component"}
_LABEL_LENGTH_MAX = 80


def to_dot(document: dict[str, Any]) -> str:
    """The graph; the same document gives the same text. A cluster's edges go to its anchor, a point inside of it."""
    drawing = draw(document)
    clusters = {box.key for box in drawing.all_boxes() if box.inside}
    lines = [
        f"digraph {quoted(drawing.title)} {{",
        "  compound=true; rankdir=TB; node [shape=box, fontname=Helvetica];",
        f"  label={quoted(drawing.title)}; labelloc=t;",
    ]
    for box in drawing.boxes:
        _box(box, lines, 1)
    for line in drawing.lines:
        words = [f"style={_STYLES[line.kind]}"]
        if line.kind != "hard":
            words.append(f"label={quoted(line.kind)}")
        # An edge into something that lies inside of its own source's cluster cannot end at that cluster's border.
        if line.source in clusters and not line.target.startswith(f"{line.source}/"):
            words.append(f"ltail={quoted(f'cluster {line.source}')}")
        if line.target in clusters and not line.source.startswith(f"{line.target}/"):
            words.append(f"lhead={quoted(f'cluster {line.target}')}")
        lines.append(f"  {quoted(line.source)} -> {quoted(line.target)} [{', '.join(words)}];")
    return "\n".join([*lines, "}"]) + "\n"


def _box(box: Box, lines: list[str], depth: int) -> None:
    pad = "  " * depth
    label = f"{box.name}\n{_short(box.label)}"
    if not box.inside:
        words = [f"label={quoted(label)}"]
        if box.form in _SHAPES:
            words.append(f"shape={_SHAPES[box.form]}")
        if box.mapped:
            words.append("peripheries=2")
        lines.append(f"{pad}{quoted(box.key)} [{', '.join(words)}];")
        return
    each = "for each: " if box.mapped else ""
    lines.append(f"{pad}subgraph {quoted(f'cluster {box.key}')} {{")
    lines.append(f"{pad}  label={quoted(each + label)}; style=rounded;")
    lines.append(f"{pad}  {quoted(box.key)} [shape=point, style=invis];")
    for at, (title, part) in enumerate(box.inside):
        lines.append(f"{pad}  subgraph {quoted(f'cluster {box.key}/{at}')} {{")
        lines.append(f"{pad}    label={quoted(_short(title))}; style=dashed;")
        for inner in part:
            _box(inner, lines, depth + 2)
        lines.append(f"{pad}  }}")
    lines.append(f"{pad}}}")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LABEL_LENGTH_MAX else f"{text[: _LABEL_LENGTH_MAX - 3]}..."


def quoted(text: str) -> str:
    """A text as an identifier of DOT: only quotes and backslashes mean something inside."""
    plain = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
