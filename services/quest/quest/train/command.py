"""`symphony quest train` and `export`: a folder with everything that a training made."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec

from conductor.policy.network import SHIPPED
from conductor.policy.network import Network as Served
from quest import levels
from quest._core import Game
from quest.document import encode
from quest.evaluate import Tell
from quest.train.checkpoint import Checkpoint
from quest.train.export import export
from quest.train.imitate import player, train
from quest.train.knobs import Knobs
from quest.train.network import Network, Shape
from quest.train.samples import load

JUDGED = 40
"""Train quests a level on which a network's success is taken after each round."""
JUDGED_FROM = 50_000_000


def judge(network: Network, numbers: tuple[int, ...]) -> dict[int, float]:
    """Success by level on train quests that no round plays."""
    from random import Random

    choose, rng = player(network), Random(0)
    success = {}
    for level in numbers:
        won = 0
        for seed in range(JUDGED_FROM, JUDGED_FROM + JUDGED):
            quest = levels.draw(level, "train", seed)
            play = Game(encode(quest)).play(quest.seed)
            choices = play.forced()
            while choices:
                choices = play.choose(choose(play, [0.0] * choices, rng))
            won += play.won
        success[level] = won / JUDGED
    return success


def run(folder: Path, knobs: Knobs, tell: Tell) -> Path:
    """Train to the end, or go on where a training was broken off; the ONNX file."""
    folder.mkdir(parents=True, exist_ok=True)
    train(folder, knobs, lambda network: judge(network, knobs.levels), tell)
    return write(folder)


def write(folder: Path) -> Path:
    """Export the newest checkpoint of a training's folder, with its card.

    Raises:
        FileNotFoundError: there is none.
    """
    paths = sorted(folder.glob("network*.json"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no checkpoint; `symphony quest train` makes one")
    checkpoint = Checkpoint(paths[-1].with_suffix(".pt"))
    origin = checkpoint.origin()
    network = Network(Shape(origin.knobs.width, origin.knobs.rounds_of_messages))
    if not checkpoint.restore(network):
        raise FileNotFoundError(f"{paths[-1]} was made for another version of the encoder: train again")
    samples = [sample for path in sorted(folder.glob("round*/*.bin")) for sample in load(path)]
    goal = folder / "quest.onnx"
    export(network, samples, origin, goal)
    card: dict[str, Any] = {
        "digest": hashlib.sha256(goal.read_bytes()).hexdigest(),
        "bytes": goal.stat().st_size,
        "decisions": len(samples),
        **msgspec.to_builtins(origin, str_keys=True),
    }
    goal.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    Served(goal, card["digest"])  # what is exported can be served, or is no export
    return goal


def ship(path: Path) -> Path:
    """Put an exported network and its card into the package; the new place."""
    SHIPPED.parent.mkdir(exist_ok=True)
    for suffix in (".onnx", ".json"):
        fresh = SHIPPED.with_suffix(suffix + ".new")
        shutil.copyfile(path.with_suffix(suffix), fresh)
        fresh.replace(SHIPPED.with_suffix(suffix))
    return SHIPPED
