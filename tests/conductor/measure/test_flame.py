"""Stacks become a picture."""

from __future__ import annotations

import xml.etree.ElementTree as Xml

from conductor.measure.flame import draw, graph, stacks

SAID = """\
pit-worker
\t    55d0 symphony::fold::apply+0x1f (/usr/bin/symphony-pit)
\t    55d1 <symphony::Tracker as Run>::run+0x2 (/usr/bin/symphony-pit)
\t    55d2 start+0x1 (/usr/bin/symphony-pit)

pit-worker
\t    55d9 [unknown] ([unknown])
\t    55d2 start+0x9 (/usr/bin/symphony-pit)
"""


def test_stacks_are_read_from_their_root() -> None:
    found = list(stacks(SAID.splitlines()))
    assert found == [
        ["pit-worker", "start", "<symphony::Tracker as Run>::run", "symphony::fold::apply"],
        ["pit-worker", "start", "[unknown]"],
    ]


def test_a_picture_has_a_box_for_each_function_as_wide_as_its_share() -> None:
    root = graph(stacks(SAID.splitlines()))
    assert (root.count, root.below["pit-worker"].below["start"].count) == (2, 2)
    picture = Xml.fromstring(draw(root, "pit"))
    space = "{http://www.w3.org/2000/svg}"
    told = {group.findtext(f"{space}title"): group.find(f"{space}rect") for group in picture.iter(f"{space}g")}
    assert len(told) == 5
    box = told["symphony::fold::apply: 1 samples, 50.0%"]
    assert box is not None
    assert box.get("width") == "600.0"


def test_nothing_is_an_empty_picture() -> None:
    assert Xml.fromstring(draw(graph([]), "nothing")).tag.endswith("svg")
