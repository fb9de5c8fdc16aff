"""The functions of the Python worker of chaos: each can be computed again by whoever checks its output."""

from __future__ import annotations

import hashlib
import os
import random
import time
from pathlib import Path
from typing import Any

from conductor.worker import context, task


def letters(seed: int, size: int) -> str:
    """A text that a seed names, of so many characters."""
    return f"{random.Random(seed).getrandbits(256):064x}" * (size // 64) + "x" * (size % 64)


@task("chaos.add", pure=True)
def add(a: int, b: int) -> dict[str, Any]:
    """The sum of two numbers."""
    return {"v": a + b}


@task("chaos.text", pure=True)
def text(seed: int, size: int) -> dict[str, Any]:
    """A text large enough to travel as an artifact."""
    return {"text": letters(seed, size)}


@task("chaos.texts", pure=True)
def texts(seed: int, size: int, count: int) -> dict[str, Any]:
    """Several texts in one list, for a map to go over."""
    return {"items": [letters(seed + at, size) for at in range(count)]}


@task("chaos.digest", pure=True)
def digest(text: str) -> dict[str, Any]:
    """The SHA-256 of a text."""
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}


@task("chaos.nap")
def nap(seconds: float) -> dict[str, Any]:
    """Hold a slot for a while."""
    time.sleep(seconds)
    return {"v": 1}


@task("chaos.append")
def append(file: str, line: str, seconds: float = 0.0) -> dict[str, Any]:
    """Append a line with run, task and try, and linger a while: what is lost then has had its effect.

    One write, so that lines of several workers do not mix.
    """
    attempt = context()
    written = f"{attempt.run} {attempt.task} {attempt.attempt} {line}\n"
    descriptor = os.open(Path(file), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, written.encode())
    finally:
        os.close(descriptor)
    time.sleep(seconds)
    return {"line": written.rstrip("\n")}
