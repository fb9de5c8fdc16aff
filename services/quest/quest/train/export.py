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


class Single(nn.Module):  # type: ignore[misc,unused-ignore]  # PyTorch is not there where only the game is
    """`Network` on the tables of one decision, as `encode` gives them; the same numbers, the same results.

    The row of zeros that stands for nothing is kept out of sums and maxima as the padding is in training: an embedding of
    zeros is subtracted by multiplying with a mask that the shapes alone make.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

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
        here = _all_but_last(nodes)
        h = net.node(nodes) * here
        back = adjacency.transpose(0, 1)
        for give, take in zip(net.give, net.take, strict=True):
            told = give(h) * here
            h = h + take(torch.cat([adjacency @ told, back @ told], -1)) * here
        p = net.pool(pools) * _all_but_last(pools)
        count = here.sum().clamp(min=1.0)
        pools_count = _all_but_last(pools).sum().clamp(min=1.0)
        context = net.whole(torch.cat([whole, h.sum(0) / count, h.amax(0), p.sum(0) / pools_count], -1))
        around = context.unsqueeze(0).expand(actions.shape[0], -1)
        a = net.action(torch.cat([actions, h[node], p[pool], around], -1))
        best = a.amax(0)
        others = torch.cat([a.mean(0), best], -1).unsqueeze(0).expand(actions.shape[0], -1)
        second = net.second(torch.cat([a, others], -1))
        scores = net.score(a + second).squeeze(-1)
        value = net.value(torch.cat([context, best], -1)).squeeze(-1)
        return scores, value


def _all_but_last(rows: Tensor) -> Tensor:
    """(n+1, 1): 1 for each row, 0 for the last."""
    ones = torch.ones_like(rows[:, :1])
    return torch.cat([ones[1:], ones[:1] * 0.0], 0)


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
