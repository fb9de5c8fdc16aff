"""The reference page: a section for each word of the language, documents that are right, and the same in Python."""

from __future__ import annotations

import json
import subprocess

import msgspec
import pytest

from conductor.embedded.binaries import pit
from conductor.workflow.document import Document, Task
from tests.reference import PAGE, Example, examples

EXAMPLES = examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.section)
def test_documents_of_the_page_are_right(example: Example) -> None:
    for source in example.documents:
        msgspec.convert(source.value, Document)
        done = subprocess.run([str(pit()), "check"], input=source.canonical(), capture_output=True, check=False)
        assert json.loads(done.stdout)["problems"] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.section)
def test_the_two_forms_of_an_example_are_one_document(example: Example) -> None:
    assert [made.document() for made in example.python] == [source.value for source in example.documents]


def test_every_word_has_a_section() -> None:
    titles = [line.lstrip("# ").strip() for line in PAGE.read_text().splitlines() if line.startswith("###")]
    told = {word for title in titles for word in title.split(":")[0].removesuffix(" of the run").split(", ")}
    words = {field.encode_name for kind in (Task, Document) for field in msgspec.structs.fields(kind)}
    assert words - told == {"tasks"}
