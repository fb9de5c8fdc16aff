"""Inputs as a person types them: `key=value`, parsed by the type that the workflow declares."""

from __future__ import annotations

import difflib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conductor.wire.extensions import Parameter
from conductor.wire.values import Value
from conductor.workflow.errors import WorkflowError

INPUT_BYTES_MAX = 1024 * 1024 * 1024
"""A file given as `key=@file`; it is stored in pieces, never held whole unless it is parsed."""
PARSED_BYTES_MAX = 64 * 1024 * 1024
"""A file that is parsed as JSON has to be held."""


@dataclass(frozen=True, slots=True)
class FileInput:
    """An input whose value is a file's content, to be stored as an artifact."""

    path: Path
    media_type: str


def parse_inputs(said: list[str], declared: Mapping[str, Parameter]) -> dict[str, Value | FileInput]:
    """The values of `key=value` and `key=@file`, by the declared types.

    Text stays text for `string`, `file` and `directory`; a `file` or `directory` becomes an absolute path. Everything else
    is JSON; for `any`, what is not JSON is text.

    Raises:
        WorkflowError: no `=`, an undeclared name (the nearest one is named), a value of another type, an unreadable file.
    """
    found: dict[str, Value | FileInput] = {}
    for text in said:
        name, equals, value = text.partition("=")
        if not equals:
            raise WorkflowError.one(f"-i {text}", "there is no '='", "write -i name=value or -i name=@file")
        parameter = declared.get(name)
        if parameter is None:
            raise WorkflowError.one(f"-i {text}", f"the workflow has no input {name!r}", _known(name, declared))
        found[name] = _content(name, value[1:], parameter) if value.startswith("@") else _value(name, value, parameter)
    return found


def _known(name: str, declared: Mapping[str, Parameter]) -> str:
    near = difflib.get_close_matches(name, declared, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"it has {', '.join(sorted(declared))}" if declared else "it has none"


def _value(name: str, text: str, parameter: Parameter) -> Value:
    kind = parameter.type
    if kind == "string":
        return text
    if kind in ("file", "directory"):
        path = Path(text).expanduser().resolve()
        there = path.is_dir() if kind == "directory" else path.is_file()
        if not there:
            raise WorkflowError.one(f"-i {name}={text}", f"there is no {kind} {str(path)!r}", "check the path")
        return str(path)
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        if kind == "any":
            return text
        raise WorkflowError.one(f"-i {name}={text}", f"{text!r} is not of type {kind}", "write it as JSON") from None
    return value


def _content(name: str, file: str, parameter: Parameter) -> Value | FileInput:
    path = Path(file).expanduser()
    try:
        size = path.stat().st_size
        if parameter.type in ("file", "directory"):
            return str(path.resolve())
        if parameter.type in ("artifact", "any") and path.suffix not in (".json", ".txt"):
            return FileInput(path, _media_type(path))
        if size > PARSED_BYTES_MAX:
            raise WorkflowError.one(
                f"-i {name}=@{file}", f"{size:,} bytes are too many to parse", "declare the input as an artifact"
            )
        data = path.read_bytes()
    except OSError as error:
        raise WorkflowError.one(f"-i {name}=@{file}", f"cannot be read: {error.strerror}", "check the path") from None
    if parameter.type == "artifact":
        return FileInput(path, _media_type(path))
    return _text_or_json(name, file, data, parameter)


def _text_or_json(name: str, file: str, data: bytes, parameter: Parameter) -> Value:
    try:
        if parameter.type == "string" or (parameter.type == "any" and not file.endswith(".json")):
            return data.decode("utf-8")
        return msgspec.json.decode(data)
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"not JSON ({error})"
        raise WorkflowError.one(f"-i {name}=@{file}", f"its content is {what}", "check the file") from None


def _media_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
