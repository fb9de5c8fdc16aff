"""Imitation with corrections: from demonstrations to a network, in one file.

1. Demonstrations: a planner without hindsight plays the train split and says at every decision what each choice is worth.
2. The network learns softmax(worth / temperature), so that choices that are as good count as good, and the value.
3. Corrections (DAgger): the network plays, the planner says what would have been right where the network got to; levels
   are weighed by p(1-p) of its success, so that time goes where there is something to learn.
Every step is kept under the folder: a training that was broken off goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch.nn import functional

from quest._core import Play
from quest.train.checkpoint import Checkpoint
from quest.train.knobs import Knobs
from quest.train.network import Network, Shape
from quest.train.samples import Batch, Driver, Sample, collect, load, save, teacher
from quest.train.thin import thinned

Tell = Callable[[str], None]
POOLED = 4
"""Batches are cut from so many batches' worth of samples sorted by size: padding costs little, order stays random."""
CLIP = 1.0
PART = 30
"""Episodes of a level in one file of demonstrations: what a training that is broken off may lose."""


def tensors(batch: Batch) -> list[torch.Tensor]:
    """What `Network.forward` takes, in its order."""
    b = batch
    arrays: list[np.ndarray[tuple[int, ...], np.dtype[np.float32] | np.dtype[np.int64]]] = [
        b.globals, b.nodes, b.present, b.pools, b.pools_present, b.actions, b.mask, b.adjacency, b.node, b.pool,
    ]  # fmt: skip
    return [torch.from_numpy(array) for array in arrays]


def losses(network: Network, batch: Batch, knobs: Knobs) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Cross entropy to the teacher's soft choice, squared error of the value, and how much worth the choice loses."""
    scores, value = network(*tensors(batch))
    mask = torch.from_numpy(batch.mask)
    worth = torch.from_numpy(batch.worth)
    target = torch.softmax((worth / knobs.temperature).masked_fill(mask < 0.5, -1e9), -1)
    choice = -(target * torch.log_softmax(scores, -1)).sum(-1).mean()
    best = worth.masked_fill(mask < 0.5, -1.0).amax(-1)
    error = functional.mse_loss(value, best)
    chosen = worth.gather(1, scores.argmax(-1, keepdim=True)).squeeze(1)
    return choice, error, float((best - chosen).mean())


def fit(
    network: Network,
    samples: Sequence[Sample],
    knobs: Knobs,
    epochs: float,
    rates: tuple[float, float],
    rng: Random,
    tell: Tell,
) -> float:
    """Train in place; the mean worth lost of the last tenth. The rate falls along a half cosine between `rates`."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=rates[0], weight_decay=knobs.decay)
    steps = max(1, int(epochs * len(samples) / knobs.batch))
    lost: list[float] = []
    began, step = time.monotonic(), 0
    network.train()
    while step < steps:
        pool = [samples[rng.randrange(len(samples))] for _ in range(knobs.batch * POOLED)]
        pool = [thinned(one) or one if rng.random() < knobs.thin else one for one in pool]
        pool.sort(key=lambda one: len(one.tables[1]))
        order = list(range(POOLED))
        rng.shuffle(order)
        for cut in order:
            batch = Batch(pool[cut * knobs.batch : (cut + 1) * knobs.batch])
            at = 0.5 * (1 + np.cos(np.pi * min(1.0, step / steps)))
            for group in optimiser.param_groups:
                group["lr"] = rates[1] + (rates[0] - rates[1]) * at
            choice, error, worse = losses(network, batch, knobs)
            optimiser.zero_grad()
            (choice + knobs.value_weight * error).backward()  # type: ignore[no-untyped-call,unused-ignore]  # as PyTorch declares it
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimiser.step()
            lost.append(worse)
            step += 1
            if step % 100 == 0:
                left = (time.monotonic() - began) / step * (steps - step)
                tell(f"step {step} of {steps}, worth lost {np.mean(lost[-100:]):.4f}, {left / 60:.1f} min left")
            if step >= steps:
                break
    network.eval()
    return float(np.mean(lost[-max(1, steps // 10) :]))


def player(network: Network) -> Driver:
    """The network's first choice; greedy, as it is served."""

    def choose(play: Play, worth: list[float], rng: Random) -> int:
        sample = Sample(0, play.observe(), worth)
        with torch.no_grad():
            scores, _ = network(*tensors(Batch([sample])))
        return int(scores[0].argmax())

    return choose


def demonstrate(folder: Path, knobs: Knobs, tell: Tell) -> list[Sample]:
    """The teacher's games; files that are there already are read."""
    samples: list[Sample] = []
    parts = range(0, knobs.episodes, PART)
    began = time.monotonic()
    for number, start in enumerate(parts):
        path = folder / "round0" / f"{number:03d}.bin"
        if not path.exists():
            made: list[Sample] = []
            for level in knobs.levels:
                made += collect(level, range(start, start + PART), teacher(knobs.exploring), knobs.worlds)
            save(path, made)
        samples += load(path)
        left = (time.monotonic() - began) / (number + 1) * (len(parts) - number - 1)
        tell(f"demonstrations {number + 1} of {len(parts)}: {len(samples)} decisions, {left / 60:.1f} min left")
    return samples


def correct(
    folder: Path, network: Network, knobs: Knobs, round_: int, success: dict[int, float], tell: Tell
) -> list[Sample]:
    """Games of the network with the teacher's word on each decision."""
    weights = {level: success.get(level, 0.5) * (1 - success.get(level, 0.5)) + 0.02 for level in knobs.levels}
    mean = sum(weights.values()) / len(weights)
    samples: list[Sample] = []
    for level in knobs.levels:
        path = folder / f"round{round_}" / f"{level:03d}.bin"
        if not path.exists():
            share = min(3.0, max(0.4, weights[level] / mean)) if knobs.curriculum else 1.0
            first = 1_000_000 * round_
            seeds = range(first, first + int(knobs.correction_episodes * share))
            save(path, list(collect(level, seeds, player(network), knobs.worlds)))
        samples += load(path)
    tell(f"corrections {round_}: {len(samples)} decisions")
    return samples


def train(folder: Path, knobs: Knobs, judge: Callable[[Network], dict[int, float]], tell: Tell) -> Network:
    """The whole training; `judge` gives the success of a network by level, on train quests."""
    torch.set_num_threads(1)
    torch.manual_seed(knobs.seed)
    rng = Random(knobs.seed)
    network = Network(Shape(knobs.width, knobs.rounds_of_messages))
    samples = demonstrate(folder, knobs, tell) if knobs.demonstrations else []
    success: dict[int, float] = {}
    for round_ in range(knobs.corrections + 1):
        checkpoint = Checkpoint(folder / f"network{round_}.pt")
        if round_:
            samples += correct(folder, network, knobs, round_, success, tell)
        if not samples:
            continue
        if checkpoint.restore(network):
            success = checkpoint.success
            continue
        last = round_ == knobs.corrections
        rates = (knobs.rate if round_ == 0 else knobs.rate / 2, knobs.rate_end if last else knobs.rate / 4)
        epochs = knobs.epochs if round_ == 0 else knobs.correction_epochs
        lost = fit(network, samples, knobs, epochs, rates, rng, tell)
        success = judge(network)
        checkpoint.save(network, knobs, success, lost, folder)
        tell(f"round {round_}: success {np.mean(list(success.values())):.4f} on train quests, worth lost {lost:.4f}")
    return network
