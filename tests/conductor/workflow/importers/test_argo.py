"""Workflows of Argo become documents of ours."""

from __future__ import annotations

import pytest

from conductor.workflow import WorkflowError
from conductor.workflow.importers import import_argo
from tests.conductor.workflow.forms import of_the_right_form, written
from tests.shared import shared

ECHO = """
  - name: echo
    inputs: {parameters: [{name: message}]}
    container: {command: [echo, "{{inputs.parameters.message}}"]}
"""


def argo(tmp_path, spec, mapping=None, kind="Workflow"):
    """The document of a spec, and the words that are listed."""
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {{generateName: t-}}\nspec:\n"
    made = import_argo(written(tmp_path, head + spec), mapping)
    return of_the_right_form(made.document), [(one.word, one.why) for one in made.unsupported]


def steps(rows, more=ECHO, spec=""):
    return f"  entrypoint: main\n{spec}  templates:\n  - name: main\n    steps:\n{rows}{more}"


def dag(tasks, more=ECHO, spec=""):
    return f"  entrypoint: main\n{spec}  templates:\n  - name: main\n    dag:\n      tasks:\n{tasks}{more}"


def echo(name, rest="", message="x"):
    said = f"arguments: {{parameters: [{{name: message, value: '{message}'}}]}}"
    return f"      - name: {name}\n        template: echo\n        {said}\n" + (f"        {rest}\n" if rest else "")


def test_the_diamond_keeps_its_edges_and_says_that_no_image_is_pulled():
    made = import_argo(shared("workflow-docs", "argo", "dag-diamond.yaml"))
    tasks = of_the_right_form(made.document)["tasks"]
    assert {name: task.get("after") for name, task in tasks.items()} == {
        "A": None,
        "B": ["A"],
        "C": ["A"],
        "D": ["B", "C"],
    }
    assert tasks["D"]["with"] == {"command": ["echo", "D"], "check": True}
    assert [(one.line, one.word) for one in made.unsupported] == [(43, "image")]


def test_a_loop_goes_over_its_items():
    made = import_argo(shared("workflow-docs", "argo", "loops-dag.yaml"))
    task = of_the_right_form(made.document)["tasks"]["B"]
    assert task["for_each"] == ["foo", "bar", "baz"]
    assert task["with"]["command"] == ["echo", "${item}"]


def test_steps_wait_for_the_row_before_and_a_skipped_step_holds_nobody_up(tmp_path):
    rows = "    - - {name: a, template: n, when: '1 > 2'}\n      - {name: b, template: n}\n    - - {name: c, template: n}\n"
    document, _ = argo(tmp_path, steps(rows, "  - name: n\n    container: {command: ['true']}\n"))
    assert document["tasks"]["a"]["when"] == "1 > 2"
    assert document["tasks"]["c"]["after"] == [{"task": "a", "kind": "optional"}, "b"]


@pytest.mark.parametrize(
    ("depends", "after", "when"),
    [
        ("a", ["a"], None),
        ("a && b", ["a", "b"], None),
        ("a.Succeeded && b", ["a", "b"], None),
        (
            "a || b",
            [{"task": "a", "kind": "soft"}, {"task": "b", "kind": "soft"}],
            "tasks_meta.a.status in ['succeeded', 'cached', 'skipped'] || "
            "tasks_meta.b.status in ['succeeded', 'cached', 'skipped']",
        ),
        (
            "(a.Succeeded || a.Failed) && !b.Skipped",
            [{"task": "a", "kind": "soft"}, {"task": "b", "kind": "soft"}],
            "(tasks_meta.a.status in ['succeeded', 'cached'] || tasks_meta.a.status == 'failed') && "
            "!(tasks_meta.b.status == 'skipped')",
        ),
    ],
)
def test_depends_becomes_edges_and_where_these_do_not_suffice_a_condition(tmp_path, depends, after, when):
    document, listed = argo(tmp_path, dag(echo("a") + echo("b") + echo("c", f"depends: '{depends}'")))
    assert document["tasks"]["c"]["after"] == after
    assert document["tasks"]["c"].get("when") == when
    assert document["tasks"]["a"].get("on_failure") == ("continue" if ".Failed" in depends else None)
    assert listed == []


def test_who_depends_on_a_task_whose_failure_is_provided_for_still_needs_its_success(tmp_path):
    tasks = echo("a") + echo("ok", "dependencies: [a]") + echo("bad", "depends: a.Failed")
    document, _ = argo(tmp_path, dag(tasks))
    assert document["tasks"]["a"]["on_failure"] == "continue"
    assert document["tasks"]["ok"]["after"] == [{"task": "a", "kind": "soft"}]
    assert document["tasks"]["ok"]["when"] == "tasks_meta.a.status in ['succeeded', 'cached', 'skipped']"


@pytest.mark.parametrize(
    ("when", "cel"),
    [
        ("{{steps.f.outputs.result}} == heads", "tasks.f.stdout.trim() == 'heads'"),
        ("'{{steps.f.outputs.result}}' != \"two words\"", "tasks.f.stdout.trim() != 'two words'"),
        ("{{steps.f.outputs.result}} > 5", "double(tasks.f.stdout.trim()) > 5"),
        ("{{steps.f.outputs.result}} == 5", "tasks.f.stdout.trim() == '5'"),
        ("{{workflow.parameters.on}} == true && ({{steps.f.outputs.result}} == a || !false)",
         "inputs.on == 'true' && (tasks.f.stdout.trim() == 'a' || !false)"),
        ("{{steps.f.outputs.result}} =~ 'a.*'", "tasks.f.stdout.trim().matches('a.*')"),
        ("{{steps.f.outputs.result}} in (a, 'b')", "tasks.f.stdout.trim() in ['a', 'b']"),
        ("{{= asInt(steps.f.outputs.result) > 3 }}", "int(tasks.f.stdout.trim()) > 3"),
    ],
)  # fmt: skip
def test_a_condition_is_read_as_argo_reads_it(tmp_path, when, cel):
    rows = (
        f"    - - {{name: f, template: n}}\n    - - name: g\n        template: n\n        when: >-\n          {when}\n"
    )
    spec = "  arguments: {parameters: [{name: on, value: 'true'}]}\n"
    document, listed = argo(tmp_path, steps(rows, "  - name: n\n    container: {command: ['true']}\n", spec))
    assert document["tasks"]["g"]["when"] == cel
    assert listed == []


@pytest.mark.parametrize("when", ["{{nothing.here}} == 1", "a ==", "{{steps.f.exitCode}} == 0", "(a", "f(1) == 2"])
def test_a_condition_that_cannot_be_said_is_listed_with_its_text(tmp_path, when):
    rows = (
        f"    - - {{name: f, template: n}}\n    - - name: g\n        template: n\n        when: >-\n          {when}\n"
    )
    document, listed = argo(tmp_path, steps(rows, "  - name: n\n    container: {command: ['true']}\n"))
    assert "when" not in document["tasks"]["g"]
    assert [word for word, _ in listed] == ["when"]
    assert when in listed[0][1]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("withItems: [1, a, {b: 2}]", [1, "a", {"b": 2}]),
        ("withSequence: {count: 3}", ["0", "1", "2"]),
        ("withSequence: {start: 3, end: '1'}", ["3", "2", "1"]),
        ("withSequence: {count: 2, format: 'h%02X-x'}", ["h00-x", "h01-x"]),
        ("withSequence: {start: '1', count: '{{workflow.parameters.n}}'}",
         "${range(1, 1 + int(inputs.n)).map(i, string(i))}"),
        ("withSequence: {end: '{{workflow.parameters.n}}', format: 'a%d'}",
         "${range(0, int(inputs.n) + 1).map(i, 'a' + string(i))}"),
        ("withParam: '{{workflow.parameters.n}}'", "${parse_json(inputs.n)}"),
        ("withParam: '[\"a\", {\"b\": 1}]'", "${['a', {'b': 1}]}"),
        ("withParam: '{{tasks.z.outputs.result}}'", "${parse_json(tasks.z.stdout.trim())}"),
        ("withParam: '{{tasks.y.outputs.result}}'", "${tasks.y.map(o, o.stdout.trim())}"),
    ],
)  # fmt: skip
def test_loops_of_each_kind(tmp_path, words, wanted):
    spec = "  arguments: {parameters: [{name: n, value: '3'}]}\n"
    tasks = echo("z") + echo("y", "withItems: [1]") + echo("a", words, "{{item}}")
    document, listed = argo(tmp_path, dag(tasks, spec=spec))
    assert document["tasks"]["a"]["for_each"] == wanted
    assert listed == []


def test_a_condition_on_the_item_leaves_items_out(tmp_path):
    rows = "    - - {name: a, template: n, withItems: [1, 2, 3], when: '{{item}} > 1'}\n"
    document, _ = argo(tmp_path, steps(rows, "  - name: n\n    container: {command: ['true']}\n"))
    assert document["tasks"]["a"]["for_each"] == "${[1, 2, 3].filter(item, double(item) > 1)}"
    assert "when" not in document["tasks"]["a"]


def test_a_loop_over_a_template_of_tasks_is_a_group_whose_loops_do_not_mix(tmp_path):
    inner = "  - name: inner\n    inputs: {parameters: [{name: n}]}\n    dag:\n      tasks:\n" + echo(
        "a", "withItems: [x, y]", "{{inputs.parameters.n}}-{{item}}"
    )
    rows = "    - - name: a\n        template: inner\n        withItems: [1, 2]\n"
    rows += "        arguments: {parameters: [{name: n, value: '{{item}}'}]}\n"
    document, listed = argo(tmp_path, steps(rows, inner + ECHO))
    group = document["tasks"]["a"]
    assert group["for_each"] == [1, 2]
    ((name, task),) = group["switch"][0]["then"]["tasks"].items()
    assert name == "a_2"
    assert task["as"] == "item_2"
    assert task["with"]["command"] == ["echo", "${item}-${item_2}"]
    assert listed == []


def test_text_of_a_script_is_never_taken_for_an_expression(tmp_path):
    source = "echo ${HOME} $${X} {{workflow.name}}"
    script = f"  - name: main\n    script:\n      command: [bash]\n      source: |\n        {source}\n"
    document, _ = argo(tmp_path, f"  entrypoint: main\n  templates:\n{script}")
    assert document["tasks"]["main"]["with"] == {
        "command": ["bash"],
        "stdin": "echo $${HOME} $$${X} ${run.id}\n",
        "check": True,
    }


def test_outputs_that_are_read_from_files_come_with_what_the_program_prints(tmp_path):
    more = (
        "  - name: n\n    container: {command: [sh, -c, 'echo hi > /tmp/o']}\n"
        "    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}, "
        "{name: p, valueFrom: {path: /p, default: d e}}]}\n"
    )
    rows = "    - - {name: f, template: n}\n    - - {name: e, template: echo, arguments: {parameters: "
    rows += "[{name: message, value: '{{steps.f.outputs.parameters.o}} {{steps.f.outputs.result}}'}]}}\n"
    document, listed = argo(tmp_path, steps(rows, more + ECHO))
    command = document["tasks"]["f"]["with"]["command"]
    assert command[:2] == ["sh", "-c"]
    assert command[3:] == ["sh", "sh", "-c", "echo hi > /tmp/o"]
    assert "cat /p 2>/dev/null || printf %s 'd e'" in command[2]
    part = "tasks.f.stdout.split('\\u001e')"
    assert document["tasks"]["e"]["with"]["command"][1] == f"${{{part}[1].trim()}} ${{{part}[0].trim()}}"
    assert listed == []


def test_a_retry_and_limits_of_time(tmp_path):
    leaf = (
        "  activeDeadlineSeconds: 90\n  entrypoint: n\n  templates:\n  - name: n\n    activeDeadlineSeconds: '10'\n"
        "    retryStrategy: {limit: '2', retryPolicy: OnError, "
        "backoff: {duration: 1m30s, factor: '2', maxDuration: 1h, cap: 5}}\n"
        "    container: {command: ['true'], resources: {requests: {cpu: 500m, memory: 64Mi}}}\n"
    )
    document, listed = argo(tmp_path, leaf)
    assert document["deadline"] == "90s"
    assert document["tasks"]["n"]["timeout"] == "10s"
    assert document["tasks"]["n"]["retry"] == {
        "max_attempts": 3, "backoff": "90s", "max_elapsed": "1h", "max_backoff": "5s", "factor": 2.0, "jitter": False,
        "on": ["lost", "unavailable", "resource", "internal"],
    }  # fmt: skip
    assert document["tasks"]["n"]["resources"] == {"cpu": 0.5, "memory": 64 * 1024 * 1024}
    assert listed == []


def test_an_exit_handler_runs_however_the_rest_ended_and_the_run_still_fails(tmp_path):
    more = "  - name: n\n    container: {command: ['false']}\n"
    more += "  - name: bye\n    container: {command: [echo, '{{workflow.status}}']}\n"
    document, listed = argo(tmp_path, f"  entrypoint: n\n  onExit: bye\n  templates:\n{more}")
    tasks = document["tasks"]
    assert tasks["n"]["on_failure"] == "continue"
    assert tasks["on_exit"]["after"] == [{"task": "n", "kind": "soft"}]
    shown = "${tasks_meta.n.status in ['succeeded', 'cached'] ? 'Succeeded' : 'Failed'}"
    assert tasks["on_exit"]["with"]["command"] == ["echo", shown]
    assert tasks["failed"]["call"] == "test.fail"
    assert tasks["failed"]["when"] == "tasks_meta.n.status == 'failed'"
    assert listed == []


def test_a_template_that_calls_itself_is_told_and_ends(tmp_path):
    rows = "    - - {name: again, template: main}\n"
    document, listed = argo(tmp_path, steps(rows, ""))
    assert document["tasks"]["again"] == {"call": "main"}
    assert listed[0][0] == "template"
    assert "calls itself" in listed[0][1]


def test_templates_that_multiply_are_bounded(tmp_path):
    text = "  entrypoint: t0\n  templates:\n"
    for level in range(7):
        rows = "".join(f"    - - {{name: s{i}, template: t{level + 1}}}\n" for i in range(8))
        text += f"  - name: t{level}\n    steps:\n{rows}"
    text += "  - name: t7\n    container: {command: ['true']}\n"
    with pytest.raises(WorkflowError, match="unfolds"):
        argo(tmp_path, text)


def test_a_mapping_names_the_function_that_does_a_templates_work(tmp_path):
    more = "  - name: train\n    inputs: {parameters: [{name: lr}]}\n    resource: {action: create, manifest: x}\n"
    more += "    outputs: {parameters: [{name: loss, valueFrom: {jsonPath: x}}]}\n"
    rows = "    - - {name: a, template: train, arguments: {parameters: [{name: lr, value: 0.5}]}}\n"
    rows += "    - - {name: e, template: echo, arguments: {parameters: "
    rows += "[{name: message, value: '{{steps.a.outputs.parameters.loss}}'}]}}\n"
    document, listed = argo(tmp_path, steps(rows, more + ECHO), {"train": "ml.train"})
    assert document["tasks"]["a"] == {"call": "ml.train", "with": {"lr": "0.5"}}
    assert document["tasks"]["e"]["with"]["command"][1] == "${string(tasks.a.loss)}"
    assert [word for word, _ in listed] == ["jsonPath"]
    document, listed = argo(tmp_path, steps(rows, more + ECHO))
    assert document["tasks"]["a"]["call"] == "train"
    assert "resource" in [word for word, _ in listed]


def test_suspended_templates_wait_for_a_signal_or_a_while(tmp_path):
    rows = "    - - {name: ask, template: s}\n    - - {name: rest, template: d}\n"
    more = "  - name: s\n    suspend: {}\n  - name: d\n    suspend: {duration: '20'}\n"
    document, _ = argo(tmp_path, steps(rows, more))
    assert document["tasks"]["ask"]["wait_for"] == {"signal": "ask"}
    assert document["tasks"]["rest"]["wait_for"] == {"duration": "20s"}


def test_an_http_template_fails_on_a_bad_status(tmp_path):
    more = "  - name: main\n    http: {url: 'http://x/{{workflow.parameters.p}}', method: PUT, timeoutSeconds: 5, "
    more += "headers: [{name: a, value: b}]}\n"
    spec = f"  entrypoint: main\n  arguments: {{parameters: [{{name: p}}]}}\n  templates:\n{more}"
    document, listed = argo(tmp_path, spec)
    assert document["inputs"] == {"p": {"type": "string"}}
    assert document["tasks"]["main"] == {
        "call": "http.request",
        "with": {"url": "http://x/${inputs.p}", "method": "PUT", "headers": {"a": "b"}, "timeout": 5.0, "check": True},
    }
    assert listed == []


def test_other_kinds_and_documents_of_one_file(tmp_path):
    text = """
        kind: WorkflowTemplate
        metadata: {name: lib}
        spec:
          templates:
          - {name: hi, container: {command: [echo, hi]}}
          - {name: unused, container: {command: [echo, bye]}}
        ---
        kind: CronWorkflow
        metadata: {name: nightly}
        spec:
          schedule: "0 0 * * *"
          workflowSpec:
            entrypoint: main
            parallelism: 2
            templates:
            - name: main
              steps: [[{name: a, templateRef: {name: lib, template: hi}}]]
        """
    made = import_argo(written(tmp_path, text))
    document = of_the_right_form(made.document)
    assert document["workflow"] == "nightly"
    assert document["tasks"]["a"]["with"]["command"] == ["echo", "hi"]
    assert document["tasks"]["a"]["semaphore"] == {"key": "argo-${run.id}", "permits": 1, "of": 2}
    assert [one.word for one in made.unsupported] == ["unused", "schedule"]


def test_a_workflow_of_a_template_elsewhere_is_a_child_run(tmp_path):
    spec = "  workflowTemplateRef: {name: other}\n  arguments: {parameters: [{name: my-x, value: 1}]}\n"
    document, listed = argo(tmp_path, spec)
    assert document["tasks"] == {"main": {"workflow": "other", "with": {"my_x": "${inputs.my_x}"}}}
    assert [word for word, _ in listed] == ["workflowTemplateRef"]


def test_what_is_no_workflow_is_said_in_one_line(tmp_path):
    for text, words in (("kind: Pod\nspec: {}\n", "no workflow of Argo"), ("kind: Workflow\n", "no `spec`")):
        with pytest.raises(WorkflowError, match=words):
            import_argo(written(tmp_path, text))
