"""Small workflows of many shapes, by chance, each with its meaning beside it.

A new shape is a function of `Maker` that adds steps, listed in `SHAPES`. Those of tasks inside tasks, of waits and undoing
are in `words.py`, those of locks and rates in `limits.py`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

from tests.chaos import words as said
from tests.chaos.evaluate import Edge, End, Flow
from tests.chaos.functions import letters
from tests.chaos.limits import LIMITS
from tests.chaos.maker import BACKOFF, LASTING_ATTEMPTS, Maker, plus, record, times


def chain(make: Maker) -> None:
    """Each step adds to the one before, in Rust or in Python."""
    start = make.chance.randrange(1000)
    last = make.echo("0", str(start), lambda _: start)
    for number in range(1, make.chance.randint(2, 5)):
        more, before = make.chance.randrange(100), last
        value = plus(before, more)
        if make.chance.random() < 0.5:
            last = make.echo(f"{number}", f"tasks.{before}.v + {more}", value, (before,))
        else:
            words = {"call": "chaos.add", "with": {"a": f"${{tasks.{before}.v}}", "b": more}}
            last = make.add(f"{number}", words, record(value), uses=(before,))
    make.output(f"${{tasks.{last}.v}}", plus(last, 0))


def fan(make: Maker) -> None:
    """One, then several beside each other, then their sum."""
    start = make.chance.randrange(1000)
    root = make.echo("root", str(start), lambda _: start)
    arms = []
    for number in range(make.chance.randint(2, 6)):
        factor = number + 1
        arms.append(make.echo(f"arm{number}", f"tasks.{root}.v * {factor}", times(root, factor), (root,)))
    total = " + ".join(f"tasks.{arm}.v" for arm in arms)
    join = make.echo("join", total, lambda env: sum(env[arm]["v"] for arm in arms), tuple(arms))
    make.output(f"${{tasks.{join}.v}}", plus(join, 0))


def mapped(make: Maker) -> None:
    """A map over numbers, and what its outputs sum up to."""
    count = make.chance.randint(0, 12)
    python = make.chance.random() < 0.4
    words: dict[str, Any] = {"for_each": f"${{range({count})}}"}
    if python:
        words |= {"call": "chaos.add", "with": {"a": "${item}", "b": "${item}"}}
    else:
        words |= {"call": "test.echo", "with": {"v": "${item * 2}"}}
    if make.chance.random() < 0.4:
        words["max_parallel"] = make.chance.randint(1, 3)
    each = make.add("each", words, lambda _: [{"v": item * 2} for item in range(count)])
    made = {"value": f"sum(tasks.{each}[*].v)"}
    total = make.add("total", made, lambda env: sum(item["v"] for item in env[each]), uses=(each,))
    make.output(f"${{tasks.{each}[*].v}}", lambda env: [item["v"] for item in env[each]])
    make.output(f"${{tasks.{total}}}", lambda env: env[total])


def retried(make: Maker) -> None:
    """Fails a few times, then succeeds."""
    times = make.chance.randint(1, 3)
    retry = {"max_attempts": times + 1, "backoff": BACKOFF, "jitter": make.chance.random() < 0.5}
    words = {"call": "test.fail", "with": {"kind": "flaky", "times": times}, "retry": retry}
    flaky = make.add("flaky", words, lambda _: {"attempt": times + 1})
    make.output(f"${{tasks.{flaky}.attempt}}", lambda env: env[flaky]["attempt"])


def fallen_back(make: Maker) -> None:
    """Fails for good; another function, or a value, takes its place."""
    number = make.chance.randrange(1000)
    other: dict[str, Any] = {"value": {"v": number}}
    if make.chance.random() < 0.5:
        other = {"call": "test.echo", "with": {"v": number}}
    retry = {"max_attempts": make.chance.randint(1, 2), "backoff": BACKOFF}
    words = {"call": "test.fail", "with": {"kind": "broken"}, "retry": retry, "fallback": [other]}
    backed = make.add("backed", words, lambda _: {"v": number})
    make.output(f"${{tasks.{backed}.v}}", lambda env: env[backed]["v"])


def edged(make: Maker) -> None:
    """A task that succeeds, fails or is skipped, and others that hang on it by each kind of edge."""
    end: End = make.chance.choice(["succeeded", "failed", "skipped"])
    words: dict[str, Any] = {"call": "test.noop"}
    if end != "succeeded":
        words = {"call": "test.fail", "retry": {"max_attempts": 1}}
        words["on_failure"] = "skip" if end == "skipped" else "continue"
    when = make.chance.random() > 0.2
    first = make.add("first", words, lambda _: {}, ends=end, when=when)
    kinds: list[Edge] = ["hard", "soft", "optional"]
    for kind in kinds:
        behind = make.add(kind, {"call": "test.echo", "with": {"v": kind}}, lambda _: {}, edges=((first, kind),))
        make.add(f"{kind}2", {"call": "test.noop"}, lambda _: {}, edges=((behind, "hard"),))
    make.echo("end", "1", lambda _: 1, edges=((first, "soft"),))


def large(make: Maker) -> None:
    """A text that travels as an artifact, through both kinds of worker."""
    seed = make.chance.randrange(1 << 30)
    size = make.chance.choice([70_000, 120_000, 300_000])
    whole = letters(seed, size)
    text = make.add("text", {"call": "chaos.text", "with": {"seed": seed, "size": size}}, lambda _: {"text": whole})
    words = {"call": "test.echo", "with": {"text": f"${{tasks.{text}.text}}"}}
    same = make.add("same", words, lambda _: {"text": whole}, uses=(text,))
    words = {"call": "chaos.digest", "with": {"text": f"${{tasks.{same}.text}}"}}
    sha256 = hashlib.sha256(whole.encode()).hexdigest()
    digest = make.add("digest", words, lambda _: {"sha256": sha256}, uses=(same,))
    make.output(f"${{tasks.{digest}.sha256}}", lambda env: env[digest]["sha256"])


def listed(make: Maker) -> None:
    """A map over a list that is an artifact: its items have to stand in the log."""
    seed, size, count = make.chance.randrange(1 << 30), 9_000, 10
    words: dict[str, Any] = {"call": "chaos.texts", "with": {"seed": seed, "size": size, "count": count}}
    made = [letters(seed + at, size) for at in range(count)]
    texts = make.add("texts", words, lambda _: {"items": made})
    words = {"call": "chaos.digest", "for_each": f"${{tasks.{texts}.items}}", "with": {"text": "${item}"}}
    digests = [{"sha256": hashlib.sha256(text.encode()).hexdigest()} for text in made]
    each = make.add("each", words, lambda _: digests, uses=(texts,))
    make.output(f"${{tasks.{each}[*].sha256}}", lambda env: [item["sha256"] for item in env[each]])


def lasting(make: Maker) -> None:
    """Takes a moment: what is under way when something happens."""
    seconds = round(make.chance.uniform(0.05, 1.5), 2)
    call = make.chance.choice(["time.sleep", "chaos.nap"])
    nap = make.add("nap", {"call": call, "with": {"seconds": seconds}}, lambda _: {})
    make.echo("awake", "1", lambda _: 1, edges=((nap, "hard"),))


def appended(make: Maker) -> None:
    """Lines in a file. Half of them must not be written twice in one try."""
    for number in range(make.chance.randint(1, 3)):
        call = make.chance.choice(["test.append", "chaos.append"])
        line = f"line-{number}"
        words: dict[str, Any] = {"call": call, "with": {"file": make.effects, "line": line}}
        if call == "chaos.append" and make.chance.random() < 0.5:
            words["with"]["seconds"] = round(make.chance.uniform(0.05, 0.6), 2)
        once = make.chance.random() < 0.5
        if once:
            words |= {"retry_safe": False, "retry": {"max_attempts": LASTING_ATTEMPTS, "backoff": BACKOFF}}
        make.add(f"line{number}", words, lambda _: {}, effects=(line,), lasting=once)


def fatal(make: Maker) -> None:
    """A run that has to fail, for a reason that is known."""
    words = {"call": "test.fail", "with": {"kind": "out_of_cheese"}, "retry": {"max_attempts": 2, "backoff": BACKOFF}}
    make.add("wrong", words, lambda _: None, ends="failed", fatal="out_of_cheese")


SHAPES: dict[Callable[[Maker], None], int] = {
    chain: 6, fan: 5, mapped: 5, retried: 4, fallen_back: 3, edged: 4, large: 2, listed: 1, lasting: 3, appended: 6,
    said.switched: 4, said.looped: 4, said.called: 2, said.signalled: 2, said.told: 1, said.slept: 2, said.unheard: 1,
    **LIMITS,
}  # fmt: skip
"""With how often each is chosen."""
FATAL_SHARE = 0.04
SAGA_SHARE = 0.04
"""Of the runs that have to fail, and to undo what they did."""


def flow(seed: int, effects: str) -> Flow:
    """The workflow of a seed. `effects` is the file that it may append to."""
    chance = random.Random(seed)
    maker = Maker(chance, effects)
    chosen = chance.choices(list(SHAPES), list(SHAPES.values()), k=chance.choice([1, 1, 2, 3]))
    for shape in chosen:
        maker.shape(shape)
    ending = chance.random()
    if ending < FATAL_SHARE:
        maker.shape(fatal)
    elif ending < FATAL_SHARE + SAGA_SHARE:
        maker.shape(said.saga)
    return Flow(f"chaos-{seed % 7}", tuple(maker.steps), maker.outputs, maker.words, maker.signals, maker.events)
