"""Pictures: boxes, boxes inside of boxes, and edges by their kinds."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given

from conductor.workflow.exporters import draw, to_dot, to_mermaid
from conductor.workflow.exporters.drawing import expressions, references
from conductor.workflow.exporters.graphviz import quoted
from tests.conductor.workflow.exporters.test_texts import DOCUMENTS

DOCUMENT = {
    "workflow": "picture",
    "tasks": {
        "a": {"call": "x.y"},
        "b": {"call": "x.y", "with": {"v": "see ${tasks.a.out} and tasks.a"}, "for_each": "${range(3)}"},
        "c": {"value": "tasks.b[0]", "after": [{"task": "b", "kind": "optional"}, {"task": "a", "kind": "soft"}]},
        "s": {"switch": [{"when": "tasks.c > 1", "then": {"tasks": {"a": {"wait_for": {"signal": 'say "hi" </b>'}}}}},
                         {"else": {"tasks": {"in": {"value": "tasks.a"}}}}]},
        "l": {"repeat": {"until": "tasks_meta.s.attempts > 1", "max_iterations": 3,
                         "tasks": {"tasks": {"t": {"value": "1"}}}}},
    },
}  # fmt: skip


def test_edges_are_those_of_after_and_of_references():
    lines = {(one.source, one.target): one.kind for one in draw(DOCUMENT).lines}
    assert lines == {
        ("a", "b"): "hard",
        ("b", "c"): "optional",
        ("a", "c"): "soft",
        ("c", "s"): "hard",
        ("a", "s/1/in"): "hard",
        ("s", "l"): "soft",
    }


@pytest.mark.parametrize(
    ("text", "plain", "found"),
    [
        ("tasks.a == 1", True, ["tasks.a == 1"]),
        ("tasks.a == 1", False, []),
        ("x ${ {'a': '}'}.a } y ${b}", False, [" {'a': '}'}.a ", "b"]),
        ("$${a} ${b}", False, ["b"]),
    ],
)
def test_expressions_are_found_in_texts(text, plain, found):
    assert expressions(text, plain) == found


def test_references_are_found_in_expressions():
    assert references("tasks.a.b + 'tasks.c' + inputs.tasks.d + tasks_meta.e.x") == [("a", "hard"), ("e", "soft")]


def test_a_flowchart_draws_kinds_of_edges_and_escapes_labels():
    text = to_mermaid(DOCUMENT)
    assert "n0 --> n1" in text
    assert "n1 ==>|optional| n2" in text
    assert "n0 -.->|soft| n2" in text
    assert 'n1[["b<br/>x.y"]]' in text
    assert 'subgraph n3["s: switch"]' in text
    assert "#34;hi#34; #60;/b#62;" in text
    assert text.count("subgraph") == text.count("\n    end") + text.count("\n  end")


TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|->|[A-Za-z0-9_]+|[{}\[\];=,])', re.DOTALL)


def parsed(text):
    """Nodes and edges of a DOT graph, by a parser of its statements: graph, subgraph, node, edge, attribute."""
    tokens, at = [], 0
    while at < len(text.rstrip()):
        found = TOKEN.match(text, at)
        assert found, text[at : at + 40]
        tokens.append(found[1])
        at = found.end()
    position, nodes, edges = 0, [], []

    def eat(wanted=None):
        nonlocal position
        token = tokens[position]
        assert wanted is None or token == wanted, (token, wanted)
        position += 1
        return token

    def attributes():
        eat("[")
        while tokens[position] != "]":
            eat(), eat("="), eat()
            if tokens[position] == ",":
                eat()
        eat("]")

    def block():
        eat("{")
        while tokens[position] != "}":
            if tokens[position] == "subgraph":
                eat(), eat()
                block()
                continue
            name = eat()
            if tokens[position] == "=":
                eat(), eat()
            elif tokens[position] == "->":
                eat()
                edges.append((name, eat()))
                attributes()
            else:
                if name != "node":
                    nodes.append(name)
                attributes()
            eat(";")
        eat("}")

    eat("digraph"), eat()
    block()
    assert position == len(tokens)
    return nodes, edges


@given(DOCUMENTS)
def test_a_graph_of_any_document_parses_and_has_its_tasks_and_edges(document):
    drawing = draw(document)
    nodes, edges = parsed(to_dot(document))
    assert nodes == [quoted(box.key) for box in drawing.all_boxes()]
    assert edges == [(quoted(one.source), quoted(one.target)) for one in drawing.lines]


def test_clusters_hold_what_is_inside():
    nodes, edges = parsed(to_dot(DOCUMENT))
    assert '"s/0/a"' in nodes
    assert ('"a"', '"s/1/in"') in edges
    assert 'lhead="cluster s"' in to_dot(DOCUMENT)
    assert "peripheries=2" in to_dot(DOCUMENT)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_it():
    done = subprocess.run(["dot", "-Tsvg"], input=to_dot(DOCUMENT), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<svg" in done.stdout
