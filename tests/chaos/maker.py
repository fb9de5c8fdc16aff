"""A workflow in the making: steps with their words, and what they mean."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.chaos.evaluate import Edge, Env, Step

Value = Callable[[Env], Any]
BACKOFF = "20ms"
LASTING_ATTEMPTS = 20
"""Of a task that must not be done twice in one try: each lost attempt costs one, and no run may fail for that."""


class Maker:
    """A workflow in the making. Names of a shape's tasks begin with its letter."""

    def __init__(self, chance: random.Random, effects: str) -> None:
        self.chance = chance
        self.effects = effects
        self.steps: list[Step] = []
        self.outputs: dict[str, tuple[str, Value]] = {}
        self.words: dict[str, Any] = {}
        """Of the document."""
        self.signals: dict[str, Any] = {}
        """What the client sends to the run, by the name of the signal."""
        self.events: list[tuple[str, Any]] = []
        """What it publishes until the run has ended: names and values of events."""
        self._letter = "a"
        self._before: tuple[tuple[str, Edge], ...] = ()

    def shape(self, make: Callable[[Maker], None]) -> None:
        """Add a shape; it begins once the last step of the one before has succeeded, or beside it."""
        first = len(self.steps)
        make(self)
        self._letter = chr(ord(self._letter) + 1)
        last = self.steps[-1]
        behind = first < len(self.steps) and last.ends == "succeeded" and last.when and self.chance.random() < 0.5
        self._before = ((last.name, "hard"),) if behind else ()

    def add(self, name: str, words: dict[str, Any], gives: Value, **said: Any) -> str:
        """Add a step; its whole name."""
        whole = f"{self._letter}_{name}"
        uses = tuple(said.pop("uses", ()))
        edges = tuple(said.pop("edges", ()))
        implied = frozenset(uses)
        begins = self._before if not uses and not edges else ()
        all_edges = (*((task, "hard") for task in uses), *edges, *begins)
        self.steps.append(Step(whole, words, gives, edges=all_edges, implied=implied, **said))
        return whole

    def output(self, text: str, value: Value) -> None:
        """Add an output of the run."""
        self.outputs[f"out_{len(self.outputs)}"] = (text, value)

    def echo(self, name: str, expression: str, value: Value, uses: tuple[str, ...] = (), **said: Any) -> str:
        """A step that gives `{v: expression}`."""
        words = {"call": "test.echo", "with": {"v": f"${{{expression}}}"}}
        return self.add(name, words, lambda env: {"v": value(env)}, uses=uses, **said)

    def unique(self, name: str) -> str:
        """The name of a signal or an event of this shape."""
        return f"{self._letter}_{name}"


def plus(task: str, more: int) -> Value:
    return lambda env: env[task]["v"] + more


def times(task: str, factor: int) -> Value:
    return lambda env: env[task]["v"] * factor


def record(value: Value) -> Value:
    return lambda env: {"v": value(env)}
