"""Manifests and the life cycle of extensions: `sym.ext.<event>` in the stream `SYM_EXTENSIONS`.

register → validate → activate → use → return and unload. The conductor writes the events; a manifest arrives with a
worker's heartbeat.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from conductor.wire import bounds
from conductor.wire.base import BATCH, Count, Digest, Message, Millis, Name, Part, Text
from conductor.wire.values import Value

TypeName = Literal[
    "string",
    "integer",
    "number",
    "boolean",
    "object",
    "array",
    "file",
    "directory",
    "artifact",
    "any",
]
"""The types of the workflow language."""


class Parameter(Part, frozen=True, kw_only=True):
    """An input of a function or of a workflow. `default` counts only when `required` is false."""

    type: TypeName = "any"
    required: bool = True
    default: Value = None
    description: Text = ""


class Resources(Part, frozen=True, kw_only=True):
    """What one attempt needs: processors, bytes, devices, and named things that the operator counts."""

    cpu: float = 0.0
    memory_bytes: Count = 0
    gpu: float = 0.0
    named: Annotated[dict[str, float], msgspec.Meta(max_length=64)] = {}


class Function(Part, frozen=True, kw_only=True):
    """One capability. `outputs` null means that the output is not described.

    A `pure` function has no effect beyond its output and gives the same output for the same inputs; `retry_safe` says
    that a repeated attempt does no harm.
    """

    capability: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=128)]
    version: Name = bounds.FIRST_VERSION
    description: Text = ""
    inputs: Annotated[dict[str, Parameter], msgspec.Meta(max_length=256)] = {}
    open_inputs: bool = False
    """Inputs beyond those listed are accepted."""
    outputs: Annotated[dict[str, Parameter], msgspec.Meta(max_length=256)] | None = None
    pure: bool = False
    retry_safe: bool = True
    timeout_ms: Millis | None = None
    resources: Resources = Resources()
    cost_per_second: float = 0.0
    errors: Annotated[list[Name], msgspec.Meta(max_length=64)] = []


class Manifest(Part, frozen=True, kw_only=True):
    """What an extension offers and needs."""

    name: Name
    version: Name = "0.1.0"
    description: Text = ""
    functions: Annotated[list[Function], msgspec.Meta(max_length=bounds.FUNCTIONS_COUNT_MAX)] = []
    labels: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = {}
    permissions: Annotated[list[Name], msgspec.Meta(max_length=64)] = []


class ExtensionEvent(Message, frozen=True, kw_only=True):
    """A step of the life cycle: `registered`, `validated`, `rejected`, `activated`, `degraded`, `unloaded`."""

    event: Literal["registered", "validated", "rejected", "activated", "degraded", "unloaded"]
    extension: Name
    version: Name
    worker: Name
    digest: Digest
    at_ms: Millis
    reason: Text = ""
    manifest: Manifest | None = None


class ListActive(Message, frozen=True, kw_only=True):
    """`sym.pit.dag.active`: which extensions does the log name as active? By worker, those after `after`."""

    after: Annotated[str, msgspec.Meta(max_length=bounds.NAME_LENGTH_MAX)] = ""


class Active(Part, frozen=True, kw_only=True):
    """An extension that was activated with a worker, and not unloaded since."""

    worker: Name
    extension: Name
    version: Name
    digest: Digest


class ActiveList(Message, frozen=True, kw_only=True):
    """A page; `more`: there are others behind the last one."""

    extensions: Annotated[list[Active], BATCH] = []
    more: bool = False
