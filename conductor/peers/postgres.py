"""A PostgreSQL of one's own, for the peers that keep their state in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from conductor.peers import tools

KEPT = Path("/usr/lib/postgresql")
"""Where Debian keeps them: not in the path, since several versions may be there."""


async def version() -> str:
    """That of the PostgreSQL that `postgres` starts.

    Raises:
        PeerError: it is not installed.
    """
    return (await tools.done([program("postgres"), "--version"])).split()[2]


def program(name: str) -> str:
    """One of the newest PostgreSQL that is here; Debian keeps them out of the path."""
    kept = sorted(KEPT.glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(kept[-1]) if kept else None)
    return found or tools.tool(name, "Debian's package postgresql has it")


def _given(data: Path, folder: Path, user: str | None) -> None:
    folder.mkdir(mode=0o700)
    if user is not None:
        for path in (data, folder):
            shutil.chown(path, user)


@asynccontextmanager
async def postgres(data: Path) -> AsyncIterator[str]:
    """A PostgreSQL of one's own on loopback, with its defaults; its URL without a database.

    Raises:
        PeerError: it is not installed, or does not start.
    """
    number, folder = tools.port(), data / "postgres"
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as the superuser
    _given(data, folder, user)
    as_user: list[str] = []
    if user is not None:
        as_user = [tools.tool("runuser", "util-linux has it"), "-u", user, "--"]
    make: list[str | Path] = [program("initdb"), "-D", folder, "-U", "postgres", "-A", "trust", "--no-instructions"]
    await tools.done([*as_user, *make], folder=data)
    command: list[str | Path] = [program("postgres"), "-D", folder, "-p", str(number), "-h", "127.0.0.1", "-k", ""]
    async with tools.started(command, data / "postgres.log", user=user):
        await tools.listens(number, "PostgreSQL")
        yield f"postgresql://postgres@127.0.0.1:{number}"
