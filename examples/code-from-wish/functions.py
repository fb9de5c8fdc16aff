"""Functions that a goal is composed of: none of them knows another.

`symphony plan examples/code-from-wish/goal.yaml --functions examples/code-from-wish/functions.py` shows the graph;
`--run --embedded -i wish="add two numbers"` runs it.
"""

from __future__ import annotations

import re
from typing import TypedDict

from conductor.worker import task


class Prompt(TypedDict):
    prompt: str


class Features(TypedDict):
    features: list[str]


class Code(TypedDict):
    code: str


class Review(TypedDict):
    verdict: str


@task("prompt.enhance", pure=True)
def enhance_prompt(wish: str) -> Prompt:
    """Say the wish as a whole sentence."""
    return {"prompt": f"Write a function that does this: {wish.strip().rstrip('.')}."}


@task("features.extract", pure=True)
def extract_features(prompt: str) -> Features:
    """The words that name what is wanted."""
    known = {"write", "function", "that", "does", "this"}
    words = re.findall(r"[a-z]{3,}", prompt.lower())
    return {"features": [word for word in dict.fromkeys(words) if word not in known]}


@task("features.guess", pure=True)
def guess_features(wish: str) -> Features:
    """The same, without the enhanced prompt: it stands by."""
    return {"features": wish.lower().split()}


@task("code.generate", pure=True)
def generate_code(prompt: str, features: list[str]) -> Code:
    """A function with a name and a docstring: what a model would fill."""
    name = "_".join(features[:3]) or "wish"
    return {"code": f'def {name}(*values):\n    """{prompt}"""\n    raise NotImplementedError\n'}


@task("code.review", pure=True)
def review_code(code: str) -> Review:
    """Whether Python can read it."""
    try:
        compile(code, "<wish>", "exec")
    except SyntaxError as error:
        return {"verdict": f"no: {error.msg}"}
    return {"verdict": "yes"}
