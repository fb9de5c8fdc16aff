"""The tree of a foreign document: nothing of it is dropped silently."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conductor.workflow import WorkflowError
from conductor.workflow.importers import import_argo
from conductor.workflow.importers.foreign import Report, read_documents

LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.text("abc x", max_size=5))
KEYS = st.text("abcdef", min_size=1, max_size=4)
TREES = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


def read(tmp_path, text):
    report = Report()
    path = tmp_path / "f.yaml"
    path.write_text(text)
    return read_documents(path, report), report


def test_what_is_not_read_is_listed_at_its_outermost_unread_place(tmp_path):
    (root,), report = read(tmp_path, "a: 1\nb:\n  c: 2\n  d: {e: 3, f: 4}\ng:\n- name: x\n  h: 1\n")
    assert root.string("a") == "1"
    b = root.take("b")
    assert b is not None
    assert b.string("c") == "2"
    root.unread(lambda word: f"{word} is left")
    assert [(one.line, one.word, one.why) for one in report.sorted()] == [(4, "d", "d is left"), (5, "g", "g is left")]


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4))
def test_an_importer_that_reads_nothing_lists_every_key_and_one_that_reads_all_lists_none(tmp_path_factory, value):
    tmp_path = tmp_path_factory.mktemp("tree")
    (root,), report = read(tmp_path, yaml.safe_dump(value))
    root.take("not there")
    root.unread(lambda _: "left")
    assert {one.word for one in report.sorted()} == set(value)
    (root,), report = read(tmp_path, yaml.safe_dump(value))
    assert root.whole() == value
    root.unread(lambda _: "left")
    assert report.sorted() == []


def test_a_word_stands_on_the_line_that_is_given_for_it(tmp_path):
    path = tmp_path / "w.yaml"
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: main
  tolerations:
  - key: x
  affinity: {nodeAffinity: {}}
  templates:
  - name: main
    container:
      image: busybox
      command: [echo, hi]
      tty: true
      env:
      - name: SECRET
        valueFrom: {secretKeyRef: {name: a, key: b}}
"""
    path.write_text(text)
    lines = text.splitlines()
    found = import_argo(path).unsupported
    assert [one.word for one in found] == ["tolerations", "affinity", "image", "tty", "valueFrom"]
    assert all(one.word in lines[one.line - 1] and one.why for one in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not YAML"),
        ("- 1", "no mapping"),
        ("", "no mapping"),
        ("a: &x [1]\nb: [" + ", ".join(["*x"] * 1001) + "]", "aliases"),
        ("a: " + "[" * 100 + "]" * 100, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, text, words):
    with pytest.raises(WorkflowError, match=words):
        read(tmp_path, text)


def test_aliases_that_multiply_are_bounded(tmp_path):
    text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for level in range(1, 9):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    with pytest.raises(WorkflowError, match="too large"):
        read(tmp_path, text)


def test_words_that_older_yaml_takes_for_booleans_and_dates_are_text(tmp_path):
    (root,), _ = read(tmp_path, "on: yes\nday: 2024-01-01\nreal: true\n")
    assert root.whole() == {"on": "yes", "day": "2024-01-01", "real": True}
