"""Levels 6 to 10: slots, speeds, warm-up, locks, rates. Pools are seen, failure rates are not."""

from __future__ import annotations

from quest.levels.draft import Draft


def slots(draft: Draft) -> None:
    draft.graph(draft.shape(draft.count(8, 18)))
    draft.pool(draft.rng.randint(2, 4))


def two_speeds(draft: Draft) -> None:
    draft.graph(draft.shape(draft.count(5, 12)))
    draft.pool(draft.rng.randint(1, 3), speed=1.0, price=round(draft.rng.uniform(0.5, 1.5), 2))
    fast = draft.rng.uniform(2, 4)
    draft.pool(draft.rng.randint(1, 2), speed=round(fast, 2), price=round(fast * draft.rng.uniform(2, 5), 2))
    if draft.hardness > 0.5:
        draft.pool(1, speed=0.6, price=0.1)


def warm_up(draft: Draft) -> None:
    draft.graph(draft.shape(draft.count(5, 14)))
    draft.pool(draft.rng.randint(1, 2), warm=True, price=1.0)
    for _ in range(draft.rng.randint(1, 2)):
        speed = round(draft.rng.uniform(1, 2.5), 2)
        draft.pool(
            draft.rng.randint(1, 3), speed=speed, price=speed * 1.5, warm_up_ms=int(draft.rng.uniform(200, 1500))
        )


def locks(draft: Draft) -> None:
    draft.graph(draft.shape(draft.count(6, 14)))
    for index in range(draft.rng.randint(1, 3)):
        name = f"lock-{index}"
        draft.resources[name] = draft.rng.randint(1, 2)
        for function in draft.some(draft.between(0.3, 0.6)):
            function.setdefault("needs", {})[name] = 1
    draft.pool(draft.rng.randint(3, 5))


def rates(draft: Draft) -> None:
    """A source that is called again and again, so many times in a window."""
    draft.graph(draft.shape(draft.count(4, 9)))
    ticket = draft.type()
    for function in draft.some(draft.between(0.4, 0.8)):
        function["inputs"].append({"type": ticket, "consume": True})
    window_ms = int(draft.rng.uniform(300, 1500))
    draft.function(
        [draft.artifacts[0]["type"]],
        ticket,
        duration_ms=draft.rng.uniform(40, 200),
        cost=0.5,
        rate={"calls": draft.rng.randint(1, 2), "window_ms": window_ms},
    )
    if draft.rng.random() < 0.5:
        draft.function(
            [draft.artifacts[0]["type"]], ticket, duration_ms=draft.rng.uniform(400, 900), cost=draft.between(1, 3)
        )
    draft.pool(draft.rng.randint(2, 3))
