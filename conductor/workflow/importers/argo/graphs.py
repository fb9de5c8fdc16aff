"""DAGs and steps of Argo as tasks of ours. A template that is called inside another becomes a group of its own, so that a
loop, a retry or a time limit over it has something to hold on to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conductor.workflow.errors import WorkflowError
from conductor.workflow.importers.argo import depends
from conductor.workflow.importers.argo.conditions import condition
from conductor.workflow.importers.argo.leaves import capability, leaf, made, output_names
from conductor.workflow.importers.argo.leaves import field_of as _field
from conductor.workflow.importers.argo.loops import loop
from conductor.workflow.importers.argo.policies import fixed, substituted, template_words
from conductor.workflow.importers.argo.scope import Made, Scope
from conductor.workflow.importers.cel import Cel, Text, both, literal
from conductor.workflow.importers.foreign import Node
from conductor.workflow.importers.imported import Names
from conductor.workflow.importers.scanner import Untranslatable

TASKS_MAX = 20_000
"""Of one document: templates that call templates multiply."""
DEPTH_MAX = 8
"""Groups inside of groups: each takes six levels of a document's depth, which is bounded."""


@dataclass(slots=True)
class Called:
    """A task or step, with what it calls."""

    node: Node
    name: str
    template_name: str
    template: Node | None
    made: Made


@dataclass(slots=True)
class Graphs:
    """`libraries` are the templates of other documents, by document and name."""

    source: str
    templates: dict[str, Node]
    libraries: Mapping[str, dict[str, Node]]
    mapping: Mapping[str, str]
    at_once: int | None = None
    names: Names = field(default_factory=Names)
    reached: set[int] = field(default_factory=set)
    count: int = 0

    def fresh(self, name: str) -> str:
        """A task name that no other has: what is inside of a group may refer to what is outside."""
        self.count += 1
        if self.count > TASKS_MAX:
            raise WorkflowError.one(self.source, f"it unfolds to more than {TASKS_MAX} tasks", "use loops")
        return self.names.fresh(name)

    def is_group(self, name: str, template: Node | None) -> bool:
        """Whether a template is made of tasks."""
        return template is not None and name not in self.mapping and (template.has("dag") or template.has("steps"))

    def call(self, node: Node, name: str, looped: bool) -> Called:
        """What a task calls, and how its outputs are referred to."""
        template_name, template = self._find(node)
        return self._called_as(node, name, template_name, template, looped)

    def called(self, template: Node, name: str) -> Called:
        """A template as if a task of its name called it."""
        return self._called_as(template, name, name, template, False)

    def _called_as(self, node: Node, name: str, template_name: str, template: Node | None, looped: bool) -> Called:
        task = self.fresh(name)
        if template is None:
            own = Made(task, looped=looped)
            result = own.output(_field("result"))
            return Called(node, name, template_name, None, Made(task, result, looped=looped))
        if not self.is_group(template_name, template):
            return Called(node, name, template_name, template, made(task, template, looped, self.mapping))
        own = Made(task, looped=looped)
        parameters = {one: own.output(_field(one)) for one in output_names(template)}
        return Called(node, name, template_name, template, Made(task, None, parameters, looped))

    def _find(self, node: Node) -> tuple[str, Node | None]:
        inline = node.take("inline")
        if inline is not None:
            return "inline", inline
        reference = node.take("templateRef")
        if reference is not None:
            library, name = reference.string("name") or "", reference.string("template") or ""
            reference.skip(["clusterScope"])
            found = self.libraries.get(library, {}).get(name)
            if found is None and name not in self.mapping:
                reference.note(
                    f"the template {name!r} of {library!r} is not in this file; --map {name}=FUNCTION does it"
                )
            return name, found
        named = node.take("template")
        name = (named.text() if named is not None else None) or ""
        found = self.templates.get(name)
        if found is None and name not in self.mapping and named is not None:
            named.note(f"there is no template {name!r} in this file; --map {name}=FUNCTION names a function for it")
        return name, found

    def task(self, called: Called, scope: Scope, stack: tuple[int, ...], after: list[Any], when: Cel | None) -> Any:
        """The task of ours. `scope` is that of the caller, `when` what the edges do not say."""
        words: dict[str, Any] = {"after": after} if after else {}
        inner = scope
        try:
            over = loop(called.node, scope)
        except Untranslatable as error:
            line = next(n for w in ("withItems", "withParam", "withSequence") if (n := called.node.take(w)) is not None)
            line.refuse(f"{line.peek()}: {error}")
            over = None
        if over is not None:
            items, item = over
            inner = scope.looping(item)
            words["for_each"] = items.template() if isinstance(items, Cel) else items
            if item.text != "item":
                words["as"] = item.text
        asked = called.node.take("when")
        if asked is not None:
            when = both(when, self._asked(asked, inner, words, over))
        if when is not None:
            words["when"] = when.text
        form = self.form(called, inner, stack, self.arguments(called.node, inner))
        if called.node.has("continueOn"):
            go_on = called.node.take("continueOn")
            if go_on is not None and "true" in [go_on.string("failed"), go_on.string("error")]:
                words["on_failure"] = "continue"
        called.node.skip(["name"])
        return form | words

    def _asked(self, asked: Node, scope: Scope, words: dict[str, Any], over: Any) -> Cel | None:
        try:
            made = condition(asked.text() or "", scope.resolve, scope.substitute)
        except Untranslatable as error:
            asked.note(f"{asked.peek()}: {error}")
            return None
        if over is None or scope.item is None or scope.item.text not in made.text:
            return made
        # A loop's `when` is asked once here and for each item there: the items that fail it are left out instead.
        items = over[0] if isinstance(over[0], Cel) else None
        if items is None:
            if any("${" in str(one) for one in over[0]):
                asked.note("a condition on an item whose value is known only at run time")
                return None
            items = literal(over[0])
        words["for_each"] = f"${{{items.inside(7)}.filter({scope.item.text}, {made.text})}}"
        return None

    def form(self, called: Called, scope: Scope, stack: tuple[int, ...], arguments: dict[str, Text]) -> dict[str, Any]:
        """What the task does, with the words of its template."""
        template, name = called.template, called.template_name
        if template is None:
            inputs = {key: text.value() for key, text in arguments.items()}
            function = self.mapping.get(name) or capability(name or called.name)
            return {"call": function, **({"with": inputs} if inputs else {})}
        inner = scope.within(self.parameters(template, arguments, scope))
        if not self.is_group(name, template):
            self.reached.add(id(template))
            template.skip(["name"])
            form = leaf(template, name, inner, self.mapping)
            if form.get("wait_for") == {"signal": ""}:
                form["wait_for"] = {"signal": called.made.task}
            if self.at_once is not None and form.get("call") == "process.run":
                form["semaphore"] = {"key": "argo-${run.id}", "permits": 1, "of": self.at_once}
            return form | template_words(template, inner, form)
        if id(template) in stack or len(stack) >= DEPTH_MAX:
            why = "calls itself" if id(template) in stack else f"is nested more than {DEPTH_MAX} deep"
            where = called.node.take("template") or called.node
            where.note(f"the template {name!r} {why}: say it with `repeat`, or as a workflow of its own")
            return {"call": capability(name)}
        tasks, outputs = self.graph(template, inner, (*stack, id(template)))
        then = {"tasks": tasks, **({"outputs": outputs} if outputs else {})}
        group: dict[str, Any] = {"switch": [{"when": "true", "then": then}]}
        return group | template_words(template, inner, group)

    def arguments(self, node: Node, scope: Scope) -> dict[str, Text]:
        """`arguments.parameters` of a call."""
        said = node.take("arguments")
        listed = said.take("parameters") if said is not None else None
        found: dict[str, Text] = {}
        for one in listed.items() if listed is not None else []:
            name, value = one.string("name"), one.take("value")
            source = one.take("valueFrom")
            expression = source.take("expression") if source is not None else None
            if name and value is not None:
                found[name] = substituted(value, scope) or Text.of(value.text() or "")
            elif name and expression is not None:
                try:
                    found[name] = Text((scope.resolve(f"={expression.text()}"),))
                except Untranslatable as error:
                    expression.note(str(error))
        return found

    def parameters(self, template: Node, arguments: dict[str, Text], scope: Scope) -> dict[str, Text]:
        """The inputs of a template: the arguments, or else their own values."""
        inputs = template.take("inputs")
        listed = inputs.take("parameters") if inputs is not None else None
        found: dict[str, Text] = {}
        for one in listed.items() if listed is not None else []:
            name = one.string("name") or ""
            one.skip(["description"])
            own = one.take("value") or one.take("default")
            one.skip(["value", "default"])
            if name in arguments:
                found[name] = arguments[name]
            elif own is not None:
                found[name] = substituted(own, scope.within({})) or Text.of(own.text() or "")
            else:
                one.note(f"no value is given for the parameter {name!r}")
                found[name] = Text()
        return found

    def graph(self, template: Node, scope: Scope, stack: tuple[int, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The tasks of a `dag` or `steps` template, and its outputs."""
        self.reached.add(id(template))
        template.skip(["name"])
        make = self._dag if template.has("dag") else self._steps
        tasks, inside = make(template, scope, stack)
        return tasks, self.outputs(template, inside)

    def outputs(self, template: Node, scope: Scope) -> dict[str, Any]:
        """`outputs.parameters` of a template that is made of tasks."""
        said = template.take("outputs")
        listed = said.take("parameters") if said is not None else None
        found: dict[str, Any] = {}
        for one in listed.items() if listed is not None else []:
            name = one.string("name") or ""
            one.skip(["description"])
            source = one.take("valueFrom")
            value = one.take("value") or (source.take("parameter") if source is not None else None)
            expression = source.take("expression") if source is not None else None
            if value is not None and (text := substituted(value, scope)) is not None:
                found[name] = text.value()
            elif expression is not None:
                try:
                    found[name] = scope.resolve(f"={expression.text()}").template()
                except Untranslatable as error:
                    expression.note(str(error))
        return found

    def _dag(self, template: Node, scope: Scope, stack: tuple[int, ...]) -> tuple[dict[str, Any], Scope]:
        dag = template.take("dag")
        listed = dag.take("tasks") if dag is not None else None
        if dag is not None and dag.has("failFast"):
            fast = dag.take("failFast")
            if fast is not None and fast.text() != "true":
                fast.note("a failure ends the run at once here; `continueOn` lets a task fail")
        called = [self._called(node) for node in (listed.items() if listed is not None else [])]
        beside = {one.name: one.made for one in called}
        scope = Scope(scope.workflow, scope.parameters, beside, scope.item, scope.loops)
        trees = {one.name: self._tree(one) for one in called}
        minded = {name for tree in trees.values() if tree is not None for name in depends.minds_failure(tree)}
        skippable = {one.name for one in called if one.node.has("when")}
        tasks: dict[str, Any] = {}
        for one in called:
            tree = trees[one.name]
            after: list[Any] = []
            when: Cel | None = None
            if tree is not None:
                try:
                    after, when = depends.edges(tree, beside, skippable, minded)
                except Untranslatable as error:
                    word = one.node.take("depends") or one.node.take("dependencies") or one.node
                    word.note(f"{word.peek()}: {error}")
            tasks[one.made.task] = self.task(one, scope, stack, after, when)
            if one.name in minded:
                tasks[one.made.task]["on_failure"] = "continue"
        self._parallelism(template, scope, tasks, len(tasks))
        return tasks, scope

    def _called(self, node: Node) -> Called:
        looped = any(node.has(word) for word in ("withItems", "withParam", "withSequence"))
        return self.call(node, node.string("name") or "task", looped)

    def _tree(self, one: Called) -> depends.Tree | None:
        listed, said = one.node.take("dependencies"), one.node.take("depends")
        if said is not None:
            try:
                return depends.parse(said.text() or "")
            except Untranslatable as error:
                said.note(f"{said.peek()}: {error}")
                return None
        names = [item.text() or "" for item in listed.items()] if listed is not None else []
        asks: tuple[depends.Tree, ...] = tuple(depends.Ask(name) for name in names)
        return depends.Both("&&", asks) if asks else None

    def _steps(self, template: Node, scope: Scope, stack: tuple[int, ...]) -> tuple[dict[str, Any], Scope]:
        listed = template.take("steps")
        rows = [row.items() if row.is_list else [row] for row in (listed.items() if listed is not None else [])]
        called = [[self._called(node) for node in row] for row in rows]
        beside = {one.name: one.made for row in called for one in row}
        scope = Scope(scope.workflow, scope.parameters, beside, scope.item, scope.loops)
        tasks: dict[str, Any] = {}
        before: list[Any] = []
        for row in called:
            for one in row:
                tasks[one.made.task] = self.task(one, scope, stack, list(before), None)
            if row:  # a step that was skipped holds nobody up
                before = [
                    {"task": one.made.task, "kind": "optional"} if one.node.has("when") else one.made.task
                    for one in row
                ]
        self._parallelism(template, scope, tasks, max((len(row) for row in called), default=0))
        return tasks, scope

    def _parallelism(self, template: Node, scope: Scope, tasks: dict[str, Any], beside: int) -> None:
        node = template.take("parallelism")
        most = fixed(node, scope, int) if node is not None else None
        if node is None or most is None:
            return
        for task in tasks.values():
            if "for_each" in task:
                task["max_parallel"] = most
        if beside > 1 and (beside > most or any("for_each" in task for task in tasks.values())):
            node.note("it limits each loop here, not the tasks that stand beside it")
