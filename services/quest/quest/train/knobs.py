"""Everything that may be chosen about a training, with its unit. One file of it is kept with every checkpoint."""

from __future__ import annotations

import msgspec


class Knobs(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults give the shipped policy."""

    seed: int = 1
    levels: tuple[int, ...] = tuple(range(1, 21))
    width: int = 64
    rounds_of_messages: int = 2
    episodes: int = 720
    """Demonstrations a level, in which the teacher plays."""
    corrections: int = 2
    """Rounds in which the network plays and the teacher says what would have been right (DAgger, Ross et al., 2011)."""
    correction_episodes: int = 100
    """A level and round; more where the network is neither sure to win nor to lose, see `curriculum`."""
    curriculum: bool = True
    """Weigh levels by p(1-p) of the network's success."""
    demonstrations: bool = True
    """False: the network plays from the first round on (an ablation)."""
    exploring: float = 0.12
    """Share of the teacher's moves that are chance."""
    worlds: int = 5
    """Worlds that the teacher imagines for each choice."""
    temperature: float = 0.02
    """Differences of worth that are told apart: targets are softmax(worth / temperature)."""
    batch: int = 256
    epochs: float = 4.0
    """Over the demonstrations."""
    correction_epochs: float = 1.0
    """Over everything, after each round of corrections."""
    rate: float = 1e-3
    rate_end: float = 1e-4
    decay: float = 1e-5
    value_weight: float = 0.2
    thin: float = 0.25
    """Share of samples that show only what production knows of a task where a workflow gives the graph."""
