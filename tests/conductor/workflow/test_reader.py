"""Documents are read within bounds, and every part keeps its place."""

from __future__ import annotations

import pytest
import yaml

from conductor.wire import bounds
from conductor.workflow import WorkflowError, read_bytes, read_file, read_text
from conductor.workflow.reader import TEXT_BYTES_MAX, pack

TEXT = """workflow: a
version: 1.2.0
tasks:
  list:
    call: files.glob
    with: {root: "${inputs.folder}"}
    retry: {on: [lost]}
"""


def test_yaml_and_json_give_the_same_document():
    source = read_text(TEXT)
    again = read_bytes(source.canonical())
    assert again.value == source.value
    assert again.digest() == source.digest()


def test_the_word_on_is_a_word_and_not_a_truth():
    assert read_text(TEXT).value["tasks"]["list"]["retry"] == {"on": ["lost"]}


def test_a_pointer_has_its_line_and_column():
    assert read_text(TEXT).place("/tasks/list/with/root") == (6, 12)


def test_a_pointer_into_nothing_gives_the_nearest_place():
    assert read_text(TEXT).place("/tasks/list/with/missing") == (6, 5)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"workflow: [", "not YAML"),
        (b"- a\n- b\n", "is a mapping"),
        (b"", "is a mapping"),
        (b"workflow: \xff\xfe", "not UTF-8"),
        (b"workflow: .nan", "not a number"),
        (b"1: 2", "not text"),
        (b"workflow: a\ntasks: !!python/object:os.system {}", "not YAML"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(data: bytes, words: str):
    with pytest.raises(WorkflowError) as caught:
        read_bytes(data, "flow.yaml")
    line = str(caught.value)
    assert "flow.yaml" in line
    assert words in line
    assert "\n" not in line


def test_a_file_is_refused_by_its_size_before_it_is_parsed(tmp_path):
    path = tmp_path / "big.yaml"
    with path.open("wb") as stream:
        stream.truncate(20 * 1024 * 1024)
    with pytest.raises(WorkflowError, match="at most"):
        read_file(path)
    assert path.stat().st_size > TEXT_BYTES_MAX


def test_a_missing_file_is_said_by_name(tmp_path):
    with pytest.raises(WorkflowError, match="no such file"):
        read_file(tmp_path / "none.yaml")


def test_aliases_that_multiply_are_refused():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join(['*a' + str(n - 1)] * 300)}]" for n in range(1, 6)]
    with pytest.raises(WorkflowError, match="aliases"):
        read_text("\n".join(lines))


def test_a_document_that_does_not_compress_is_refused():
    import secrets

    with pytest.raises(WorkflowError, match="compressed"):
        pack(secrets.token_bytes(bounds.DOCUMENT_PACKED_BYTES_MAX + 100), "x")


def test_a_place_inside_tasks_inside_tasks_has_its_line_and_column():
    text = """workflow: a
version: 1.0.0
tasks:
  pick:
    switch:
      - when: "true"
        then:
          tasks:
            loop:
              repeat:
                until: state.m > 3
                tasks: {tasks: {step: {value: state.k}}}
"""
    source = read_text(text)
    inside = "/tasks/pick/switch/0/then/tasks/loop/repeat"
    assert source.place(f"{inside}/until") == (11, 17)
    assert source.place(f"{inside}/tasks/tasks/step/value") == (12, 40)


def test_a_text_is_parsed_once_however_many_places_are_asked_for(monkeypatch: pytest.MonkeyPatch):
    parsed = []
    compose = yaml.compose
    monkeypatch.setattr(yaml, "compose", lambda *given, **said: parsed.append(1) or compose(*given, **said))
    source = read_text("tasks:\n" + "".join(f"  t{number}: {{value: 1}}\n" for number in range(1000)))
    places = [source.place(f"/tasks/t{number}/value") for number in range(1000)]
    assert places[0] == (2, 8) and places[999] == (1001, 10)
    assert parsed == [1]


def test_of_a_key_that_stands_twice_the_first_is_told():
    assert read_text("a: 1\ntasks: {}\na: 2\n").place("/a") == (1, 1)
