"""Calls and processes: `call: http`, functions of `use` and of a mapping, `run`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from conductor.workflow.importers.argo.leaves import capability
from conductor.workflow.importers.cel import Cel, escape, literal
from conductor.workflow.importers.foreign import Node
from conductor.workflow.importers.imported import workflow_name
from conductor.workflow.importers.serverless.errors import kind
from conductor.workflow.importers.serverless.flow import Flow
from conductor.workflow.importers.serverless.state import State, Step
from conductor.workflow.importers.serverless.values import address, computed, expression, text, value

_PROTOCOLS = ("grpc", "openapi", "asyncapi", "a2a", "mcp")
_SCRIPTS = {"javascript": ["node", "-"], "js": ["node", "-"], "python": ["python3", "-"]}


def add(flow: Flow, step: Step, words: dict[str, Any]) -> Cel:
    """Add a task of these words behind what came before, with the time limit of theirs."""
    task = step.task or flow.fresh(step.name)
    limit = flow.timeout(step.node)
    if limit is not None:
        words["timeout"] = {"task": limit}
    step.tasks[task] = words | ({"after": list(step.after)} if step.after else {})
    step.after = [task]
    return Cel(f"tasks.{task}")


def call_task(flow: Flow, step: Step) -> State:
    """`call`."""
    name = step.node.string("call") or ""
    with_ = step.node.take("with")
    mapped = flow.mapping.get(step.name) or flow.mapping.get(name)
    if mapped is not None:
        return _mapped(flow, step, mapped, with_)
    if name == "http":
        return _http(flow, step, with_)
    function = flow.reusable("functions", name)
    if function is not None:
        return _function(flow, step, name, function, with_)
    why = f"no task of ours calls {name}" if name in _PROTOCOLS else f"the function {name!r} is not in `use`"
    (step.node.take("call") or step.node).note(f"{why}; --map {step.name}=FUNCTION names one that does it")
    return _mapped(flow, step, capability(step.name if name in _PROTOCOLS else name.partition("@")[0]), with_)


def _mapped(flow: Flow, step: Step, function: str, with_: Node | None) -> State:
    words: dict[str, Any] = {"call": function}
    if with_ is not None:
        inputs = value(with_, step.state.data())
        words["with"] = inputs if isinstance(inputs, dict) else {"value": inputs}
    return step.state.given(add(flow, step, words))


def _function(flow: Flow, step: Step, name: str, function: Node, with_: Node | None) -> State:
    """A function of `use`: the task that it is, about the arguments. It may not call itself."""
    if f"function {name}" in step.state.fixed or flow.depth > 6:
        (step.node.take("call") or step.node).note(f"the function {name!r} calls itself")
        return step.state
    arguments = computed(with_, step.state.data()) if with_ is not None else step.state.dot
    if with_ is not None:
        arguments = flow.compute(step, f"{step.name}_with", arguments)
    inner = State(arguments, step.state.context, {**step.state.fixed, f"function {name}": arguments})
    edge = flow.task(Step(step.name, function, inner, step.after, step.tasks))
    step.after = list(edge.after)
    return step.state.given(edge.state.dot)


def _http(flow: Flow, step: Step, with_: Node | None) -> State:
    data = step.state.data()
    inputs: dict[str, Any] = {}
    if with_ is None:
        step.node.note("a call of http needs `with`")
        return step.state
    method = with_.take("method")
    if method is not None:
        inputs["method"] = (method.text() or "get").upper()
    headers: dict[str, str] = {}
    endpoint = with_.take("endpoint")
    if endpoint is not None:
        uri = endpoint.take("uri") if endpoint.is_map else endpoint
        inputs["url"] = address(uri, data) if uri is not None else None
        authentication = endpoint.take("authentication") if endpoint.is_map else None
        if authentication is not None:
            headers |= _authentication(flow, step, authentication)
    query = with_.take("query")
    if query is not None:
        inputs["url"] = _with_query(str(inputs.get("url") or ""), query, step)
    said = with_.take("headers")
    for name, one in said.entries() if said is not None and said.is_map else ():
        headers[name] = text(one, data) or ""
    if headers:
        inputs["headers"] = headers
    body = with_.take("body")
    if body is not None:
        inputs["body"] = value(body, data)
    redirect = with_.take("redirect")
    if redirect is not None and redirect.text() != "true":
        redirect.note("a redirection is followed here")
    inputs["check"] = True  # a status of 400 or more is an error
    words: dict[str, Any] = {"call": "http.request", "with": inputs}
    made = add(flow, step, words)
    wanted = with_.take("output")
    form = wanted.text() if wanted is not None else "content"
    if form == "response":
        said_ = {"statusCode": made.field("status"), "headers": made.field("headers"), "content": made.field("body")}
        return step.state.given(
            flow.compute(step, f"{step.name}_response", {k: v.template() for k, v in said_.items()})
        )
    if form == "raw" and wanted is not None:
        wanted.note("the body is given as it is read: JSON as a value, anything else as a text")
    return step.state.given(made.field("body"))


def _with_query(url: str, query: Node, step: Step) -> str:
    parts = []
    for name, one in query.entries():
        said = text(one, step.state.data()) or ""
        parts.append(f"{quote(name)}={said if '${' in said else quote(said)}")
    return f"{url}{'&' if '?' in url else '?'}{'&'.join(parts)}" if parts else url


def _authentication(flow: Flow, step: Step, node: Node) -> dict[str, str]:
    data = step.state.data()
    reference = node.string("use") if node.is_map and node.has("use") else node.text() if node.is_text else None
    if reference is not None:
        found = flow.reusable("authentications", reference)
        if found is None:
            node.note(f"there is no authentication {reference!r} in `use`")
            return {}
        node = found
    bearer, basic = node.take("bearer"), node.take("basic")
    if bearer is not None and (token := bearer.take("token")) is not None:
        return {"authorization": f"Bearer {text(token, data)}"}
    if (
        basic is not None
        and (user := basic.take("username")) is not None
        and (pass_ := basic.take("password")) is not None
    ):
        both = f"{computed(user, data).as_text().text} + ':' + {computed(pass_, data).as_text().text}"
        return {"authorization": f"Basic ${{base64({both})}}"}
    node.refuse("this way to authenticate has no translation; `with: {headers: ...}` may carry a secret")
    return {}


def run_task(flow: Flow, step: Step) -> State:
    """`run`: a script, a shell command, a container's command, or a workflow."""
    run = step.node.take("run")
    if run is None:
        return step.state
    waits, returned = run.take("await"), run.take("return")
    if waits is not None and waits.text() != "true":
        waits.note("what is run is waited for here")
    for form, make in (("script", _script), ("shell", _shell), ("container", _container)):
        body = run.take(form)
        if body is not None:
            inputs = make(step, body)
            made = add(flow, step, {"call": "process.run", "with": {**inputs, **_common(step, body), "check": True}})
            return step.state.given(_returned(made, returned))
    workflow = run.take("workflow")
    if workflow is None:
        run.refuse("only a script, a shell command, a container or a workflow is run")
        return step.state
    name, version = workflow.string("name") or "workflow", workflow.string("version")
    workflow.skip(["namespace"])
    words: dict[str, Any] = {
        "workflow": workflow_name(name) + (f"@{version}" if version and version != "latest" else "")
    }
    given = workflow.take("input")
    if given is not None:
        made_inputs = value(given, step.state.data())
        words["with"] = made_inputs if isinstance(made_inputs, dict) else {"input": made_inputs}
    return step.state.given(add(flow, step, words))


def _returned(made: Cel, returned: Node | None) -> Cel:
    word = returned.text() if returned is not None else "stdout"
    match word:
        case "code" | "stderr":
            return made.field(word)
        case "all":
            return made
        case "none":
            return literal(None)
    return Cel(f"{made.text}.stdout", kind="text")


def _common(step: Step, body: Node) -> dict[str, Any]:
    made: dict[str, Any] = {}
    data = step.state.data()
    variables = body.take("environment")
    if variables is not None and variables.is_map:
        made["env"] = {name: text(one, data) or "" for name, one in variables.entries()}
    stdin = body.take("stdin")
    if stdin is not None and (said := text(stdin, data)) is not None:
        made["stdin"] = said
    return made


def _arguments(step: Step, body: Node) -> list[str]:
    listed = body.take("arguments")
    if listed is None:
        return []
    if not listed.is_list:
        listed.refuse("arguments are a list here; name them one after the other")
        return []
    return [text(one, step.state.data()) or "" for one in listed.items()]


def _script(step: Step, body: Node) -> dict[str, Any]:
    language, code = body.take("language"), body.take("code")
    name = (language.text() or "").lower() if language is not None else ""
    command = _SCRIPTS.get(name)
    if command is None and language is not None:
        language.note(f"scripts in {name!r} are not run here")
    source = body.take("source")
    if source is not None:
        source.refuse("a script's text stands in the document here, as `code`")
    said = (text(code, step.state.data()) if code is not None else None) or ""
    inline = "-e" if name in ("javascript", "js") else "-c"
    return {"command": [(command or [name or "sh"])[0], inline, said, *_arguments(step, body)]}


def _shell(step: Step, body: Node) -> dict[str, Any]:
    command = body.take("command")
    said = (text(command, step.state.data()) if command is not None else None) or "true"
    arguments = _arguments(step, body)
    return {"command": ["sh", "-c", f'{said} "$@"', "sh", *arguments] if arguments else ["sh", "-c", said]}


def _container(step: Step, body: Node) -> dict[str, Any]:
    image = body.take("image")
    if image is not None:
        image.text()
        image.note("no image is pulled: the command runs as a process of the worker")
    body.skip(["name"])
    if body.take("command") is None:
        body.note("the command is the image's own, which is not known here; name it with `command`")
    return _shell(step, body)


def emit_task(flow: Flow, step: Step) -> State:
    """`emit`: no task of ours sends events, so only a mapping does."""
    emit = step.node.take("emit")
    function = flow.mapping.get(step.name) or flow.mapping.get("emit")
    event = emit.take("event") if emit is not None else None
    body = event.take("with") if event is not None else None
    if function is None or body is None:
        if emit is not None:
            emit.refuse(f"no task of ours sends events; --map {step.name}=FUNCTION names one that does")
        return step.state
    add(flow, step, {"call": function, "with": {"event": value(body, step.state.data())}})
    return step.state


def set_task(flow: Flow, step: Step) -> State:
    """`set`."""
    body = step.node.take("set")
    if body is None:
        return step.state
    if body.is_text:
        made = expression(body, step.state.data())
        return step.state.given(flow.compute(step, step.name, made or literal(None)))
    entries = value(body, step.state.data())
    return step.state.given(flow.compute(step, step.name, entries))


def raise_task(flow: Flow, step: Step) -> State:
    """`raise`: a call that fails with the error's kind."""
    raised = step.node.take("raise")
    error = raised.take("error") if raised is not None else None
    if error is not None and error.is_text:
        found = flow.reusable("errors", error.text() or "")
        if found is None:
            error.note(f"there is no error {error.text()!r} in `use`")
        error = found
    if error is None:
        return step.state
    type_, status = error.string("type") or "runtime", error.take("status")
    number = status.whole() if status is not None else None
    message = next((text(n, step.state.data()) for w in ("detail", "title") if (n := error.take(w)) is not None), None)
    error.skip(["title", "instance"])
    code = number if isinstance(number, int) else None
    ours = kind(type_, code)
    flow.raised[ours] = (type_, code if code is not None else 500)
    inputs = {"kind": ours, "message": message or escape(type_)}
    add(flow, step, {"call": "test.fail", "with": inputs})
    return step.state
