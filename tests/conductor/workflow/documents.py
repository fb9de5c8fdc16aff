"""Random well-formed documents over the whole grammar, for Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

DURATION = st.sampled_from(["200ms", "10s", "5m", "2h", "1d", "1.5s"])
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
LABEL = st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True)
KINDS = st.lists(st.sampled_from(["user", "timeout", "lost", "limit", "unavailable"]), max_size=3)
FUNCTION = st.sampled_from(["test.echo", "test.noop", "text.count@^1.2", "f@>=1.0 <2"])
TEXT = st.sampled_from(["plain", "for ${inputs.n}", "${inputs.list}", "$${no}", "${run.id}"])
BOOLEAN = st.sampled_from(["inputs.n > 3", "${inputs.text == 'x'}", "true", "size(inputs.list) == 0"])
NUMBER = st.sampled_from(["inputs.n", "${inputs.n + 1}", "sum(inputs.list)"]) | st.integers(0, 9)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=6,
)
WITH = st.dictionaries(NAME, VALUE, max_size=3)
INPUTS = {"n": "integer", "text": {"type": "string", "default": "x"}, "list": {"type": "array", "required": True}}


def some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of some words."""
    return st.fixed_dictionaries({}, optional=optional)


def both(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """The words of all parts in one mapping."""
    return st.tuples(*parts).map(lambda made: {key: value for part in made for key, value in part.items()})


RETRY = some(
    max_attempts=st.integers(1, 9),
    backoff=DURATION,
    factor=st.sampled_from([1, 1.5, 2]),
    max_backoff=DURATION,
    jitter=st.booleans(),
    max_elapsed=DURATION,
    on=KINDS,
    not_on=KINDS,
)
TIMEOUT = DURATION | some(attempt=DURATION, task=DURATION, queue=DURATION)
BUDGET = some(money=st.sampled_from([0, 0.5, 3]), calls=st.integers(0, 99), time=DURATION).filter(bool)
FALLBACK = st.lists(
    both(st.fixed_dictionaries({"call": FUNCTION}), some(**{"with": WITH})) | st.fixed_dictionaries({"value": NUMBER}),
    max_size=2,
)
ANY = some(
    description=st.just("what it does"),
    when=BOOLEAN,
    fallback=FALLBACK,
    on_failure=st.sampled_from(["fail", "skip", "continue", "compensate"]),
    checkpoint=LABEL,
)
MAP = st.just({}) | both(
    st.fixed_dictionaries(
        {"for_each": st.sampled_from(["inputs.list", "range(3)", "${inputs.list}"]) | st.just([1, 2])}
    ),
    some(
        max_parallel=st.integers(1, 9),
        batch=st.integers(1, 9),
        min_success=st.sampled_from(["0%", "95%", "99.9%"]),
        ordered=st.booleans(),
        **{"as": st.just("one")},
    ),
)
WORK = some(
    timeout=DURATION | some(attempt=DURATION, task=DURATION),
    deadline=DURATION,
    priority=st.integers(0, 9),
    budget=BUDGET,
    compensate=both(st.fixed_dictionaries({"call": FUNCTION}), some(**{"with": WITH, "retry": RETRY})),
)
SEMAPHORE = st.integers(1, 5).flatmap(
    lambda of: both(st.fixed_dictionaries({"key": TEXT, "of": st.just(of)}), some(permits=st.integers(1, of)))
)
CALL = both(
    st.fixed_dictionaries({"call": FUNCTION}),
    WORK,
    some(
        retry=RETRY,
        lock=TEXT,
        semaphore=SEMAPHORE,
        rate=both(
            st.fixed_dictionaries({"key": TEXT, "per_second": st.sampled_from([0.5, 2, 100])}),
            some(burst=st.integers(1, 9)),
        ),
        resources=some(
            cpu=st.sampled_from([0.5, 2]), memory=st.sampled_from(["1GiB", 1024]), gpu=st.just(1), fpga=st.just(2)
        ),
        labels=st.dictionaries(NAME, LABEL, max_size=2),
        pool=NAME,
        cache=both(st.fixed_dictionaries({"ttl": DURATION}), some(key=NUMBER)),
        retry_safe=st.booleans(),
        **{"with": WITH},
    ),
)
CHILD = both(
    st.fixed_dictionaries({"workflow": st.sampled_from(["order", "order@^1.2", "a-b@1.4"])}),
    WORK,
    some(inline=st.booleans(), retry=RETRY, **{"with": WITH}),
)
WAIT = both(
    st.fixed_dictionaries(
        {
            "wait_for": st.fixed_dictionaries({"signal": LABEL})
            | both(st.fixed_dictionaries({"event": LABEL}), some(where=st.just("event.id == inputs.n")))
            | st.fixed_dictionaries({"duration": DURATION})
            | st.fixed_dictionaries(
                {"time": st.sampled_from(["run.started + 1.0", "timestamp('2030-01-01T00:00:00Z')"])}
            )
        }
    ),
    some(timeout=DURATION, deadline=DURATION),
)
APPROVE = both(
    st.fixed_dictionaries({"approve": some(by=st.lists(NAME, max_size=2), question=TEXT)}), some(timeout=DURATION)
)


def tasks(level: int) -> st.SearchStrategy[dict[str, Any]]:
    """Tasks of a graph, with graphs inside to a depth; each level has names of its own, and later ones hang on earlier."""
    inner = st.nothing() if level == 2 else switches(level) | repeats(level)
    form = (
        CALL | CHILD | WAIT | APPROVE | st.fixed_dictionaries({"value": VALUE.filter(lambda v: v != "plain")}) | inner
    )
    task = both(form, ANY, MAP)
    named = st.lists(task, min_size=1, max_size=3).map(
        lambda made: {f"t{level}_{i}": one for i, one in enumerate(made)}
    )
    return st.tuples(named, st.lists(st.sampled_from(["hard", "soft", "optional", ""]), min_size=3, max_size=3)).map(
        chained
    )


def chained(made: tuple[dict[str, Any], list[str]]) -> dict[str, Any]:
    """Some tasks wait for the one before them."""
    graph, kinds = made
    names = list(graph)
    for before, name, kind in zip(names, names[1:], kinds, strict=False):
        if kind:
            graph[name]["after"] = [before] if kind == "hard" else [{"task": before, "kind": kind}]
    return graph


def inside(level: int) -> st.SearchStrategy[dict[str, Any]]:
    """`{tasks, outputs}` one level further in; its outputs name its first task."""
    outputs = some(outputs=st.just({"first": f"${{tasks.t{level + 1}_0}}"}))
    return both(st.fixed_dictionaries({"tasks": tasks(level + 1)}), outputs)


def switches(level: int) -> st.SearchStrategy[dict[str, Any]]:
    """A choice of one or two branches."""
    taken = st.fixed_dictionaries({"when": BOOLEAN, "then": inside(level)})
    other = st.lists(st.fixed_dictionaries({"else": inside(level)}), max_size=1)
    return both(
        st.fixed_dictionaries({"switch": st.tuples(taken, other).map(lambda made: [made[0], *made[1]])}),
        some(budget=BUDGET, timeout=DURATION),
    )


def repeats(level: int) -> st.SearchStrategy[dict[str, Any]]:
    """A loop that counts."""
    test = st.sampled_from([{"while": "state.n < 3"}, {"until": f"tasks_meta.t{level + 1}_0.status == 'failed'"}])
    words = st.fixed_dictionaries(
        {
            "max_iterations": st.integers(1, 99),
            "state": st.just({"n": 0, "text": "inputs.text"}),
            "tasks": inside(level),
            "next": st.just({"n": "state.n + iteration", "text": "${state.text}"}),
        }
    )
    return st.fixed_dictionaries({"repeat": both(words, test)})


DOCUMENTS = both(
    st.fixed_dictionaries(
        {
            "workflow": st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True),
            "version": st.sampled_from(["1.0.0", "0.2.1-rc.1"]),
            "inputs": st.just(INPUTS),
            "tasks": tasks(0),
        }
    ),
    some(
        description=st.just("a random one"),
        defaults=some(retry=RETRY, timeout=TIMEOUT),
        deadline=DURATION,
        budget=BUDGET,
        priority=st.integers(0, 9),
        tags=st.dictionaries(NAME, LABEL, max_size=2),
        lock=st.just({"key": "k-${inputs.n}", "scope": ["t0_0"]}),
        outputs=st.just({"first": "${tasks.t0_0}"}),
        on_failure=st.sampled_from(["fail", "compensate"]),
    ),
)
