"""`symphony doctor`: whether this machine and the data folder are fit."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from conductor.cli.connect import DEFAULT_DATA, json_option
from conductor.cli.output import FAILED, emit, table

DISK_FREE_BYTES_MIN = 1 << 30
OPEN_FILES_MIN = 1024


@click.command()
@click.option(
    "--data", envvar="SYMPHONY_DATA", type=click.Path(path_type=Path), default=DEFAULT_DATA, show_default=True
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, data: Path, as_json: bool) -> None:
    """Check what a system needs: programs, folder, disk, limits."""
    checks = _checks(data)
    if as_json:
        emit({"checks": [{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks]})
    else:
        table(
            "", ("check", "verdict", "detail"), [(name, "healthy" if ok else "unhealthy", d) for name, ok, d in checks]
        )
    if not all(ok for _, ok, _ in checks):
        ctx.exit(FAILED)


def _checks(data: Path) -> list[tuple[str, bool, str]]:
    from conductor.embedded import binaries
    from conductor.embedded.errors import EmbeddedError
    from conductor.embedded.layout import Layout

    made: list[tuple[str, bool, str]] = []
    version = ".".join(map(str, sys.version_info[:3]))
    made.append(("python", sys.version_info >= (3, 11), version))
    for name, find in (("nats-server", binaries.nats_server), ("symphony-pit", binaries.pit)):
        try:
            path = find()
            said = ".".join(map(str, binaries.version(path))) if name == "nats-server" else ""
            made.append((name, os.access(path, os.X_OK), f"{path} {said}".strip()))
        except EmbeddedError as error:
            made.append((name, False, str(error)))
    layout = Layout(data)
    try:
        layout.prepare()
        made.append(("data folder", True, f"{layout.root}{' (in use)' if layout.locked() else ''}"))
        free = shutil.disk_usage(layout.root).free
        made.append(("disk", free >= DISK_FREE_BYTES_MIN, f"{free / (1 << 30):.1f} GiB free"))
        secret = [p for p in layout.keys.glob("*") if p.stat().st_mode & 0o077]
        made.append(
            ("keys", not secret, "readable by their owner alone" if not secret else f"open to others: {secret[0]}")
        )
    except EmbeddedError as error:
        made.append(("data folder", False, str(error)))
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    made.append(("open files", files >= OPEN_FILES_MIN, f"limit {files}"))
    return made
