"""What every message is: a msgspec Struct written as a msgpack map, bounded field by field.

Sources: msgpack specification (https://github.com/msgpack/msgpack/blob/master/spec.md) for the format; absent
fields take their defaults and unknown fields are skipped, so that either side may be one version ahead.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from conductor.wire import bounds

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=bounds.NAME_LENGTH_MAX)]
"""A name that may stand in a subject token once dots are replaced: function, worker, tenant, workflow."""
RunId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
"""16 bytes in lower-case hexadecimal; also the trace identifier of a run that began its own trace."""
RunRef = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
"""A run's identifier in what the mesh says to itself once a step. Its form was checked where the run came in; only the
length is looked at here, since a pattern costs more than the rest of the message."""
TaskPath = Annotated[str, msgspec.Meta(min_length=1, max_length=bounds.TASK_PATH_LENGTH_MAX)]
"""A task's place in its run: `count`, or `count[3]` for the fourth item of a map."""
Text = Annotated[str, msgspec.Meta(max_length=bounds.TEXT_LENGTH_MAX)]
"""A sentence for people."""
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""BLAKE3 in lower-case hexadecimal."""
Payload = Annotated[bytes, msgspec.Meta(max_length=bounds.MESSAGE_BYTES_MAX)]
"""One user's value, already msgpack: it is forwarded as it is and decoded only where it is used."""
Partition = Annotated[int, msgspec.Meta(ge=0, lt=bounds.PARTITIONS_MAX)]
Epoch = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Milliseconds: a duration, or a moment since the Unix epoch where the name ends in `_at_ms`."""
Micros = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Microseconds, likewise."""
Generation = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Try = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
Priority = Annotated[int, msgspec.Meta(ge=0, le=9)]
Slots = Annotated[int, msgspec.Meta(ge=0, le=bounds.SLOTS_MAX)]
Trace = Annotated[bytes, msgspec.Meta(min_length=bounds.TRACE_BYTES, max_length=bounds.TRACE_BYTES)]
"""Trace identifier (16 bytes), the parent's span identifier (8) and the flags (1) of W3C trace context."""
Token = Annotated[bytes, msgspec.Meta(min_length=bounds.TOKEN_BYTES, max_length=bounds.TOKEN_BYTES)]
Fences = Annotated[dict[Name, Sequence], msgspec.Meta(max_length=8)]
"""Fencing tokens by key; a later holder of a key has a greater one."""
BATCH = msgspec.Meta(max_length=bounds.BATCH_COUNT_MAX)


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A piece of a message."""


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A whole message. `v` is the version of the message set it was written with."""

    v: Annotated[int, msgspec.Meta(ge=1, le=bounds.VERSION)] = bounds.VERSION


M = TypeVar("M")


class WireError(ValueError):
    """A message that cannot be read. `kind` is `truncated`, `invalid` or `too_large`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


_ENCODER = msgspec.msgpack.Encoder()
_DECODERS: dict[type, msgspec.msgpack.Decoder[object]] = {}


def encode(message: msgspec.Struct) -> bytes:
    """One message as msgpack bytes."""
    return _ENCODER.encode(message)


def decode(data: bytes, kind: type[M]) -> M:
    """One message of a known type.

    Raises:
        WireError: the bytes are over the bound, cut off, or not of this type; `kind` says which.
    """
    if len(data) > bounds.MESSAGE_BYTES_MAX:
        raise WireError("too_large", f"{len(data)} bytes, at most {bounds.MESSAGE_BYTES_MAX}")
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.msgpack.Decoder(kind)
    try:
        return decoder.decode(data)  # type: ignore[return-value]  # the table maps a type to its own decoder
    except msgspec.ValidationError as error:
        raise WireError("invalid", str(error)) from None
    except (msgspec.DecodeError, RecursionError, ValueError) as error:  # ValueError: text or a date that cannot be
        text = str(error)
        raise WireError("truncated" if "truncated" in text else "invalid", text) from None
