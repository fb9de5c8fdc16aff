"""`python -m tests.growth`: what `make growth` runs. Exit code 1 where a goal is missed."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from conductor.measure.machine import machine
from tests.growth.chart import chart
from tests.growth.measure import CASES, measure
from tests.growth.page import missed, page
from tests.growth.submit import submit

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "growth.md"


def main() -> int:
    """Measure everything, one figure after the other, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.growth")
    parser.add_argument("--profile", choices=["release", "dev"], default="release", help="how the fold is built")
    parser.add_argument("--rounds", type=int, default=3, help="of each figure: the best is taken")
    parser.add_argument("--out", type=Path, default=PAGE)
    given = parser.parse_args()
    figures = measure(CASES, given.profile, given.rounds)
    submissions = asyncio.run(submit(given.rounds))
    text = page(figures, submissions, machine(), given.profile, given.rounds)
    given.out.write_text(text)
    given.out.with_suffix(".svg").write_text(chart(figures))
    sys.stdout.write(text)
    return 1 if missed(figures, submissions) else 0


if __name__ == "__main__":
    sys.exit(main())
