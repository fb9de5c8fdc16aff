"""Train or test, by structure: a hash of the graph of functions and types that no renaming changes.

The graph's hash (Weisfeiler and Leman's colour refinement) says to which split a quest belongs, so that no graph that was
trained on can be tested on, whatever its names, numbers and seed are.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from quest.document import Input, Quest, TypeRef

Split = Literal["train", "test"]
ROUNDS = 4
TEST_SHARE = 4
"""One structure in so many belongs to the test split."""


def structure(quest: Quest) -> str:
    """Sixteen hexadecimal digits that are the same for quests of the same shape."""
    makers = [[j for j, other in enumerate(quest.functions) if _fits(other.output, need)] for need in _needs(quest)]
    at = 0
    takes: list[list[list[int]]] = []
    for function in quest.functions:
        takes.append(makers[at : at + len(function.inputs)])
        at += len(function.inputs)
    goals = makers[at:]
    colours = [f"{len(f.inputs)},{sum(i.consume for i in f.inputs)},{f.rate is not None}" for f in quest.functions]
    wanted = {index for goal in goals for index in goal}
    colours = [_digest(colour + ("g" if index in wanted else "")) for index, colour in enumerate(colours)]
    users: list[list[int]] = [[] for _ in quest.functions]
    for index, needs in enumerate(takes):
        for need in needs:
            for maker in need:
                users[maker].append(index)
    for _ in range(ROUNDS):
        colours = [
            _digest(
                colours[index]
                + "<"
                + "|".join(sorted(",".join(sorted(colours[maker] for maker in need)) for need in takes[index]))
                + ">"
                + ",".join(sorted(colours[user] for user in users[index]))
            )
            for index in range(len(colours))
        ]
    return _digest(",".join(sorted(colours)))


def split_of(quest: Quest) -> Split:
    """Which split a quest belongs to."""
    return "test" if int(structure(quest), 16) % TEST_SHARE == 0 else "train"


def _needs(quest: Quest) -> list[Input | TypeRef]:
    inputs: list[Input | TypeRef] = [need for function in quest.functions for need in function.inputs]
    return inputs + [TypeRef(type=goal.type, fields=goal.fields) for goal in quest.goals]


def _fits(output: TypeRef, need: Input | TypeRef) -> bool:
    return output.type == need.type and need.fields.items() <= output.fields.items()


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
