"""Whether locks, semaphores and rates were kept, by the lines that their holders left. Pure but for the reading.

What is promised (`docs/reference/workflow.md`, `docs/adr/0011-locks-are-a-ledger.md`), and so what is asserted:

- One attempt at a time holds a lock, and as many as there are permits a semaphore; a workflow's own lock is one run's from
  the start of its first task to the end of its last. The one exception is a worker that is taken for dead and is not:
  stopped or cut off, it may go on with, or even begin, what others have been given since. So an attempt is a *ghost* where
  its worker (or the broker, which cuts off all) was struck while it held or right before. Ghosts are left out of the count;
- but never of the tokens: of two attempts that overlap under one lock the tokens differ, and whoever begins after another
  has the greater one, unless it is a ghost: what the key guards can refuse the lesser. Within the scope of a workflow's own
  lock the holder is the run.
- What must not be done twice in one try has begun once in it.
- Starts under a rate: in no span more than `burst` and what accrues in it. A try may wait for a slot after it was granted:
  a start proves only that the grant lay between the moment when it was wanted and the start. So a span is charged with
  those tries that lie in it wholly.

Lines are written between the begin and the end of what a function does, so whatever overlaps here did so in truth. One that
was killed has held at least until its last line.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checker import Violation
from tests.chaos.limits import RateOf

WORDS = 12
"""Of a line."""
GRACE_S = 2.0
"""After a worker goes on: what was sent to it meanwhile may begin so late."""
ROUNDING_S = 0.005
"""Of Arbitration's milliseconds, against the microseconds here."""

Try = tuple[str, str, int, int]
"""Run, task, generation, number of the try."""


@dataclass
class Attempt:
    """One call of the function, from its first line to its last; seconds of the machine's monotonic clock."""

    of: Try
    name: str
    worker: str
    claims: dict[str, int]
    scope: str
    rate: str
    once: bool
    tokens: dict[str, int]
    begin_s: float
    end_s: float

    def __str__(self) -> str:
        run, task, _, number = self.of
        held = f"{self.begin_s:.3f} - {self.end_s:.3f}"
        return f"{task} of run {run}, try {number} on {self.worker} ({self.name}), {held}, tokens {self.tokens}"


@dataclass(frozen=True)
class Struck:
    """A worker was stopped or cut off for so long. `worker` is None where all of them were."""

    worker: str | None
    begin_s: float
    end_s: float


@dataclass
class Found:
    """What came of the lines."""

    attempts: int = 0
    ghosts: int = 0
    excused: int = 0
    """Overlaps for which a ghost is to blame."""
    next_holders: int = 0
    """Times when a key went on within a tenth of a second: somebody had waited for it."""
    violations: list[Violation] = field(default_factory=list)


def read_holds(folder: Path) -> tuple[list[Attempt], list[str]]:
    """Every attempt of the files, and lines that cannot be read."""
    found: dict[tuple[Try, str, str], Attempt] = {}
    torn = []
    for path in sorted(folder.glob("*.holds")):
        for line in path.read_text(errors="replace").splitlines():
            try:
                attempt = _parse(line)
            except ValueError:
                torn.append(f"{path.name}: {line[:200]!r}")
                continue
            known = found.setdefault((attempt.of, attempt.worker, attempt.name), attempt)
            known.end_s = max(known.end_s, attempt.end_s)
    return list(found.values()), torn


def _parse(line: str) -> Attempt:
    words = line.split(" ")
    if len(words) != WORDS:
        raise ValueError(line)
    run, task, generation, number, name, worker, claims, scope, rate, once, tokens, at_s = words
    return Attempt(
        (run, task, int(generation), int(number)), name, worker, _pairs(claims), scope.removeprefix("-"),
        rate.removeprefix("-"), once == "1", _pairs(tokens), float(at_s), float(at_s),
    )  # fmt: skip


def _pairs(text: str) -> dict[str, int]:
    if text == "-":
        return {}
    return {key: int(number) for key, _, number in (pair.partition("=") for pair in text.split(","))}


def check(
    attempts: Iterable[Attempt],
    permits: Mapping[str, int],
    rates: Mapping[str, RateOf],
    submitted_s: Callable[[str], float],
    struck: list[Struck],
) -> Found:
    """Everything that the lines prove. `permits` says how many each key has, `submitted_s` when a run was submitted."""
    every = sorted(attempts, key=lambda attempt: attempt.begin_s)
    ghosts = {id(attempt) for attempt in every if _is_ghost(attempt, struck)}
    found = Found(len(every), len(ghosts))
    by_key: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in every:
        for key in {*attempt.claims, *([attempt.scope] if attempt.scope else [])}:
            by_key[key].append(attempt)
    for key, holders in sorted(by_key.items()):
        if key not in permits:
            found.violations.append(_violation(key, "nobody knows this key", holders[0]))
            continue
        found.next_holders += _went_on(holders)
        if permits[key] == 1:
            _lock(found, key, holders, ghosts)
            _scopes(found, key, [holder for holder in holders if id(holder) not in ghosts])
        else:
            _semaphore(found, key, permits[key], holders, ghosts)
    _once(found, every)
    for key, of in rates.items():
        _rate(found, key, of, [attempt for attempt in every if attempt.rate == key], submitted_s)
    return found


def _is_ghost(attempt: Attempt, struck: list[Struck]) -> bool:
    """Whether its worker may have been taken for dead while it held, or before it heard of it."""
    return any(
        blow.worker in (None, attempt.worker)
        and blow.begin_s <= attempt.end_s
        and attempt.begin_s <= blow.end_s + GRACE_S
        for blow in struck
    )


def _violation(key: str, text: str, *attempts: Attempt) -> Violation:
    return Violation("limit", attempts[0].of[0], f"{key}: {text}: {'; '.join(map(str, attempts))}")


def _went_on(holders: list[Attempt]) -> int:
    pairs = itertools.pairwise(holders)
    return sum(one.of[0] != other.of[0] and 0 <= other.begin_s - one.end_s < 0.1 for one, other in pairs)


def _lock(found: Found, key: str, holders: list[Attempt], ghosts: set[int]) -> None:
    """`holders` by their begins: those before are looked at that have not ended, and the greatest token so far."""
    live: list[Attempt] = []
    greatest: Attempt | None = None
    for holder in holders:
        live = [other for other in live if other.end_s > holder.begin_s]
        for other in live:
            if _same_scope(key, other, holder):
                continue
            if other.tokens.get(key) == holder.tokens.get(key):
                found.violations.append(_violation(key, "held by two of one token", other, holder))
            elif id(min(other, holder, key=lambda one: one.tokens.get(key, 0))) in ghosts:
                found.excused += 1
            else:
                found.violations.append(_violation(key, "held by two at once", other, holder))
        if greatest is not None and holder.tokens.get(key, 0) < greatest.tokens.get(key, 0):
            if id(holder) in ghosts or _same_scope(key, greatest, holder):
                found.excused += id(holder) in ghosts
            else:
                found.violations.append(_violation(key, "a lesser token after a greater one", greatest, holder))
        if greatest is None or holder.tokens.get(key, 0) > greatest.tokens.get(key, 0):
            greatest = holder
        live.append(holder)


def _same_scope(key: str, one: Attempt, other: Attempt) -> bool:
    """Tasks of one run under its own lock: the holder is the run."""
    return key in (one.scope, other.scope) and one.of[0] == other.of[0]


def _scopes(found: Found, key: str, holders: list[Attempt]) -> None:
    """A run holds its own lock between its tasks too."""
    spans: dict[str, tuple[Attempt, Attempt]] = {}
    for holder in holders:
        if holder.scope == key:
            first, last = spans.get(holder.of[0], (holder, holder))
            spans[holder.of[0]] = (first, holder if holder.end_s > last.end_s else last)
    for run, (first, last) in spans.items():
        for other in holders:
            if other.of[0] != run and first.end_s <= other.begin_s < last.begin_s:
                found.violations.append(_violation(key, "held between two tasks of its run", first, other, last))


def _semaphore(found: Found, key: str, of: int, holders: list[Attempt], ghosts: set[int]) -> None:
    live: list[Attempt] = []
    for holder in holders:
        live = [other for other in [*live, holder] if other.end_s > holder.begin_s or other is holder]
        if sum(other.claims[key] for other in live) > of:
            if sum(other.claims[key] for other in live if id(other) not in ghosts) > of:
                found.violations.append(_violation(key, f"more than {of} are held", *live))
            else:
                found.excused += 1


def _once(found: Found, every: list[Attempt]) -> None:
    began: dict[Try, Attempt] = {}
    for attempt in every:
        if attempt.once and began.setdefault(attempt.of, attempt) is not attempt:
            text = "it must not be repeated within a try, and began twice"
            found.violations.append(_violation(attempt.of[1], text, began[attempt.of], attempt))


def _rate(found: Found, key: str, of: RateOf, starts: list[Attempt], submitted_s: Callable[[str], float]) -> None:
    """`starts` by their begins. A try that was lost and done again has started once."""
    first: dict[Try, Attempt] = {}
    ended_s: dict[tuple[str, str, int], float] = {}
    wanted: list[tuple[float, Attempt]] = []
    for attempt in starts:
        if attempt.of not in first:
            first[attempt.of] = attempt
            wanted.append((ended_s.get(attempt.of[:3], submitted_s(attempt.of[0])), attempt))
        ended_s[attempt.of[:3]] = attempt.end_s
    for since_s, _ in wanted:
        inside = 0
        for wanted_s, attempt in wanted:
            if wanted_s < since_s:
                continue
            inside += 1
            allowed = of.burst + of.per_second * (attempt.begin_s - since_s + ROUNDING_S)
            if inside > allowed:
                text = f"{inside} started in {attempt.begin_s - since_s:.3f} s, and {allowed:.2f} were allowed"
                found.violations.append(_violation(key, text, attempt))
                return
