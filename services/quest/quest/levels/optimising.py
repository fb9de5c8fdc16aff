"""Levels 11 to 15: time against money, uncertainty, distance, shelf life, and all of it on a large graph."""

from __future__ import annotations

from quest.levels.draft import Draft


def fast_or_cheap(draft: Draft) -> None:
    draft.graph(draft.shape(draft.count(5, 10)))
    for function in draft.some(draft.between(0.5, 0.9)):
        draft.rival(function, draft.rng.uniform(0.2, 0.6), draft.rng.uniform(2, 5))
        if draft.rng.random() < 0.3:
            draft.rival(function, draft.rng.uniform(1.5, 3), draft.rng.uniform(0.2, 0.5))
    draft.pool(draft.rng.randint(2, 3))


def uncertainty(draft: Draft) -> None:
    graph = draft.graph(draft.shape(draft.count(6, 14)))
    for function in graph:
        function["spread"] = round(draft.rng.uniform(0.1, draft.between(0.4, 0.8)), 2)
    for function in draft.some(0.4):
        draft.rival(function, draft.rng.uniform(0.8, 1.3), draft.rng.uniform(1, 2))["spread"] = 0.05
    draft.pool(draft.rng.randint(2, 3))


def distance(draft: Draft) -> None:
    graph = draft.graph(draft.shape(draft.count(6, 13)))
    for function in graph:
        function["transfer_ms"] = int(draft.rng.uniform(50, draft.between(300, 1200)))
    for _ in range(draft.rng.randint(2, 3)):
        draft.pool(draft.rng.randint(1, 2), speed=round(draft.rng.uniform(0.8, 1.8), 2), price=0.5)


def shelf_life(draft: Draft) -> None:
    """Results that go stale before the slow side is done, unless they are made late enough."""
    graph = draft.graph(draft.shape(draft.count(5, 11)))
    for function in draft.some(draft.between(0.2, 0.4)):
        function["fresh_ms"] = int(draft.rng.uniform(1.0, 2.5) * 500)
        function["duration_ms"] = round(min(function["duration_ms"], 300.0), 1)
    for function in graph:
        function["spread"] = 0.1
    draft.pool(draft.rng.randint(2, 4))


def the_large_graph(draft: Draft) -> None:
    graph = draft.graph(draft.shape(draft.count(12, 20)))
    for function in graph:
        function["spread"] = round(draft.rng.uniform(0.0, 0.3), 2)
        function["transfer_ms"] = int(draft.rng.uniform(0, 200))
    for function in draft.some(0.3):
        draft.rival(function, draft.rng.uniform(0.3, 0.7), draft.rng.uniform(2, 4))
    draft.resources["licence"] = draft.rng.randint(1, 2)
    for function in draft.some(0.25):
        function["needs"] = {"licence": 1}
    draft.pool(draft.rng.randint(2, 3), speed=1.0, price=0.5, warm=True)
    draft.pool(draft.rng.randint(1, 2), speed=round(draft.rng.uniform(1.5, 3), 2), price=3.0, warm_up_ms=300)
    draft.pool(1, speed=0.5, price=0.1, warm=True)
