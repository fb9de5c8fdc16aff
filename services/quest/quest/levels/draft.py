"""A quest under construction. Names come from syllables that the splits do not share; no policy ever sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from quest.document import Quest
from quest.levels.shapes import FAMILIES, Family, Shape
from quest.split import Split

SYLLABLES = {
    "train": ("ba", "ko", "mi", "ru", "te", "sa", "lo", "ne", "du", "pi", "ga", "vo"),
    "test": ("zhe", "qua", "xil", "fyr", "woj", "thu", "cle", "bry", "sné", "hox", "jaw", "gri"),
}
UNBOUNDED_MS = 10**9
LOOSE = 1000.0
"""How far limits are from the sum of all durations and costs while a quest's typical time is not known."""


@dataclass
class Draft:
    """Parts of a quest as plain values. `hardness` in 0..1 is the parameter that a curriculum turns."""

    rng: Random
    split: Split
    hardness: float
    types: dict[str, list[str]] = field(default_factory=dict)
    functions: list[dict[str, Any]] = field(default_factory=list)
    pools: list[dict[str, Any]] = field(default_factory=list)
    resources: dict[str, int] = field(default_factory=dict)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    goals: list[dict[str, Any]] = field(default_factory=list)
    needed: int = 0
    """The first so many functions are the graph that the shape gave."""

    def between(self, easy: float, hard: float) -> float:
        """A value between two ends, by the hardness, with a little chance."""
        at = min(1.0, max(0.0, self.hardness + self.rng.uniform(-0.15, 0.15)))
        return easy + (hard - easy) * at

    def count(self, easy: int, hard: int) -> int:
        return round(self.between(easy, hard))

    def word(self) -> str:
        return "".join(self.rng.choice(SYLLABLES[self.split]) for _ in range(3)) + str(len(self.types))

    def type(self, *fields: str) -> str:
        name = self.word().capitalize()
        self.types[name] = list(fields)
        return name

    def function(self, inputs: list[str], output: str, **more: Any) -> dict[str, Any]:
        """A new function of chance duration (about 80 to 1,200 ms) and cost (1 to 6)."""
        made: dict[str, Any] = {
            "name": f"{self.word()}_{len(self.functions)}",
            "inputs": [{"type": one} for one in inputs],
            "output": {"type": output},
            "duration_ms": round(300 * self.rng.lognormvariate(0, 0.6), 1),
            "cost": round(self.rng.uniform(1, 6), 2),
            **more,
        }
        self.functions.append(made)
        return made

    def shape(self, size: int, families: tuple[Family, ...] | None = None) -> Shape:
        return self.rng.choice(families or FAMILIES[self.split])(self.rng, size)

    def graph(self, shape: Shape) -> list[dict[str, Any]]:
        """A function a node, a goal a sink (joined where there are more than two), and what the sources take."""
        start = self.type()
        self.artifacts.append({"type": start})
        outputs = [self.type() for _ in shape]
        for node, parents in enumerate(shape):
            self.function([outputs[parent] for parent in parents] or [start], outputs[node])
        inner = {parent for parents in shape for parent in parents}
        sinks = [node for node in range(len(shape)) if node not in inner]
        if len(sinks) > 2:
            last = self.type()
            self.function([outputs[node] for node in sinks], last)
            self.goals.append({"type": last})
        else:
            self.goals.extend({"type": outputs[node]} for node in sinks)
        self.needed = len(self.functions)
        return self.functions[: self.needed]

    def distract(self, count: int) -> None:
        """Functions that lead nowhere."""
        for _ in range(count):
            have = list(self.types)
            taken = self.rng.sample(have, min(len(have), self.rng.randint(1, 2)))
            self.function(taken, self.type())

    def rival(self, of: dict[str, Any], time: float, cost: float, **more: Any) -> dict[str, Any]:
        """Another function for the same output, so many times as slow and as dear."""
        made = self.function([], str(of["output"]["type"]), **more)
        made["inputs"] = [dict(one) for one in of["inputs"]]
        made["output"] = dict(of["output"])
        made["duration_ms"] = round(max(5.0, of["duration_ms"] * time), 1)
        made["cost"] = round(max(0.1, of["cost"] * cost), 2)
        return made

    def pool(self, slots: int, **more: Any) -> None:
        self.pools.append({"name": f"pool-{len(self.pools)}", "slots": slots, **more})

    def some(self, share: float) -> list[dict[str, Any]]:
        """A share of the graph's functions, one at least."""
        graph = self.functions[: self.needed]
        return self.rng.sample(graph, max(1, round(share * len(graph))))

    def finish(self, name: str, level: int, visible: str, seed: int) -> dict[str, Any]:
        """The quest's value with limits that bind nobody."""
        self.rng.shuffle(self.functions)
        total_ms = sum(one["duration_ms"] for one in self.functions)
        speed = min(pool.get("speed", 1.0) for pool in self.pools)
        price = max(pool.get("price", 0.0) for pool in self.pools)
        cost = sum(one["cost"] for one in self.functions) + total_ms / speed * price / 1000
        return {
            "quest": name,
            "version": 1,
            "level": level,
            "seed": seed,
            "visible": visible,
            "types": self.types,
            "functions": self.functions,
            "pools": self.pools,
            "resources": self.resources,
            "artifacts": self.artifacts,
            "goals": self.goals,
            "limits": {
                "deadline_ms": min(UNBOUNDED_MS, int(total_ms / speed * 20) + 10_000),
                "budget": cost * LOOSE,
                "calls": 100_000,
            },
        }


def built(value: dict[str, Any]) -> Quest:
    return msgspec.convert(value, Quest)
