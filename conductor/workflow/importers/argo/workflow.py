"""A file of Argo as a document: Workflow, WorkflowTemplate, ClusterWorkflowTemplate, or a CronWorkflow's workflow.

Only what is about pods as such (`POD_WORDS`) and metadata is left out without a word; see docs/guides/import.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conductor.workflow.errors import WorkflowError
from conductor.workflow.importers.argo.graphs import Called, Graphs
from conductor.workflow.importers.argo.policies import duration, fixed, mutexes
from conductor.workflow.importers.argo.scope import SUCCEEDED, Made, Scope
from conductor.workflow.importers.cel import Cel, Text, choice, literal
from conductor.workflow.importers.foreign import Node, Report, read_documents
from conductor.workflow.importers.imported import Imported, Names, workflow_name
from conductor.workflow.importers.scanner import Untranslatable

KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
POD_WORDS = ("podMetadata", "workflowMetadata", "podGC", "imagePullSecrets")
"""Of a spec: labels and tidying of pods, of which there are none."""
_WHY = {
    "artifacts": "artifacts of a repository are not moved; pass files by path, or outputs",
    "volumes": "no volume is mounted", "volumeMounts": "no volume is mounted",
    "volumeClaimTemplates": "no volume is mounted",
    "schedule": "a document has no schedule; `symphony triggers add` gives it one",
    "schedules": "a document has no schedule; `symphony triggers add` gives it one",
    "onExit": "a task has no exit handler of its own; a task after it with a soft edge is one",
    "hooks": "there are no hooks; a task with a soft edge runs after another, however that ended",
    "sidecars": "a task is one process", "initContainers": "a task is one process",
    "nodeSelector": "it chooses among Kubernetes nodes; `labels` choose among workers",
    "serviceAccountName": "a task runs with the worker's own rights",
    "securityContext": "a task runs with the worker's own rights",
    "valueFrom": "a value from the cluster is not known here",
    "expression": "a retry is not decided by an expression here; `retry.on` names kinds of errors",
    "metrics": "metrics are the system's own", "ttlStrategy": "what is kept is decided by the retention of the system",
    "templateDefaults": "write it into the templates", "globalName": "an output is known inside of its template alone",
}  # fmt: skip


def import_argo(path: str | Path, mapping: Mapping[str, str] | None = None) -> Imported:
    """The document of a file. `mapping` names functions for templates.

    Raises:
        WorkflowError: the file cannot be read or holds no workflow of Argo, or it unfolds to too many tasks.
    """
    report = Report()
    documents = read_documents(path, report)
    specs = [(one, _spec(one)) for one in documents if one.string("kind") in KINDS]
    if not specs:
        raise WorkflowError.one(str(path), "there is no workflow of Argo in it", f"give one of {', '.join(KINDS)}")
    main = next((one for one in specs if one[0].string("kind") in ("Workflow", "CronWorkflow")), specs[0])
    libraries = {_name(one)[0]: _templates(spec) for one, spec in specs if spec is not None}
    if main[1] is None:
        raise WorkflowError.one(str(path), "the workflow has no `spec`", "mend the file", main[0].line, 1)
    document = _Workflow(str(path), main[0], main[1], specs, libraries, mapping or {}).document()
    for one in documents:
        one.unread(lambda word: _WHY.get(word, "has no meaning here"))
    return Imported(document, report.sorted())


def _spec(document: Node) -> Node | None:
    document.skip(["apiVersion", "kind", "status"])
    spec = document.take("spec")
    if spec is not None and spec.has("workflowSpec"):
        return spec.take("workflowSpec")
    return spec


def _name(document: Node) -> tuple[str, dict[str, Any]]:
    metadata = document.take("metadata")
    plain = metadata.whole() if metadata is not None and metadata.is_map else {}
    for side in ("labels", "annotations"):
        if not isinstance(plain.get(side), dict):
            plain[side] = {}
    name = plain.get("name") or str(plain.get("generateName") or "argo").rstrip("-")
    return str(name), plain


def _templates(spec: Node) -> dict[str, Node]:
    listed = spec.take("templates")
    return {str(one.peek().get("name")): one for one in (listed.items() if listed is not None else []) if one.is_map}


class _Workflow:
    def __init__(
        self,
        source: str,
        document: Node,
        spec: Node,
        specs: list[tuple[Node, Node | None]],
        libraries: dict[str, dict[str, Node]],
        mapping: Mapping[str, str],
    ) -> None:
        self.name, self.metadata = _name(document)
        self.spec, self.base = spec, self._base(spec, specs)
        self.all_specs = [one for _, one in specs if one is not None]
        most = spec.take("parallelism")
        self.graphs = Graphs(source, _templates(self.base), libraries, mapping)
        self.inputs: dict[str, Any] = {}
        self.input_names: dict[str, str] = {}
        self.main: Made | None = None
        self.scope = Scope(self._known)
        self._declare()
        self.graphs.at_once = fixed(most, self.scope, int) if most is not None else None

    @staticmethod
    def _base(spec: Node, specs: list[tuple[Node, Node | None]]) -> Node:
        """The spec that holds the templates: another document of the file, where the workflow refers to it."""
        reference = spec.take("workflowTemplateRef")
        if reference is None:
            return spec
        name = reference.string("name")
        reference.skip(["clusterScope"])
        for document, other in specs:
            if other is not None and _name(document)[0] == name:
                return other
        reference.note("the template is not in this file; its workflow is called by name, once it is registered")
        return spec

    def _declare(self) -> None:
        names = Names()
        for spec in dict.fromkeys([self.spec, self.base]):
            said = spec.take("arguments")
            listed = said.take("parameters") if said is not None else None
            for one in listed.items() if listed is not None else []:
                name, value = one.string("name") or "parameter", one.take("value") or one.take("default")
                description = one.string("description")
                ours = names.of(name)
                entry: dict[str, Any] = self.inputs.setdefault(ours, {"type": "string"})
                self.input_names[name] = ours
                if value is not None and "default" not in entry:
                    plain = value.text()
                    entry["default"] = plain if plain is not None else str(value.whole())
                    if "{{" in entry["default"]:
                        value.note("an input's default is a plain value here")
                if description:
                    entry["description"] = description

    def _known(self, name: str) -> Cel | Text:
        match name.split("."):
            case ["parameters", *rest] if ".".join(rest) in self.input_names:
                return Cel(f"inputs.{self.input_names['.'.join(rest)]}", kind="text")
            case ["parameters"]:
                body = ", ".join(f"{literal(k).text}: inputs.{v}" for k, v in self.input_names.items())
                return Cel(f"json({{{body}}})", kind="text")
            case ["name" | "uid"]:
                return Cel("run.id", kind="text")
            case ["creationTimestamp"]:
                return Cel("run.started")
            case ["mainEntrypoint"]:
                return literal(str(self.base.peek().get("entrypoint")))
            case ["labels" | "annotations" as side, *rest] if ".".join(rest) in (self.metadata[side]):
                return literal(str(self.metadata[side][".".join(rest)]))
            case ["status"] if self.main is not None:
                return choice(self.main.is_(*SUCCEEDED), literal("Succeeded"), literal("Failed"))
        raise Untranslatable(f"`{{{{workflow.{name}}}}}` is not known here")

    def document(self) -> dict[str, Any]:
        """The whole document."""
        exit_handler = self._exit()
        tasks, outputs = self._entry(grouped=exit_handler is not None)
        if exit_handler is not None:
            self.main = Made(next(iter(tasks)))
            tasks |= self._handled(exit_handler, tasks)
        annotation = self.metadata["annotations"].get("workflows.argoproj.io/description")
        document: dict[str, Any] = {"workflow": workflow_name(self.name), "version": "1.0.0"}
        if annotation:
            document["description"] = " ".join(str(annotation).split())[:500]
        if self.inputs:
            document["inputs"] = self.inputs
        document |= self._limits(tasks)
        document["tags"] = {"source": "argo"}
        document["tasks"] = tasks
        if outputs:
            document["outputs"] = outputs
        for spec in self.all_specs:
            spec.skip(POD_WORDS)
        for templates in [self.graphs.templates, *self.graphs.libraries.values()]:
            for name, template in templates.items():
                if id(template) not in self.graphs.reached and not template.touched():
                    template.refuse(f"nothing reaches the template {name!r}")
        return document

    def _limits(self, tasks: dict[str, Any]) -> dict[str, Any]:
        words: dict[str, Any] = {}
        deadline = self.spec.take("activeDeadlineSeconds") or self.base.take("activeDeadlineSeconds")
        if deadline is not None and (said := fixed(deadline, self.scope, duration)):
            words["deadline"] = said
        priority = self.spec.take("priority")
        if priority is not None:
            level = fixed(priority, self.scope, int)
            if level is not None and 0 <= level <= 9:
                words["priority"] = level
            else:
                priority.note("a priority is 0 to 9 here")
        found = mutexes(self.spec, self.scope)
        if found:
            words["lock"] = {"key": found[0][1].text_value(), "scope": list(tasks)}
            for node, _ in found[1:]:
                node.note("a run holds one lock here")
        return words

    def _exit(self) -> Node | None:
        named = self.spec.take("onExit") or self.base.take("onExit")
        if named is not None and named.is_text:
            return named
        hooks = self.spec.take("hooks")
        hook = hooks.take("exit") if hooks is not None else None
        return None if hook is None or hook.has("expression") else hook

    def _entry(self, grouped: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        named = self.spec.take("entrypoint") or self.base.take("entrypoint")
        templates = self.graphs.templates
        if named is not None:
            name = named.text() or ""
        elif templates:
            name = next(
                (n for n, one in templates.items() if one.has("dag") or one.has("steps")), next(iter(templates))
            )
            if self.spec is self.base:
                self.base.note(f"there is no entrypoint; {name!r} is taken")
        else:
            return self._by_name(), {}
        template = templates.get(name)
        if template is None:
            if name not in self.graphs.mapping:
                (named or self.base).note(f"there is no template {name!r} in this file")
            return {self.graphs.fresh(name): {"call": self.graphs.mapping.get(name, "missing")}}, {}
        arguments = {theirs: Text((Cel(f"inputs.{ours}", kind="text"),)) for theirs, ours in self.input_names.items()}
        wanted = template.glance("inputs", "parameters")
        for one in wanted:  # what the entrypoint needs and nobody gives is an input of the workflow
            parameter = str(one.get("name"))
            if parameter not in arguments and "value" not in one and "default" not in one:
                ours = self.graphs.names.fresh(f"input_{parameter}") if parameter in self.inputs else _safe(parameter)
                self.inputs[ours] = {"type": "string"}
                arguments[parameter] = Text((Cel(f"inputs.{ours}", kind="text"),))
        needed = {str(one.get("name")) for one in wanted}
        arguments = {key: text for key, text in arguments.items() if key in needed}
        if self.graphs.is_group(name, template) and not grouped and not _holds(template):
            inner = self.scope.within(self.graphs.parameters(template, arguments, self.scope))
            template.skip(["metadata"])
            return self.graphs.graph(template, inner, (id(template),))
        return self._wrapped(name, template, arguments)

    def _wrapped(self, name: str, template: Node, arguments: dict[str, Text]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The entrypoint as one task: it is no graph, or something holds over all of it."""
        called = self.graphs.called(template, name)
        form = self.graphs.form(called, self.scope, (), arguments)
        outputs = {key: cel.template() for key, cel in called.made.parameters.items()}
        return {called.made.task: form}, outputs

    def _by_name(self) -> dict[str, Any]:
        """A workflow whose template is registered elsewhere: a child run of it."""
        reference = self.spec.take("workflowTemplateRef")
        name = (reference.string("name") if reference is not None else None) or self.name
        inputs = {ours: f"${{inputs.{ours}}}" for ours in self.input_names.values()}
        form: dict[str, Any] = {"workflow": workflow_name(name)}
        return {self.graphs.fresh("main"): form | ({"with": inputs} if inputs else {})}

    def _handled(self, handler: Node, tasks: dict[str, Any]) -> dict[str, Any]:
        """The exit handler, and a task that fails the run after it where the workflow has failed."""
        assert self.main is not None
        name = (handler.string("template") if handler.is_map else handler.text()) or ""
        template = self.graphs.templates.get(name)
        if template is None and name not in self.graphs.mapping:
            handler.note(f"there is no template {name!r} in this file")
            return {}
        tasks[self.main.task]["on_failure"] = "continue"
        called = Called(handler, name, name, template, Made(self.graphs.fresh("on_exit")))
        arguments = self.graphs.arguments(handler, self.scope) if handler.is_map else {}
        form = self.graphs.form(called, self.scope, (), arguments)
        exit_task = {**form, "after": [{"task": self.main.task, "kind": "soft"}]}
        failed = {
            "call": "test.fail",
            "with": {"message": f"the tasks of {self.main.task} failed"},
            "after": [{"task": self.main.task, "kind": "soft"}, {"task": called.made.task, "kind": "soft"}],
            "when": self.main.is_("failed").text,
        }
        return {called.made.task: exit_task, self.graphs.fresh("failed"): failed}


def _safe(name: str) -> str:
    return Names().fresh(name)


def _holds(template: Node) -> bool:
    """Whether a word of the template holds over all of its tasks, so that they have to be a group."""
    return any(template.has(word) for word in ("retryStrategy", "timeout", "activeDeadlineSeconds", "memoize")) or any(
        template.has(word) for word in ("synchronization", "priority")
    )
