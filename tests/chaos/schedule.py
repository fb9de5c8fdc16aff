"""What the nemesis will do, and when: made from a seed before it begins, so that a seed names it. Pure."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from tests.chaos.proxy import MODES, Mode

Kind = Literal["kill", "restart", "stop", "cut", "kill_in_snapshot", "kill_in_takeover"]
Role = Literal["worker", "python", "conductor", "tracker", "pool", "arbitration", "store", "stale", "broker", "client"]
"""`worker` is one of the Rust workers, `python` one of the Python ones."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing done to one process. `duration_s` is how long it is stopped or cut off."""

    at_s: float
    kind: Kind
    role: Role
    which: int = 0
    """Which of several processes of the role, modulo their number."""
    duration_s: float = 0.0
    mode: Mode = "pass"

    def __str__(self) -> str:
        told = f"{self.kind} {self.mode}" if self.kind == "cut" else self.kind
        lasting = f" for {self.duration_s:.1f} s" if self.duration_s else ""
        return f"{self.at_s:8.2f} s  {told} {self.role} #{self.which}{lasting}"


WEIGHTS: dict[Role, int] = {
    "worker": 4, "python": 3, "conductor": 4, "tracker": 4, "pool": 2, "arbitration": 1, "store": 2, "stale": 1,
    "broker": 3, "client": 1,
}  # fmt: skip
KINDS: dict[Kind, int] = {"kill": 4, "stop": 3, "restart": 2, "cut": 3}
STOP_S = (0.3, 5.0)
"""Longer than a lease (2 s) in more than half of the cases: a successor is at work when it wakes."""
CUT_S = (0.5, 6.0)
PAIR_SHARE = 0.2
"""Of the moments at which two things are done at once."""
SPECIAL_SHARE = 0.12
"""Of those that wait for a snapshot or a takeover to strike in."""


def schedule(seed: int, seconds: float, mean_gap_s: float, only: Collection[Role] = ()) -> list[Fault]:
    """The faults of a chaos of so many seconds, in order. The first ones go through every role once.

    With `only`, those of these roles alone: to look for the cause of something.
    """
    chance = random.Random(f"schedule {seed}")
    roles = list(WEIGHTS)
    chance.shuffle(roles)
    found: list[Fault] = []
    at_s = mean_gap_s
    while at_s < seconds:
        role = roles.pop() if roles else chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if not roles and chance.random() < SPECIAL_SHARE:
            found.append(_special(chance, at_s))
        else:
            found.append(_fault(chance, at_s, role))
        if chance.random() < PAIR_SHARE:
            found.append(_fault(chance, at_s, chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]))
        at_s += min(max(chance.expovariate(1 / mean_gap_s), mean_gap_s / 4), mean_gap_s * 3)
    return [fault for fault in found if not only or fault.role in only]


def _fault(chance: random.Random, at_s: float, role: Role) -> Fault:
    kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
    if role == "client":
        kind = "cut"
    which = chance.randrange(8)
    if kind == "stop":
        return Fault(at_s, kind, role, which, round(chance.uniform(*STOP_S), 2))
    if kind == "cut":
        return Fault(at_s, kind, role, which, round(chance.uniform(*CUT_S), 2), chance.choice(MODES))
    return Fault(at_s, kind, role, which)


def _special(chance: random.Random, at_s: float) -> Fault:
    if chance.random() < 0.5:
        role: Role = chance.choice(["tracker", "tracker", "broker"])
        return Fault(at_s, "kill_in_snapshot", role, chance.randrange(8))
    return Fault(at_s, "kill_in_takeover", chance.choice(["conductor", "tracker"]), chance.randrange(8))
