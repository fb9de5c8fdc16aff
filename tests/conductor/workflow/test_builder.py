"""Workflows in Python build the document that YAML would say."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from conductor.workflow import (
    Directory,
    Reference,
    Retry,
    Semaphore,
    WorkflowError,
    building,
    call,
    expr,
    item,
    read_file,
    repeat,
    switch,
    value,
    workflow,
)

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_the_word_atlas_is_the_same_in_both_forms():
    @workflow(
        name="word-atlas",
        version="1.2.0",
        description="Count the words of a folder's files and draw the most frequent ones",
    )
    def atlas(folder: Directory, pattern: str = "**/*.py"):
        found = call("files.glob", name="list", root=folder, pattern=pattern)
        count = call("text.count", for_each=found.files, file=item, retry={"max_attempts": 3, "backoff": "200ms"})
        merge = call("text.merge", counts=count.each.words, timeout="10s")
        chart = call("chart.bar", name="chart", data=merge.top, when="size(tasks.merge.top) > 0", on_failure="skip")
        return {"words": merge.total, "chart": chart.svg}

    built = atlas.document()
    written = read_file(EXAMPLES / "word-atlas" / "workflow.yaml").value
    written["inputs"] = {name: entry | {"type": entry["type"]} for name, entry in written["inputs"].items()}
    assert built == written


def test_two_calls_of_one_function_are_two_tasks():
    @workflow
    def twice():
        first = call("test.echo", text="a")
        second = call("test.echo", text="b", after=first)
        return {"both": expr("{} + {}", first.text, second.text)}

    document = twice.document()
    assert list(document["tasks"]) == ["echo", "echo_2"]
    assert document["tasks"]["echo_2"]["after"] == ["echo"]
    assert document["outputs"] == {"both": "${tasks.echo.text + tasks.echo_2.text}"}


def test_a_value_needs_no_worker():
    @workflow
    def sums(numbers: list[int]):
        return {"total": value(expr("sum({})", Reference("inputs.numbers")), name="total")}

    assert sums.document()["tasks"] == {"total": {"value": "${sum(inputs.numbers)}"}}
    assert sums.document()["inputs"] == {"numbers": {"type": "array"}}


@pytest.mark.parametrize("use", [bool, iter, len])
def test_what_is_not_known_yet_cannot_be_asked(use):
    with pytest.raises(WorkflowError, match="while the workflow is written"):
        use(Reference("tasks.a"))


def test_a_reference_in_a_text_is_an_expression():
    assert f"hello {Reference('inputs.name')}" == "hello ${inputs.name}"
    assert str(Reference("tasks.a")["odd key"]) == '${tasks.a["odd key"]}'
    assert str(Reference("tasks.a")[3].f) == "${tasks.a[3].f}"


def test_a_task_outside_a_workflow_is_refused():
    with pytest.raises(WorkflowError, match="@workflow"):
        call("test.noop")


def test_a_workflow_that_returns_no_mapping_is_refused():
    @workflow
    def bad():
        return 3

    with pytest.raises(WorkflowError, match="mapping"):
        bad.document()


def test_tasks_inside_a_block_have_names_that_nobody_around_them_has():
    @workflow
    def nested():
        first = call("test.echo", n=1)
        pick = switch()
        with pick.when("inputs.n > 1") as one:
            one.gives(n=call("test.echo", n=first.n).n)
        with pick.otherwise() as two:
            two.gives(n=call("test.echo", n=2).n)
        call("test.echo", n=pick.output.n)

    tasks = nested.document()["tasks"]
    assert list(tasks) == ["echo", "switch", "echo_3"]
    one, two = tasks["switch"]["switch"]
    assert one["then"]["tasks"] == {"echo_2": {"call": "test.echo", "with": {"n": "${tasks.echo.n}"}}}
    assert list(two["else"]["tasks"]) == ["echo_2"], "branches are beside each other"
    assert tasks["echo_3"]["with"] == {"n": "${tasks.switch.n}"}


def test_no_branch_stands_behind_the_last():
    @workflow
    def wrong():
        pick = switch()
        with pick.otherwise():
            value("1")
        with pick.when("true"):
            value("2")

    with pytest.raises(WorkflowError, match="ever reached"):
        wrong.document()


def test_blocks_end_where_they_end_even_if_something_fails():
    @workflow
    def broken():
        with repeat(max_iterations=3, until="true"):
            raise KeyError("x")

    with pytest.raises(KeyError):
        broken.document()
    assert not building()


def test_words_are_mappings_types_or_times():
    @workflow
    def words():
        call("f", name="a", retry=Retry(max_attempts=2, backoff="1s"), timeout=datetime.timedelta(seconds=1.5))
        call("f", name="b", semaphore=Semaphore(key=expr("inputs.k"), of=3), after=None)

    tasks = words.document()["tasks"]
    assert tasks["a"] == {"call": "f", "retry": {"max_attempts": 2, "backoff": "1s"}, "timeout": "1500ms"}
    assert tasks["b"] == {"call": "f", "semaphore": {"key": "${inputs.k}", "of": 3}}


def test_a_word_that_a_form_cannot_have_is_refused():
    @workflow
    def wrong():
        value("1", retries=3)

    with pytest.raises(WorkflowError, match="`retries` is not known"):
        wrong.document()
