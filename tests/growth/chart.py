"""The figures as a picture: two panels a shape, what one costs in time and in memory as there are more. Pure."""

from __future__ import annotations

import math

from conductor.measure.chart import Panel, picture
from tests.growth.measure import GRAPHS, Figure
from tests.growth.page import WORDS


def chart(figures: list[Figure]) -> str:
    """An SVG picture; its lines go from the smallest size to the largest, in steps of ten equally far apart."""
    panels = []
    for shape in (*GRAPHS, *WORDS):
        mine = [figure for figure in figures if figure.shape == shape]
        sizes = [figure.size for figure in mine]
        places = [math.log10(size) for size in sizes]
        over = f"{sizes[0]:,} to {sizes[-1]:,}"
        one = WORDS.get(shape, "a node").split(" ", 1)[1]
        panels.append(Panel(f"{shape}: us a {one}", over, [figure.begin_us + figure.us for figure in mine], places))
        panels.append(Panel(f"{shape}: bytes a {one}", over, [figure.bytes for figure in mine], places))
    return picture(
        "What one more costs, as there are more: processor time of the tracker's core, and its memory", panels
    )
