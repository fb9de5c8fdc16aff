"""The examples of docs/reference/workflow.md: documents, their Python form, and what a run of them gives."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import conductor.workflow
from conductor.workflow import Source, Workflow, read_text
from tests.shared import ROOT

PAGE = ROOT / "docs" / "reference" / "workflow.md"
_PARTS = re.compile(
    r"^(?:#{2,3} (?P<title>[^\n]+)|```(?P<language>yaml|python|json)\n(?P<body>.*?)^```)$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Example:
    """The last document is run; those before it are registered first."""

    section: str
    documents: list[Source]
    python: list[Workflow]
    given: dict[str, Any]


def examples() -> list[Example]:
    """All of the page, in its order."""
    found: list[Example] = []
    section, documents, python = "", [], []
    for part in _PARTS.finditer(PAGE.read_text()):
        body = part["body"]
        if part["title"] is not None:
            section = part["title"]
        elif part["language"] == "yaml":
            documents.append(read_text(body, section))
        elif part["language"] == "python":
            names = dict(vars(conductor.workflow))
            exec(compile(body, section, "exec"), names)
            python = [made for made in names.values() if isinstance(made, Workflow)]
        else:
            found.append(Example(section, documents, python, json.loads(body)))
            documents, python = [], []
    assert not documents, f"the example of {section} says not what it gives"
    return found
