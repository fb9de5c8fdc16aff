"""The functions of the Python worker of chaos: each can be computed again by whoever checks its output."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import random
import time
from pathlib import Path
from typing import Any

from conductor.worker import TaskContext, TaskError, context, task

STILL_S = 0.02
"""Between two lines of one who holds: so long may it have held on after the last one, if it was killed."""
_numbers = itertools.count()


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
    """Append a line with run, task and try, and linger a while: what is lost then has had its effect."""
    attempt = context()
    written = f"{attempt.run} {attempt.task} {attempt.attempt} {line}\n"
    _write(file, written)
    time.sleep(seconds)
    return {"line": written.rstrip("\n")}


@task("chaos.hold")
async def hold(
    file: str,
    seconds: float,
    claims: list[str],
    scope: str = "",
    rate: str = "",
    fails: int = 0,
    once: bool = False,
) -> dict[str, Any]:
    """Hold what the task was granted, and leave lines about it: the first at the begin, the last at the end.

    `claims` are `key=permits`, `scope` is the lock of the workflow, `rate` the key of a rate. The first `fails` tries fail
    at the end. It is stopped where its attempt is cancelled, as only an async function can be: it holds for as long as the
    language promises, and not a moment longer.
    """
    attempt = context()
    name = f"{os.getpid()}-{next(_numbers)}"
    said = f"{','.join(claims) or '-'} {scope or '-'} {rate or '-'} {int(once)}"
    until_s = time.monotonic() + seconds
    try:
        while True:
            _write(file, _holding(attempt, name, said))
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                break
            await asyncio.sleep(min(STILL_S, left_s))
    finally:
        _write(file, _holding(attempt, name, said))
    if attempt.attempt <= fails:
        raise TaskError("flaky", f"try {attempt.attempt} fails")
    return {"v": 1}


def _holding(attempt: TaskContext, name: str, said: str) -> str:
    """A line: the try, this attempt of it and its worker, what it claims, its tokens, and the machine's time."""
    tokens = ",".join(f"{key}={token}" for key, token in attempt.fences.items()) or "-"
    identity = f"{attempt.run} {attempt.task} {attempt.generation} {attempt.attempt}"
    return f"{identity} {name} {attempt.worker} {said} {tokens} {time.monotonic():.6f}\n"


def _write(file: str, line: str) -> None:
    """Append it in one piece, so that lines of several workers do not mix."""
    descriptor = os.open(Path(file), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
