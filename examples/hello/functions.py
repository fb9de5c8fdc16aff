"""Two functions and a workflow of them.

Serve them with `symphony worker examples/hello/functions.py`, then `symphony run examples/hello/functions.py:hello`.
"""

from __future__ import annotations

from typing import TypedDict

from conductor.worker import task
from conductor.workflow import workflow


class Said(TypedDict):
    text: str


@task("hello.greet", pure=True)
async def greet(name: str) -> Said:
    """Greet someone."""
    return {"text": f"Hello, {name}"}


@task("hello.shout", pure=True)
def shout(text: str) -> Said:
    """Say it louder."""
    return {"text": text.upper() + "!"}


@workflow(version="1.0.0")
def hello(name: str = "world"):
    """Greet someone, loudly."""
    greeting = greet(name=name)
    return {"said": shout(text=greeting["text"])["text"]}
