"""What a verb says, and how it ends: one JSON document on stdout with `--json`, tables and lines without.

Exit codes: 0 done, 1 the thing asked for failed, 2 the request was wrong, 3 the system could not be reached, 130
interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NoReturn

import click
import msgspec

from conductor.wire.values import is_reference

DONE, FAILED, WRONG, UNREACHED, INTERRUPTED = 0, 1, 2, 3, 130


class Refusal(click.ClickException):
    """An error as a person sees it: one line that says what, where and what to do. `document` is what a script gets of it
    on stdout with `--json`."""

    def __init__(self, line: str, code: int = WRONG, document: dict[str, Any] | None = None) -> None:
        super().__init__(" ".join(line.split()))
        self.exit_code = code  # type: ignore[misc]  # click declares it on the class
        self.document = document

    def show(self, file: Any = None) -> None:
        click.echo(f"symphony: {self.message}", file=file or sys.stderr)


def fail(line: str, code: int = WRONG) -> NoReturn:
    """End the command with one line on stderr."""
    raise Refusal(line, code)


def say(line: str, err: bool = False) -> None:
    """A line for a person."""
    click.echo(line, err=err)


def emit(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(document, enc_hook=_hook), indent=2).decode())


def _hook(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value).__name__)


@cache
def console() -> Any:
    """Where tables and progress go: stdout, with colours only on a terminal."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 200
    return Console(highlight=False, soft_wrap=True, width=wide)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Rows as a table on a terminal, as tab-separated lines in a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join("" if cell is None else str(cell) for cell in row))
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    for column in columns:
        whole = column in WHOLE or column in right
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=whole)
    for row in rows:
        drawn.add_row(*[_cell(cell, Text) for cell in row])
    console().print(drawn)


WHOLE = ("run", "digest", "at", "age", "status", "health")
"""Columns that are copied from the screen, or compared down it, as numbers are too: the others fold where it is narrow."""

_COLOURS = {
    "succeeded": "green",
    "healthy": "green",
    "cached": "green",
    "running": "cyan",
    "failed": "red",
    "timed_out": "red",
    "unhealthy": "red",
    "skipped": "yellow",
    "cancelled": "yellow",
}


def _cell(cell: Any, text: Any) -> Any:
    words = "" if cell is None else str(cell)
    return text(words, style=_COLOURS.get(words, ""))


def moment(at_ms: float) -> str:
    """A moment in UTC with its milliseconds, as ISO 8601 has it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def clock(at_ms: float) -> str:
    """A moment for a table: on a terminal by the local clock, the day only where it is not today; in a pipe as `moment`."""
    if not sys.stdout.isatty():
        return moment(at_ms)
    at = datetime.fromtimestamp(at_ms / 1000).astimezone()
    if at.date() == datetime.now().astimezone().date():
        return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return f"{at:%Y-%m-%d %H:%M:%S}"


def age(at_ms: float) -> str:
    """How long ago a moment was, in its largest unit (`42s`, `7m`, `3h`, `12d`); in a pipe as `moment`."""
    if not sys.stdout.isatty():
        return moment(at_ms)
    seconds = max(int(datetime.now().timestamp() - at_ms / 1000), 0)
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def value(given: Any) -> str:
    """A value for people, on one line: text as it is, a stored file by its digest and size, the rest as JSON."""
    if isinstance(given, str):
        return given
    if isinstance(given, dict) and is_reference(given):
        kind = given.get("media_type") or "unknown type"
        return f"artifact {given['digest']} ({size(given.get('size', 0))}, {kind})"
    return msgspec.json.encode(given, enc_hook=_hook).decode()


def duration(milliseconds: float | None) -> str:
    """A duration for people: `0.42 ms`, `38 ms`, `4.2 s`, `3m 20s`."""
    if milliseconds is None:
        return ""
    if milliseconds < 1:
        return f"{milliseconds:.2f} ms"
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m" if hours else f"{minutes}m {rest:02d}s"


def size(count: float) -> str:
    """Bytes for people, in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
