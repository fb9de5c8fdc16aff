"""WfFormat traces become workflows with the recorded graph."""

from __future__ import annotations

import csv
import gzip
import json

import pytest

from conductor.workflow import WorkflowError
from conductor.workflow.importers import import_wfformat
from tests.shared import shared


def flat(tasks):
    return {"name": "t", "schemaVersion": "1.3", "workflow": {"makespan": 3, "tasks": tasks}}


def test_every_shared_trace_has_its_recorded_size_and_bounds():
    folder = shared("wfinstances")
    with (folder / "index.tsv").open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert rows
    for row in rows:
        document = import_wfformat(folder / row["name"]).document
        tasks = document["tasks"]
        assert len(tasks) == int(row["tasks"])
        assert sum(len(t.get("after", ())) for t in tasks.values()) == int(row["edges"])
        assert float(document["tags"]["critical_path_s"]) == pytest.approx(float(row["critical_path_s"]), abs=1e-2)
        assert float(document["tags"]["work_s"]) == pytest.approx(float(row["total_runtime_s"]), abs=1e-2)


def test_an_older_trace_tells_edges_by_name_and_by_files(tmp_path):
    path = tmp_path / "Old Trace.json"
    path.write_text(
        json.dumps(
            flat(
                [
                    {
                        "name": "a",
                        "id": "1",
                        "runtime": 1.5,
                        "children": ["b"],
                        "files": [{"link": "output", "name": "f"}],
                    },
                    {"name": "b", "id": "2", "runtimeInSeconds": 2, "parents": ["a"]},
                    {"name": "c", "id": "3", "files": [{"link": "input", "name": "f"}]},
                ]
            )
        )
    )
    document = import_wfformat(path).document
    assert document["workflow"] == "old-trace"
    assert [t.get("after") for t in document["tasks"].values()] == [None, ["t_1"], ["t_1"]]
    assert document["tags"]["critical_path_s"] == "3.500000"


def test_words_that_cannot_be_said_are_listed_by_line(tmp_path):
    path = tmp_path / "t.json.gz"
    trace = flat([{"name": "a", "command": {"program": "x"}, "machines": ["m"]}])
    with gzip.open(path, "wt") as stream:
        json.dump(trace, stream, indent=1)
    unsupported = import_wfformat(path).unsupported
    assert [one.word for one in unsupported] == ["command", "machines"]
    assert all(one.line > 1 and one.why for one in unsupported)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "no WfFormat"),
        ('{"workflow": {"tasks": []}}', "no tasks"),
        ('{"workflow": {"tasks": [{}]}}', "neither"),
        (json.dumps(flat([{"name": "a", "parents": ["b"]}, {"name": "b", "parents": ["a"]}])), "cycle"),
    ],
)
def test_what_is_no_trace_is_said_in_one_line(tmp_path, text, words):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(WorkflowError, match=words):
        import_wfformat(path)
