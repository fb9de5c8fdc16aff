"""JSON Schema, AsyncAPI and the subject table."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from conductor.wire import registry, subjects
from conductor.wire.table import subjects as table
from tests.shared import ROOT

SCHEMAS = ROOT / "schemas"


def read(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text())


@pytest.mark.parametrize("name", ["messages.schema.json", "workflow.schema.json"])
def test_the_schemas_are_valid_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(read(name))


def test_the_schema_takes_a_valid_vector_and_refuses_an_invalid_one() -> None:
    schema = read("messages.schema.json")
    cancel = {"$ref": "#/$defs/Cancel", "$defs": schema["$defs"]}
    jsonschema.validate({"v": 1, "run": "0" * 32, "reason": "enough"}, cancel)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"v": 1, "run": "not a run"}, cancel)


def test_the_workflow_schema_takes_the_example() -> None:
    from conductor.workflow import read_file

    document = read_file(ROOT / "examples" / "word-atlas" / "workflow.yaml").value
    jsonschema.validate(document, read("workflow.schema.json"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "taskz": {}}, read("workflow.schema.json"))


def test_asyncapi_has_a_channel_and_an_operation_for_every_subject_and_every_reference_leads_somewhere() -> None:
    api = read("asyncapi.json")
    assert api["asyncapi"] == "3.0.0"
    names = {row.name for row in table()}
    assert names == set(api["operations"])
    assert names <= set(api["channels"])

    def check(node: Any) -> None:
        if isinstance(node, dict):
            target = node.get("$ref")
            if target is not None:
                file, _, pointer = target.partition("#/")
                found = read(file) if file else api
                for part in pointer.split("/"):
                    found = found[part]
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    check(api)


def test_every_subject_carries_a_message_that_there_is() -> None:
    known = set(registry.messages())
    for row in table():
        assert row.message in known, row.name
        assert row.reply is None or row.reply in known, row.name
        assert (row.kind == "jetstream") == (row.stream is not None), row.name
        assert (row.kind == "request") == (row.reply is not None), row.name


BUILT = {
    "submit": subjects.submit("acme", "0" * 32),
    "cancel": subjects.cancel("acme", "0" * 32),
    "signal": subjects.signal("acme", "0" * 32),
    "event": subjects.event("order-paid"),
    "resolved": subjects.log_event(3, "resolved"),
    "happened": subjects.log_event(3, "happened"),
    "result": subjects.log_event(3, "result"),
    "decided": subjects.log_event(3, "decided"),
    "due": subjects.log_event(3, "due"),
    "owner": subjects.log_event(3, "owner"),
    "ready": subjects.ready(3),
    "frame": subjects.frame(3),
    "grant": subjects.grant("conductor-0"),
    "task": subjects.task("text.count", "stock-0"),
    "task_queue": subjects.task_queue("text.count"),
    "heartbeat": subjects.heartbeat("stock-0"),
    "roll_call": subjects.ROLL_CALL,
    "run_event": subjects.run_event("acme", "0" * 32, "ended"),
    "decision": subjects.decision(3),
    "extension": subjects.extension("activated"),
    "dag_show": subjects.pit("dag", "show", 3, "acme"),
    "store_put": subjects.pit("store", "put"),
    "store_put_tenant": subjects.pit("store", "put", "acme"),
    "stale_list": subjects.pit("stale", "list", "acme"),
}


@pytest.mark.parametrize(("name", "subject"), BUILT.items())
def test_what_is_built_is_parsed_as_the_table_says(name: str, subject: str) -> None:
    assert subjects.parse(subject)[0] == name


@pytest.mark.parametrize("bad", ["", "a b", "a*", "a>", "täst", "x" * 200])
def test_a_name_that_cannot_stand_in_a_subject_is_refused(bad: str) -> None:
    with pytest.raises(subjects.SubjectError):
        subjects.token(bad)


def test_a_subject_of_nobody_is_refused() -> None:
    with pytest.raises(subjects.SubjectError):
        subjects.parse("sym.nothing.at.all")
