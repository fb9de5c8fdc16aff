"""What a verb says, and how it ends: one JSON document on stdout with `--json`, tables and lines without.

Exit codes: 0 done, 1 the thing asked for failed, 2 the request was wrong, 3 the system could not be reached, 130
interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

import click
import msgspec

DONE, FAILED, WRONG, UNREACHED, INTERRUPTED = 0, 1, 2, 3, 130


class Refusal(click.ClickException):
    """An error as a person sees it: one line that says what, where and what to do."""

    def __init__(self, line: str, code: int = WRONG) -> None:
        super().__init__(" ".join(line.split()))
        self.exit_code = code  # type: ignore[misc]  # click declares it on the class

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

    drawn = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*[_cell(cell, Text) for cell in row])
    console().print(drawn)


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
