"""Flame graphs of what `perf script` prints. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

WIDTH, ROW = 1200, 17
LEAST = 0.001
"""Of the whole: narrower boxes are not drawn, nobody can see them."""
DEPTH_MAX = 120
"""Of a stack: the frames nearest to the root."""


@dataclass(slots=True)
class Frame:
    """A function under its callers: samples in it or below it."""

    count: int = 0
    below: dict[str, Frame] = field(default_factory=dict)


def stacks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The stacks of `perf script`, each from its root: the thread's name, then the functions."""
    name, frames = "", list[str]()
    for line in lines:
        if not line.strip():
            if name:
                yield [name, *reversed(frames)]
            name, frames = "", []
        elif line[0].isspace():
            frames.append(_function(line))
        else:
            name, frames = line.split(maxsplit=1)[0], []
    if name:
        yield [name, *reversed(frames)]


def _function(line: str) -> str:
    """`  55ab core::fold+0x12 (/path/to/binary)`: the function, without address, offset and binary."""
    rest = line.strip().partition(" ")[2]
    return rest.rpartition(" (")[0].rpartition("+0x")[0] or rest.rpartition(" (")[0] or "unknown"


def graph(found: Iterable[list[str]]) -> Frame:
    """Stacks, added up."""
    root = Frame()
    for stack in found:
        root.count += 1
        at = root
        for name in stack[:DEPTH_MAX]:
            at = at.below.setdefault(name, Frame())
            at.count += 1
    return root


def draw(root: Frame, title: str) -> str:
    """An SVG picture, the root at the foot; a box's tooltip has its whole name, samples and share."""
    deepest = max((depth for depth, *_ in _boxes(root)), default=0)
    height = (deepest + 2) * ROW + 24
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    style = "<style>text{font:11px monospace;pointer-events:none}rect{stroke:#fff;stroke-width:.5}</style>"
    parts = [head, f"<title>{escape(title)}</title>", style, f'<text x="8" y="16">{escape(title)}</text>']
    for depth, left, share, name, count in _boxes(root):
        x, width = left * WIDTH, share * WIDTH
        y = height - (depth + 1) * ROW - 4
        told = f"{name}: {count:,} samples, {share:.1%}"
        box = f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}" fill="{_colour(name)}"/>'
        letters = int(width / 6.7) - 1
        text = f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(name[:letters])}</text>' if letters >= 3 else ""
        parts.append(f"<g><title>{escape(told)}</title>{box}{text}</g>")
    return "\n".join([*parts, "</svg>", ""])


def _boxes(root: Frame) -> Iterator[tuple[int, float, float, str, int]]:
    """Depth, left edge and width as shares of the whole, name, samples."""
    whole = max(root.count, 1)
    todo = [(0, 0.0, root)]
    while todo:
        depth, left, frame = todo.pop()
        for name, below in sorted(frame.below.items()):
            share = below.count / whole
            if share >= LEAST:
                yield depth, left, share, name, below.count
                todo.append((depth + 1, left, below))
            left += share


def _colour(name: str) -> str:
    """A warm one, the same for the same name."""
    mixed = zlib.crc32(name.encode())
    return f"hsl({mixed % 50}, 75%, {62 + mixed // 50 % 14}%)"
