"""A `do` of Serverless Workflow: tasks one after the other, with jumps forward. Data goes from each to the next.

Every task of theirs becomes one or several of ours. Where ways meet, or a task is conditional, a `value` task takes the
data of the way that was taken; it is skipped with all that follows it when none was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conductor.workflow.errors import WorkflowError
from conductor.workflow.importers.cel import Cel, binary, choice, literal
from conductor.workflow.importers.foreign import Node
from conductor.workflow.importers.imported import Names
from conductor.workflow.importers.serverless.durations import duration
from conductor.workflow.importers.serverless.state import Edge, State, Step
from conductor.workflow.importers.serverless.values import computed, expression, value

TASKS_MAX = 20_000
"""Of one document."""
DEPTH_MAX = 8
"""Of tasks inside of tasks: each level takes several of a document's depth, which is bounded."""
Handler = Callable[["Flow", Step], State]
"""Adds the tasks of a step; what the state is after them. `step.after` then names the last."""


@dataclass(slots=True)
class Flow:
    """`use` is the document's reusable parts, `handlers` say what each form of task becomes."""

    source: str
    handlers: Mapping[str, Handler]
    use: Node | None
    mapping: Mapping[str, str]
    names: Names = field(default_factory=Names)
    raised: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Type and status of every error that a `raise` has made, by the kind that it has here."""
    depth: int = 0
    count: int = 0

    def fresh(self, name: str) -> str:
        """A task name that no other has."""
        self.count += 1
        if self.count > TASKS_MAX:
            raise WorkflowError.one(self.source, f"it unfolds to more than {TASKS_MAX} tasks", "use `for`")
        return self.names.fresh(name)

    def reusable(self, section: str, name: str) -> Node | None:
        """A part of `use`."""
        found = self.use.take(section) if self.use is not None else None
        return found.take(name) if found is not None else None

    def compute(self, step: Step, name: str, made: Any, **words: Any) -> Cel:
        """Add a `value` task after what came before; it is what the next one waits for."""
        task = self.fresh(name)
        said = made.template() if isinstance(made, Cel) else made
        step.tasks[task] = {"value": said, **({"after": list(step.after)} if step.after else {}), **words}
        step.after = [task]
        return Cel(f"tasks.{task}")

    def sequence(self, listed: Node, state: State, after: list[Any], tasks: dict[str, Any]) -> Edge:
        """The tasks of a list; the way out of it."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise WorkflowError.one(self.source, f"nested more than {DEPTH_MAX} deep", "use workflows", listed.line, 1)
        entries = [(name, node) for item in listed.items() for name, node in item.entries()]
        places = {name: at for at, (name, _) in enumerate(entries)}
        ways: list[list[Edge]] = [[] for _ in range(len(entries) + 1)]
        ways[0].append(Edge(tuple(after), state))
        for at, (name, node) in enumerate(entries):
            if not ways[at]:
                node.refuse(f"nothing leads to the task {name!r}")
                continue
            step = self._entered(name, node, ways[at], tasks)
            if node.mentions("switch"):
                self._switch(step, at, places, ways)
                continue
            edge = self.task(step)
            target = self._target(node.take("then"), at, places)
            ways[target].append(edge)
        self.depth -= 1
        if len(ways[-1]) == 1 and ways[-1][0].guard is None:
            return ways[-1][0]
        last = self._entered("end", listed, ways[-1], tasks) if ways[-1] else None
        return Edge(tuple(last.after), last.state) if last is not None else Edge(tuple(after), state)

    def _entered(self, name: str, node: Node, edges: list[Edge], tasks: dict[str, Any]) -> Step:
        first = edges[0]
        step = Step(name, node, first.state, list(first.after), tasks)
        if len(edges) == 1 and first.guard is None:
            return step
        guards = [edge.guard or _ended(edge) for edge in edges]
        waits = [{"task": _task(one), "kind": "soft"} for edge in edges for one in edge.after]
        step.after = list({str(one): one for one in waits}.values())
        when = guards[0]
        for guard in guards[1:]:
            when = binary(when, "||", guard)
        dots = [edge.state.dot for edge in edges]
        contexts = [edge.state.context for edge in edges]
        one = len({dot.text for dot in dots}) == 1
        gate = self.compute(step, f"{name}_in", literal(True) if one else _picked(guards, dots), when=when.text)
        state = first.state if one else first.state.given(gate)
        if len({one.text for one in contexts}) > 1:
            entered = list(step.after)
            step.after = [*entered, *waits]
            state = replace(state, context=self.compute(step, f"{name}_context", _picked(guards, contexts)))
            step.after = [*entered, *step.after]
        step.state = state
        return step

    def _target(self, then: Node | None, at: int, places: dict[str, int]) -> int:
        """The place that a flow directive leads to."""
        word = then.text() if then is not None else None
        if then is None or word in (None, "continue"):
            return at + 1
        if word in ("exit", "end"):
            if word == "end" and self.depth > 1:
                then.note("`end` leaves only the tasks around it here")
            return len(places)
        target = places.get(word or "")
        if target is None:
            then.note(f"there is no task {word!r} beside this one")
            return at + 1
        if target <= at:
            then.note(f"{word!r} stands before this: a way back is said with `for`, or `repeat`")
            return len(places)
        return target

    def _switch(self, step: Step, at: int, places: dict[str, int], ways: list[list[Edge]]) -> None:
        """A `value` task that gives the place to go to."""
        cases = step.node.take("switch")
        step.node.skip(["metadata"])
        made = literal("continue")
        found: list[tuple[Cel | None, int, str]] = []
        for case in cases.items() if cases is not None else []:
            for name, body in case.entries():
                condition = body.take("when")
                then = body.take("then")
                said = expression(condition, step.state.data()) if condition is not None else None
                if condition is not None and said is None:
                    continue  # listed; a case whose condition is not known is never taken
                found.append((said, self._target(then, at, places), name))
        if all(said is not None for said, _, _ in found):
            found.append((None, at + 1, "continue"))
        for said, target, _ in reversed(found):
            label = literal(_label(target, places))
            made = label if said is None else choice(said, label, made)
        chosen = self.compute(step, step.name, made)
        for target in dict.fromkeys(target for _, target, _ in found):
            guard = binary(chosen, "==", literal(_label(target, places)))
            ways[target].append(Edge(tuple(step.after), step.state, guard))

    def task(self, step: Step) -> Edge:
        """A task with what holds for all of them: `if`, `input`, `output`, `export`, `timeout`."""
        node, before, entered = step.node, step.state, list(step.after)
        node.skip(["metadata"])
        asked = node.take("if")
        if asked is not None and (condition := expression(asked, before.data())) is not None:
            self.compute(step, f"{step.name}_if", literal(True), when=condition.text)
        self._transform(step, "input", "from")
        given = step.state.dot
        handler = next((self.handlers[word] for word in self.handlers if node.mentions(word)), None)
        if handler is None:
            node.refuse("no such task is known here")
            state = step.state
        else:
            state = handler(self, step)
        step.state = state.with_(input=given)
        self._transform(step, "output", "as")
        out = step.state.dot
        export = node.take("export")
        if export is not None:
            export.skip(["schema"])
            body = export.take("as")
            if body is not None:
                made = self.compute(step, f"{step.name}_context", self._made(body, step.state.data(output=out)))
                step.state = replace(step.state, context=made)
        after = replace(before, dot=step.state.dot, context=step.state.context)
        if asked is None or not step.after:
            return Edge(tuple(step.after), after)
        return self._rejoined(step, before, after, entered)

    def _rejoined(self, step: Step, before: State, after: State, entered: list[Any]) -> Edge:
        """Behind a task that may have been skipped: its data, or what it would have been given."""
        last = _task(step.after[-1])
        skipped = binary(Cel(f"tasks_meta.{last}.status"), "==", literal("skipped"))
        step.after = [*entered, {"task": last, "kind": "optional"}]
        dot = self.compute(step, f"{step.name}_out", choice(skipped, before.dot, after.dot))
        if after.context.text == before.context.text:
            return Edge(tuple(step.after), after.given(dot))
        waits = list(step.after)
        step.after = [*waits, {"task": last, "kind": "optional"}]
        context = self.compute(step, f"{step.name}_context", choice(skipped, before.context, after.context))
        return Edge((*waits, *step.after), replace(after, dot=dot, context=context))

    def _transform(self, step: Step, word: str, inner: str) -> None:
        node = step.node.take(word)
        if node is None or not node.is_map:
            return
        node.skip(["schema"])  # it checks what the functions' contracts check here
        body = node.take(inner)
        if body is None:
            return
        made = computed(body, step.state.data()) if not body.is_text else expression(body, step.state.data())
        if made is None:
            return
        simple = all(part not in made.text for part in " ({[")
        step.state = step.state.given(made if simple else self.compute(step, f"{step.name}_{word}", made))

    def _made(self, body: Node, data: Any) -> Any:
        if body.is_text:
            return expression(body, data) or literal(None)
        return value(body, data)

    def timeout(self, node: Node) -> str | None:
        """`timeout`, inline or by its name in `use.timeouts`."""
        said = node.take("timeout")
        if said is not None and said.is_text:
            name = said.text() or ""
            found = self.reusable("timeouts", name)
            if found is None:
                said.note(f"there is no timeout {name!r} in `use`")
            said = found
        after = said.take("after") if said is not None else None
        return duration(after) if after is not None else None


def _task(edge: Any) -> str:
    return str(edge["task"] if isinstance(edge, dict) else edge)


def _ended(edge: Edge) -> Cel:
    if not edge.after:
        return literal(True)
    return binary(Cel(f"tasks_meta.{_task(edge.after[-1])}.status"), "in", literal(["succeeded", "cached"]))


def _picked(guards: list[Cel], values: list[Cel]) -> Cel:
    if len({one.text for one in values}) == 1:
        return values[0]
    made = values[-1]
    for guard, one in zip(reversed(guards[:-1]), reversed(values[:-1]), strict=True):
        made = choice(guard, one, made)
    return made


def _label(target: int, places: dict[str, int]) -> str:
    return next((name for name, at in places.items() if at == target), "end")
