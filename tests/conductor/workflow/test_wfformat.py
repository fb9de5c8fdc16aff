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


def imported(tmp_path, tasks, **more):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(flat(tasks) | more, indent=1))
    return import_wfformat(path)


def test_times_are_found_however_they_are_written_and_none_is_no_time(tmp_path):
    trace = {
        "specification": {
            "tasks": [{"id": 0, "name": "a"}, {"id": 1, "name": "b", "parents": [0]}, {"id": 2, "name": "c"}]
        },
        "execution": {
            "tasks": [{"id": 0, "runtimeInSeconds": "1.5"}, {"id": 1, "runtimeInSeconds": None, "runtime": 2}]
        },
    }
    document = imported(tmp_path, [], workflow=trace).document
    assert [task["with"]["seconds"].split(" ")[0] for task in document["tasks"].values()] == [
        "${1.500000", "${0.000000", "${2.000000",
    ]  # fmt: skip
    assert document["tags"]["critical_path_s"] == "3.500000"


def test_tasks_of_one_name_stay_apart_and_of_one_id_are_refused(tmp_path):
    assert (
        len(imported(tmp_path, [{"name": "a"}, {"name": "a"}, {"name": "b", "parents": ["a"]}]).document["tasks"]) == 3
    )
    with pytest.raises(WorkflowError, match="two tasks"):
        imported(tmp_path, [{"id": "x"}, {"id": "x"}])


def test_files_that_are_rewritten_in_turn_do_not_hide_the_stated_order(tmp_path):
    rewrites = [{"link": "input", "name": "f"}, {"link": "output", "name": "f"}]
    chain = [
        {"name": name, "parents": parents, "files": rewrites}
        for name, parents in (("a", []), ("b", ["a"]), ("c", ["b"]))
    ]
    made = imported(tmp_path, chain)
    assert [task.get("after") for task in made.document["tasks"].values()] == [None, ["a"], ["b"]]
    assert [one.word for one in made.unsupported] == ["files"]


def test_words_nobody_knows_and_edges_to_nowhere_are_listed_where_they_stand(tmp_path):
    made = imported(tmp_path, [{"name": "command", "novel": {"command": 1}, "parents": ["gone"]}], machine=1)
    lines = (tmp_path / "t.json").read_text().splitlines()
    assert {one.word for one in made.unsupported} == {"novel", "gone", "machine"}
    assert all(one.word in lines[one.line - 1] for one in made.unsupported)


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
