"""Guard rails of a policy on probation: is it worse than the rules, beyond chance, however often one looks? Pure.

Each share (failed runs, slow runs, decisions that the rules made in its place) has a confidence sequence, which holds at
all moments at once, so that looking after every run costs no certainty. The bound is that of Howard, Ramdas, McAuliffe
and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences" (2021), equation 1, for values in 0..1.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from math import inf, log, sqrt

WINDOW = 512
"""Durations of the rules' last runs, of which the 95th percentile is taken."""
ENOUGH = 40
"""Runs of the rules before any run counts as slow."""


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """`alpha`: the chance that a policy that is no worse is ever rolled back by one of the rails. The others are shares in
    0..1 that it may be worse by (failed and slow runs), or may have (decisions that the rules made for it)."""

    alpha: float = 0.05
    failed: float = 0.01
    slow: float = 0.05
    vetoed: float = 0.3


@dataclass(slots=True)
class Share:
    """A part of many, with bounds."""

    count: int = 0
    hits: int = 0

    def add(self, hit: bool) -> None:
        self.count += 1
        self.hits += hit

    @property
    def mean(self) -> float:
        return self.hits / self.count if self.count else 0.0

    def radius(self, alpha: float) -> float:
        """How far the true share may be from the mean, at any time, but for a chance of `alpha`."""
        if self.count == 0:
            return inf
        within = log(max(log(2 * self.count), 1.0)) + 0.72 * log(10.4 / alpha)
        return 0.85 * sqrt(within / self.count)


@dataclass(slots=True)
class Arm:
    """What became of the runs that one side decided."""

    failed: Share = field(default_factory=Share)
    slow: Share = field(default_factory=Share)


class Guard:
    """Counts, and says when it is enough."""

    def __init__(self, options: GuardOptions | None = None) -> None:
        self.options = options or GuardOptions()
        self.arms = {"rules": Arm(), "candidate": Arm()}
        self.vetoed = Share()
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._sorted: list[float] = []

    def ended(self, arm: str, failed: bool, took_ms: float) -> None:
        """A run of an arm ended."""
        side = self.arms[arm]
        side.failed.add(failed)
        if len(self._window) >= ENOUGH:
            side.slow.add(took_ms > self._sorted[int(0.95 * (len(self._sorted) - 1))])
        if arm == "rules":
            if len(self._window) == WINDOW:
                self._sorted.remove(self._window[0])
            self._window.append(took_ms)
            insort(self._sorted, took_ms)

    def decided(self, vetoed: bool) -> None:
        """The candidate was asked; `vetoed`: the rules answered in its place."""
        self.vetoed.add(vetoed)

    def broken(self) -> str | None:
        """Which rail broke, in a sentence; none while all hold."""
        alpha = self.options.alpha / 3  # three rails, and each bound is two-sided
        mine, theirs = self.arms["candidate"], self.arms["rules"]
        for word, one, other, allowed in (
            ("failed", mine.failed, theirs.failed, self.options.failed),
            ("were slower than 95 % of the rules' runs", mine.slow, theirs.slow, self.options.slow),
        ):
            least = one.mean - one.radius(alpha / 2)
            most = other.mean + other.radius(alpha / 2) + allowed
            if least > most:
                return (
                    f"{one.hits} of {one.count} of its runs {word}, {other.hits} of {other.count} of the rules': "
                    f"at least {least:.1%} against at most {most - allowed:.1%}"
                )
        if self.vetoed.mean - self.vetoed.radius(alpha) > self.options.vetoed:
            return f"the rules had to answer {self.vetoed.hits} of {self.vetoed.count} decisions in its place"
        return None

    def report(self) -> dict[str, object]:
        """For people."""
        return {
            **{
                name: {
                    "runs": arm.failed.count,
                    "failed": arm.failed.hits,
                    "slow": arm.slow.hits,
                    "slow_of": arm.slow.count,
                }
                for name, arm in self.arms.items()
            },
            "decisions": self.vetoed.count,
            "vetoed": self.vetoed.hits,
        }
