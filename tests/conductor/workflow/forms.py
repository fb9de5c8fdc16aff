"""Whether a document is of the right form: by the types, and by the JSON Schema made of them."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from conductor.workflow.document import Document
from tests.shared import ROOT

_SCHEMA = json.loads((ROOT / "schemas" / "workflow.schema.json").read_text())


def of_the_right_form(document: dict[str, Any]) -> dict[str, Any]:
    """The document, once both have taken it."""
    msgspec.convert(document, Document)
    jsonschema.validate(document, _SCHEMA)
    return document


def written(folder: Path, text: str) -> Path:
    """A file of a foreign document."""
    path = folder / "foreign.yaml"
    path.write_text(textwrap.dedent(text))
    return path
