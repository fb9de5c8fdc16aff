"""Imported documents run: what a foreign workflow says is what happens."""

from __future__ import annotations

import json
import textwrap

import pytest

from conductor.wire.values import unpack
from tests.e2e.running import outputs
from tests.shared import shared

pytestmark = pytest.mark.broker


def imported(running, tmp_path, source, kind, *more):
    """The document of a foreign file, as the command line makes it; what it lists."""
    target = tmp_path / "imported.json"
    done = running.cli("workflows", "import", "--from", kind, str(source), "--out", str(target), "--json", *more)
    return json.loads(target.read_text()), json.loads(done.stdout)


async def ran(running, document, inputs=None):
    """The nodes of a run, by task."""
    from conductor.workflow import read_text

    packed = read_text(json.dumps(document)).packed()
    run = await running.begin(packed, inputs or {})
    ended = await running.end(run)
    assert ended.status == "succeeded", ended.error
    done = await running.cli_async("runs", "show", run, "--json")
    return ended, {node["task"]: node for node in json.loads(done.stdout)["nodes"]}


def printed(node):
    """What a program wrote."""
    return node["outputs"]["stdout"]


@pytest.mark.parametrize("name", ["dag-diamond", "dag-multiroot"])
async def test_the_samples_of_argo_print_their_messages(shared_system, tmp_path, name):
    path = shared("workflow-docs", "argo", f"{name}.yaml")
    document, said = imported(shared_system, tmp_path, path, "argo")
    assert said["tasks"] == 4
    _, nodes = await ran(shared_system, document)
    assert {task: printed(node) for task, node in nodes.items()} == {n: f"{n}\n" for n in "ABCD"}


async def test_a_loop_of_argo_runs_once_an_item(shared_system, tmp_path):
    document, said = imported(shared_system, tmp_path, shared("workflow-docs", "argo", "loops-dag.yaml"), "argo")
    assert [one["word"] for one in said["unsupported"]] == ["image"]
    document["outputs"] = {"said": "${tasks.B[*].stdout}"}
    ended, _ = await ran(shared_system, document)
    assert outputs(ended) == {"said": ["foo\n", "bar\n", "baz\n"]}


async def test_results_parameters_files_and_conditions_of_argo_are_what_they_are_there(shared_system, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        textwrap.dedent(
            f"""
            kind: Workflow
            metadata: {{name: together}}
            spec:
              entrypoint: main
              arguments: {{parameters: [{{name: who, value: you}}]}}
              templates:
              - name: main
                steps:
                - - {{name: flip, template: flip}}
                  - {{name: list, template: list}}
                  - {{name: file, template: file}}
                - - {{name: heads, template: echo, when: "{{{{steps.flip.outputs.result}}}} == heads",
                     arguments: {{parameters: [{{name: m, value: "hello {{{{workflow.parameters.who}}}}"}}]}}}}
                  - {{name: tails, template: echo, when: "{{{{steps.flip.outputs.result}}}} == tails",
                     arguments: {{parameters: [{{name: m, value: never}}]}}}}
                  - name: each
                    template: echo
                    withParam: "{{{{steps.list.outputs.result}}}}"
                    arguments: {{parameters: [{{name: m, value: "n{{{{item}}}}"}}]}}
                - - name: last
                    template: echo
                    arguments:
                      parameters:
                      - name: m
                        value: >-
                          {{{{steps.file.outputs.parameters.out}}}}|{{{{steps.file.outputs.result}}}}|$HOME
                          ${{HOME}} $${{X}}
              - name: flip
                script: {{command: [sh], source: "x=${{NONE:-heads}}\\necho $x"}}
              - name: list
                container: {{command: [echo, "[1, 2]"]}}
              - name: file
                container: {{command: [sh, -c, "echo seen; echo kept > {tmp_path}/out"]}}
                outputs: {{parameters: [{{name: out, valueFrom: {{path: "{tmp_path}/out"}}}}]}}
              - name: echo
                inputs: {{parameters: [{{name: m}}]}}
                container: {{command: [echo, "{{{{inputs.parameters.m}}}}"]}}
            """
        )
    )
    document, said = imported(shared_system, tmp_path, path, "argo")
    assert said["unsupported"] == []
    document["outputs"] = {"each": "${tasks.each[*].stdout}"}
    ended, nodes = await ran(shared_system, document, {"who": "world"})
    assert printed(nodes["heads"]) == "hello world\n"
    assert nodes["tails"]["status"] == "skipped"
    assert printed(nodes["last"]) == "kept|seen|$HOME ${HOME} $${X}\n"
    assert outputs(ended) == {"each": ["n1\n", "n2\n"]}


async def test_a_failure_that_argo_provides_for_goes_the_other_way(shared_system, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        textwrap.dedent(
            """
            kind: Workflow
            metadata: {name: other-way}
            spec:
              entrypoint: main
              templates:
              - name: main
                dag:
                  tasks:
                  - {name: a, template: "no"}
                  - {name: good, template: "yes", depends: a}
                  - {name: bad, template: "yes", depends: a.Failed}
              - {name: "no", container: {command: ["false"]}}
              - {name: "yes", container: {command: [echo, done]}}
            """
        )
    )
    document, said = imported(shared_system, tmp_path, path, "argo")
    assert said["unsupported"] == []
    _, nodes = await ran(shared_system, document)
    assert {task: node["status"] for task, node in nodes.items()} == {
        "a": "failed",
        "good": "skipped",
        "bad": "succeeded",
    }


async def test_a_serverless_workflow_chooses_skips_and_computes(shared_system, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        textwrap.dedent(
            """
            document: {dsl: 1.0.0, namespace: t, name: chosen, version: 1.0.0}
            input: {schema: {document: {type: object, required: [n], properties: {n: {type: integer}}}}}
            do:
            - start: {set: {n: '${ .n }', pets: [{name: a, age: 1}, {name: b, age: 9}]}}
            - pick: {switch: [{big: {when: .n > 10, then: high}}, {small: {then: low}}]}
            - high: {set: {size: big, pets: '${ .pets }'}, then: join}
            - low: {set: {size: small, pets: '${ .pets }'}}
            - join: {if: .size == "never", set: {size: lost}}
            - say:
                run:
                  shell:
                    command: printf %s
                    arguments: ['${ "\\(.size): \\([.pets[] | select(.age > 5) | .name])" }']
                output: {as: '{said: ., size: $input.size} + {done: true}'}
            """
        )
    )
    document, said = imported(shared_system, tmp_path, path, "serverless")
    assert said["unsupported"] == []
    for n, size in ((11, "big"), (3, "small")):
        ended, _ = await ran(shared_system, document, {"n": n})
        assert unpack(ended.outputs) == {"result": {"said": f'{size}: ["b"]', "size": size, "done": True}}


async def test_an_error_of_a_serverless_workflow_is_caught_by_what_it_is(shared_system, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        textwrap.dedent(
            """
            document: {dsl: 1.0.0, namespace: t, name: caught, version: 1.0.0}
            do:
            - risky:
                try: [{boom: {raise: {error: {type: https://x.y/too-bad, status: 418, detail: short and stout}}}}]
                catch:
                  errors: {with: {type: https://x.y/too-bad}}
                  as: e
                  when: $e.status == 418
                  do: [{mend: {set: {note: '${ "\\($e.status): \\($e.detail)" }'}}}]
            """
        )
    )
    document, said = imported(shared_system, tmp_path, path, "serverless")
    assert said["unsupported"] == []
    ended, nodes = await ran(shared_system, document)
    assert unpack(ended.outputs) == {"result": {"note": "418: short and stout"}}
    assert nodes["risky_uncaught"]["status"] == "skipped"
    document["tasks"]["boom"]["with"]["kind"] = "another"
    from conductor.workflow import read_text

    ended = await shared_system.run(read_text(json.dumps(document)).packed())
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error.kind == "another"


async def test_loops_over_templates_of_tasks_and_exit_handlers_of_argo(shared_system, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        textwrap.dedent(
            """
            kind: Workflow
            metadata: {name: nested}
            spec:
              entrypoint: main
              onExit: bye
              templates:
              - name: main
                steps:
                - - name: each
                    template: pair
                    withItems: [1, 2]
                    arguments: {parameters: [{name: n, value: "{{item}}"}]}
                outputs: {parameters: [{name: all, valueFrom: {parameter: "{{steps.each.outputs.parameters.said}}"}}]}
              - name: pair
                inputs: {parameters: [{name: n}]}
                dag:
                  tasks:
                  - {name: a, template: echo, arguments: {parameters: [{name: m, value: "a{{inputs.parameters.n}}"}]}}
                  - name: b
                    dependencies: [a]
                    template: echo
                    withItems: [x, y]
                    arguments: {parameters: [{name: m, value: "{{tasks.a.outputs.result}}{{item}}"}]}
                outputs: {parameters: [{name: said, valueFrom: {parameter: "{{tasks.b.outputs.result}}"}}]}
              - {name: echo, inputs: {parameters: [{name: m}]}, container: {command: [echo, "{{inputs.parameters.m}}"]}}
              - {name: bye, container: {command: [echo, "{{workflow.status}}"]}}
            """
        )
    )
    document, said = imported(shared_system, tmp_path, path, "argo")
    assert said["unsupported"] == []
    document["outputs"]["bye"] = "${tasks.on_exit.stdout}"
    ended, _ = await ran(shared_system, document)
    made = outputs(ended)
    assert made["bye"] == "Succeeded\n"
    assert json.dumps(made["all"]).count("a1x") == json.dumps(made["all"]).count("a2y") == 1


async def test_loops_branches_and_waits_of_a_serverless_workflow(shared_system, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        textwrap.dedent(
            """
            document: {dsl: 1.0.0, namespace: t, name: looped, version: 1.0.0}
            do:
            - start: {set: {sum: 0, rows: [[1, 2], [3, 4], [100]]}}
            - outer:
                for: {each: row, in: .rows, at: r}
                while: .sum < 30
                do:
                - inner:
                    for: {in: $row}
                    do: [{add: {set: {sum: '${ .sum + $item * ($r + 1) }'}}}]
            - both:
                fork:
                  branches:
                  - fast: {set: {v: '${ .sum }'}}
                  - slow: {do: [{rest: {wait: {milliseconds: 20}}}, {done: {set: {v: '${ .sum + 1 }'}}}]}
            - safe:
                try: [{fine: {set: {x: 1}}}, {boom: {raise: {error: {type: a/b/odd, status: 409}}}}]
                catch: {as: e, do: [{mend: {set: {status: '${ $e.status }', was: '${ . }'}}}]}
            """
        )
    )
    document, said = imported(shared_system, tmp_path, path, "serverless")
    assert said["unsupported"] == []
    ended, _ = await ran(shared_system, document)
    # 1 + 2 of the first row, twice 3 + 4 of the second, three times 100 of the third.
    assert unpack(ended.outputs) == {"result": {"status": 409, "was": [{"v": 317}, {"v": 318}]}}


async def test_a_document_is_exported_by_its_name(shared_system, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        "workflow: shown\nversion: 1.0.0\ntasks:\n  a: {call: test.noop}\n  b: {call: test.noop, after: [a]}\n"
    )
    await shared_system.cli_async("workflows", "register", str(path))
    out = tmp_path / "again.yaml"
    await shared_system.cli_async("workflows", "export", "shown", "--to", "yaml", "--out", str(out))
    from conductor.workflow import read_file

    assert read_file(out).value == read_file(path).value
    done = await shared_system.cli_async("workflows", "export", "shown@1.0.0", "--to", "dot")
    assert '"a" -> "b"' in done.stdout
    done = await shared_system.cli_async("workflows", "export", "nowhere", "--to", "dot", check=1)
    assert "no workflow nowhere" in done.stderr
