"""`symphony logs`: what the services wrote."""

from __future__ import annotations

import time
from pathlib import Path

import click

from conductor.cli.connect import DEFAULT_DATA
from conductor.cli.output import WRONG, Refusal

TAIL_BYTES = 256 * 1024


@click.command()
@click.argument("service", required=False)
@click.option(
    "--data", envvar="SYMPHONY_DATA", type=click.Path(path_type=Path), default=DEFAULT_DATA, show_default=True
)
@click.option("-n", "--lines", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on as they write")
def logs(service: str | None, data: Path, lines: int, follow: bool) -> None:
    """Print the last lines of a service's log, or of all."""
    folder = data.absolute() / "logs"
    files = sorted(folder.glob("*.log"))
    if service is not None:
        files = [path for path in files if path.stem == service]
    if not files:
        names = ", ".join(path.stem for path in sorted(folder.glob("*.log"))) or "none"
        what = f"no log of {service!r}" if service else "no logs"
        raise Refusal(f"{what} in {folder}; there are: {names}", WRONG)
    ends = {path: _tail(path, lines, len(files) > 1) for path in files}
    while follow:
        time.sleep(0.25)
        for path in files:
            size = path.stat().st_size if path.exists() else 0
            if size > ends[path]:
                with path.open("rb") as stream:
                    stream.seek(ends[path])
                    _print(path, stream.read(size - ends[path]), len(files) > 1)
            ends[path] = size


def _tail(path: Path, lines: int, named: bool) -> int:
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(size - TAIL_BYTES, 0))
        last = stream.read().splitlines(keepends=True)[-lines:]
    _print(path, b"".join(last), named)
    return size


def _print(path: Path, data: bytes, named: bool) -> None:
    for line in data.decode(errors="replace").splitlines():
        click.echo(f"{path.stem}: {line}" if named else line)
