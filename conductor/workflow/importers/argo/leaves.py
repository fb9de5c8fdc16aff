"""Templates of Argo that do work: container, script, http, suspend, and those that a mapping names a function for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from conductor.workflow.importers.argo.policies import duration, fixed, resources, substituted
from conductor.workflow.importers.argo.scope import Made, Scope
from conductor.workflow.importers.cel import Cel, escape, literal
from conductor.workflow.importers.foreign import Node

SEPARATOR = "\x1e"
"""Stands before each file that a program's output carries besides what it printed (ASCII's record separator)."""
_SHELLS = {"sh": "-s", "bash": "-s", "ash": "-s", "dash": "-s", "zsh": "-s"}
FORMS = ("container", "script", "http", "suspend", "resource", "data", "plugin", "containerSet")
_IMAGE = "no image is pulled: the command runs as a process of the worker"


def capability(name: str) -> str:
    """A template's name as that of a function."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip(".")[:128].replace("..", ".") or "template"


def files(template: Node) -> list[tuple[str, str]]:
    """Name and path of every output parameter that is read from a file. Reads nothing."""
    found = []
    for one in template.glance("outputs", "parameters"):
        source = one.get("valueFrom")
        if isinstance(source, dict) and isinstance(source.get("path"), str) and one.get("name"):
            found.append((str(one["name"]), source["path"]))
    return found


def field_of(*names: str) -> Callable[[Cel], Cel]:
    """What picks a field, or a field of it."""

    def pick(output: Cel) -> Cel:
        for name in names:
            output = output.field(name)
        return output

    return pick


def made(task: str, template: Node, looped: bool, mapping: Mapping[str, str]) -> Made:
    """How a leaf's outputs are referred to, by what kind of template it is."""
    own = Made(task, looped=looped)
    names = output_names(template)
    if str(template.peek().get("name")) in mapping:
        return Made(task, own.output(field_of("result")), {n: own.output(field_of(n)) for n in names}, looped)
    if template.mentions("suspend"):
        return Made(task, None, {n: own.output(field_of("value", n)) for n in names}, looped)
    if template.has("http"):
        return Made(task, own.output(field_of("body")), {}, looped)
    listed = files(template)
    parts = [own.output(_part(at, len(listed))) for at in range(len(listed) + 1)]
    return Made(task, parts[0], {name: parts[at] for at, (name, _) in enumerate(listed, 1)}, looped)


def _part(at: int, count: int) -> Callable[[Cel], Cel]:
    """A part of what a program printed, without the white space around it (Argo takes the last newline off)."""
    piece = f".split({literal(SEPARATOR).text})[{at}]" if count else ""
    return lambda output: Cel(f"{output.text}.stdout{piece}.trim()", kind="text")


def output_names(template: Node) -> list[str]:
    """The names of a template's output parameters. Reads nothing."""
    return [str(one["name"]) for one in template.glance("outputs", "parameters") if one.get("name")]


def leaf(template: Node, name: str, scope: Scope, mapping: Mapping[str, str]) -> dict[str, Any]:
    """The form and the inputs of a task. What cannot be said is listed, and the task then calls what it is named."""
    _read_outputs(template)
    if name in mapping:
        template.skip(FORMS)  # the function of the mapping stands for all of it
        return _call(mapping[name], scope)
    for form, make in (("container", _container), ("script", _script), ("http", _http), ("suspend", _suspend)):
        node = template.take(form)
        if node is not None:
            words = make(node, template, scope)
            return words or _call(capability(name), scope)
        if template.mentions(form):  # `suspend:` with nothing behind it
            return _suspend(None, template, scope)
    for form in FORMS:
        node = template.take(form)
        if node is not None:
            node.refuse(f"no task of ours does this; --map {name}=FUNCTION names one that does")
            return _call(capability(name), scope)
    template.note("the template does nothing that is known here")
    return _call(capability(name), scope)


def _call(function: str, scope: Scope) -> dict[str, Any]:
    inputs = {name: text.value() for name, text in scope.parameters.items()}
    return {"call": function, **({"with": inputs} if inputs else {})}


def _read_outputs(template: Node) -> None:
    outputs = template.take("outputs")
    parameters = outputs.take("parameters") if outputs is not None else None
    for one in parameters.items() if parameters is not None else []:
        one.skip(["name", "description"])
        source = one.take("valueFrom")
        if source is not None:
            source.skip(["path", "supplied"] if not source.has("default") or source.has("path") else ["supplied"])
            if source.has("path"):
                source.skip(["default"])


def _texts(node: Node | None, scope: Scope) -> list[str] | None:
    """A list of texts with their substitutions; None where it is no list or one of them has no meaning."""
    if node is None:
        return []
    items = node.items() if node.is_list else [node]
    found = [substituted(item, scope) for item in items]
    return None if any(one is None for one in found) else [one.text_value() for one in found if one is not None]


def _pass_over_image(node: Node) -> None:
    """What runs here is the command: the image is told of, and what goes with it means nothing."""
    image = node.take("image")
    if image is not None:
        image.text()
        image.note(_IMAGE)
    node.skip(["name", "imagePullPolicy"])


def _container(node: Node, template: Node, scope: Scope) -> dict[str, Any] | None:
    _pass_over_image(node)
    command, arguments = node.take("command"), node.take("args")
    if command is None:
        (arguments or node).note("the command is the image's own, which is not known here; name it with `command`")
        return None
    words = _texts(command, scope)
    more = _texts(arguments, scope)
    if words is None or more is None:
        return None
    return _process([*words, *more], node, template, scope)


def _script(node: Node, template: Node, scope: Scope) -> dict[str, Any] | None:
    _pass_over_image(node)
    command, source = node.take("command"), node.take("source")
    if command is None or source is None:
        node.note("a script needs `command` and `source` here")
        return None
    words, text = _texts(command, scope), substituted(source, scope)
    more = _texts(node.take("args"), scope)
    if words is None or text is None or more is None:
        return None
    if more:  # behind the mark that says "the program is on stdin"
        words += [_SHELLS.get(words[0].rpartition("/")[2], "-"), *more]
    return _process(words, node, template, scope, {"stdin": text.text_value()})


def _process(
    command: list[str], node: Node, template: Node, scope: Scope, more: dict[str, Any] | None = None
) -> dict[str, Any]:
    listed = files(template)
    if listed:
        command = ["sh", "-c", escape(_with_files(listed, template)), "sh", *command]
    inputs: dict[str, Any] = {"command": command, **(more or {})}
    environment = _environment(node, scope)
    if environment:
        inputs["env"] = environment
    folder = node.take("workingDir")
    if folder is not None and (said := substituted(folder, scope)) is not None:
        inputs["folder"] = said.value()
    inputs["check"] = True  # a container that ends with another code than 0 has failed
    words: dict[str, Any] = {"call": "process.run", "with": inputs}
    wanted = node.take("resources")
    return words | (resources(wanted, scope) if wanted is not None else {})


def _with_files(listed: list[tuple[str, str]], template: Node) -> str:
    """A shell program that runs its arguments, then prints each file behind a separator."""
    defaults = {
        str(one["name"]): str(one["valueFrom"]["default"])
        for one in template.glance("outputs", "parameters")
        if isinstance(one.get("valueFrom"), dict) and "default" in one["valueFrom"]
    }
    lines = ['"$@" || exit']
    for name, path in listed:
        show = f"cat {shlex.quote(path)}"
        if name in defaults:
            show += f" 2>/dev/null || printf %s {shlex.quote(defaults[name])}"
        lines += ["printf '\\036'", f"{show} || exit"]
    return "\n".join(lines)


def _environment(node: Node, scope: Scope) -> dict[str, Any]:
    made: dict[str, Any] = {}
    variables = node.take("env")
    for one in variables.items() if variables is not None else []:
        name, value = one.string("name"), one.take("value")
        if name and value is not None and (said := substituted(value, scope)) is not None:
            made[name] = said.text_value()
    return made


def _http(node: Node, _: Node, scope: Scope) -> dict[str, Any] | None:
    inputs: dict[str, Any] = {}
    for theirs in ("url", "method", "body"):
        value = node.take(theirs)
        if value is not None and (said := substituted(value, scope)) is not None:
            inputs[theirs] = said.text_value()
    headers = node.take("headers")
    made: dict[str, str] = {}
    for one in headers.items() if headers is not None else []:
        name, value = one.string("name"), one.take("value")
        if name and value is not None and (said := substituted(value, scope)) is not None:
            made[name] = said.text_value()
    if made:
        inputs["headers"] = made
    limit = node.take("timeoutSeconds")
    if limit is not None and (seconds := fixed(limit, scope, float)) is not None:
        inputs["timeout"] = seconds
    success = node.take("successCondition")
    if success is not None:
        if success.peek() not in ("response.statusCode == 200", "response.statusCode < 400"):
            success.note("any status below 400 is a success here")
        success.text()
    inputs["check"] = True
    return {"call": "http.request", "with": inputs} if "url" in inputs else None


def _suspend(node: Node | None, _: Node, scope: Scope) -> dict[str, Any]:
    length = node.take("duration") if node is not None else None
    said = fixed(length, scope, duration) if length is not None else None
    return {"wait_for": {"duration": said}} if said else {"wait_for": {"signal": ""}}
