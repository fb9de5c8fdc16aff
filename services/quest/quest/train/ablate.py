"""`python -m quest.train.ablate FOLDER`: what each part of the training is worth, in small and on equal data.

Every variant has the same demonstrations, batches and rounds but for what it leaves out; it is measured on held-out
quests.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec

from quest.evaluate import evaluate
from quest.train.command import run
from quest.train.knobs import Knobs

SMALL = Knobs(episodes=90, corrections=1, correction_episodes=40, epochs=4.0)
VARIANTS: dict[str, dict[str, object]] = {
    "everything": {},
    "no messages": {"rounds_of_messages": 0},
    "corrections only": {"demonstrations": False},
    "no corrections": {"corrections": 0},
    "no curriculum": {"curriculum": False},
    "width 16": {"width": 16},
    "width 128": {"width": 128},
}
EPISODES = 100


def main(arguments: list[str]) -> None:
    """Prints a line a variant."""
    folder = Path(arguments[0]) if arguments else Path("build/ablate")
    shared = folder / "demonstrations"
    for name, changes in VARIANTS.items():
        knobs = msgspec.structs.replace(SMALL, **changes)
        mine = folder / name.replace(" ", "-")
        if shared.exists() and knobs.demonstrations and not (mine / "round0").exists():
            shutil.copytree(shared, mine / "round0")
        path = run(mine, knobs, lambda _: None)
        if knobs.demonstrations and not shared.exists():
            shutil.copytree(mine / "round0", shared)
        table = evaluate([str(path)], knobs.levels, EPISODES, "test", 1, lambda _: None)
        found = table.document(table.first)
        line = f"{name}\t{found['success']:.2%}\t{found['low']:.2%} to {found['high']:.2%}\t{found['of_oracle']:.3f}"
        print(line, flush=True)  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    main(sys.argv[1:])
