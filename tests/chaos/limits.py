"""Shapes of locks, semaphores and rates, of few keys that all runs share, so that they contend.

Each task calls `chaos.hold`, which leaves lines about when it held what: `holding.py` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.chaos.maker import BACKOFF, LASTING_ATTEMPTS, Maker

HOLD_S = (0.01, 0.12)
"""Longer would make the runs of a minute wait for each other for an hour."""


@dataclass(frozen=True)
class RateOf:
    """What a key of a rate allows."""

    per_second: float
    burst: int


LOCKS = ("lock-0", "lock-1", "lock-2")
OWN = ("own-0", "own-1")
"""Of whole workflows; some tasks of other runs take them too."""
SEMAPHORES = {"pair-0": 2, "pair-1": 2, "three-0": 3}
"""With how many permits each has."""
PERMITS: dict[str, int] = {**dict.fromkeys((*LOCKS, *OWN), 1), **SEMAPHORES}
RATES = {"rate-0": RateOf(4.0, 1), "rate-1": RateOf(8.0, 3), "rate-2": RateOf(6.0, 2)}


def locked(make: Maker) -> None:
    """Tasks that hold a lock, one after the other; its key is rendered from another task's output."""
    number = make.chance.randrange(len(LOCKS))
    which = make.echo("which", str(number), lambda _: number)
    last = which
    for at in range(make.chance.randint(1, 2)):
        words = _hold(make, {LOCKS[number]: 1}) | {"lock": f"lock-${{tasks.{which}.v}}"}
        _vary(make, words)
        uses = (which,)
        edges = () if last == which else ((last, "hard"),)
        last = make.add(f"held{at}", words, lambda _: {"v": 1}, uses=uses, edges=edges)
    make.output(f"${{tasks.{last}.v}}", lambda env: env[last]["v"])


def shared(make: Maker) -> None:
    """Tasks beside each other that take one or more permits of a semaphore, some with a lock besides."""
    key = make.chance.choice(list(SEMAPHORES))
    for number in range(make.chance.randint(1, 3)):
        permits = make.chance.randint(1, SEMAPHORES[key] - 1)
        claims = {key: permits}
        words: dict[str, Any] = {"semaphore": {"key": key, "permits": permits, "of": SEMAPHORES[key]}}
        if make.chance.random() < 0.3:
            lock = make.chance.choice(LOCKS)
            claims[lock], words["lock"] = 1, lock
        words |= _hold(make, claims)
        _vary(make, words)
        make.add(f"part{number}", words, lambda _: {"v": 1})


def lock_mapped(make: Maker) -> None:
    """A map whose items hold locks by their number, or permits of one semaphore."""
    count = make.chance.randint(2, 5)
    each = {"for_each": f"range({count})"}
    if make.chance.random() < 0.5:
        words = _hold(make, {"lock-${item % 3}": 1}) | each | {"lock": "lock-${item % 3}"}
    else:
        key = make.chance.choice(list(SEMAPHORES))
        words = _hold(make, {key: 1}) | each | {"semaphore": {"key": key, "of": SEMAPHORES[key]}}
    _vary(make, words)
    whole = make.add("each", words, lambda _: [{"v": 1}] * count)
    make.output(f"${{sum(tasks.{whole}[*].v)}}", lambda env: len(env[whole]))


def lock_failed(make: Maker) -> None:
    """A task that fails for good while it holds a lock: others get it all the same."""
    key = make.chance.choice((*LOCKS, *OWN))
    words = _hold(make, {key: 1}, fails=1 << 20)
    words |= {"lock": key, "retry": {"max_attempts": 2, "backoff": BACKOFF}, "on_failure": "continue"}
    fails = make.add("fails", words, lambda _: None, ends="failed")
    make.echo("behind", "2", lambda _: 2, edges=((fails, "soft"),))


def own_lock(make: Maker) -> None:
    """A lock of the whole workflow, held over two tasks, of which the second may have the same lock of its own."""
    if "lock" in make.words:
        return
    key = make.chance.choice(OWN)
    first = _hold(make, {}, scope=key)
    _vary(make, first)
    begins = make.add("first", first, lambda _: {"v": 1})
    second = _hold(make, {}, scope=key)
    if make.chance.random() < 0.3:
        other = make.chance.choice((key, *LOCKS))
        second = _hold(make, {} if other == key else {other: 1}, scope=key) | {"lock": other}
    _vary(make, second)
    ends = make.add("second", second, lambda _: {"v": 1}, edges=((begins, "hard"),))
    make.words["lock"] = {"key": key, "scope": [begins, ends]}


def rated(make: Maker) -> None:
    """Items that start as a rate allows."""
    key = make.chance.choice(list(RATES))
    count, of = make.chance.randint(1, 3), RATES[key]
    words = _hold(make, {}, rate=key) | {"for_each": f"range({count})"}
    words["rate"] = {"key": key, "per_second": of.per_second, "burst": of.burst}
    _vary(make, words)
    whole = make.add("each", words, lambda _: [{"v": 1}] * count)
    make.output(f"${{sum(tasks.{whole}[*].v)}}", lambda env: len(env[whole]))


LIMITS = {locked: 4, shared: 3, lock_mapped: 2, lock_failed: 1, own_lock: 3, rated: 2}
"""With how often each is chosen."""


def _hold(make: Maker, claims: dict[str, int], scope: str = "", rate: str = "", fails: int = 0) -> dict[str, Any]:
    """A call that holds; `claims` are permits by key."""
    said: dict[str, Any] = {
        "file": make.effects.removesuffix(".txt") + ".holds",
        "seconds": round(make.chance.uniform(*HOLD_S), 3),
        "claims": [f"{key}={permits}" for key, permits in claims.items()],
        "scope": scope,
        "rate": rate,
        "fails": fails,
    }
    return {"call": "chaos.hold", "with": said}


def _vary(make: Maker, words: dict[str, Any]) -> None:
    """Some fail first and are tried again, and some must not be done twice in one try."""
    fails = make.chance.choice([0, 0, 0, 1])
    once = make.chance.random() < 0.3
    words["with"] |= {"fails": fails, "once": once}
    if once:
        words |= {"retry_safe": False, "retry": {"max_attempts": LASTING_ATTEMPTS, "backoff": BACKOFF}}
    elif fails:
        words["retry"] = {"max_attempts": fails + 1, "backoff": BACKOFF}
