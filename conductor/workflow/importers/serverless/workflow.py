"""A file of Serverless Workflow as a document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conductor.workflow.errors import WorkflowError
from conductor.workflow.importers.cel import Cel, literal
from conductor.workflow.importers.foreign import Node, Report, read_documents
from conductor.workflow.importers.imported import Imported, Names, workflow_name
from conductor.workflow.importers.serverless import calls, composites
from conductor.workflow.importers.serverless.flow import Flow
from conductor.workflow.importers.serverless.state import Root, State, Step
from conductor.workflow.importers.serverless.values import computed, expression

_HANDLERS = {
    "call": calls.call_task, "run": calls.run_task, "emit": calls.emit_task, "set": calls.set_task,
    "raise": calls.raise_task, "for": composites.for_task, "fork": composites.fork_task, "try": composites.try_task,
    "wait": composites.wait_task, "listen": composites.listen_task, "do": composites.do_task,
}  # fmt: skip
_TYPES = {"string", "integer", "number", "boolean", "object", "array"}
_WHY = {
    "schedule": "a document has no schedule; `symphony triggers add` gives it one",
    "extensions": "nothing is put before or after tasks here; write it into the workflow",
    "secrets": "a secret is resolved by the worker: `with: {name: {secret: NAME}}`",
    "catalogs": "functions are those of the system",
    "evaluate": "expressions are translated from jq in its strict mode",
    "correlate": "an event is correlated by `where`",
    "until": "a wait ends with its event",
    "ports": "no port is published", "volumes": "no volume is mounted", "lifetime": "a process ends with its task",
}  # fmt: skip


def import_serverless(path: str | Path, mapping: Mapping[str, str] | None = None) -> Imported:
    """The document of a file. `mapping` names functions for tasks, or for what they call.

    Raises:
        WorkflowError: the file cannot be read, is no workflow of this language, or unfolds to too many tasks.
    """
    report = Report()
    root, *more = read_documents(path, report)
    head, listed = root.take("document"), root.take("do")
    if head is None or listed is None:
        raise WorkflowError.one(
            str(path), "this is no Serverless Workflow: `document` or `do` is missing", "give one of DSL 1.0"
        )
    document = _document(str(path), root, head, listed, mapping or {})
    for one in (root, *more):
        one.unread(lambda word: _WHY.get(word, "has no meaning here"))
    return Imported(document, report.sorted())


def _document(source: str, root: Node, head: Node, listed: Node, mapping: Mapping[str, str]) -> dict[str, Any]:
    version = head.string("version") or "0.1.0"
    made: dict[str, Any] = {"workflow": workflow_name(head.string("name") or "workflow")}
    made["version"] = version if re.fullmatch(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?", version) else "0.1.0"
    said = head.string("summary") or head.string("title")
    head.skip(["dsl", "namespace", "title", "metadata", "version", "name"])
    if said:
        made["description"] = " ".join(said.split())[:500]
    flow = Flow(source, _HANDLERS, root.take("use"), mapping)
    seen: dict[str, None] = {}
    whole = Root(seen)
    fixed = {"workflow": Cel("{'id': run.id, 'input': inputs}"), "runtime": literal({"name": "symphony"})}
    state = State(whole, literal({}), fixed)
    tasks: dict[str, Any] = {}
    inputs, state, after = _given(flow, root.take("input"), state, tasks)
    limit = flow.timeout(root)
    edge = flow.sequence(listed, state, after, tasks)
    end = Step("output", listed, edge.state, list(edge.after), tasks)
    if not tasks:
        flow.compute(end, "nothing", literal(None))
    outputs = _outputs(root.take("output"), edge.state)
    names = Names()
    for name in seen:
        inputs.setdefault(names.of(name), {"type": "any"})
    if inputs:
        made["inputs"] = inputs
    if limit is not None:
        made["deadline"] = limit
    made["tags"] = {"source": "serverless-workflow", **_tags(head)}
    made["tasks"] = tasks
    made["outputs"] = outputs
    return made


def _tags(head: Node) -> dict[str, str]:
    tags = head.take("tags")
    plain = tags.whole() if tags is not None else {}
    return {str(key): str(value) for key, value in plain.items()} if isinstance(plain, dict) else {}


def _given(
    flow: Flow, node: Node | None, state: State, tasks: dict[str, Any]
) -> tuple[dict[str, Any], State, list[Any]]:
    """The workflow's `input`: its schema's properties are inputs of ours, `from` is the first task."""
    if node is None:
        return {}, state, []
    inputs: dict[str, Any] = {}
    schema = node.take("schema")
    if schema is not None:
        schema.skip(["format"])
        document = schema.take("document")
        if document is not None:
            inputs = _inputs(document)
    body = node.take("from")
    if body is None:
        return inputs, state, []
    made = expression(body, state.data()) if body.is_text else computed(body, state.data())
    if made is None or made.text == state.dot.text:
        return inputs, state, []
    step = Step("input", node, state, [], tasks)
    dot = flow.compute(step, "input", made)
    return inputs, state.given(dot), step.after


def _inputs(schema: Node) -> dict[str, Any]:
    """The properties of a JSON Schema as inputs: their types and defaults. What else it asks for is left to be listed."""
    schema.skip(["type", "title", "description", "$schema", "$id"])
    listed, properties = schema.take("required"), schema.take("properties")
    required = {item.text() for item in listed.items()} if listed is not None else set()
    made: dict[str, Any] = {}
    names = Names()
    for name, said in properties.entries() if properties is not None else ():
        ours = names.of(name)
        if ours != name:
            said.note(f"an input is a name of letters, digits and _: it is {ours!r} here")
        said.skip(["title", "description"])
        type_ = said.string("type")
        entry: dict[str, Any] = {"type": type_ if type_ in _TYPES else "any"}
        default = said.take("default")
        if default is not None:
            entry["default"] = default.whole()
        elif name not in required:
            entry["required"] = False
        made[ours] = entry
    return made


def _outputs(node: Node | None, state: State) -> dict[str, Any]:
    body = node.take("as") if node is not None else None
    if node is not None and node.is_map:
        node.skip(["schema"])
    if body is None:
        return {"result": state.dot.template()}
    if body.is_map:
        return {key: computed(one, state.data()).template() for key, one in body.entries()}
    made = expression(body, state.data())
    return {"result": (made or literal(None)).template()}
