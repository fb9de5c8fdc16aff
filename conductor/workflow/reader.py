"""Reading a document: YAML or JSON text to the canonical form, with the place of every part of it.

Bounds come first: a file is refused by its size before it is parsed, since parsing is what a hostile one attacks. YAML
aliases are expanded by the parser, so their number is bounded too.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml
import zstandard
from blake3 import blake3

from conductor.wire import bounds
from conductor.workflow.errors import WorkflowError
from conductor.workflow.places import LOADER, Places

TEXT_BYTES_MAX = 8 * 1024 * 1024
"""A document's text. Its packed form is bounded as well; 10,000 tasks take about two megabytes."""
ALIASES_MAX = 1000
"""YAML aliases of one document: each can multiply what stands before it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document as read: its canonical value and, for error messages, where it came from."""

    name: str
    text: str
    value: dict[str, Any]
    places: Places = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", Places(self.text))

    def canonical(self) -> bytes:
        """The canonical JSON: keys in the order of the text, no white space."""
        return msgspec.json.encode(self.value)

    def packed(self) -> bytes:
        """The canonical JSON, zstd-compressed, as it travels inside a submission.

        Raises:
            WorkflowError: it is larger than a submission may carry.
        """
        return pack(self.canonical(), self.name)

    def digest(self) -> str:
        """BLAKE3 of the canonical JSON, in hexadecimal."""
        return blake3(self.canonical()).hexdigest()

    def place(self, pointer: str) -> tuple[int, int]:
        """Line and column, from 1, of the part that a JSON pointer names; (0, 0) where it has none."""
        return self.places.at(pointer)


def pack(canonical: bytes, name: str) -> bytes:
    """Canonical JSON as a submission carries it.

    Raises:
        WorkflowError: over the bound, packed or not.
    """
    if len(canonical) > bounds.DOCUMENT_BYTES_MAX:
        raise WorkflowError.one(
            name,
            f"the document has {len(canonical):,} bytes, at most {bounds.DOCUMENT_BYTES_MAX:,} are taken",
            "move its data to an input or an artifact",
        )
    packed = zstandard.compress(canonical, 3)
    if len(packed) > bounds.DOCUMENT_PACKED_BYTES_MAX:
        raise WorkflowError.one(
            name,
            f"the document has {len(packed):,} bytes compressed, at most {bounds.DOCUMENT_PACKED_BYTES_MAX:,} are taken",
            "move its data to an input or an artifact, or split it into subworkflows",
        )
    return packed


def read_file(path: str | Path) -> Source:
    """The document of a file.

    Raises:
        WorkflowError: it cannot be read, is too large, is not UTF-8, or is neither YAML nor JSON of a mapping.
    """
    path = Path(path)
    name = str(path)
    try:
        size = path.stat().st_size
        if size > TEXT_BYTES_MAX:
            raise WorkflowError.one(
                name,
                f"the document has {size:,} bytes, at most {TEXT_BYTES_MAX:,} are read",
                "move its data to an input (-i name=@file)",
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise WorkflowError.one(name, "there is no such file", "check the path") from None
    except OSError as error:
        raise WorkflowError.one(name, f"cannot be read: {error.strerror}", "check the path") from None
    return read_bytes(data, name)


def read_bytes(data: bytes, name: str = "<document>") -> Source:
    """The document of a file's bytes; raises as `read_file` does."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise WorkflowError.one(name, "the text is not UTF-8", "save the file as UTF-8", line, 1) from None
    return read_text(text, name)


def read_text(text: str, name: str = "<document>") -> Source:
    """The document of a text; raises as `read_file` does."""
    if len(text) > TEXT_BYTES_MAX:
        raise WorkflowError.one(name, f"the document has {len(text):,} characters, at most {TEXT_BYTES_MAX:,}")
    value = _parse_json(text) if text.lstrip()[:1] == "{" else None
    if value is None:
        value = _parse_yaml(text, name)
    if not isinstance(value, dict):
        raise WorkflowError.one(
            name, "a workflow document is a mapping", "begin with `workflow: NAME` and `tasks:`", 1, 1
        )
    return Source(name, text, cast("dict[str, Any]", _plain(value, name, text, ())))


def _parse_json(text: str) -> Any | None:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None  # a flow mapping of YAML also begins with a brace; its parser tells the place of a mistake


def _parse_yaml(text: str, name: str) -> Any:
    if (
        text.count("*") > ALIASES_MAX
        and sum(1 for event in _events(text) if isinstance(event, yaml.AliasEvent)) > ALIASES_MAX
    ):
        raise WorkflowError.one(name, f"more than {ALIASES_MAX} YAML aliases", "write the repeated parts out")
    with yaml_mistakes(name):
        return yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader, the C one where there is one


@contextmanager
def yaml_mistakes(name: str) -> Iterator[None]:
    """What is no YAML becomes a `WorkflowError` with its place; `name` is the file's."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise WorkflowError.one(name, f"this is not YAML: {error.problem}", "mend the line", line, column) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise WorkflowError.one(name, f"this is not YAML: {reason}", "mend the file") from None


def _events(text: str) -> Any:
    try:
        yield from yaml.parse(text, Loader=LOADER)
    except yaml.YAMLError:
        return  # the load that follows tells what is wrong, and where


def _plain(value: Any, name: str, text: str, path: tuple[str, ...]) -> Any:
    """A value of JSON's types; dates become text, and what JSON lacks is refused."""
    if len(path) > bounds.VALUE_DEPTH_MAX:
        raise WorkflowError.one(name, f"nested deeper than {bounds.VALUE_DEPTH_MAX}", "flatten the document")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                line, column = Places(text).at(_pointer(path))
                word = str(key).lower() if isinstance(key, bool) else str(key)
                hint = (
                    "put quotes around it"
                    if not isinstance(key, bool)
                    else "YAML reads on/off/yes/no as true/false: put quotes around it"
                )
                if key is True and path and path[-1] == "retry":
                    continue  # `on:` of a retry: YAML 1.1 reads it as true, and the language means the word
                raise WorkflowError.one(name, f"the key {word!r} is not text", hint, line, column)
        return {("on" if k is True else k): _plain(v, name, text, (*path, str(k))) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(item, name, text, (*path, str(i))) for i, item in enumerate(value)]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        line, column = Places(text).at(_pointer(path))
        raise WorkflowError.one(name, f"{value} is not a number that a document may hold", "", line, column)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    line, column = Places(text).at(_pointer(path))
    raise WorkflowError.one(name, f"a YAML {type(value).__name__} cannot stand here", "use plain text", line, column)


def _pointer(path: tuple[str, ...]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
