"""Levels 16 to 20: what fails, what drifts, and goals that compete."""

from __future__ import annotations

from quest.levels.draft import Draft


def transient(draft: Draft) -> None:
    graph = draft.graph(draft.shape(draft.count(5, 11)))
    for function in graph:
        function["failures"] = {"transient": round(draft.rng.uniform(0.02, draft.between(0.15, 0.35)), 3)}
        function["backoff_ms"] = int(draft.rng.uniform(30, 150))
        function["spread"] = 0.2
    draft.pool(draft.rng.randint(2, 3))


def broken(draft: Draft) -> None:
    """Functions that never work and pools where nothing does; there is always another way."""
    draft.graph(draft.shape(draft.count(4, 9)))
    for function in draft.some(draft.between(0.3, 0.6)):
        function["failures"] = {"permanent": round(draft.rng.uniform(0.1, draft.between(0.3, 0.6)), 3)}
        draft.rival(function, draft.rng.uniform(0.8, 2.0), draft.rng.uniform(1, 2.5))
    draft.pool(draft.rng.randint(2, 3), price=0.2)
    draft.pool(draft.rng.randint(2, 3), speed=1.3, price=0.5, broken=round(draft.rng.uniform(0.1, 0.5), 2))
    draft.pool(1, speed=2.0, price=1.5, broken=round(draft.rng.uniform(0.1, 0.5), 2))


def side_effects(draft: Draft) -> None:
    graph = draft.graph(draft.shape(draft.count(4, 9)))
    for function in graph:
        kind = draft.rng.choice(("transient", "garbage", "lost_input", "none"))
        chance = round(draft.rng.uniform(0.05, draft.between(0.15, 0.3)), 3)
        if kind == "lost_input" and function["inputs"][0]["type"] == draft.artifacts[0]["type"]:
            kind = "garbage"  # what nobody can make again must not be lost
        if kind != "none":
            function["failures"] = {kind: chance, "slow": 0.05}
        if draft.rng.random() < 0.5:
            function["side_effect"] = {"undo_ms": int(draft.rng.uniform(20, 200)), "undo_cost": 0.5}
    for function in draft.some(0.3):
        draft.rival(function, draft.rng.uniform(0.9, 1.6), draft.rng.uniform(1.2, 2.5))
    draft.pool(draft.rng.randint(2, 3))


def drift(draft: Draft) -> None:
    """Speeds change in mid-run; two goals with deadlines of their own, one that need not be reached."""
    draft.graph(draft.shape(draft.count(4, 8)))
    second = draft.shape(draft.count(3, 6))
    start = draft.artifacts[0]["type"]
    outputs = [draft.type() for _ in second]
    for node, parents in enumerate(second):
        draft.function([outputs[parent] for parent in parents] or [start], outputs[node], spread=0.15)
    draft.goals.append({"type": outputs[-1]})
    extra = draft.type()
    draft.function([draft.rng.choice(outputs)], extra)
    draft.goals.append({"type": extra, "optional": True})
    draft.needed = len(draft.functions)
    for _ in range(2):
        speed = round(draft.rng.uniform(0.8, 1.6), 2)
        at_ms = int(draft.rng.uniform(300, 2500))
        factor = draft.rng.choice((0.3, 0.5, 1.0, 2.0))
        draft.pool(
            draft.rng.randint(1, 3), speed=speed, price=round(speed, 2), drift={"at_ms": at_ms, "factor": factor}
        )
    draft.pool(1, speed=1.0, price=0.5)


def everything(draft: Draft) -> None:
    drift(draft)
    for function in draft.some(0.4):
        function["failures"] = {
            "transient": round(draft.rng.uniform(0.0, 0.15), 3),
            "permanent": 0.0,
            "garbage": round(draft.rng.uniform(0.0, 0.1), 3),
            "slow": 0.05,
        }
        function["backoff_ms"] = 60
    for function in draft.some(0.3):
        draft.rival(function, draft.rng.uniform(0.3, 1.5), draft.rng.uniform(1, 3))
        if draft.rng.random() < 0.5:
            function["failures"] = {**function.get("failures", {}), "permanent": 0.25}
    draft.resources["licence"] = 1
    for function in draft.some(0.2):
        function["needs"] = {"licence": 1}
    for function in draft.some(0.2):
        function["side_effect"] = {"undo_ms": 60, "undo_cost": 0.5}
    for function in draft.some(0.3):
        function["transfer_ms"] = int(draft.rng.uniform(50, 250))
