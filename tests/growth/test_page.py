"""A page that hides a missed goal is worth nothing."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from tests.growth.chart import chart
from tests.growth.measure import CASES, Figure
from tests.growth.page import missed, page
from tests.growth.submit import Submission

FLAT = [Figure(shape, size, size, 2.0, 3.0, 400.0, 4_000_000) for shape, size in CASES]
QUICK = [Submission("chain", 80.0, 60.0, 900.0, 30 * 2**20)]
MACHINE = {"cpus": 2, "processor": "one of them", "memory_bytes": 8 * 2**30}


def but(shape: str, size: int, **said: float) -> list[Figure]:
    """The flat figures, but for one."""
    return [replace(f, **said) if (f.shape, f.size) == (shape, size) else f for f in FLAT]  # type: ignore[arg-type]


def test_flat_figures_meet_every_goal_and_stand_on_the_page() -> None:
    assert missed(FLAT, QUICK) == []
    text = page(FLAT, QUICK, MACHINE, "release", 3)
    assert "| chain | 10,000 | 2.00 | 3.00 | 400 |" in text
    assert "| chain | 80 ms | 60 ms | 140 ms | 900 ms | 30.0 MiB |" in text
    assert "All are met." in text
    assert "development build" not in text


def test_the_picture_has_a_line_for_the_time_and_one_for_the_memory_of_each_shape() -> None:
    root = ElementTree.fromstring(chart(FLAT))
    lines = root.findall(".//{*}polyline")
    shapes = {shape for shape, _ in CASES}
    assert len(lines) == 2 * len(shapes)
    (chain,) = [len(line.attrib["points"].split()) for line in lines[:1]]
    assert chain == len([shape for shape, _ in CASES if shape == "chain"])
    heights = [float(point.split(",")[1]) for point in lines[0].attrib["points"].split()]
    assert len(set(heights)) == 1, "what is flat is drawn flat"


def test_what_grows_is_said() -> None:
    assert missed(but("fan", 10_000, us=4.6), QUICK) == ["step of a fan grows 1.53 times from 1,000 to 10,000 nodes"]
    assert missed(but("random", 10_000, bytes=800.0), QUICK) == [
        "memory of a random grows 2.00 times from 1,000 to 10,000 nodes"
    ]
    assert missed(but("map", 300_000, us=6.0), QUICK) == ["the time of an item grows 1.60 times from 30,000 to 300,000"]
    assert missed(but("loop", 200_000, bytes_all=6_000_000), QUICK) == ["100,000 turns more take 1.9 MiB more"]
    assert missed(but("waiting", 100_000, bytes=3000.0), QUICK) == ["a waiting run takes 3,000 bytes"]


def test_a_slow_submission_and_a_large_run_are_said() -> None:
    slow = [Submission("fan", 150.0, 60.0, 900.0, 65 * 2**20)]
    assert missed(FLAT, slow) == [
        "the submission of a fan takes 210 ms",
        "the run of a fan takes 65.0 MiB of the tracker",
    ]
    assert "- Missed: the submission of a fan takes 210 ms." in page(FLAT, slow, MACHINE, "dev", 1)
