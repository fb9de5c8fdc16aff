"""`python -m quest.page EVAL.json`: the tables of docs/results/quest.md, from what `symphony quest eval --json` printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from quest.levels import LEVELS


def levels(found: dict[str, Any]) -> str:
    """A row a level: the policy, its interval, and everybody else's success."""
    others = found["beside"]
    lines = [
        f"| level | lesson | success | 95 % | score of the oracle's | {' | '.join(others)} |",
        f"|---|---|---|---|---|{'---|' * len(others)}",
    ]
    for index, row in enumerate(found["levels"]):
        beside = " | ".join(f"{one['levels'][index]['success']:.1%}" for one in others.values())
        lines.append(
            f"| {row['level']} | {LEVELS[row['level']].lesson} | {row['success']:.1%} | "
            f"{row['low']:.1%} to {row['high']:.1%} | {row['score'] / row['oracle_score']:.3f} | {beside} |"
        )
    return "\n".join(lines)


def whole(found: dict[str, Any]) -> str:
    """A row a player, over all levels."""
    lines = ["| player | success | 95 % | worst level | score | of the oracle's |", "|---|---|---|---|---|---|"]
    for one in [found, *found["beside"].values()]:
        worst = min(one["levels"], key=lambda row: row["success"])
        lines.append(
            f"| {one['policy']} | {one['success']:.2%} | {one['low']:.2%} to {one['high']:.2%} | "
            f"{worst['success']:.1%} ({worst['level']}) | {one['score']:.3f} | {one['of_oracle']:.3f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Prints both tables."""
    found = json.loads(Path(arguments[0]).read_text("utf-8"))
    print(whole(found), levels(found), sep="\n\n")  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    main(sys.argv[1:])
