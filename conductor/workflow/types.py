"""Python's types as the types of the workflow language."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Annotated, Any, NewType

from conductor.wire.extensions import TypeName

File = NewType("File", str)
"""A path of a file that the worker can read."""
Directory = NewType("Directory", str)
"""A path of a folder that the worker can read."""
Artifact = NewType("Artifact", dict[str, Any])
"""A reference to an artifact, handed over as it is: `{"$artifact", "digest", "size", "media_type"}`."""

_NAMES: dict[Any, TypeName] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    tuple: "array",
    set: "array",
    File: "file",
    Directory: "directory",
    Artifact: "artifact",
}


def type_name(annotation: Any) -> TypeName:
    """The language's type for an annotation; `any` where there is none that fits."""
    if annotation in (inspect.Parameter.empty, Any, None):
        return "any"
    try:
        known = _NAMES.get(annotation)
    except TypeError:  # an annotation that cannot be hashed names no type
        return "any"
    if known is not None:
        return known
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return type_name(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        return type_name(inner[0]) if len(inner) == 1 else "any"
    if origin is not None:
        return _NAMES.get(origin, "any")
    if isinstance(annotation, type):
        if (
            hasattr(annotation, "__dataclass_fields__")
            or hasattr(annotation, "__struct_fields__")
            or typing.is_typeddict(annotation)
        ):
            return "object"
        for base, name in _NAMES.items():
            if isinstance(base, type) and base is not bool and issubclass(annotation, base):
                return name
    return "any"


def optional(annotation: Any) -> bool:
    """Whether None is among the values of an annotation."""
    return type(None) in typing.get_args(annotation)
