"""The network: equal for any order of its tokens, small enough for microseconds.

Functions pass messages along the graph, both ways, by depth: a second layer stands after the sum over neighbours, without
which no sum of this kind sees a critical path (Mao et al., SIGCOMM 2019). Actions then read their function, their pool and
the whole, look at each other once (a mean and a maximum), and point.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from conductor.policy.encoder import ACTION_WIDTH, GLOBAL_WIDTH, NODE_WIDTH, POOL_WIDTH


@dataclass(frozen=True, slots=True)
class Shape:
    """`width` of every token, `rounds` of messages (0: none, for the ablation)."""

    width: int = 64
    rounds: int = 2


def _layer(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU())


class Network(nn.Module):  # type: ignore[misc,unused-ignore]  # PyTorch is not there where only the game is
    """Scores of actions (b, a) and the value of the state (b), from a batch's tensors."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.node = _layer(NODE_WIDTH, width)
        self.give = nn.ModuleList(_layer(width, width) for _ in range(shape.rounds))
        self.take = nn.ModuleList(_layer(2 * width, width) for _ in range(shape.rounds))
        self.pool = _layer(POOL_WIDTH, width // 2)
        self.whole = _layer(GLOBAL_WIDTH + 2 * width + width // 2, width)
        self.action = _layer(ACTION_WIDTH + width + width // 2 + width, width)
        self.second = _layer(3 * width, width)
        self.score = nn.Linear(width, 1)
        self.value = nn.Sequential(nn.Linear(2 * width, width // 2), nn.ReLU(), nn.Linear(width // 2, 1))

    def forward(
        self,
        whole: Tensor,
        nodes: Tensor,
        present: Tensor,
        pools: Tensor,
        pools_present: Tensor,
        actions: Tensor,
        mask: Tensor,
        adjacency: Tensor,
        node: Tensor,
        pool: Tensor,
    ) -> tuple[Tensor, Tensor]:
        here = present.unsqueeze(-1)
        h = self.node(nodes) * here
        back = adjacency.transpose(1, 2)
        for give, take in zip(self.give, self.take, strict=True):
            told = give(h) * here
            h = h + take(torch.cat([adjacency @ told, back @ told], -1)) * here
        count = here.sum(1).clamp(min=1.0)
        p = self.pool(pools) * pools_present.unsqueeze(-1)
        pool_mean = p.sum(1) / pools_present.sum(1, keepdim=True).clamp(min=1.0)
        context = self.whole(torch.cat([whole, h.sum(1) / count, h.amax(1), pool_mean], -1))
        width, half = h.shape[-1], p.shape[-1]
        mine = h.gather(1, node.unsqueeze(-1).expand(-1, -1, width))
        there = p.gather(1, pool.unsqueeze(-1).expand(-1, -1, half))
        around = context.unsqueeze(1).expand(-1, actions.shape[1], -1)
        live = mask.unsqueeze(-1)
        a = self.action(torch.cat([actions, mine, there, around], -1)) * live
        mean = a.sum(1) / live.sum(1).clamp(min=1.0)
        best = a.amax(1)
        others = torch.cat([mean, best], -1)
        second = self.second(torch.cat([a, others.unsqueeze(1).expand(-1, actions.shape[1], -1)], -1))
        scores = self.score(a + second).squeeze(-1)
        value = self.value(torch.cat([context, best], -1)).squeeze(-1)
        return scores.masked_fill(mask < 0.5, -1e9), value


def parameters(network: nn.Module) -> int:
    """How many numbers it has."""
    return sum(one.numel() for one in network.parameters())
