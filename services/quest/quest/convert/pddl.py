"""A subset of STRIPS as a quest: ground facts are types, ground actions are functions.

Taken are problems whose actions make one fact each and delete only facts that they need (those are used up). Anything else
(several added facts, negative preconditions, other requirements) is refused with the action's name. The file holds a
domain and a problem, one after the other.
"""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

from quest.document import Artifact, Function, Goal, Input, Limits, Pool, Quest, TypeRef

FUNCTIONS_MAX = 2000
"""Ground actions: the number of objects to the power of an action's parameters."""
STEP_MS = 100.0
Tree = Any
Fact = tuple[str, ...]


def read(path: Path, text: str) -> Quest:
    """Raises ValueError where the problem is outside of the subset."""
    parts = {part[1][0]: part for part in _parsed(text) if part and part[0] == "define"}
    if "domain" not in parts or "problem" not in parts:
        raise ValueError("the file holds a (define (domain ...)) and a (define (problem ...))")
    problem = {part[0]: part[1:] for part in parts["problem"][2:]}
    objects = [word for word in problem.get(":objects", []) if word != "-"]
    functions: list[Function] = []
    for part in parts["domain"][2:]:
        if part[0] == ":action":
            functions.extend(_ground(part, objects))
            if len(functions) > FUNCTIONS_MAX:
                raise ValueError(f"more than {FUNCTIONS_MAX} ground actions")
    start = [_fact(one, {}) for one in problem.get(":init", [])]
    goals = [_fact(one, {}) for one in _all(problem[":goal"][0])]
    names = {name for function in functions for name in (function.output.type, *(i.type for i in function.inputs))}
    names |= {_name(fact) for fact in [*start, *goals]}
    return Quest(
        quest=path.stem,
        types={name: [] for name in sorted(names)},
        functions=functions,
        pools=[Pool(name="hands", slots=1)],
        artifacts=[Artifact(type=_name(fact)) for fact in start],
        goals=[Goal(type=_name(fact)) for fact in goals],
        limits=Limits(deadline_ms=int(STEP_MS * 1000), budget=1000.0, calls=1000),
    )


def _ground(action: Tree, objects: list[str]) -> list[Function]:
    name = action[1]
    body = {action[at]: action[at + 1] for at in range(2, len(action) - 1, 2)}
    variables = [word for word in body.get(":parameters", []) if word.startswith("?")]
    effects = _all(body[":effect"])
    added = [effect for effect in effects if effect[0] != "not"]
    deleted = [effect[1] for effect in effects if effect[0] == "not"]
    needed = _all(body.get(":precondition", ["and"]))
    if len(added) != 1:
        raise ValueError(f"action {name} adds {len(added)} facts; a function makes one")
    if any(one[0] in ("not", "or", "forall", "exists", "when") for one in needed):
        raise ValueError(f"action {name} has a precondition that is no plain fact")
    made = []
    for values in product(objects, repeat=len(variables)):
        bound = dict(zip(variables, values, strict=True))
        gone = {_fact(one, bound) for one in deleted}
        facts = [_fact(one, bound) for one in needed]
        if not gone <= set(facts):
            raise ValueError(f"action {name} deletes a fact that it does not need")
        made.append(
            Function(
                name="-".join([name, *values]),
                inputs=[Input(type=_name(fact), consume=fact in gone) for fact in facts],
                output=TypeRef(type=_name(_fact(added[0], bound))),
                duration_ms=STEP_MS,
                cost=1.0,
            )
        )
    return made


def _all(tree: Tree) -> list[Tree]:
    if not tree:
        return []
    return list(tree[1:]) if tree[0] == "and" else [tree]


def _fact(tree: Tree, bound: dict[str, str]) -> Fact:
    return tuple(bound.get(word, word) for word in tree)


def _name(fact: Fact) -> str:
    return "-".join(fact)


def _parsed(text: str) -> list[Tree]:
    """The lists of a file; comments are left out, words are lower case."""
    words = re.findall(r"[()]|[^\s()]+", re.sub(r";[^\n]*", "", text).lower())
    stack: list[list[Tree]] = [[]]
    for word in words:
        if word == "(":
            stack.append([])
        elif word == ")":
            if len(stack) == 1:
                raise ValueError("a bracket is closed that was not opened")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    if len(stack) != 1:
        raise ValueError("a bracket is not closed")
    return stack[0]
