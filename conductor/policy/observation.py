"""What a policy sees, in natural units: one row a token. The game and the conductor fill the same tables.

Times are milliseconds from now, costs are in the currency of the budget. Whatever is not known is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

GLOBALS = (
    # times
    "time left",
    "end of the fastest plan",
    "end of the even plan",
    "end of the cheapest plan",
    "least slack of the fastest plan",
    "least slack of the even plan",
    "least slack of the cheapest plan",
    "work of the plan for each slot",
    # costs
    "budget left",
    "cost of the fastest plan",
    "cost of the even plan",
    "cost of the cheapest plan",
    # counts
    "open goals",
    "open goals that need not be reached",
    "slots",
    "busy slots",
    "calls under way",
    "calls left",
    # flags
    "a failure waits",
    "transient",
    "permanent",
    "garbage",
    "rate limited",
    "input lost",
    "infrastructure",
    # others
    "failures of the function in a row",
    "a plan exists",
    "failed calls so far",
)
NODES = (
    # times
    "own time, fastest",
    "own time, cheapest",
    "end, fastest plan",
    "end, even plan",
    "end, cheapest plan",
    "rest of the path, fastest plan",
    "rest of the path, even plan",
    "rest of the path, cheapest plan",
    "latest end, fastest plan",
    "latest end, even plan",
    "latest end, cheapest plan",
    "left of the call under way",
    "backoff left",
    "result may be used for",
    "shelf life",
    # costs
    "own cost, fastest",
    "own cost, cheapest",
    "cost with its inputs, fastest plan",
    "cost with its inputs, cheapest plan",
    # flags and others
    "in the fastest plan",
    "in the even plan",
    "in the cheapest plan",
    "chance of a failure",
    "spread of the time",
    "tries",
    "failures in a row",
    "under way",
    "given up",
    "inputs that are missing",
    "calls left in the window",
    "uses up an input",
    "rivals",
)
POOLS = (
    "warm-up",
    "next slot free",
    "slots",
    "free slots",
    "speed as seen",
    "actual over expected time",
    "price of a second",
    "good calls",
    "bad calls",
    "visible",
)
ACTIONS = (
    # times
    "end of the call",
    "later than in the best free pool",
    "sooner than in the best busy pool",
    "slack, fastest plan",
    "slack, even plan",
    "slack, cheapest plan",
    "warming the pool",
    "moving the inputs",
    "later end of the plan with it",
    "slack of the plan with it",
    # costs
    "cost",
    "dearer than in the cheapest free pool",
    "dearer plan with it",
    # flags and others
    "in the fastest plan",
    "in the even plan",
    "in the cheapest plan",
    "soonest free pool",
    "cheapest free pool",
    "shelf life that passes unused",
    "other inputs of its users that lie here",
    "and elsewhere",
    "start",
    "wait",
    "retry now",
    "retry later",
    "reroute",
    "fallback",
    "reconstruct",
    "compensate",
    "skip",
    "halt",
)
KIND = 21
"""The first of the flags of an action's kind."""
KINDS = ACTIONS[KIND:]
"""Kinds of actions, in the order of their flags."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Tables of a moment.

    `globals` (28), `nodes` (n, 32), `pools` (p, 10) and `actions` (a, 31) have the columns above. `places` (a, 2) names
    each action's row in `nodes` and in `pools`, -1 for none. `edges` (e, 2) are pairs of rows of `nodes`: producer and
    consumer.
    Every row of `actions` is legal: masks are exact because nothing else is shown.
    """

    globals: Floats
    nodes: Floats
    pools: Floats
    actions: Floats
    places: Ints
    edges: Ints

    @classmethod
    def of(cls, tables: list[bytes]) -> Observation:
        """From the bytes that the game's core gives: little-endian `float32` and `int32`."""
        floats = [np.frombuffer(table, "<f4") for table in tables[:4]]
        places, edges = (np.frombuffer(table, "<i4").reshape(-1, 2) for table in tables[4:])
        return cls(
            floats[0],
            floats[1].reshape(-1, len(NODES)),
            floats[2].reshape(-1, len(POOLS)),
            floats[3].reshape(-1, len(ACTIONS)),
            places,
            edges,
        )
