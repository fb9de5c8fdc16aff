"""`-i key=value` is parsed by the declared type, and what does not fit is said by name."""

from __future__ import annotations

import pytest

from conductor.wire.extensions import Parameter
from conductor.workflow import WorkflowError
from conductor.workflow.inputs import FileInput, parse_inputs

DECLARED = {
    name: Parameter(type=name)  # type: ignore[arg-type]
    for name in ("string", "integer", "number", "boolean", "object", "array", "file", "directory", "artifact", "any")
}


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("string=12", "12"),
        ("string=a=b", "a=b"),
        ("integer=12", 12),
        ("number=0.5", 0.5),
        ("boolean=true", True),
        ('object={"a": 1}', {"a": 1}),
        ("array=[1, 2]", [1, 2]),
        ("any=[1]", [1]),
        ("any=plain text", "plain text"),
    ],
)
def test_a_value_is_parsed_by_its_type(said, value):
    assert parse_inputs([said], DECLARED) == {said.partition("=")[0]: value}


def test_a_path_becomes_absolute(tmp_path, monkeypatch):
    (tmp_path / "f.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    found = parse_inputs(["file=f.txt", "directory=."], DECLARED)
    assert found == {"file": str(tmp_path / "f.txt"), "directory": str(tmp_path)}


def test_the_content_of_a_file_is_parsed_or_becomes_an_artifact(tmp_path):
    (tmp_path / "d.json").write_text('{"a": [1]}')
    (tmp_path / "p.svg").write_text("<svg/>")
    found = parse_inputs(
        [f"object=@{tmp_path}/d.json", f"string=@{tmp_path}/p.svg", f"artifact=@{tmp_path}/p.svg"], DECLARED
    )
    assert found["object"] == {"a": [1]}
    assert found["string"] == "<svg/>"
    assert found["artifact"] == FileInput(tmp_path / "p.svg", "image/svg+xml")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("integer", "no '='"),
        ("integr=1", "did you mean 'integer'"),
        ("integer=many", "not of type integer"),
        ("file=nowhere.txt", "there is no file"),
        ("directory=nowhere", "there is no directory"),
        ("object=@nowhere.json", "cannot be read"),
    ],
)
def test_a_mistake_names_the_input(said, words):
    with pytest.raises(WorkflowError, match=words) as caught:
        parse_inputs([said], DECLARED)
    assert "-i" in str(caught.value)


def test_a_file_that_is_not_json_is_said_so(tmp_path):
    (tmp_path / "d.json").write_bytes(b"\xff")
    with pytest.raises(WorkflowError, match="not JSON"):
        parse_inputs([f"object=@{tmp_path}/d.json"], DECLARED)
    with pytest.raises(WorkflowError, match="not UTF-8"):
        parse_inputs([f"string=@{tmp_path}/d.json"], DECLARED)
