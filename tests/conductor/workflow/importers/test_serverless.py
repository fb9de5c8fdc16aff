"""Workflows of Serverless Workflow 1.0 become documents of ours."""

from __future__ import annotations

import textwrap

import pytest

from conductor.workflow import WorkflowError
from conductor.workflow.importers import import_serverless
from tests.conductor.workflow.forms import of_the_right_form, written
from tests.shared import shared

HEAD = "document: {dsl: '1.0.0', namespace: t, name: Some Flow, version: '1.2.0'}\n"


def flow(tmp_path, body, mapping=None):
    """The document of a body, and the words that are listed."""
    made = import_serverless(written(tmp_path, HEAD + textwrap.dedent(body)), mapping)
    return of_the_right_form(made.document), [one.word for one in made.unsupported]


def test_calls_one_after_the_other_give_data_to_each_other():
    made = import_serverless(shared("workflow-docs", "serverless-workflow", "do-multiple.yaml"))
    document = of_the_right_form(made.document)
    assert document["inputs"] == {"petId": {"type": "any"}}
    get, buy = document["tasks"]["getPet"], document["tasks"]["buyPet"]
    assert get["with"]["url"] == "https://petstore.swagger.io/v2/pet/${string(inputs.petId)}"
    assert buy["after"] == ["getPet"]
    assert buy["with"]["body"] == "${merge(tasks.getPet.body, {'status': 'sold'})}"
    assert document["outputs"] == {"result": "${tasks.buyPet.body}"}
    assert made.unsupported == []


def test_a_single_task_that_is_tried_carries_the_retry_itself():
    made = import_serverless(shared("workflow-docs", "serverless-workflow", "try-catch-retry-inline.yaml"))
    document = of_the_right_form(made.document)
    assert document["tasks"]["getPet"]["retry"] == {
        "max_attempts": 6, "backoff": "3s", "factor": 2.0, "jitter": False, "on": ["http_503"],
    }  # fmt: skip
    assert made.unsupported == []


def test_set_export_and_outputs(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        input: {from: '{n: .count}'}
        do:
        - a: {set: {x: '${ .n + 1 }', text: 'plain ${y}'}, export: {as: '$context + {seen: .x}'}}
        - b: {set: {z: '${ $context.seen }'}, output: {as: '{z: .z, was: $input.x}'}}
        output: {as: .z}
        """,
    )
    tasks = document["tasks"]
    assert document["version"] == "1.2.0"
    assert document["workflow"] == "some-flow"
    assert tasks["input"]["value"] == "${{'n': inputs.count}}"
    assert tasks["a"]["value"] == {"x": "${tasks.input.n + 1}", "text": "plain $${y}"}
    assert tasks["a_context"]["value"] == "${merge({}, {'seen': tasks.a.x})}"
    assert tasks["b"]["value"] == {"z": "${tasks.a_context.seen}"}
    assert tasks["b_output"]["value"] == "${{'z': tasks.b.z, 'was': tasks.a.x}}"
    assert document["outputs"] == {"result": "${tasks.b_output.z}"}
    assert listed == []


def test_a_switch_chooses_a_way_and_ways_meet_again(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        do:
        - pick: {switch: [{big: {when: .n > 10, then: high}}, {else: {then: low}}]}
        - high: {set: {v: 1}, then: both}
        - low: {set: {v: 2}}
        - both: {set: {w: '${ .v }'}}
        """,
    )
    tasks = document["tasks"]
    assert tasks["pick"]["value"] == "${inputs.n > 10 ? 'high' : 'low'}"
    assert tasks["high_in"]["when"] == "tasks.pick == 'high'"
    assert tasks["high"]["after"] == ["high_in"]
    met = tasks["both_in"]
    assert met["after"] == [{"task": "high", "kind": "soft"}, {"task": "low", "kind": "soft"}]
    assert met["value"].startswith("${tasks_meta.high.status in ['succeeded', 'cached'] ? tasks.high : tasks.low")
    assert tasks["both"]["value"] == {"w": "${tasks.both_in.v}"}
    assert listed == []


def test_a_skipped_task_passes_on_what_it_was_given(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        do:
        - a: {set: {n: 1}}
        - b: {if: .n > 5, call: http, with: {method: get, endpoint: 'http://x/{n}'}}
        - c: {set: {m: '${ .n }'}}
        """,
    )
    tasks = document["tasks"]
    assert tasks["b_if"] == {"value": "${true}", "after": ["a"], "when": "tasks.a.n > 5"}
    assert tasks["b"]["after"] == ["b_if"]
    assert tasks["b_out"]["value"] == "${tasks_meta.b.status == 'skipped' ? tasks.a : tasks.b.body}"
    assert tasks["b_out"]["after"] == ["a", {"task": "b", "kind": "optional"}]
    assert tasks["c"]["value"] == {"m": "${tasks.b_out.n}"}
    assert listed == []


@pytest.mark.parametrize(
    ("then", "word"), [("first", "then"), ("nowhere", "then"), ("continue", None), ("exit", None), ("end", None)]
)
def test_a_way_back_or_to_nowhere_is_listed(tmp_path, then, word):
    _, listed = flow(tmp_path, f"do:\n- first: {{set: {{a: 1}}}}\n- second: {{set: {{a: 2}}, then: {then}}}\n")
    assert listed == ([word] if word else [])


def test_a_for_is_a_loop_whose_state_carries_the_data(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        do:
        - count:
            for: {each: pet, in: .pets, at: i}
            while: .sum < 10
            do:
            - add: {set: {sum: '${ .sum + $pet.age * $i }'}}
        """,
    )
    loop = document["tasks"]["count"]["repeat"]
    assert loop["while"] == "state.at < size(inputs.pets) && state.data.sum < 10"
    assert loop["state"] == {"at": 0, "data": "${inputs}"}
    inner = loop["tasks"]["tasks"]
    assert inner["pet"]["value"] == "${inputs.pets[state.at]}"
    assert inner["add"]["value"] == {"sum": "${tasks.count_data.sum + tasks.pet.age * tasks.i}"}
    assert loop["next"] == {"at": "${state.at + 1}", "data": "${tasks.add}"}
    assert document["outputs"] == {"result": "${tasks.count.state.data}"}
    assert listed == []


def test_branches_run_side_by_side_and_their_outputs_are_listed(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        do:
        - both:
            fork:
              branches:
              - a: {set: {v: 1}}
              - b: {do: [{b1: {wait: PT1M30S}}, {b2: {set: {v: 2}}}]}
        """,
    )
    tasks = document["tasks"]
    assert tasks["both"]["value"] == ["${tasks.a}", "${tasks.b.output}"]
    group = tasks["b"]["switch"][0]["then"]
    assert group["tasks"]["b1"]["wait_for"] == {"duration": "90s"}
    assert group["outputs"] == {"output": "${tasks.b2}"}
    assert listed == []
    _, listed = flow(tmp_path, "do:\n- r:\n    fork:\n      compete: true\n      branches: [{a: {set: {v: 1}}}]\n")
    assert listed == ["compete"]


def test_what_is_caught_goes_to_the_handler_and_the_rest_fails_as_it_did(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        use:
          errors: {bad: {type: https://x.y/errors/too-bad, status: 418, title: Bad}}
          retries: {twice: {delay: {milliseconds: 500}, limit: {attempt: {count: 2}}}}
        do:
        - risky:
            try: [{boom: {raise: {error: bad}}}]
            catch:
              errors: {with: {type: https://x.y/errors/too-bad}}
              as: problem
              when: $problem.status == 418
              retry: twice
              do: [{mend: {set: {note: '${ $problem.detail }'}}}]
        """,
    )
    tasks = document["tasks"]
    assert tasks["boom"]["with"] == {"kind": "too_bad", "message": "Bad"}
    assert tasks["boom"]["on_failure"] == "continue"
    assert tasks["boom"]["retry"]["on"] == ["too_bad"]
    assert tasks["boom"]["retry"]["max_attempts"] == 3
    assert "{'too_bad': 418}" in tasks["risky_error"]["value"]["status"]
    assert tasks["risky_caught"]["when"] == (
        "tasks_meta.boom.error.kind in ['too_bad'] && tasks.risky_error.status == 418"
    )
    assert tasks["mend"]["after"] == ["risky_caught"]
    assert tasks["risky_uncaught"]["when"].endswith("tasks_meta.risky_caught.status == 'skipped'")
    assert tasks["risky_out"]["value"] == "${tasks_meta.boom.status == 'failed' ? tasks.mend : inputs}"
    assert listed == []


def test_processes(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        do:
        - s: {run: {script: {language: python, code: 'print("${X}")', arguments: ['${ .a }'], environment: {K: v}}}}
        - c: {run: {container: {image: busybox, command: 'echo hi'}, return: all}}
        - w: {run: {workflow: {namespace: n, name: Other, version: 1.0.0, input: {a: '${ .code }'}}}}
        """,
    )
    tasks = document["tasks"]
    assert tasks["s"]["with"]["command"] == ["python3", "-c", 'print("$${X}")', "${string(inputs.a)}"]
    assert tasks["s"]["with"]["env"] == {"K": "v"}
    assert tasks["c"]["with"]["command"] == ["sh", "-c", "echo hi"]
    assert tasks["w"]["workflow"] == "other@1.0.0"
    assert tasks["w"]["with"] == {"a": "${tasks.c.code}"}
    assert listed == ["image"]


def test_an_http_call_with_all_that_it_may_have(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        use: {authentications: {me: {basic: {username: u, password: '${ .p }'}}}}
        do:
        - c:
            call: http
            timeout: {after: {seconds: 5}}
            with:
              method: post
              endpoint: {uri: 'https://x/{a}', authentication: {use: me}}
              query: {q: a b, r: '${ .r }'}
              headers: {h: '${ .h }'}
              body: {list: ['${ .a }', 1]}
              output: response
        """,
    )
    call, response = document["tasks"]["c"], document["tasks"]["c_response"]
    assert call["with"]["url"] == "https://x/${string(inputs.a)}?q=a%20b&r=${string(inputs.r)}"
    assert call["with"]["headers"] == {
        "authorization": "Basic ${base64('u' + ':' + string(inputs.p))}",
        "h": "${string(inputs.h)}",
    }
    assert call["with"]["body"] == {"list": ["${inputs.a}", 1]}
    assert call["timeout"] == {"task": "5s"}
    assert response["value"]["statusCode"] == "${tasks.c.status}"
    assert listed == []


def test_a_function_of_use_is_the_task_that_it_is_and_a_mapping_does_the_rest(tmp_path):
    body = """
        use: {functions: {pet: {call: http, with: {method: get, endpoint: 'http://x/{id}'}}}}
        do:
        - a: {call: pet, with: {id: '${ .n }'}}
        - b: {call: grpc, with: {proto: {endpoint: f}, method: M}}
        - c: {emit: {event: {with: {type: t}}}}
        """
    document, listed = flow(tmp_path, body, {"b": "my.grpc", "emit": "my.emit"})
    tasks = document["tasks"]
    assert tasks["a_with"]["value"] == "${{'id': inputs.n}}"
    assert tasks["a"]["with"]["url"] == "http://x/${string(tasks.a_with.id)}"
    assert tasks["b"]["call"] == "my.grpc"
    assert tasks["c"]["with"] == {"event": {"type": "t"}}
    assert listed == []
    document, listed = flow(tmp_path, body)
    assert listed == ["call", "emit"]


def test_events_are_waited_for(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        do:
        - one: {listen: {to: {one: {with: {type: a.b, data: '${ .t > 38 }', source: s}}}}, timeout: {after: PT10S}}
        - two: {listen: {to: {any: [{with: {type: c}}, {with: {type: d}}]}}}
        """,
    )
    one = document["tasks"]["one"]
    assert one["wait_for"] == {"event": "a.b", "where": "event.t > 38"}
    assert one["timeout"] == {"task": "10s"}
    assert document["tasks"]["one_events"]["value"] == ["${tasks.one.value}"]
    assert listed == ["source", "any"]


def test_inputs_are_those_of_the_schema(tmp_path):
    document, listed = flow(
        tmp_path,
        """
        timeout: {after: {minutes: 5}}
        schedule: {cron: '* * * * *'}
        input:
          schema:
            document:
              {type: object, required: [id], properties: {id: {type: string}, n: {type: integer, default: 2}, x: {}}}
        do: [{a: {set: {v: '${ reduce .x[] as $i (0; . + $i) }'}, nonsense: 1}}]
        """,
    )
    assert document["inputs"] == {
        "id": {"type": "string"}, "n": {"type": "integer", "default": 2}, "x": {"type": "any", "required": False},
    }  # fmt: skip
    assert document["deadline"] == "5m"
    assert sorted(listed) == ["nonsense", "schedule", "v"]


def test_what_is_no_workflow_of_this_language_is_said_in_one_line(tmp_path):
    with pytest.raises(WorkflowError, match="`document` or `do`"):
        import_serverless(written(tmp_path, "id: old\nstates: []\n"))
