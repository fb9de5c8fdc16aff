"""Every message and part of the mesh, by module: what schemas, vectors and the Rust types are made from."""

from __future__ import annotations

import inspect
from functools import cache
from types import ModuleType
from typing import Any

import msgspec

from conductor.wire import (
    control,
    dag,
    errors,
    extensions,
    grants,
    heartbeat,
    holds,
    ladder,
    log,
    policies,
    ready,
    retention,
    runs,
    stale,
    store,
    tasks,
)
from conductor.wire.base import Message, Part

MODULES: tuple[ModuleType, ...] = (
    errors,
    extensions,
    runs,
    control,
    log,
    ready,
    tasks,
    heartbeat,
    grants,
    holds,
    policies,
    ladder,
    dag,
    store,
    stale,
    retention,
)
UNIONS: dict[str, Any] = {
    "Outcome": log.Outcome,
    "Action": log.Action,
    "Grant": grants.Grant,
    "Put": store.Put,
}
"""Tagged unions by name; the tag stands in the field `is`."""


@cache
def structs(module: ModuleType) -> tuple[type[msgspec.Struct], ...]:
    """The structs that a module defines, in its order."""
    return tuple(
        member
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, (Message, Part)) and member.__module__ == module.__name__
    )


@cache
def messages() -> dict[str, Any]:
    """Whole messages and unions by name: what a subject may carry."""
    found: dict[str, Any] = dict(UNIONS)
    for module in MODULES:
        for struct in structs(module):
            if issubclass(struct, Message):
                found[struct.__name__] = struct
    return found
