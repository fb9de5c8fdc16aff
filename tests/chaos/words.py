"""Shapes of tasks inside tasks, of waits, of runs inside runs, and of undoing."""

from __future__ import annotations

from typing import Any

from tests.chaos.maker import BACKOFF, LASTING_ATTEMPTS, Maker, plus

CHILD: dict[str, Any] = {
    "workflow": "chaos-child",
    "version": "1.0.0",
    "inputs": {"n": {"type": "integer"}},
    "tasks": {
        "twice": {"call": "test.echo", "with": {"v": "${inputs.n * 2}"}},
        "more": {"call": "chaos.add", "with": {"a": "${tasks.twice.v}", "b": 1}},
    },
    "outputs": {"v": "${tasks.more.v}"},
}
"""A registered workflow, for others to call."""


def switched(make: Maker) -> None:
    """One of three branches, which appends a line."""
    number = make.chance.randrange(9)
    size = make.echo("size", str(number), lambda _: number)
    branch = 0 if number > 5 else 1 if number > 2 else 2
    inside = f"{make.unique('line')}"

    def then(index: int) -> dict[str, Any]:
        line = {"call": "chaos.append", "with": {"file": make.effects, "line": f"branch-{index}"}}
        after = {"call": "test.echo", "with": {"v": f"${{tasks.{size}.v + {index}}}"}, "after": [inside]}
        return {"tasks": {inside: line, f"{inside}_after": after}, "outputs": {"v": f"${{tasks.{inside}_after.v}}"}}

    words = {
        "switch": [
            {"when": f"tasks.{size}.v > 5", "then": then(0)},
            {"when": f"tasks.{size}.v > 2", "then": then(1)},
            {"else": then(2)},
        ]
    }
    given = {"v": number + branch, "branch": branch}
    effects = {"effects": (f"branch-{branch}",), "effect_path": f"{make.unique('pick')}.{inside}"}
    pick = make.add("pick", words, lambda _: given, uses=(size,), **effects)
    make.output(f"${{tasks.{pick}}}", lambda env: env[pick])


def looped(make: Maker) -> None:
    """Turns of a loop, each of which appends a line of its own, at most once a try where that is said."""
    turns = make.chance.randint(1, 5)
    line, add = make.unique("line"), make.unique("add")
    appends: dict[str, Any] = {
        "call": make.chance.choice(["test.append", "chaos.append"]),
        "with": {"file": make.effects, "line": "turn-${iteration}"},
    }
    once = make.chance.random() < 0.5
    if once:
        appends |= {"retry_safe": False, "retry": {"max_attempts": LASTING_ATTEMPTS, "backoff": BACKOFF}}
    adds = {"call": "chaos.add", "with": {"a": "${state.n}", "b": "${iteration}"}, "after": [line]}
    words = {
        "repeat": {
            "max_iterations": 10,
            "state": {"n": 1},
            "tasks": {"tasks": {line: appends, add: adds}},
            "next": {"n": f"${{tasks.{add}.v}}"},
        }
    }
    if make.chance.random() < 0.5:
        words["repeat"]["while"] = f"iteration < {turns}"
    else:
        words["repeat"]["until"] = f"iteration >= {turns - 1}"
    given = {"state": {"n": 1 + sum(range(turns))}, "iterations": turns}
    lines = tuple(f"turn-{turn}" for turn in range(turns))
    effects = {"effects": lines, "effect_path": f"{make.unique('turns')}.{line}", "lasting": once, "loops": True}
    loop = make.add("turns", words, lambda _: given, **effects)
    make.output(f"${{tasks.{loop}}}", lambda env: env[loop])


def called(make: Maker) -> None:
    """Other workflows: a run of its own, or inside this one; once, or for each of some items."""
    inline = make.chance.random() < 0.4
    number = make.chance.randrange(1000)
    words: dict[str, Any] = {"workflow": "chaos-child@^1.0", "inline": inline}
    if make.chance.random() < 0.5:
        one = make.add("one", words | {"with": {"n": number}}, lambda _: {"v": number * 2 + 1})
        make.echo("after", f"tasks.{one}.v + 1", plus(one, 1), (one,))
        make.output(f"${{tasks.{one}.v}}", plus(one, 0))
        return
    count = make.chance.randint(1, 4)
    words |= {"for_each": f"range({count})", "with": {"n": "${item}"}}
    each = make.add("each", words, lambda _: [{"v": item * 2 + 1} for item in range(count)])
    make.output(f"${{tasks.{each}[*].v}}", lambda env: [item["v"] for item in env[each]])


def signalled(make: Maker) -> None:
    """Waits for a signal, which comes early or late."""
    name, value = make.unique("go"), make.chance.randrange(1000)
    make.signals[name] = value
    go = make.add("go", {"wait_for": {"signal": name}}, lambda _: {"value": value})
    then = make.echo("then", f"tasks.{go}.value + 1", lambda env: env[go]["value"] + 1, (go,))
    make.output(f"${{tasks.{then}.v}}", plus(then, 0))


def told(make: Maker) -> None:
    """Waits for an event that is meant for this run, of a name that others wait for too."""
    order, value = make.chance.getrandbits(48), make.chance.randrange(1000)
    make.events.append(("chaos", {"order": order, "value": value}))
    words = {"wait_for": {"event": "chaos", "where": f"event.order == {order}"}}
    paid = make.add("paid", words, lambda _: {"value": value})
    make.output(f"${{tasks.{paid}.value.value}}", lambda env: env[paid]["value"])


def slept(make: Maker) -> None:
    """Waits a while, holding no slot."""
    ms = make.chance.randint(1, 1500)
    nap = make.add("nap", {"wait_for": {"duration": f"{ms}ms"}}, lambda _: {"value": None})
    make.echo("awake", "1", lambda _: 1, edges=((nap, "hard"),))


def unheard(make: Maker) -> None:
    """Waits for a signal that nobody sends: its time runs out, and the document says what follows."""
    words: dict[str, Any] = {"wait_for": {"signal": make.unique("never")}, "timeout": "300ms"}
    if make.chance.random() < 0.5:
        number = make.chance.randrange(1000)
        waits = make.add("waits", words | {"fallback": [{"value": {"value": number}}]}, lambda _: {"value": number})
        make.output(f"${{tasks.{waits}.value}}", lambda env: env[waits]["value"])
        return
    words["on_failure"] = "continue"
    waits = make.add("waits", words, lambda _: None, ends="failed")
    make.echo("behind", "2", lambda _: 2, edges=((waits, "soft"),))


def saga(make: Maker) -> None:
    """Lines that are appended one after the other; then the run fails, and each is undone by a line of its own."""
    make.words["on_failure"] = "compensate"
    before: tuple[tuple[str, Any], ...] = ()
    for number in range(make.chance.randint(1, 3)):
        line, undo = f"do-{number}", f"undo-{number}"
        file = {"file": make.effects}
        retry = {"max_attempts": LASTING_ATTEMPTS, "backoff": BACKOFF}
        undone = {"call": "chaos.append", "with": {**file, "line": undo}, "retry": retry}
        words = {"call": "test.append", "with": {**file, "line": line}, "compensate": undone}
        name = make.add(f"do{number}", words, lambda _: {}, edges=before, effects=(line,), undo=undo)
        before = ((name, "hard"),)
    words = {"call": "test.fail", "with": {"kind": "no_luck"}}
    make.add("fails", words, lambda _: None, ends="failed", fatal="no_luck", edges=before)
