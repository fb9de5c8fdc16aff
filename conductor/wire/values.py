"""Users' values: the payloads inside messages, and the references that stand for large ones.

A payload is one msgpack value of nil, booleans, integers, floats, strings, byte strings, arrays and maps with
string keys. NaN and infinities are refused, since no later step could compare or hash them.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from conductor.wire import bounds
from conductor.wire.base import WireError

Value = Any
"""None, bool, int, float, str, bytes, list[Value] or dict[str, Value]."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder()

REFERENCE_MARK = "$artifact"
"""The key that makes a map a reference to an artifact. Its value is the reference's version, 1."""


def reference(digest: str, size_bytes: int, media_type: str = "application/msgpack") -> dict[str, Value]:
    """The value that stands for an artifact: `{"$artifact": 1, "digest", "size", "media_type"}`."""
    return {REFERENCE_MARK: 1, "digest": digest, "size": size_bytes, "media_type": media_type}


def is_reference(value: Value) -> bool:
    """Whether a value is a reference to an artifact."""
    return isinstance(value, dict) and value.get(REFERENCE_MARK) == 1 and "digest" in value


def pack(value: Value) -> bytes:
    """A value as a payload.

    Raises:
        WireError: kind `invalid` for a type, depth or number that no payload may hold.
    """
    check(value)
    try:
        return _ENCODER.encode(value)
    except (TypeError, OverflowError, msgspec.EncodeError) as error:
        raise WireError("invalid", str(error)) from None


def unpack(payload: bytes) -> Value:
    """The value of a payload.

    Raises:
        WireError: kind `truncated` or `invalid`.
    """
    try:
        value = _DECODER.decode(payload)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:  # ValueError: text or a date that cannot be
        text = str(error)
        raise WireError("truncated" if "truncated" in text else "invalid", text) from None
    check(value)
    return value


def check(value: Value, depth: int = 0) -> None:
    """Raise `WireError` where a value holds something that a payload may not."""
    if value is None or isinstance(value, (bool, int, str, bytes)):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise WireError("invalid", f"{value} is not a number that a payload may hold")
        return
    if depth >= bounds.VALUE_DEPTH_MAX:
        raise WireError("invalid", f"nested deeper than {bounds.VALUE_DEPTH_MAX}")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise WireError("invalid", f"map key {key!r} is not a string")
            check(item, depth + 1)
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            check(item, depth + 1)
        return
    raise WireError("invalid", f"a {type(value).__name__} cannot be sent")
