"""Large values: outputs spill to the Artifact Store, the largest field first, and references come back as values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conductor.wire import bounds
from conductor.wire.values import Value, is_reference, pack, reference, unpack

Store = Callable[[bytes, str], Awaitable[str]]
"""Stores bytes of a media type and gives their digest."""
Fetch = Callable[[str], Awaitable[bytes]]
"""The bytes of a digest."""

MEDIA_TYPE = "application/msgpack"


async def spill(value: Value, store: Store, limit_bytes: int = bounds.INLINE_PAYLOAD_BYTES_MAX) -> bytes:
    """A value as a payload of at most `limit_bytes`: its largest fields, or all of it, become references.

    Raises:
        WireError: it holds something that no payload may.
    """
    payload = pack(value)
    if len(payload) <= limit_bytes:
        return payload
    if isinstance(value, dict) and value and not is_reference(value):
        fields = {name: pack(item) for name, item in value.items()}
        small = dict(value)
        for name in sorted(fields, key=lambda one: len(fields[one]), reverse=True):
            small[name] = reference(await store(fields[name], MEDIA_TYPE), len(fields[name]), MEDIA_TYPE)
            payload = pack(small)
            if len(payload) <= limit_bytes:
                return payload
    whole = pack(value)
    return pack(reference(await store(whole, MEDIA_TYPE), len(whole), MEDIA_TYPE))


async def resolve(value: Value, fetch: Fetch, keep: frozenset[str] = frozenset()) -> Value:
    """Inputs with their references replaced by what they stand for: top-level fields, and the items of lists in them.

    Fields named in `keep` are handed over as references; so are those of another media type than msgpack.
    """
    if is_reference(value):
        return await resolve(await _value(value, fetch), fetch, keep)
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, item in value.items():
        found[name] = item if name in keep else await _field(item, fetch)
    return found


async def _field(item: Value, fetch: Fetch) -> Value:
    if is_reference(item):
        item = await _value(item, fetch)
    if isinstance(item, list):
        return [await _value(one, fetch) if is_reference(one) else one for one in item]
    return item


async def _value(mark: dict[str, Any], fetch: Fetch) -> Value:
    if mark.get("media_type") != MEDIA_TYPE:
        return mark
    return unpack(await fetch(str(mark["digest"])))
