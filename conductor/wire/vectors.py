"""Golden vectors: bytes of every message, valid and invalid, that every codec of the mesh is held to.

A vector's `value` is what a generic msgpack decoder gives, with byte strings as `{"$hex": …}` since JSON has none. Invalid
ones carry the kind of refusal: `truncated`, `invalid` or `too_large`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import msgspec.inspect as mi

from conductor.wire import bounds, registry
from conductor.wire.base import Message

EXTRA = "zz_from_a_later_version"
"""A field that no message has: readers skip it, for forward compatibility."""
LENGTH_MAX = 600
"""Strings at and over their bound are made up to this length; longer ones would only make the files large."""


def vectors() -> dict[str, dict[str, Any]]:
    """`{name: {"valid": [...], "invalid": [...]}}` for every message, and every union of messages by its own name."""
    made = {}
    members = {member for union in registry.UNIONS.values() for member in union.__args__}
    for name, kind in registry.messages().items():
        if name in registry.UNIONS:
            made[name] = _of_union(kind)
        elif issubclass(kind, Message) and kind not in members:
            made[name] = _of(kind)
    return dict(sorted(made.items()))


def _of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    info = mi.type_info(kind)
    assert isinstance(info, mi.StructType)
    minimal, full = _struct(info, False), _struct(info, True)
    valid = [_valid("minimal", minimal), _valid("full", full), _valid("extra field", {**full, EXTRA: [1, {"a": None}]})]
    invalid = [
        {"name": "truncated", "kind": "truncated", "hex": msgspec.msgpack.encode(full)[:-1].hex()},
        _invalid("empty", "truncated", b""),
        _invalid("not a map", "invalid", 7),
    ]
    if "v" in full:
        invalid.append(_invalid("wrong type", "invalid", {**full, "v": "one"}))
        invalid.append(_invalid("a later version", "invalid", {**full, "v": bounds.VERSION + 1}))
    if info.tag_field is not None:
        invalid.append(_invalid("unknown tag", "invalid", {**full, info.tag_field: "nonsense"}))
        invalid.append(_invalid("no tag", "invalid", {k: v for k, v in full.items() if k != info.tag_field}))
    for field in info.fields:
        if field.required:
            missing = {key: value for key, value in full.items() if key != field.encode_name}
            invalid.append(_invalid(f"without {field.encode_name}", "invalid", missing))
        bound = _bounded(field.type)
        if bound is not None:
            at, over = bound
            valid.append(_valid(f"{field.encode_name} at its bound", {**full, field.encode_name: at}))
            invalid.append(
                _invalid(f"{field.encode_name} over its bound", "invalid", {**full, field.encode_name: over})
            )
    return {"valid": valid, "invalid": invalid}


def _of_union(union: Any) -> dict[str, Any]:
    """The vectors of every member: they never travel but as the union."""
    made: dict[str, list[Any]] = {"valid": [], "invalid": []}
    for member in union.__args__:
        for which, cases in _of(member).items():
            made[which] += [{**case, "name": f"{member.__name__}: {case['name']}"} for case in cases]
    return made


def _valid(name: str, value: Any) -> dict[str, Any]:
    return {"name": name, "hex": msgspec.msgpack.encode(value).hex(), "value": portable(value)}


def _invalid(name: str, kind: str, value: Any) -> dict[str, Any]:
    data = value if isinstance(value, bytes) else msgspec.msgpack.encode(value)
    return {"name": name, "kind": kind, "hex": data.hex()}


def portable(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, bytes):
        return {"$hex": value.hex()}
    if isinstance(value, dict):
        return {key: portable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(item) for item in value]
    return value


def _struct(info: mi.StructType, full: bool) -> dict[str, Any]:
    value: dict[str, Any] = {}
    if info.tag_field is not None:
        value[info.tag_field] = info.tag
    for field in info.fields:
        if field.required or full:
            value[field.encode_name] = _sample(field.type, full)
    return value


def _sample(kind: mi.Type, full: bool) -> Any:  # noqa: PLR0912 - one line a type
    match kind:
        case mi.Metadata():
            return _sample(kind.type, full)
        case mi.StructType():
            return _struct(kind, full)
        case mi.UnionType():
            first = next(member for member in kind.types if not isinstance(member, mi.NoneType))
            return _sample(first, full)
        case mi.StrType():
            return _text(kind, max(kind.min_length or 0, 3))
        case mi.BytesType():
            length = max(kind.min_length or 0, min(kind.max_length or 4, 4))
            return bytes(range(1, length + 1)) if length != 4 else msgspec.msgpack.encode({"a": 1})
        case mi.IntType():
            low, high = kind.ge if kind.ge is not None else 0, kind.le if kind.le is not None else 2**31
            return min(max(low, 1), high)
        case mi.FloatType():
            return 1.5
        case mi.BoolType():
            return True
        case mi.LiteralType():
            return kind.values[-1]
        case mi.ListType() | mi.VarTupleType():
            return [_sample(kind.item_type, full)] if full or kind.min_length else []
        case mi.DictType():
            return {"key": _sample(kind.value_type, full)} if full else {}
        case mi.AnyType():
            return {"any": [1, "two", None]}
        case _:
            raise TypeError(f"no sample of {kind}")


def _text(kind: mi.StrType, length: int) -> str:
    pattern = kind.pattern or ""
    if "{32}" in pattern:
        return "0123456789abcdef" * 2
    if "{64}" in pattern:
        return "0123456789abcdef" * 4
    if "{0,64}" in pattern:
        return "0abc"
    return "abcdefghij"[:length].ljust(length, "x")


def _bounded(kind: mi.Type) -> tuple[Any, Any] | None:
    """A value at the bound of a type and one over it, where that is not too long to write down."""
    if isinstance(kind, mi.Metadata):
        return _bounded(kind.type)
    if isinstance(kind, mi.StrType) and kind.pattern is None and kind.max_length and kind.max_length <= LENGTH_MAX:
        return "é" * kind.max_length, "é" * (kind.max_length + 1)
    if isinstance(kind, mi.IntType) and kind.le is not None and kind.le < 2**32:
        return kind.le, kind.le + 1
    return None
