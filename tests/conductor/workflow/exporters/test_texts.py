"""YAML and JSON read back as exactly the document that was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductor.workflow import read_file, read_text
from conductor.workflow.exporters import to_dot, to_json, to_mermaid, to_yaml
from tests.shared import ROOT

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
LINES = st.sampled_from(
    ["a\nb\n", "a: b\n", " x\ny", "\n", "a \nb", "yes", "1", "null", "~", "1e3", "0x1", "${x}", "- a", "#"]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | TEXT | LINES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | LINES, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,6}\Z")
TASKS = st.fixed_dictionaries(
    {"call": st.sampled_from(["test.echo", "text.count"])},
    optional={
        "with": st.dictionaries(TEXT, VALUES, max_size=3),
        "after": st.lists(
            NAMES | st.fixed_dictionaries({"task": NAMES, "kind": st.sampled_from(["soft", "optional"])})
        ),
        "when": st.sampled_from(["tasks.a.x == 1", "tasks_meta.b.status == 'failed'", "true"]),
        "for_each": st.lists(VALUES, max_size=2),
        "retry": st.fixed_dictionaries({"max_attempts": st.integers(1, 5)}, optional={"on": st.just(["user"])}),
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "workflow": st.just("made"),
        "version": st.just("1.0.0"),
        "tasks": st.dictionaries(NAMES, TASKS, min_size=1, max_size=4),
    },
    optional={"outputs": st.dictionaries(TEXT, VALUES, max_size=3), "tags": st.dictionaries(TEXT, TEXT, max_size=2)},
)


def examples():
    """Every document of the examples."""
    return sorted((ROOT / "examples").rglob("*.yaml"))


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.parent.name)
def test_the_examples_come_back(path):
    document = read_file(path).value
    assert read_text(to_yaml(document)).value == document
    assert read_text(to_json(document)).canonical() == read_file(path).canonical()


@given(DOCUMENTS)
def test_any_document_comes_back_with_its_digest(document):
    source = read_text(to_json(document))
    assert source.value == document
    again = read_text(to_yaml(document))
    assert again.value == document
    assert again.digest() == source.digest()
    assert to_dot(document) == to_dot(document)
    assert to_mermaid(document) == to_mermaid(document)
