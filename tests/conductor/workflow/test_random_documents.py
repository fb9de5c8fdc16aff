"""What the grammar allows fits the JSON Schema and passes the checker; a misspelt word is refused by both."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conductor.embedded.binaries import pit
from conductor.workflow import read_bytes
from conductor.workflow.document import workflow_schema
from tests.conductor.workflow.documents import DOCUMENTS

SCHEMA = jsonschema.Draft202012Validator(workflow_schema())
SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def check(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The checker's problems."""
    source = read_bytes(json.dumps(document).encode())
    done = subprocess.run([str(pit()), "check"], input=source.canonical(), capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    problems: list[dict[str, Any]] = json.loads(done.stdout)["problems"]
    return problems


@SLOW
@given(DOCUMENTS)
def test_a_well_formed_document_passes_the_schema_and_the_checker(document: dict[str, Any]) -> None:
    assert [error.message for error in SCHEMA.iter_errors(document)] == []
    assert check(document) == []


def places(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place inside a document."""
    if isinstance(value, dict):
        return [place for key, inner in value.items() for place in [(*at, key), *places(inner, (*at, key))]]
    if isinstance(value, list):
        return [place for key, inner in enumerate(value) for place in [(*at, key), *places(inner, (*at, key))]]
    return []


@SLOW
@given(DOCUMENTS, st.data())
def test_a_misspelt_word_is_refused_where_it_stands(document: dict[str, Any], data: st.DataObject) -> None:
    words = [place for place in places(document["tasks"]) if len(place) == 2]
    task, word = data.draw(st.sampled_from(words))
    document["tasks"][task][f"{word}z"] = document["tasks"][task].pop(word)
    assert list(SCHEMA.iter_errors(document)) != []
    told = [problem for problem in check(document) if problem["at"] == f"/tasks/{task}/{word}z"]
    assert len(told) == 1 and told[0]["remedy"] == f"did you mean `{word}`?"
