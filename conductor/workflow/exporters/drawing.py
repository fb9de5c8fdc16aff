"""The picture of a document, whatever draws it: boxes, boxes inside of boxes, and edges with their kinds.

Edges are those that the document says: `after`, and references in expressions. What a document means is decided by the
checker (docs/adr/0009); here references are only looked for, and what is wrong with them is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from conductor.workflow.importers.scanner import Lexicon, Untranslatable, scan

Kind = Literal["hard", "soft", "optional"]
_STRENGTH: dict[Kind, int] = {"soft": 0, "optional": 1, "hard": 2}
_ROOTS: dict[str, Kind] = {"tasks": "hard", "tasks_meta": "soft"}
_LEXICON = Lexicon(
    ("&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", "{", "}", ",", ":", "?", "+", "-", "*", "/",
     "%", "."),
)  # fmt: skip
DEPTH_MAX = 64
"""Of boxes inside of boxes: no document is read that nests deeper."""


@dataclass(slots=True)
class Box:
    """A task. `key` is unique in the picture; `inside` are the named parts of a switch or a loop, with their tasks."""

    key: str
    name: str
    form: str
    label: str
    mapped: bool = False
    inside: list[tuple[str, list[Box]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """An edge between two boxes."""

    source: str
    target: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture: its title, the outermost boxes in the order of the document, and all edges in that of their targets."""

    title: str
    boxes: list[Box]
    lines: list[Line]

    def all_boxes(self) -> Iterator[Box]:
        """Every box, outer ones first."""
        waiting = list(self.boxes)
        while waiting:
            box = waiting.pop(0)
            yield box
            waiting[:0] = [inner for _, part in box.inside for inner in part]


def draw(document: dict[str, Any]) -> Drawing:
    """The picture of a document, which has to be of the right form (see `conductor.workflow.document`)."""
    lines: list[Line] = []
    boxes = _boxes(document.get("tasks") or {}, "", {}, lines, 0)
    return Drawing(f"{document.get('workflow', '')} {document.get('version', '0.1.0')}", boxes, lines)


def _boxes(tasks: Any, prefix: str, outer: dict[str, str], lines: list[Line], depth: int) -> list[Box]:
    if not isinstance(tasks, dict) or depth > DEPTH_MAX:
        return []
    keys = {str(name): f"{prefix}{name}" for name in tasks}
    known = {**outer, **keys}
    made = []
    for name, task in tasks.items():
        box = _box(str(name), keys[str(name)], task if isinstance(task, dict) else {})
        made.append(box)
        if isinstance(task, dict):
            lines += _lines(task, box.key, known)
            for label, step, part in _parts(task):
                inner = _boxes(part.get("tasks"), f"{box.key}/{step}/", known, lines, depth + 1)
                if inner:
                    box.inside.append((label, inner))
    return made


def _box(name: str, key: str, task: dict[str, Any]) -> Box:
    for form in ("call", "workflow", "switch", "repeat", "wait_for", "approve", "value"):
        if form in task:
            break
    else:
        form = "value"
    said = task.get(form)
    if form == "wait_for" and isinstance(said, dict):
        label = "wait for " + ", ".join(
            f"{key} {said[key]}" for key in ("signal", "event", "duration", "time") if key in said
        )
    elif form in ("call", "workflow"):
        label = str(said)
    elif form == "repeat" and isinstance(said, dict):
        word = "while" if "while" in said else "until"
        label = f"repeat {word} {said.get(word, '')}"
    else:
        label = form
    return Box(key, name, form, label, "for_each" in task)


def _parts(task: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The bodies inside of a task: a label, a step of the key, the TASKS."""
    branches = task.get("switch")
    for at, branch in enumerate(branches if isinstance(branches, list) else []):
        if isinstance(branch, dict):
            label = f"when {branch['when']}" if "when" in branch else "else"
            part = branch.get("then", branch.get("else"))
            if isinstance(part, dict):
                yield label, str(at), part
    repeat = task.get("repeat")
    if isinstance(repeat, dict) and isinstance(repeat.get("tasks"), dict):
        yield "each turn", "turn", repeat["tasks"]


def _lines(task: dict[str, Any], key: str, known: dict[str, str]) -> list[Line]:
    found: dict[str, Kind] = {}
    repeat, branches = task.get("repeat"), task.get("switch")
    asked = {word: task.get(word) for word in ("when", "value", "for_each", "wait_for", "cache")}
    if isinstance(repeat, dict):
        asked |= {word: repeat.get(word) for word in ("while", "until", "state")}
    asked["cases"] = (
        [one.get("when") for one in branches if isinstance(one, dict)] if isinstance(branches, list) else []
    )
    for text in _texts(asked):
        _note(found, expressions(text, plain=True))
    rest = {word: said for word, said in task.items() if word not in ("switch", "repeat", "after", *asked)}
    for text in _texts(rest):
        _note(found, expressions(text, plain=False))
    after = task.get("after") or []
    for edge in after if isinstance(after, list) else [after]:
        if isinstance(edge, dict):
            found[str(edge.get("task"))] = edge.get("kind", "hard")  # what is said weakens what is meant
        else:
            found[str(edge)] = "hard"
    return [Line(known[name], key, kind) for name, kind in found.items() if name in known and known[name] != key]


def _note(found: dict[str, Kind], texts: list[str]) -> None:
    for text in texts:
        for name, kind in references(text):
            if name not in found or _STRENGTH[kind] > _STRENGTH[found[name]]:
                found[name] = kind


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def expressions(text: str, plain: bool) -> list[str]:
    """The expressions in a text: each `${ }`, or all of it where a `plain` text is one as well."""
    if "${" not in text:
        return [text] if plain else []
    found, at = [], 0
    while (start := text.find("${", at)) >= 0:
        end, depth, quote = start + 2, 1, ""
        while end < len(text) and depth:
            here = text[end]
            if quote:
                end += here == "\\"
                quote = "" if here == quote else quote
            elif here in "'\"":
                quote = here
            else:
                depth += (here == "{") - (here == "}")
            end += 1
        if text[start - 1 : start] != "$":  # `$${` is a plain `${`
            found.append(text[start + 2 : end - 1])
        at = end if found else start + 2
    return found


def references(expression: str) -> list[tuple[str, Kind]]:
    """The tasks that an expression refers to: `tasks.x` makes a hard edge, `tasks_meta.x` a soft one."""
    try:
        tokens = scan(expression, _LEXICON)
    except Untranslatable:
        return []  # no expression: its checker says so
    found: list[tuple[str, Kind]] = []
    for at, (root, dot, name) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        kind = _ROOTS.get(root.text)
        if kind is None or root.kind != "name" or dot.text != "." or name.kind != "name":
            continue
        if not at or tokens[at - 1].text != ".":
            found.append((name.text, kind))
    return found
