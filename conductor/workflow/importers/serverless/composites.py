"""Tasks made of tasks: `do`, `for`, `fork`, `try`; and what waits: `wait`, `listen`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conductor.workflow.importers.cel import Cel, both, choice, literal, negated
from conductor.workflow.importers.foreign import Node
from conductor.workflow.importers.groups import CALLS, EACH, give_retry
from conductor.workflow.importers.serverless.calls import add
from conductor.workflow.importers.serverless.durations import duration
from conductor.workflow.importers.serverless.errors import caught, passes, seen
from conductor.workflow.importers.serverless.flow import Flow
from conductor.workflow.importers.serverless.state import State, Step
from conductor.workflow.importers.serverless.values import expression

ITERATIONS_MAX = 100_000
"""Of a `for`, which has no bound of its own."""


def grouped(
    flow: Flow, step: Step, listed: Node, state: State, words: dict[str, Any], policy: Node | None = None
) -> State:
    """Tasks as one task that carries `words`: a single one carries them itself, several become a group. What a group
    does not carry, a retry by the `policy`, goes to the calls inside."""
    inner: dict[str, Any] = {}
    before = list(step.after)
    edge = flow.sequence(listed, state, [], inner)
    if not inner:
        return state
    only = next(iter(inner))
    if "retry" in words and (len(inner) > 1 or not any(form in inner[only] for form in CALLS)):
        give_retry(inner, words["retry"])
        words = {word: said for word, said in words.items() if word != "retry"}
        if policy is not None:
            policy.note(EACH)
    if len(inner) == 1 and not (set(words) & set(inner[only])) and not ("timeout" in words and "value" in inner[only]):
        inner[only] |= words | ({"after": before} if before else {})
        step.tasks[only] = inner[only]
        step.after = [only]
        return step.state.given(edge.state.dot) if not words else replace(step.state, dot=edge.state.dot)
    outputs = {"output": edge.state.dot.template()}
    if edge.state.context.text != state.context.text:
        outputs["context"] = edge.state.context.template()
    form = {"switch": [{"when": "true", "then": {"tasks": inner, "outputs": outputs}}], **words}
    made = Cel(f"tasks.{flow.fresh(step.name)}")
    step.tasks[made.text.removeprefix("tasks.")] = form | ({"after": before} if before else {})
    step.after = [made.text.removeprefix("tasks.")]
    context = made.field("context") if "context" in outputs else state.context
    return replace(step.state, dot=made.field("output"), context=context)


def do_task(flow: Flow, step: Step) -> State:
    """`do` as a task."""
    listed = step.node.take("do")
    limit = flow.timeout(step.node)
    words = {"timeout": {"task": limit}} if limit is not None else {}
    return grouped(flow, step, listed, step.state, words) if listed is not None else step.state


def for_task(flow: Flow, step: Step) -> State:
    """`for`: a loop whose state carries the data from each turn to the next."""
    head, listed, asked = step.node.take("for"), step.node.take("do"), step.node.take("while")
    if head is None or listed is None:
        return step.state
    each, at = head.string("each") or "item", head.string("at") or "index"
    over = head.take("in")
    items = (expression(over, step.state.data()) if over is not None else None) or literal([])
    if any(sign in items.text for sign in " ([{"):
        items = flow.compute(step, f"{step.name}_in", items)
    carries = _exports(listed)
    here = Cel("state.at", kind="number")
    turn = replace(step.state, dot=Cel("state.data"), context=Cel("state.context") if carries else step.state.context)
    turn = turn.with_(**{each: items.at(here), at: here})
    goes_on = Cel(f"state.at < size({items.text})", 3, "boolean")
    said = expression(asked, turn.data()) if asked is not None else None
    inner: dict[str, Any] = {}
    opened = Step(step.name, listed, turn, [], inner)
    named = {
        each: flow.compute(opened, each, items.at(here)),
        at: flow.compute(opened, at, here),
    }
    # Bound to tasks, so that a loop inside, which has a state of its own, still sees them.
    begun = turn.given(flow.compute(opened, f"{step.name}_data", turn.dot)).with_(**named)
    if carries:
        begun = replace(begun, context=flow.compute(opened, f"{step.name}_context", Cel("state.context")))
    edge = flow.sequence(listed, begun, opened.after, inner)
    state: dict[str, Any] = {"at": 0, "data": step.state.dot.template()}
    following = {"at": "${state.at + 1}", "data": edge.state.dot.template()}
    if carries:
        state["context"] = step.state.context.template()
        following["context"] = edge.state.context.template()
    loop = {
        "while": (both(goes_on, said) or goes_on).text,
        "max_iterations": ITERATIONS_MAX,
        "state": state,
        "tasks": {"tasks": inner},
        "next": following,
    }
    made = add(flow, step, {"repeat": loop}).field("state")
    return replace(step.state, dot=made.field("data"), context=made.field("context") if carries else step.state.context)


def _exports(node: Node) -> bool:
    """Whether a task inside changes the context. Reads nothing."""

    def inside(value: Any) -> bool:
        if isinstance(value, dict):
            return "export" in value or any(inside(one) for one in value.values())
        return isinstance(value, list) and any(inside(one) for one in value)

    return inside(node.peek())


def fork_task(flow: Flow, step: Step) -> State:
    """`fork`: the branches side by side, and a list of what they give."""
    fork = step.node.take("fork")
    branches = fork.take("branches") if fork is not None else None
    compete = fork.take("compete") if fork is not None else None
    if compete is not None and compete.text() == "true":
        compete.note("branches do not race here: all of them are waited for, and their outputs listed")
    entered, ends, outputs = list(step.after), [], []
    for branch in branches.items() if branches is not None else []:
        for name, node in branch.entries():
            if node.mentions("then"):
                (node.take("then") or node).refuse("a branch has no task after it")
            edge = flow.task(Step(name, node, step.state, list(entered), step.tasks))
            ends += list(edge.after)
            outputs.append(edge.state.dot.template())
    step.after = list({str(one): one for one in ends}.values())
    return step.state.given(flow.compute(step, step.name, outputs))


def try_task(flow: Flow, step: Step) -> State:
    """`try`: what fails is retried, then caught by a handler, or passed on where the filter does not let it through."""
    listed, catch = step.node.take("try"), step.node.take("catch")
    if listed is None:
        return step.state
    before = step.state
    errors = catch.take("errors") if catch is not None else None
    kinds, http = caught(errors) if errors is not None else (None, True)
    handler = catch.take("do") if catch is not None else None
    policy = catch.take("retry") if catch is not None else None
    words: dict[str, Any] = {}
    limit = flow.timeout(step.node)
    if limit is not None:
        words["timeout"] = {"task": limit}
    if policy is not None and (made := retry(flow, policy)) is not None:
        words["retry"] = made
        if kinds is not None and not http:
            made["on"] = kinds
        elif kinds is not None and errors is not None:
            errors.note("a retry cannot tell errors of communication without a status; every kind is retried")
    keeps = catch is not None and (handler is not None or policy is None)
    if keeps:
        words["on_failure"] = "continue"
    entered = list(step.after)
    state = grouped(flow, step, listed, before, words, policy)
    if not keeps or catch is None or not step.after or step.after == entered:
        return state
    return _caught(flow, step, catch, handler, state, before, passes(str(step.after[-1]), kinds, http))


def _caught(
    flow: Flow, step: Step, catch: Node, handler: Node | None, state: State, before: State, let: Cel | None
) -> State:
    tried = str(step.after[-1])
    failed = Cel(f"tasks_meta.{tried}.status == 'failed'", 3, "boolean")
    name = catch.string("as") or "error"
    step.after = [{"task": tried, "kind": "soft"}]
    error = flow.compute(step, f"{step.name}_error", seen(tried, flow.raised), when=failed.text)
    inside = before.with_(**{name: error})
    asked, unless = catch.take("when"), catch.take("exceptWhen")
    when = let
    if asked is not None:
        when = both(when, expression(asked, inside.data()))
    if unless is not None and (not_ := expression(unless, inside.data())) is not None:
        when = both(when, negated(not_))
    last = step.after[-1]
    passed: list[Any] = []
    if when is not None:
        gate = flow.compute(step, f"{step.name}_caught", literal(True), when=when.text)
        last = gate.text.removeprefix("tasks.")
        passed = [_passed_on(flow, step, tried, failed, last)]
    out = before.dot
    step.after = [last]
    if handler is not None:
        edge = flow.sequence(handler, inside, [last], step.tasks)
        out, step.after = edge.state.dot, list(edge.after)
    ends = [one if isinstance(one, str) else one["task"] for one in step.after]
    waits: list[Any] = [{"task": tried, "kind": "soft"}]
    step.after = waits + [{"task": one, "kind": "optional"} for one in (*ends, *passed)]
    return state.given(flow.compute(step, f"{step.name}_out", choice(failed, out, state.dot)))


def _passed_on(flow: Flow, step: Step, tried: str, failed: Cel, gate: str) -> str:
    """A task that fails as the tried one did, where nothing caught its error."""
    task = flow.fresh(f"{step.name}_uncaught")
    own = f"tasks_meta.{tried}.error"
    step.tasks[task] = {
        "call": "test.fail",
        "with": {"kind": f"${{{own}.kind}}", "message": f"${{{own}.message}}"},
        "after": [{"task": tried, "kind": "soft"}, {"task": gate, "kind": "soft"}],
        "when": f"{failed.text} && tasks_meta.{gate}.status == 'skipped'",
    }
    return task


def retry(flow: Flow, policy: Node) -> dict[str, Any] | None:
    """A retry policy, inline or by its name in `use.retries`."""
    if policy.is_text:
        name = policy.text() or ""
        found = flow.reusable("retries", name)
        if found is None:
            policy.note(f"there is no retry {name!r} in `use`")
            return None
        policy = found
    made: dict[str, Any] = {}
    limit = policy.take("limit")
    attempt = limit.take("attempt") if limit is not None else None
    count = attempt.take("count") if attempt is not None else None
    number = count.whole() if count is not None else None
    # Theirs counts the retries, ours the first try as well.
    made["max_attempts"] = min(1000, max(0, number) + 1) if isinstance(number, int) else 1000
    if number is None:
        policy.note("a retry without `limit.attempt.count` tries 1000 times here")
    delay, whole = policy.take("delay"), limit.take("duration") if limit is not None else None
    if delay is not None and (said := duration(delay)) is not None:
        made["backoff"] = said
    if whole is not None and (said := duration(whole)) is not None:
        made["max_elapsed"] = said
    made["factor"] = _factor(policy.take("backoff"))
    jitter = policy.take("jitter")
    made["jitter"] = jitter is not None
    if jitter is not None:
        jitter.whole()
        jitter.note("the spread of a retry is chosen by the system")
    return made


def _factor(backoff: Node | None) -> float:
    if backoff is None:
        return 1.0
    for name, body in backoff.entries():
        plain = body.whole()
        if name == "exponential":
            factor = plain.get("factor", plain.get("multiplier", 2.0)) if isinstance(plain, dict) else 2.0
            return max(1.0, float(factor)) if isinstance(factor, (int, float)) else 2.0
        if name == "linear":
            body.note("a delay that grows by the same amount has no translation; it stays the same")
    return 1.0


def wait_task(flow: Flow, step: Step) -> State:
    """`wait`."""
    node = step.node.take("wait")
    said = duration(node) if node is not None else None
    if said is not None:
        add(flow, step, {"wait_for": {"duration": said}})
    return step.state


def listen_task(flow: Flow, step: Step) -> State:
    """`listen`: a wait for each event; what came is a list."""
    listen = step.node.take("listen")
    to = listen.take("to") if listen is not None else None
    if listen is not None:
        read = listen.take("read")
        if read is not None and read.text() != "data":
            read.note("what is read of an event is its data")
    if step.node.has("foreach"):
        (step.node.take("foreach") or step.node).refuse("events are waited for one by one here")
    if to is None:
        return step.state
    one, all_, any_ = to.take("one"), to.take("all"), to.take("any")
    filters = [one] if one is not None else (all_ or any_).items() if (all_ or any_) is not None else []  # type: ignore[union-attr]  # one of them is there
    if any_ is not None and len(filters) != 1:
        any_.refuse("waiting for whichever of several events comes first has no translation")
        filters = []
    entered, ends, outputs = list(step.after), [], []
    for filter_ in filters:
        waiting = Step(step.name, step.node, step.state, list(entered), step.tasks)
        made = add(flow, waiting, {"wait_for": _event(filter_, step.state)})
        ends += waiting.after
        outputs.append(made.field("value").template())
    if not ends:
        return step.state
    step.after = ends
    return step.state.given(flow.compute(step, f"{step.name}_events", outputs))


def _event(filter_: Node, state: State) -> dict[str, Any]:
    with_, name, where = filter_.take("with"), "*", None
    for key, node in with_.entries() if with_ is not None else ():
        if key == "type":
            name = node.text() or name
        elif key == "data" and node.is_text:
            where = both(where, expression(node, replace(state, dot=Cel("event")).data()))
        elif key == "data" and node.is_map:
            for field, wanted in node.entries():
                same = Cel(f"event.{field} == {literal(wanted.whole()).text}", 3, "boolean")
                where = both(where, same)
        else:
            node.refuse("an event is chosen by its type and its data here")
    return {"event": name} | ({"where": where.text} if where is not None else {})
