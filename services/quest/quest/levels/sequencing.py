"""Levels 1 to 5: what to call, in which order. The infrastructure is hidden."""

from __future__ import annotations

from quest.levels.draft import Draft
from quest.levels.shapes import chain


def first_steps(draft: Draft) -> None:
    draft.graph(draft.shape(draft.count(3, 9), (chain,)))
    draft.distract(draft.rng.randint(1, 4))
    draft.pool(1)


def distractions(draft: Draft) -> None:
    draft.graph(draft.shape(draft.count(3, 8)))
    draft.distract(draft.count(4, 11))
    draft.pool(1)


def many_hands(draft: Draft) -> None:
    draft.graph(draft.shape(draft.count(5, 12)))
    draft.distract(draft.rng.randint(0, 3))
    draft.pool(2)


def the_right_key(draft: Draft) -> None:
    """Outputs with a field; cheaper functions give the same type with another value, or need what nobody makes."""
    graph = draft.graph(draft.shape(draft.count(4, 9)))
    for function in draft.some(draft.between(0.3, 0.7)):
        kind = function["output"]["type"]
        draft.types[kind] = ["colour"]
        function["output"]["fields"] = {"colour": "rusty"}
        for user in graph:
            for need in user["inputs"]:
                if need["type"] == kind:
                    need["fields"] = {"colour": "rusty"}
        for goal in draft.goals:
            if goal["type"] == kind:
                goal["fields"] = {"colour": "rusty"}
        other = draft.rival(function, 0.4, 0.4)
        other["output"]["fields"] = {"colour": "golden"}
        if draft.rng.random() < 0.6:
            dead = draft.rival(function, 0.2, 0.2)
            dead["inputs"].append({"type": draft.type()})
    draft.pool(1)


def single_use(draft: Draft) -> None:
    """Coins that calls use up, also those that lead nowhere; a mint makes more, slowly."""
    draft.graph(draft.shape(draft.count(4, 8)))
    coin = draft.type()
    payers = draft.some(draft.between(0.3, 0.6))
    for function in payers:
        function["inputs"].append({"type": coin, "consume": True})
    draft.artifacts.append({"type": coin, "count": max(1, len(payers) - draft.count(0, 2))})
    draft.function([draft.artifacts[0]["type"]], coin, duration_ms=draft.rng.uniform(300, 900), cost=4.0)
    before = len(draft.functions)
    draft.distract(draft.count(1, 4))
    for function in draft.functions[before:]:
        if all(need["type"] != coin for need in function["inputs"]):
            function["inputs"].append({"type": coin, "consume": True})
    draft.pool(2)
