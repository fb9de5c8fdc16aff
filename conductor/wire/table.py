"""The subject table as data: `schemas/subjects.toml`, read once."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec


class Subject(msgspec.Struct, frozen=True):
    """A row: the pattern with `<token>` places, its kind, the message it carries, who says it to whom."""

    name: str
    pattern: str
    kind: str
    message: str
    sender: list[str] = msgspec.field(name="from")
    receiver: list[str] = msgspec.field(name="to")
    stream: str | None = None
    reply: str | None = None


@cache
def subjects() -> tuple[Subject, ...]:
    """Every row of the table."""
    rows = tomllib.loads(schema_file("wire", "subjects.toml").read_text())["subject"]
    return tuple(msgspec.convert(rows, list[Subject]))


def schema_file(package: str, name: str) -> Path:
    """A data file of `schemas/`: beside the package when installed, at the root of the tree in a checkout."""
    return data_file(package, name, f"schemas/{name}")


def data_file(package: str, name: str, place: str) -> Path:
    """A data file of the tree: beside a package when installed, at its place in a checkout."""
    conductor = Path(__file__).resolve().parent.parent
    installed = conductor / package / name
    return installed if installed.exists() else conductor.parent / place
