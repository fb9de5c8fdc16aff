"""Documents that are damaged at random become documents of the right form, or one line that says what is wrong."""

from __future__ import annotations

import copy
import random
import subprocess

import msgspec
import pytest
import yaml

from conductor.embedded import binaries
from conductor.workflow import WorkflowError
from conductor.workflow.exporters import to_dot, to_mermaid
from conductor.workflow.importers import import_argo, import_serverless
from tests.conductor.workflow.forms import of_the_right_form

ARGO = yaml.safe_load("""
kind: Workflow
metadata: {generateName: big-, labels: {a: b}}
spec:
  entrypoint: main
  onExit: bye
  parallelism: 3
  activeDeadlineSeconds: 3600
  arguments: {parameters: [{name: my-msg, value: hello}]}
  templates:
  - name: main
    steps:
    - - {name: gen, template: gen}
      - {name: ask, template: ask}
    - - name: heads
        template: echo
        arguments: {parameters: [{name: message, value: "it was {{steps.gen.outputs.result}}"}]}
        when: "{{steps.gen.outputs.result}} == heads && {{workflow.parameters.my-msg}} != bye"
      - name: many
        template: inner
        arguments: {parameters: [{name: n, value: "{{item}}"}]}
        withParam: "{{steps.gen.outputs.result}}"
      - {name: maps, template: echo, withItems: [{image: a, tag: 9.1}]}
      - {name: seq, template: echo, withSequence: {count: "5", format: "t%02X"}, when: "{{item}} > 2"}
  - name: inner
    inputs: {parameters: [{name: n}]}
    retryStrategy: {limit: 2, retryPolicy: Always, backoff: {duration: "1", factor: 2, maxDuration: 1m}}
    dag:
      tasks:
      - {name: a, template: echo, continueOn: {failed: true}}
      - {name: b, depends: a.Failed || (a.Succeeded && !a.Skipped), template: file}
      - {name: c, dependencies: [b], template: echo, withItems: [1, 2]}
    outputs: {parameters: [{name: res, valueFrom: {parameter: "{{tasks.b.outputs.parameters.out}}"}}]}
  - name: file
    outputs: {parameters: [{name: out, valueFrom: {path: /tmp/out.txt, default: none}}]}
    container: {image: x, command: [sh], args: ["-c", "true"], env: [{name: A, value: b}], resources: {requests: {cpu: 1m}}}
  - {name: gen, script: {command: [sh], source: "echo [1]"}}
  - {name: ask, suspend: {duration: 10s}}
  - name: echo
    inputs: {parameters: [{name: message, default: x}]}
    container: {command: [echo, "{{inputs.parameters.message}}"]}
  - {name: bye, http: {url: "http://x/{{workflow.status}}", headers: [{name: a, value: b}]}}
""")
SERVERLESS = yaml.safe_load("""
document: {dsl: 1.0.0, namespace: t, name: big, version: 1.2.0, tags: {a: b}}
input: {schema: {document: {properties: {id: {type: string, default: x}}, required: [id]}}, from: '{order: .id}'}
use:
  retries: {default: {delay: PT1S, backoff: {exponential: {}}, limit: {attempt: {count: 3}}}}
  errors: {oops: {type: https://x.y/errors/too-bad, status: 400, title: Too bad}}
  functions: {pet: {call: http, with: {method: get, endpoint: 'https://x/{id}'}}}
timeout: {after: {minutes: 5}}
do:
- init: {set: {total: 0, name: "${ .order }"}, export: {as: '$context + {started: true}'}}
- route:
    switch: [{big: {when: .total > 10, then: one}}, {small: {when: .total < 1, then: two}}, {other: {then: exit}}]
- one: {call: pet, with: {id: '${ .name }'}, then: join}
- two:
    if: $context.started
    run: {shell: {command: echo, arguments: [a], environment: {A: '${ .total }'}}}
    output: {as: '{o: .}'}
- join: {for: {each: pet, in: .pets, at: i}, while: .total < 5, do: [{add: {set: {total: '${ .total + $i }'}}}]}
- par: {fork: {branches: [{b1: {wait: {seconds: 3}}}, {b2: {do: [{e: {set: {a: 1}}}, {f: {emit: {event: {with: {}}}}}]}}]}}
- guard:
    try: [{raised: {raise: {error: oops}}}, {g: {call: grpc, with: {method: y}}}]
    catch: {errors: {with: {type: x/too-bad}}, as: err, when: $err.status == 400, retry: default, do: [{h: {set: {m: 1}}}]}
- hear: {listen: {to: {one: {with: {type: com.x.y, data: '${ .t > 38 }'}}}}, timeout: {after: {seconds: 10}}}
- sub: {run: {workflow: {namespace: n, name: other, version: 1.0.0, input: {a: '${ .a }'}}}}
output: {as: .result}
""")
JUNK = [
    None,
    1,
    -5,
    1.5,
    True,
    "",
    "x",
    "{{item}}",
    "{{",
    "${ .x",
    "${ . }",
    [],
    {},
    [1],
    [[]],
    [{}],
    {"a": 1},
    {"name": "x"},
]


def test_what_is_not_damaged_passes_the_checker(tmp_path):
    for document, importer in ((ARGO, import_argo), (SERVERLESS, import_serverless)):
        path = tmp_path / "whole.yaml"
        path.write_text(yaml.safe_dump(document))
        ours = msgspec.json.encode(importer(path).document)
        done = subprocess.run([str(binaries.pit()), "check"], input=ours, capture_output=True, check=False)
        assert msgspec.json.decode(done.stdout)["problems"] == []


def places(value, path=()):
    """The path of every part."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def damage(document, chance):
    """A copy with one to three parts gone or replaced."""
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        *path, last = chance.choice(list(places(document)))
        inside = document
        for key in path:
            inside = inside[key]
        if chance.random() < 0.2:
            del inside[last]
        else:
            inside[last] = copy.deepcopy(chance.choice(JUNK))
    return document


@pytest.mark.parametrize(("kind", "document"), [("argo", ARGO), ("serverless", SERVERLESS)])
def test_a_damaged_document_gives_one_of_ours_or_one_line(tmp_path, kind, document):
    importer = import_argo if kind == "argo" else import_serverless
    path, made = tmp_path / "damaged.yaml", 0
    for seed in range(60):
        path.write_text(yaml.safe_dump(damage(document, random.Random(seed))))
        try:
            ours = of_the_right_form(importer(path).document)
        except WorkflowError as error:
            assert str(error).startswith(str(path)), seed
            continue
        made += 1
        assert to_dot(ours).endswith("}\n"), seed
        assert to_mermaid(ours).startswith("---"), seed
    assert made > 40
