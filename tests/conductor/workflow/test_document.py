"""The JSON Schema of the language accepts what the language says and refuses what it does not."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from conductor.workflow import read_file
from conductor.workflow.document import workflow_schema

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/workflow.yaml")), ids=lambda p: p.parent.name)
def test_every_example_fits_the_schema(path: Path):
    jsonschema.validate(read_file(path).value, workflow_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"workflow": "Not A Name"},
        {"version": "one"},
        {"tasks": {"a": {"call": "x", "retries": 3}}},
        {"tasks": {"a": {"call": "x", "timeout": "ten seconds"}}},
        {"tasks": {"a": {"call": "x", "on_failure": "explode"}}},
        {"priority": 10},
    ],
)
def test_what_the_language_does_not_say_is_refused(change):
    document = {"workflow": "a", "version": "1.0.0", "tasks": {"a": {"call": "x"}}} | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, workflow_schema())
