"""The trained network as an ONNX file for one decision at a time: no batch, no padding, no masks, few nodes."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from conductor.policy.encoder import VERSION, encode
from conductor.policy.observation import Observation
from quest.train.checkpoint import Origin
from quest.train.network import Network
from quest.train.samples import Sample
from quest.train.thin import thinned

INPUTS = ("globals", "nodes", "pools", "actions", "adjacency", "node", "pool")
OUTPUTS = ("scores", "value")
COUNTED = 20_000
NOVELTY_SHARE = 0.999
"""The share of training decisions that must not count as novel."""


class Shared(nn.Module):  # type: ignore[misc,unused-ignore]  # PyTorch is not there where only the game is
    """A layer over rows that end in the same `width` numbers: what these give is worked out once, not for every row."""

    def __init__(self, linear: nn.Linear, width: int) -> None:
        super().__init__()
        weight = linear.weight.detach()
        own = weight.shape[1] - width
        self.each = nn.Linear(own, weight.shape[0], bias=False)
        self.same = nn.Linear(width, weight.shape[0])
        self.each.weight.data = weight[:, :own].contiguous()
        self.same.weight.data = weight[:, own:].contiguous()
        self.same.bias.data = linear.bias.detach()

    def forward(self, rows: Tensor, alike: Tensor) -> Tensor:
        return torch.relu(self.each(rows) + self.same(alike.unsqueeze(0)))


class Single(nn.Module):  # type: ignore[misc,unused-ignore]  # PyTorch is not there where only the game is
    """`Network` on the tables of one decision, as `encode` gives them; the same numbers, the same results.

    The last row stands for nothing: it is left out while messages go round, and put back as zeros for those that name it.
    Embeddings are never negative, so that a row of zeros changes no maximum.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        width = network.shape.width
        self.no_node = torch.zeros(1, width)
        self.no_pool = torch.zeros(1, width // 2)
        self.first = Shared(network.action[0], width)
        self.second = Shared(network.second[0], 2 * width)

    def forward(
        self,
        whole: Tensor,
        nodes: Tensor,
        pools: Tensor,
        actions: Tensor,
        adjacency: Tensor,
        node: Tensor,
        pool: Tensor,
    ) -> tuple[Tensor, Tensor]:
        net = self.network
        h = net.node(nodes[:-1])
        edges = adjacency[:-1, :-1]
        back = edges.transpose(0, 1)
        for give, take in zip(net.give, net.take, strict=True):
            told = give(h)
            h = h + take(torch.cat([edges @ told, back @ told], -1))
        h = torch.cat([h, self.no_node])
        p = torch.cat([net.pool(pools[:-1]), self.no_pool])
        context = net.whole(torch.cat([whole, _mean(h), h.amax(0), _mean(p)], -1))
        a = self.first(torch.cat([actions, h[node], p[pool]], -1), context)
        best = a.amax(0)
        second = self.second(a, torch.cat([a.mean(0), best], -1))
        scores = net.score(a + second).squeeze(-1)
        value = net.value(torch.cat([context, best], -1)).squeeze(-1)
        return scores, value


def _mean(rows: Tensor) -> Tensor:
    """Of all rows but the last, which is zeros; zeros where there are no others."""
    count = torch.ones_like(rows[:, 0]).sum() - 1.0
    return rows.sum(0) / count.clamp(min=1.0)


def statistics(samples: list[Sample]) -> dict[str, list[float]]:
    """Mean and spread of each global input, and the distance that `NOVELTY_SHARE` of the samples stay below.

    Of at most `COUNTED` samples, and of these as production would show them: both are what was trained on.
    """
    samples = samples[:: max(1, len(samples) // COUNTED)]
    samples = samples + [seen for seen in map(thinned, samples) if seen is not None]
    rows = np.stack([encode(Observation.of(sample.tables)).globals for sample in samples]).astype(np.float64)
    mean, spread = rows.mean(0), np.maximum(rows.std(0), 0.05)
    distance = np.sqrt((((rows - mean) / spread) ** 2).mean(1))
    return {
        "mean": [round(float(x), 6) for x in mean],
        "spread": [round(float(x), 6) for x in spread],
        "bound": [round(float(np.quantile(distance, NOVELTY_SHARE)) * 1.25, 4)],
    }


def export(network: Network, samples: list[Sample], origin: Origin, path: Path) -> None:
    """Write the file. Its metadata holds the encoder's version, what is novel, and where it comes from."""
    single = Single(network).eval()
    one = max(samples[:2000], key=lambda sample: len(sample.tables[5]))
    inputs = tuple(torch.from_numpy(np.asarray(part)) for part in encode(Observation.of(one.tables)))
    axes = {
        "nodes": {0: "n"}, "pools": {0: "p"}, "actions": {0: "a"}, "adjacency": {0: "n", 1: "n"},
        "node": {0: "a"}, "pool": {0: "a"}, "scores": {0: "a"},
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own successor
        torch.onnx.export(
            single,
            inputs,
            str(path),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(str(path))
    for key, value in {
        "encoder": str(VERSION),
        "novelty": json.dumps(statistics(samples)),
        "data": origin.data,
        "code": origin.code,
        "parameters": str(origin.parameters),
    }.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, str(path))
