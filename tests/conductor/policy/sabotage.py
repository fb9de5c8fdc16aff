"""Makes `tests/data/policy/sabotaged.onnx`: a network whose only wishes are fallback, skip and halt. Needs PyTorch."""

from __future__ import annotations

from pathlib import Path

import torch
from quest.train.checkpoint import Origin
from quest.train.export import export
from quest.train.knobs import Knobs
from quest.train.network import Network, Shape, parameters
from quest.train.samples import collect, teacher

from conductor.policy.encoder import ACTION_WIDTH
from conductor.policy.observation import ACTIONS, KIND, KINDS

PLACE = Path("tests/data/policy/sabotaged.onnx")
WISHES = {"fallback": 4.0, "skip": 3.0, "halt": 2.0}


def sabotaged() -> Network:
    """All weights 0 but those from an action's kind to its score."""
    network = Network(Shape(width=8, rounds=0))
    flags = ACTION_WIDTH - (len(ACTIONS) - KIND)
    with torch.no_grad():
        for one in network.parameters():
            one.zero_()
        for kind, wish in WISHES.items():
            network.action[0].weight[0, flags + KINDS.index(kind)] = wish
        network.score.weight[0, 0] = 1.0
    return network.eval()


if __name__ == "__main__":
    samples = [s for level in (6, 16, 18) for s in collect(level, range(20), teacher(0.2), 1)]
    network = sabotaged()
    origin = Origin(
        knobs=Knobs(width=8, rounds_of_messages=0),
        data="none",
        code="sabotage",
        version="0",
        encoder=1,
        parameters=parameters(network),
        success={},
        worth_lost=1.0,
    )
    export(network, samples, origin, PLACE)
