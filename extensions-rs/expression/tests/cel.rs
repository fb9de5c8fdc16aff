//! Cases after the CEL specification's conformance suite (https://github.com/google/cel-spec/tree/master/tests/simple),
//! as far as the language of workflows follows it: one integer type, numbers compared whatever their type.

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a table's helper says which row failed"
)]

mod world;

use symphony_expression::ErrorKind::{self, Arithmetic, Syntax, Type, Unknown};
use world::{eval, json};

fn gives(cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        let found = eval(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found, json(wanted), "{text}");
    }
}

fn fails(cases: &[(&str, ErrorKind)]) {
    for (text, kind) in cases {
        let error = eval(text).expect_err(text);
        assert_eq!(error.kind(), *kind, "{text}: {error}");
    }
}

#[test]
fn integers_are_exact_or_an_error() {
    gives(&[
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("0x10 + 1", "17"),
        ("7 / -2", "-3"),
        ("-7 % 3", "-1"),
        ("7 % -3", "1"),
        ("-(-3)", "3"),
        ("2 * 3 + 4 * 5 - 6 / 4", "25"),
        ("18446744073709551615u - 1u", "18446744073709551614"),
        ("9007199254740993 > 9007199254740992.0", "true"),
    ]);
    fails(&[
        ("9223372036854775807 + 1", Arithmetic),
        ("-9223372036854775808 - 1", Arithmetic),
        ("9223372036854775807 * 2", Arithmetic),
        ("-9223372036854775808 / -1", Arithmetic),
        ("-(-9223372036854775808)", Arithmetic),
        ("18446744073709551615u + 1u", Arithmetic),
        ("1 / 0", Arithmetic),
        ("1 % 0", Arithmetic),
        ("9223372036854775808", Syntax),
    ]);
}

#[test]
fn numbers_are_finite() {
    gives(&[
        ("1.5 + 1", "2.5"),
        ("1e3 / 4.0", "250.0"),
        (".5 * 2", "1.0"),
        ("-2.5", "-2.5"),
    ]);
    fails(&[
        ("1e308 * 10.0", Arithmetic),
        ("0.0 / 0.0", Arithmetic),
        ("1 / 0.0", Arithmetic),
        ("double('nan')", Arithmetic),
        ("double('inf')", Arithmetic),
        ("1.5 % 2.0", Type),
        ("int(1e19)", Arithmetic),
        ("uint(-1)", Arithmetic),
    ]);
}

#[test]
fn equality_and_order_go_by_value() {
    gives(&[
        ("1 == 1.0", "true"),
        ("1 != '1'", "true"),
        ("null == null", "true"),
        ("[1, [2]] == [1.0, [2.0]]", "true"),
        ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"),
        ("{'a': 1} == {'a': 1, 'b': 2}", "false"),
        ("b'ab' < b'b'", "true"),
        ("false < true", "true"),
        ("'a' < 'aa' && 'Z' < 'a'", "true"),
    ]);
    fails(&[("1 < 'a'", Type), ("[1] < [2]", Type), ("null < 1", Type)]);
}

#[test]
fn strings_are_unicode_and_escaped_as_cel_does() {
    gives(&[
        (r#"'it\'s' + "\u00e4\t""#, "\"it'sä\\t\""),
        (r"r'a\nb'", r#""a\\nb""#),
        (r"r'\'", r#""\\""#),
        (r#"'''a'b"c'''"#, r#""a'b\"c""#),
        ("size('🎼ä')", "2"),
        ("size(b'ä')", "2"),
        ("string(b'' == b'')", "\"true\""),
        ("'Ünder'.startsWith('Ü') && 'a.b'.split('.')[1] == 'b'", "true"),
        ("'[*]' + r'[*]' + '''[*]'''", "\"[*][*][*]\""),
        ("'x}y{'", "\"x}y{\""),
        ("'Ab'.lower() + 'Ab'.upper() + ' a '.trim()", "\"abABa\""),
    ]);
    fails(&[
        ("'a' - 'b'", Type),
        ("'a' + 1", Type),
        ("'a", Syntax),
        (r"'\q'", Syntax),
    ]);
}

#[test]
fn logic_does_not_mind_an_error_where_the_other_side_decides() {
    gives(&[
        ("false && 1 / 0 > 0", "false"),
        ("1 / 0 > 0 && false", "false"),
        ("true || inputs.nowhere", "true"),
        ("inputs.nowhere || true", "true"),
        ("true ? 1 : 1 / 0", "1"),
        ("false ? 1 / 0 : 2", "2"),
        ("false ? 1 : true ? 2 : 3", "2"),
    ]);
    fails(&[
        ("true && 1 / 0 > 0", Arithmetic),
        ("1 / 0 > 0 || false", Arithmetic),
        ("1 && true", Type),
        ("'a' ? 1 : 2", Type),
        ("!null", Type),
    ]);
}

#[test]
fn comprehensions_follow_the_specification() {
    gives(&[
        ("[].all(x, x > 0)", "true"),
        ("[].exists(x, x > 0)", "false"),
        ("[1, 'a'].exists(x, x == 'a')", "true"),
        ("['a', 1].exists(x, x > 0)", "true"),
        ("[1, 2, 3].all(x, x > 0)", "true"),
        ("[1, 2, 3].exists_one(x, x > 2)", "true"),
        ("[1, 2, 3, 4].map(x, x % 2 == 0, x * x)", "[4,16]"),
        ("[[1, 2], [3]].map(xs, xs.map(x, x + size(xs)))", "[[3,4],[4]]"),
        ("{'b': 1, 'a': 2}.map(k, k)", r#"["a","b"]"#),
        ("{'b': 1, 'a': 2}.filter(k, k != 'a')", r#"["b"]"#),
        ("{'b': 1, 'a': 2}.all(k, k in inputs.map)", "true"),
        ("[1, 2].map(inputs, inputs + 1)", "[2,3]"),
        ("inputs.none.map(x, x)", "[]"),
    ]);
    fails(&[
        ("[1, 'a'].all(x, x > 0)", Type),
        ("5.map(x, x)", Type),
        ("'abc'.map(x, x)", Type),
        ("[1].map(1, 2)", Syntax),
        ("[1].map(x, y)", Unknown),
    ]);
}

#[test]
fn has_tells_whether_a_field_is_there() {
    gives(&[
        ("has({'a': null}.a)", "true"),
        ("has({'a': 1}.b)", "false"),
        ("has(inputs.none.a)", "false"),
        ("has(tasks.skipped.f) ? 1 : 2", "2"),
        ("has(tasks.one.words.a)", "true"),
    ]);
    fails(&[
        ("has(inputs.n.a)", Type),
        ("has(inputs)", Syntax),
        ("has(inputs.nowhere.a)", Unknown),
    ]);
}

#[test]
fn membership_and_indexing() {
    gives(&[
        ("2.0 in [1, 2]", "true"),
        ("'c' in {'a': 1}", "false"),
        ("[1, 2, 3][2]", "3"),
        ("{'a': [1, 2]}['a'][0]", "1"),
        ("inputs.map[inputs.name.startsWith('a') ? 'a' : 'b']", "1"),
        ("[{'f': 1}, null, {'f': 2}][*].f", "[1,null,2]"),
        ("[{'f': [1, 2]}, {'f': [3, 4]}][*].f[1]", "[2,4]"),
        ("[[{'f': 1}], []][*][*].f", "[[1],[]]"),
        ("inputs.none[*].f", "null"),
    ]);
    fails(&[
        ("[1][1]", Unknown),
        ("[1][-1]", Unknown),
        ("{'a': 1}.b", Unknown),
        ("[{'f': 1}].f", Type),
        ("[{'f': 1}][*].g", Unknown),
        ("inputs.map[*].f", Type),
        ("1 in 'abc'", Type),
        ("{'a': 1, 'a': 2}", Type),
        ("{1: 2}", Type),
        ("[1][inputs.name]", Type),
    ]);
}

#[test]
fn times_and_durations_are_seconds() {
    gives(&[
        ("timestamp('1970-01-01T00:00:00Z')", "0.0"),
        ("timestamp('2024-02-29T12:30:15.5Z')", "1709209815.5"),
        (
            "timestamp('2024-02-29T12:30:15+01:00') - timestamp('2024-02-29T11:30:15Z')",
            "0.0",
        ),
        ("timestamp('1969-12-31T23:59:59Z')", "-1.0"),
        ("duration('200ms')", "0.2"),
        ("duration('2h') + duration('1d')", "93600.0"),
    ]);
    fails(&[
        ("timestamp('2023-02-29T00:00:00Z')", Type),
        ("timestamp('2024-01-01')", Type),
        ("timestamp('2024-13-01T00:00:00Z')", Type),
        ("duration('5')", Type),
        ("duration('-5s')", Type),
        ("duration('1e400s')", Type),
    ]);
}

#[test]
fn functions_refuse_what_they_do_not_take() {
    gives(&[
        (
            "unique([1, 1.0, {'a': 1, 'b': 2}, {'b': 2, 'a': 1}])",
            r#"[1,{"a":1,"b":2}]"#,
        ),
        (
            "sort_by([{'k': 2.5}, {'k': 1}, {'k': 1.0, 'z': 0}], x, x.k)",
            r#"[{"k":1},{"k":1.0,"z":0},{"k":2.5}]"#,
        ),
        ("default(1 / 0, 3)", "3"),
        ("inputs.missing.default('x')", "\"x\""),
        (
            "keys({'b': 1, 'a': 2}) + values({'b': 1, 'a': 2})",
            r#"["a","b",2,1]"#,
        ),
        ("regex('abc', 'x')", "null"),
        ("max(1, 2.5, 2)", "2.5"),
        ("sum([])", "0"),
        ("int(true) + int('-4')", "-3"),
    ]);
    fails(&[
        ("sort_by([1, 'a', 2, 'b'], x, x)", Type),
        ("sort_by([[1]], x, x)", Type),
        ("sum(['a'])", Type),
        ("min([1, 'a'])", Type),
        ("size(1)", Type),
        ("int('x')", Type),
        ("range('3')", Type),
        ("range(0, 3, 0)", Type),
        ("regex('a', '(')", Type),
        ("size()", Syntax),
        ("size(1, 2)", Syntax),
        ("has(1)", Syntax),
        ("now()", Unknown),
        ("random()", Unknown),
    ]);
}
