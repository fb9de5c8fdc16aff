"""What is made from the messages: JSON Schema, AsyncAPI 3, the workflow's schema, golden vectors, and the Rust types.

`emit` writes them, `check` tells what differs. Sources: JSON Schema 2020-12; AsyncAPI 3.0
(https://www.asyncapi.com/docs/reference/specification/v3.0.0).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from conductor import __version__
from conductor.wire import registry, rust
from conductor.wire.table import Subject, subjects
from conductor.wire.vectors import vectors

MESSAGES_FILE = "messages.schema.json"
RUST_FOLDER = "extensions-rs/protocol/src/messages"


def messages_schema() -> dict[str, Any]:
    """One JSON Schema with every message in `$defs`. Byte strings, which JSON lacks, stand as base64 text."""
    kinds = list(registry.messages().values())
    _, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The messages of the mesh",
        "description": "Written as msgpack maps; byte strings stand here as base64. Unknown fields are skipped.",
        "$defs": dict(sorted(components.items())),
    }


def asyncapi() -> dict[str, Any]:
    """The subject table as an AsyncAPI 3.0 document."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for row in subjects():
        channels[row.name] = _channel(row, row.message, re.sub(r"<(\w+)>", r"{\1}", row.pattern))
        operation: dict[str, Any] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{row.name}"},
            "summary": f"{', '.join(row.sender)} to {', '.join(row.receiver)}",
            "x-kind": row.kind,
        }
        if row.stream is not None:
            operation["x-stream"] = row.stream
        if row.reply is not None:
            channels[f"{row.name}.reply"] = _channel(row, row.reply, None)
            operation["reply"] = {"channel": {"$ref": f"#/channels/{row.name}.reply"}}
        operations[row.name] = operation
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Symphony Conductor",
            "version": __version__,
            "description": "What the processes of the mesh say to each other over NATS, as msgpack maps.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/msgpack",
        "channels": channels,
        "operations": operations,
        "components": {"messages": {name: _message(name) for name in sorted(_carried())}},
    }


def _carried() -> set[str]:
    return {name for row in subjects() for name in (row.message, row.reply) if name}


def _message(name: str) -> dict[str, Any]:
    union = registry.UNIONS.get(name)
    if union is not None:
        members = [{"$ref": f"{MESSAGES_FILE}#/$defs/{member.__name__}"} for member in union.__args__]
        return {"name": name, "payload": {"oneOf": members}}
    return {"name": name, "payload": {"$ref": f"{MESSAGES_FILE}#/$defs/{name}"}}


def _channel(row: Subject, message: str, address: str | None) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": address,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
    }
    names = re.findall(r"<(\w+)>", row.pattern) if address else []
    if names:
        channel["parameters"] = {name: {"description": f"one token of the subject: the {name}"} for name in names}
    return channel


def files(workflow_schema: dict[str, Any]) -> dict[str, bytes]:
    """Every file under `schemas/` that is made, by its path there."""
    made = {
        MESSAGES_FILE: _json(messages_schema()),
        "asyncapi.json": _json(asyncapi()),
        "workflow.schema.json": _json(workflow_schema),
    }
    for name, cases in vectors().items():
        made[f"vectors/{name}.json"] = _json({"message": name, **cases})
    return made


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def emit(root: Path, workflow_schema: dict[str, Any]) -> list[str]:
    """Write what differs; the paths that were written. The Rust types are to be formatted by `cargo fmt` afterwards."""
    written = []
    for name, data in files(workflow_schema).items():
        path = root / "schemas" / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            written.append(f"schemas/{name}")
    for name in _gone(root, workflow_schema):
        (root / name).unlink()
        written.append(name)
    for name, text in rust.modules().items():
        path = root / RUST_FOLDER / f"{name.removesuffix('.rs')}.rs"
        if not path.exists() or plain(path.read_text()) != plain(text):
            path.write_text(text)
            written.append(f"{RUST_FOLDER}/{path.name}")
    return written


def check(root: Path, workflow_schema: dict[str, Any]) -> list[str]:
    """What differs from the messages, one line each; empty: nothing."""
    found = []
    for name, data in files(workflow_schema).items():
        path = root / "schemas" / name
        if not path.exists():
            found.append(f"schemas/{name} is missing")
        elif path.read_bytes() != data:
            found.append(f"schemas/{name} differs")
    found += [f"{name} belongs to no message" for name in _gone(root, workflow_schema)]
    for name, text in rust.modules().items():
        path = root / RUST_FOLDER / f"{name.removesuffix('.rs')}.rs"
        if path.parent.exists() and (not path.exists() or plain(path.read_text()) != plain(text)):
            found.append(f"{RUST_FOLDER}/{path.name} differs")
    return found


def _gone(root: Path, workflow_schema: dict[str, Any]) -> list[str]:
    made = files(workflow_schema)
    there = (root / "schemas" / "vectors").glob("*.json")
    return sorted(f"schemas/vectors/{path.name}" for path in there if f"vectors/{path.name}" not in made)


def plain(text: str) -> tuple[list[str], str]:
    """Rust text without what formatting changes: imports in an order of their own, then the rest without white space
    and commas."""
    headers = re.findall(r"^(?:pub )?(?:use|mod) [^;]*;", text, re.MULTILINE)
    rest = re.sub(r"^(?:pub )?(?:use|mod) [^;]*;", "", text, flags=re.MULTILINE)
    return sorted(re.sub(r"[\s,]+", "", header) for header in headers), re.sub(r"[\s,]+", "", rest)
