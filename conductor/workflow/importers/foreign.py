"""A foreign YAML document as a tree that notes what of it was read, so that nothing of it can be dropped silently.

An importer asks a `Node` for its entries and values; whatever it never asked for is listed by `unread`, with its line.
The rule is structural: leaving a word out of an importer lists it, and only reading it (or naming it harmless) does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from conductor.wire import bounds
from conductor.workflow.errors import WorkflowError
from conductor.workflow.importers.imported import Unsupported
from conductor.workflow.reader import ALIASES_MAX, TEXT_BYTES_MAX, yaml_mistakes

UNSUPPORTED_MAX = 10_000
"""Entries of one report; a document of eight megabytes could otherwise give a report far larger than itself."""
_WORD_LENGTH_MAX = 80


class Loader(yaml.SafeLoader):
    """YAML 1.2's scalars as Kubernetes and most tools read them: `on`, `yes` and dates are text."""


Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


class Report:
    """What of a document has no meaning here: each word once a line."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], Unsupported] = {}

    def add(self, line: int, word: str, why: str) -> None:
        """Note a word; the first reason given for it on its line stands."""
        word = " ".join(word.split())[:_WORD_LENGTH_MAX]
        if len(self._found) < UNSUPPORTED_MAX:
            self._found.setdefault((line, word), Unsupported(line, word, why))

    def sorted(self) -> list[Unsupported]:
        """By line, then word."""
        return sorted(self._found.values(), key=lambda one: (one.line, one.word))


class Node:
    """A value of the document. `word` is what names it on its `line` (from 1): its key, or its own first word."""

    def __init__(self, tag: str, value: Any, line: int, word: str, report: Report) -> None:
        self._tag = tag  # map, list or scalar
        self._value = value
        self.line = line
        self.word = word
        self.report = report
        self._read = False

    @property
    def is_map(self) -> bool:
        """Whether it has keys."""
        return self._tag == "map"

    @property
    def is_list(self) -> bool:
        """Whether it is a sequence."""
        return self._tag == "list"

    @property
    def is_text(self) -> bool:
        """Whether it is a string."""
        return self._tag == "scalar" and isinstance(self._value, str)

    def keys(self) -> list[str]:
        """The keys, in the order of the text; reads nothing."""
        return list(self._value) if self.is_map else []

    def has(self, key: str) -> bool:
        """Whether a key stands there with a value other than null; reads nothing."""
        return self.is_map and key in self._value and not self._value[key].empty()

    def mentions(self, key: str) -> bool:
        """Whether a key stands there, be it with nothing behind it; reads nothing."""
        return self.is_map and key in self._value

    def empty(self) -> bool:
        """Whether it is null."""
        return self._tag == "scalar" and self._value is None

    def take(self, key: str) -> Node | None:
        """The value of a key. It counts as read once its own entries are."""
        if not self.is_map:
            return None
        self._read = True
        child = self._value.get(key)
        if child is None:
            return None
        if child.empty():
            child.whole()
            return None
        found: Node = child
        return found

    def items(self) -> list[Node]:
        """The entries of a list; none of anything else, which then is listed as unread."""
        if not self.is_list:
            return []
        self._read = True
        return list(self._value)

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Keys and values."""
        if self.is_map:
            self._read = True
            yield from self._value.items()

    def peek(self) -> Any:
        """The plain value, without reading it."""
        if self._tag == "map":
            return {key: child.peek() for key, child in self._value.items()}
        if self._tag == "list":
            return [child.peek() for child in self._value]
        return self._value

    def glance(self, *keys: str) -> list[dict[str, Any]]:
        """The mappings of the list that stands below these keys, as plain values; none where there is no such list.
        Reads nothing."""
        value = self.peek()
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

    def whole(self) -> Any:
        """The plain value; all of it counts as read."""
        self._read = True
        if self._tag == "map":
            return {key: child.whole() for key, child in self._value.items()}
        if self._tag == "list":
            return [child.whole() for child in self._value]
        return self._value

    def text(self) -> str | None:
        """A scalar as a text, as the document writes booleans and numbers; None for what is no scalar."""
        if self._tag != "scalar" or self._value is None:
            return None
        self._read = True
        return scalar_text(self._value)

    def string(self, key: str) -> str | None:
        """The text of a key."""
        child = self.take(key)
        return None if child is None else child.text()

    def refuse(self, why: str) -> None:
        """List it, and count all of it as read."""
        self.whole()
        self.report.add(self.line, self.word, why)

    def note(self, why: str) -> None:
        """List it, although something of it was said."""
        self.report.add(self.line, self.word, why)

    def skip(self, words: Iterable[str]) -> None:
        """Count keys as read: they change nothing about what is done."""
        self._read = True
        for word in words:
            child = self._value.get(word) if self.is_map else None
            if child is not None:
                child.whole()

    def unread(self, why: Callable[[str], str]) -> None:
        """List whatever of it nobody read, at the outermost place that is wholly unread, with what `why` says of it."""
        if self._tag == "scalar":
            if not self._read:
                self.report.add(self.line, self.word, why(self.word))
            return
        children: list[Node] = list(self._value.values()) if self._tag == "map" else list(self._value)
        if not self._read and not any(child.touched() for child in children):
            self.report.add(self.line, self.word, why(self.word))
            return
        for child in children:
            child.unread(why)

    def touched(self) -> bool:
        """Whether anything of it was read."""
        if self._read or self._tag == "scalar":
            return self._read
        return any(child.touched() for child in (self._value.values() if self.is_map else self._value))


def scalar_text(value: Any) -> str:
    """A scalar as a document writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def read_documents(path: str | Path, report: Report) -> list[Node]:
    """The documents of a YAML or JSON file, each a mapping.

    Raises:
        WorkflowError: the file cannot be read, is too large, is not YAML, or has a document that is no mapping.
    """
    path, name = Path(path), str(path)
    try:
        size = path.stat().st_size
        if size > TEXT_BYTES_MAX:
            raise WorkflowError.one(name, f"the document has {size:,} bytes, at most {TEXT_BYTES_MAX:,} are read")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise WorkflowError.one(name, f"cannot be read: {error.strerror}", "check the path") from None
    except UnicodeDecodeError:
        raise WorkflowError.one(name, "the text is not UTF-8", "save the file as UTF-8") from None
    with yaml_mistakes(name):
        if sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader)) > ALIASES_MAX:
            raise WorkflowError.one(name, f"more than {ALIASES_MAX} YAML aliases", "write the repeated parts out")
        loader = Loader(text)
        made: list[Node] = []
        budget = [TEXT_BYTES_MAX // 8]
        while loader.check_node():
            raw = loader.get_node()
            if raw is not None and raw.tag != "tag:yaml.org,2002:null":
                made.append(_node(loader, raw, "document", raw.start_mark.line + 1, 0, budget, name, report))
    if not made or not all(one.is_map for one in made):
        raise WorkflowError.one(name, "there is no mapping in it", "give a workflow document", 1, 1)
    return made


def _node(
    loader: Any, raw: yaml.Node, word: str, line: int, depth: int, budget: list[int], source: str, report: Report
) -> Node:
    budget[0] -= 1
    if depth > bounds.VALUE_DEPTH_MAX or budget[0] < 0:
        what = "nested too deeply" if budget[0] >= 0 else "its aliases make it too large"
        raise WorkflowError.one(source, what, "flatten the document", line, 1)
    if isinstance(raw, yaml.MappingNode):
        loader.flatten_mapping(raw)
        entries = {}
        for key, value in raw.value:
            name = str(key.value)
            entries[name] = _node(loader, value, name, key.start_mark.line + 1, depth + 1, budget, source, report)
        return Node("map", entries, line, word, report)
    if isinstance(raw, yaml.SequenceNode):
        made = []
        for value in raw.value:
            own, at = _named(value, word)
            made.append(_node(loader, value, own, at, depth + 1, budget, source, report))
        return Node("list", made, line, word, report)
    return Node("scalar", loader.construct_object(raw), line, word, report)


def _named(value: yaml.Node, word: str) -> tuple[str, int]:
    """What names an entry of a list, and the line where that stands: its `name`, its first key, or its text."""
    line = value.start_mark.line + 1
    if isinstance(value, yaml.ScalarNode):
        return str(value.value) or word, line
    if isinstance(value, yaml.MappingNode) and value.value:
        for key, inner in value.value:
            if key.value == "name" and isinstance(inner, yaml.ScalarNode):
                return str(inner.value), inner.start_mark.line + 1
        first = value.value[0][0]
        return str(first.value), first.start_mark.line + 1
    return word, line
