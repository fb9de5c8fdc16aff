"""W3C trace context (https://www.w3.org/TR/trace-context/), as 25 bytes inside messages and as headers at the edges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from blake3 import blake3

_FORM = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")


class TraceContext(NamedTuple):
    """A span that others hang below: identifiers as raw bytes, flags as a number (bit 0: sampled)."""

    trace_id: bytes
    span_id: bytes
    flags: int

    @property
    def sampled(self) -> bool:
        return bool(self.flags & 1)

    def pack(self) -> bytes:
        """The 25 bytes that messages carry."""
        return self.trace_id + self.span_id + bytes((self.flags,))

    @classmethod
    def unpack(cls, data: bytes) -> TraceContext:
        """The inverse of `pack`; `data` is 25 bytes, held to that by the message that carried it."""
        return cls(data[:16], data[16:24], data[24])

    def header(self) -> str:
        """The `traceparent` header of version 00."""
        return f"00-{self.trace_id.hex()}-{self.span_id.hex()}-{self.flags:02x}"


def run_span_id(run: str) -> bytes:
    """The span identifier of a run's root span: whoever knows the run can name it, and no message has to carry it.

    A submission's trace context either is this span itself, or is the parent that the submitter gave.
    """
    return blake3(b"symphony run span\0" + run.encode()).digest(length=8)


def parse_traceparent(values: Sequence[str]) -> TraceContext | None:
    """The context of the `traceparent` headers of one message, or None where a new trace must begin.

    Refused as the recommendation says: more than one header, upper case, version ff, all-zero identifiers, a length
    other than 55 in version 00. A higher version is read by its first four fields.
    """
    if len(values) != 1:
        return None
    match = _FORM.match(values[0].strip(" \t"))
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest):
        return None
    if trace_id == "0" * 32 or span_id == "0" * 16:
        return None
    sampled = int(flags, 16) & 1  # the other bits have no meaning in version 00
    return TraceContext(bytes.fromhex(trace_id), bytes.fromhex(span_id), sampled)
