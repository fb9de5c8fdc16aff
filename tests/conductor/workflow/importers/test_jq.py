"""jq's plain part becomes CEL; the rest is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductor.workflow.importers.cel import Cel
from conductor.workflow.importers.scanner import Untranslatable
from conductor.workflow.importers.serverless.jq import Data, translate

DATA = Data(Cel("d"), {"context": Cel("c"), "item": Cel("i")})


@pytest.mark.parametrize(
    ("jq", "cel"),
    [
        (".", "d"),
        ("${ .a.b[0] }", "d.a.b[0]"),
        ('.["x-y"].z', "d['x-y'].z"),
        (".in", "d['in']"),
        (".a[-1]", "d.a[size(d.a) - 1]"),
        ("$context.n + 1", "c.n + 1"),
        (".a - (.b - 1)", "d.a - (d.b - 1)"),
        (".a / 2", "double(d.a) / double(2)"),
        ('. + { status: "sold" }', "merge(d, {'status': 'sold'})"),
        ('"hi \\(.name) \\(1 + 1)!"', "'hi ' + string(d.name) + ' ' + string(1 + 1) + '!'"),
        ('"it\'s"', "'it\\'s'"),
        (".items | length", "size(d.items)"),
        (".a // 3", "default(d.a, 3)"),
        ('(.a == 1) and (.b | startswith("x")) or (.c | not)', "(d.a == 1) && d.b.startsWith('x') || (!d.c)"),
        ('if .a > 1 then "x" else null end', "(d.a > 1 ? 'x' : null)"),
        ('{a: .x, b, "c-d": [.y, 1], $item}', "{'a': d.x, 'b': d.b, 'c-d': [d.y, 1], 'item': i}"),
        ("[.pets[] | select(.id == 3) | .name]", "d.pets.filter(x1, x1.id == 3).map(x1, x1.name)"),
        ("map(select(.t > 10)) | length", "size(d.filter(x1, x1.t > 10))"),
        ("map(.x | map(.y))", "d.map(x1, x1.x.map(x2, x2.y))"),
        (".a[1:] | length", None),
        (".a[]", None),
        ("reduce .[] as $x (0; . + $x)", None),
        ("del(.x)", None),
        ("now", None),
        (".a = 3", None),
        (".a |= . + 1", None),
        (".. | .x", None),
        ("$secrets.token", None),
        (".a, .b", None),
        ("", None),
        ("((((", None),
        ('"open', None),
        ("(" * 100 + "1" + ")" * 100, None),
    ],
)  # fmt: skip
def test_an_expression_is_translated_or_refused(jq, cel):
    if cel is None:
        with pytest.raises(Untranslatable) as error:
            translate(jq, DATA)
        assert str(error.value)
    else:
        assert translate(jq, DATA).text == cel


@given(st.text(alphabet=' .[]{}()|"\\ab1$,:+-/?_#', max_size=30))
def test_any_text_is_translated_or_refused(text):
    try:
        assert translate(text, DATA).text
    except Untranslatable as error:
        assert str(error)


def test_pipes_that_double_an_expression_are_bounded():
    with pytest.raises(Untranslatable, match="characters"):
        translate(" | ".join(["[., .]"] * 20), DATA)
