"""From a goal to a workflow: which functions, called in which order, make the values that are wanted. Pure.

A value is its name and its type: the output field `prompt: string` of one function is the input `prompt: string` of
another. The plan is the cheapest by the sum of its calls (the `h_add` relaxation of planning, Bonet and Geffner, 2001;
exact where no value is used twice), in which each value has one maker; others that make the same stand by as fallbacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conductor.wire.extensions import Function
from conductor.workflow.errors import WorkflowError

FALLBACKS_MAX = 3
Fact = tuple[str, str]
"""A value's name and its type."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A goal: the inputs that are there, by name and type, and the names of the values that are wanted."""

    name: str
    have: Mapping[str, str]
    want: tuple[str, ...]


def wish(value: Any, source: str) -> Wish:
    """A goal's document: `goal`, `have` and `want`.

    Raises:
        WorkflowError: it is no goal; the mistake says which word.
    """

    def refuse(what: str, remedy: str) -> WorkflowError:
        return WorkflowError.one(source, what, remedy)

    if not isinstance(value, dict) or set(value) - {"goal", "have", "want"}:
        raise refuse("a goal has the words goal, have and want", "see docs/guides/goals.md")
    name, have, want = value.get("goal"), value.get("have", {}), value.get("want")
    if not isinstance(name, str) or not name:
        raise refuse("goal: a name is missing", "write `goal: my-goal`")
    if not isinstance(have, dict) or not all(isinstance(kind, str) for kind in have.values()):
        raise refuse("have: inputs are names with types", "write `have: {wish: string}`")
    if not isinstance(want, list) or not want or not all(isinstance(one, str) for one in want):
        raise refuse("want: a list of names is missing", "write `want: [code]`")
    return Wish(name, {str(key): str(kind) for key, kind in have.items()}, tuple(want))


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls of a plan in an order in which they can run; for each the value's makers that stand by."""

    wish: Wish
    calls: tuple[Function, ...]
    made_by: Mapping[Fact, Function]
    standby: Mapping[str, tuple[Function, ...]]
    seconds: float
    """Estimated: the longest way through it."""
    work_seconds: float

    def document(self) -> dict[str, Any]:
        """The workflow's document."""
        names = {function.capability: _task(function) for function in self.calls}
        tasks = {names[function.capability]: self._call(function, names) for function in self.calls}
        return {
            "workflow": self.wish.name,
            "version": "1.0.0",
            "inputs": {name: {"type": kind} for name, kind in self.wish.have.items()},
            "tasks": tasks,
            "outputs": {name: self._reference(name, names) for name in self.wish.want},
        }

    def _call(self, function: Function, names: Mapping[str, str]) -> dict[str, Any]:
        given = {
            name: self._value((name, parameter.type), names)
            for name, parameter in function.inputs.items()
            if parameter.required
        }
        call: dict[str, Any] = {"call": function.capability, "with": given}
        others = self.standby.get(function.capability, ())
        if others:
            call["fallback"] = [
                {
                    "call": other.capability,
                    "with": {
                        name: self._value((name, parameter.type), names)
                        for name, parameter in other.inputs.items()
                        if parameter.required
                    },
                }
                for other in others
            ]
        return call

    def _value(self, fact: Fact, names: Mapping[str, str]) -> str:
        maker = self.made_by.get(fact)
        if fact[0] in self.wish.have and maker is None:
            return f"${{inputs.{fact[0]}}}"
        assert maker is not None, "what a call takes is had or made"
        return f"${{tasks.{names[maker.capability]}.{fact[0]}}}"

    def _reference(self, name: str, names: Mapping[str, str]) -> str:
        for fact in self.made_by:
            if fact[0] == name:
                return self._value(fact, names)
        return f"${{inputs.{name}}}"


def compose(goal: Wish, functions: Iterable[Function], seconds: Mapping[str, float], source: str) -> Plan:
    """The cheapest plan. `seconds` are estimates by capability; what is not known counts as one.

    Raises:
        WorkflowError: nobody makes something; the mistakes say which values, and who would need them.
    """
    known = sorted((one for one in functions if one.outputs), key=lambda one: one.capability)
    have = {(name, kind) for name, kind in goal.have.items()}
    cost: dict[Fact, float] = dict.fromkeys(have, 0.0)
    made_by: dict[Fact, Function] = {}
    changed = True
    while changed:  # each turn lowers a cost, and costs are sums over finitely many functions
        changed = False
        for function in known:
            needs = _needs(function)
            if any(fact not in cost for fact in needs):
                continue
            total = seconds.get(function.capability, 1.0) + sum(cost[fact] for fact in needs)
            for fact in _gives(function):
                if total < cost.get(fact, float("inf")) - 1e-9:
                    cost[fact], changed = total, True
                    made_by[fact] = function
    wanted = [_wanted(name, cost) for name in goal.want]
    missing = [name for name, fact in zip(goal.want, wanted, strict=True) if fact is None]
    if missing:
        raise _impossible(goal, missing, known, cost, source)
    calls: dict[str, Function] = {}
    for found in wanted:
        if found is not None:
            _visit(found, made_by, calls, ())
    chosen = tuple(calls.values())
    used = {fact: maker for fact, maker in made_by.items() if maker.capability in calls}
    ends: dict[str, float] = {}
    for function in chosen:
        before = [ends[used[fact].capability] for fact in _needs(function) if fact in used]
        ends[function.capability] = seconds.get(function.capability, 1.0) + max(before, default=0.0)
    standby = {function.capability: _others(function, known, have | set(used), calls, used) for function in chosen}
    work = sum(seconds.get(function.capability, 1.0) for function in chosen)
    return Plan(goal, chosen, used, standby, max(ends.values(), default=0.0), work)


def _needs(function: Function) -> list[Fact]:
    return [(name, parameter.type) for name, parameter in function.inputs.items() if parameter.required]


def _gives(function: Function) -> list[Fact]:
    return [(name, parameter.type) for name, parameter in (function.outputs or {}).items() if parameter.required]


def _wanted(name: str, cost: Mapping[Fact, float]) -> Fact | None:
    """The cheapest value of a name, whatever its type."""
    return min((fact for fact in cost if fact[0] == name), key=lambda fact: (cost[fact], fact), default=None)


def _visit(fact: Fact, made_by: Mapping[Fact, Function], calls: dict[str, Function], above: tuple[str, ...]) -> None:
    """Makers before users."""
    maker = made_by.get(fact)
    if maker is None or maker.capability in calls or maker.capability in above:
        return
    for need in _needs(maker):
        _visit(need, made_by, calls, (*above, maker.capability))
    calls[maker.capability] = maker


def _others(
    function: Function,
    known: list[Function],
    there: set[Fact],
    calls: Mapping[str, Function],
    used: Mapping[Fact, Function],
) -> tuple[Function, ...]:
    """Functions that make all that this one makes for the plan, of what is there before it."""
    mine = {fact for fact, maker in used.items() if maker is function}
    order = list(calls)
    later = {fact for fact, maker in used.items() if order.index(maker.capability) >= order.index(function.capability)}
    before = there - later
    found = [
        other
        for other in known
        if other.capability not in calls and mine <= set(_gives(other)) and set(_needs(other)) <= before
    ]
    return tuple(found[:FALLBACKS_MAX])


def _impossible(
    goal: Wish, missing: list[str], known: list[Function], cost: Mapping[Fact, float], source: str
) -> WorkflowError:
    """Which values nobody makes: those that the wanted ones hang on, and which no function gives."""
    given = {fact for function in known for fact in _gives(function)}
    open_facts = [fact for name in missing for fact in given if fact[0] == name]
    nobody = [name for name in missing if not any(fact[0] == name for fact in given)]
    roots: dict[str, str] = dict.fromkeys(nobody, "which is wanted")
    seen: set[Fact] = set()
    while open_facts:
        fact = open_facts.pop()
        if fact in seen:
            continue
        seen.add(fact)
        for function in known:
            if fact in _gives(function):
                for need in _needs(function):
                    if need in cost:
                        continue
                    if need in given:
                        open_facts.append(need)
                    else:
                        roots[f"{need[0]}: {need[1]}"] = f"which {function.capability} needs"
    told = "; ".join(f"nobody makes {name}, {why}" for name, why in sorted(roots.items()))
    return WorkflowError.one(
        source,
        f"{goal.name} cannot be reached: {told or 'its functions wait for each other'}",
        "give it under `have`, or serve a function that makes it",
    )


def _task(function: Function) -> str:
    """A task's name: the last word of its capability."""
    return function.capability.replace(".", "_").replace("-", "_")
