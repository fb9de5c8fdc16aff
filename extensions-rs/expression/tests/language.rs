//! What expressions mean: CEL, and what the workflow language adds.

mod world;

use symphony_expression::{ErrorKind, Expression, Template};
use symphony_protocol::{Value, values};
use world::{eval, json, world};

#[test]
fn expressions_give_what_cel_says() {
    for (text, wanted) in [
        ("1 + 2 * 3", "7"),
        ("7 / 2", "3"),
        ("-7 % 3", "-1"),
        ("1 == 1.0", "true"),
        ("2 > 1.5 && 'b' > 'a'", "true"),
        ("'a' + 'b'", "\"ab\""),
        ("[1] + [2]", "[1,2]"),
        ("size('äö')", "2"),
        ("size({'a': 1})", "1"),
        ("2 in [1, 2]", "true"),
        ("'a' in {'a': 1}", "true"),
        ("true ? 1 : 2", "1"),
        ("false && (1 / 0 == 1)", "false"),
        ("(1 / 0 == 1) || true", "true"),
        ("[1, 2, 3].map(x, x * 2)", "[2,4,6]"),
        ("[1, 2, 3].filter(x, x > 1)", "[2,3]"),
        ("[1, 2].exists(x, x == 2)", "true"),
        ("[1, 2].all(x, x > 1)", "false"),
        ("[1, 2, 2].exists_one(x, x == 2)", "false"),
        ("inputs.map.map(k, k)", r#"["a","b"]"#),
        ("has(inputs.map.a) && !has(inputs.map.z)", "true"),
        ("{'a': {'b': [1, {'c': 5}]}}.a.b[1].c", "5"),
        (
            "'abc'.startsWith('a') && 'abc'.endsWith('c') && 'abc'.contains('b')",
            "true",
        ),
        ("'a1'.matches('[a-z][0-9]')", "true"),
        ("int('12') + int(3.9)", "15"),
        ("double(1) / double(4)", "0.25"),
        ("string(12) + string(true)", "\"12true\""),
        ("inputs.none.field.deeper", "null"),
        ("tasks.skipped.anything", "null"),
        ("inputs['odd key']", "1"),
        ("inputs.list[1]", "1"),
    ] {
        assert_eq!(eval(text).unwrap(), json(wanted), "{text}");
    }
}

#[test]
fn the_added_functions_do_what_they_say() {
    for (text, wanted) in [
        ("range(3)", "[0,1,2]"),
        ("range(1, 7, 2)", "[1,3,5]"),
        ("enumerate(['a'])", r#"[{"index":0,"item":"a"}]"#),
        ("zip([1, 2], ['a', 'b'])", r#"[[1,"a"],[2,"b"]]"#),
        ("flatten([[1], [2, 3], 4])", "[1,2,3,4]"),
        ("unique([1, 2, 1])", "[1,2]"),
        ("sort_by(inputs.list, x, -x)", "[3,2,1]"),
        ("inputs.list.sort_by(x, x)", "[1,2,3]"),
        ("sum([1, 2.5])", "3.5"),
        ("min(inputs.list) + max(4, 9)", "10"),
        ("min([])", "null"),
        ("join(['a', 'b'], '-') + join([1, 2])", "\"a-b12\""),
        ("split('a,b', ',')", r#"["a","b"]"#),
        ("regex('run 42', '([a-z]+) ([0-9]+)')", r#"["run 42","run","42"]"#),
        ("json({'a': [1, null]})", r#""{\"a\":[1,null]}""#),
        (r#"parse_json('[1, {"a": null}]')[1]"#, r#"{"a":null}"#),
        ("parse_json([1])", "[1]"),
        ("merge({'a': 1, 'b': 2}, {'a': 3}, null)", r#"{"a":3,"b":2}"#),
        ("base64('hi')", "\"aGk=\""),
        (
            "sha256('')",
            "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
        ),
        ("duration('5m')", "300.0"),
        ("default(inputs.missing, 7) + default(inputs.none, 1)", "8"),
        ("inputs.n * inputs.x", "4.5"),
    ] {
        assert_eq!(eval(text).unwrap(), json(wanted), "{text}");
    }
}

#[test]
fn a_field_is_picked_of_each_item_and_null_stays_null() {
    assert_eq!(eval("tasks.count[*].total").unwrap(), json("[2,null,4]"));
    assert_eq!(eval("size(tasks.count[*].words)").unwrap(), json("3"));
    assert_eq!(eval("tasks.count[2].words.b").unwrap(), json("3"));
    assert_eq!(
        eval("tasks.one.total + tasks_meta.one.attempts").unwrap(),
        json("4")
    );
    assert_eq!(eval("'[*]'").unwrap(), json("\"[*]\""));
}

#[test]
fn what_goes_wrong_has_a_kind_and_names_expression_and_values() {
    for (text, kind) in [
        ("1 +", ErrorKind::Syntax),
        ("", ErrorKind::Syntax),
        ("nosuch(1)", ErrorKind::Unknown),
        ("tasks.nowhere.f", ErrorKind::Unknown),
        ("inputs.nowhere", ErrorKind::Unknown),
        ("inputs.list[9]", ErrorKind::Unknown),
        ("1 + 'a'", ErrorKind::Type),
        ("inputs.n.field", ErrorKind::Unknown),
        ("!1", ErrorKind::Type),
        ("parse_json('{')", ErrorKind::Type),
        ("merge({}, 1)", ErrorKind::Type),
        ("9223372036854775807 + 1", ErrorKind::Arithmetic),
        ("1 / 0", ErrorKind::Arithmetic),
        ("1.0 / 0.0", ErrorKind::Arithmetic),
        ("range(100000000)", ErrorKind::Limit),
        (
            "size(range(1000).map(a, range(1000).map(b, range(1000))))",
            ErrorKind::Limit,
        ),
    ] {
        let error = eval(text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
    }
    let error = eval("inputs.name + inputs.n").unwrap_err().to_string();
    assert!(
        error.contains("inputs.name + inputs.n") && error.contains("inputs.name = \"ann\""),
        "{error}"
    );
}

#[test]
fn templates_keep_types_and_render_in_texts() {
    for (text, wanted) in [
        (r#""${inputs.n}""#, "3"),
        (
            r#""n=${inputs.n} m=${inputs.map}""#,
            r#""n=3 m={\"b\":2,\"a\":1}""#,
        ),
        (r#""$${inputs.n}""#, r#""${inputs.n}""#),
        (r#""${ {'a': '}'}.a }""#, r#""}""#),
        (
            r#"{"a": ["${inputs.x}", 2], "b": {}}"#,
            r#"{"a": [1.5, 2], "b": {}}"#,
        ),
        (r#""""#, r#""""#),
    ] {
        let template = Template::parse(&json(text)).unwrap();
        assert_eq!(template.render(&world()).unwrap(), json(wanted), "{text}");
    }
    assert_eq!(
        Template::parse(&"a ${inputs.n".into()).unwrap_err().kind(),
        ErrorKind::Syntax
    );
    assert_eq!(
        Template::parse(&"ab ${1 +}".into())
            .unwrap_err()
            .column()
            .map(|c| c > 4),
        Some(true)
    );
}

#[test]
fn rule_12_a_reference_to_an_artifact_passes_through_and_shows_its_size() {
    let mark = values::reference(&"0".repeat(64), 70_000, "application/msgpack");
    let mut world = world();
    world.inputs = Value::from([("big", mark.clone())]);
    assert_eq!(
        Expression::parse("inputs.big").unwrap().eval(&world).unwrap(),
        mark
    );
    assert_eq!(
        Expression::parse("inputs.big.size > 65536")
            .unwrap()
            .eval(&world)
            .unwrap(),
        Value::Bool(true)
    );
}

#[test]
fn an_error_in_a_document_is_found_at_its_column() {
    for (text, column) in [
        ("1 + nosuch(2)", Some(5)),
        ("  1 + nosuch(2)", Some(7)),
        ("${ nosuch(2) }", Some(4)),
        ("tasks.count[*].f + )", Some(20)),
        ("'ä' + )", Some(7)),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!(error.column(), column, "{text}: {error}");
    }
    let error = Template::parse(&"a ${inputs.n} ä ${nosuch(1)}".into()).unwrap_err();
    assert_eq!(error.column(), Some(19), "{error}");
}

#[test]
fn references_are_told_with_their_places() {
    let found = |text: &str| -> Vec<(String, Option<u64>)> {
        let expression = Expression::parse(text).unwrap();
        let each = expression.references();
        each.map(|reference| (reference.path.to_string(), reference.column))
            .collect()
    };
    assert_eq!(
        found("'tasks.a' + tasks.a[*].x['odd key'] + inputs.b"),
        [
            ("tasks.a[*].x[\"odd key\"]".to_owned(), Some(13)),
            ("inputs.b".to_owned(), Some(39))
        ]
    );
    assert_eq!(
        found("[1].map(item, item + tasks_meta.t.attempts)"),
        [("tasks_meta.t.attempts".to_owned(), Some(22))]
    );
    let template =
        Template::parse(&json(r#"{"a": ["x", "see ${inputs.n}"], "b/c": "${inputs.x}"}"#)).unwrap();
    let places: Vec<String> = template.located().into_iter().map(|(at, _)| at).collect();
    assert_eq!(places, ["/a/1", "/b~1c"]);
}

#[test]
fn a_value_that_no_reader_would_take_is_an_error() {
    let mut deep = world();
    let nested = (0..64).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    deep.inputs = Value::from([("deep", nested)]);
    let whole = Template::parse(&"${inputs.deep}".into()).unwrap();
    assert_eq!(whole.render(&deep).map(|_| ()), Ok(()));
    let wrapped = Template::parse(&json(r#"{"more": "${inputs.deep}"}"#)).unwrap();
    let mut out = vec![1, 2];
    assert_eq!(
        wrapped.write(&deep, &mut out).unwrap_err().kind(),
        ErrorKind::Limit
    );
    assert_eq!(out, [1, 2], "nothing is left behind");

    let mut not_a_number = world();
    not_a_number.outputs[0] = [&[0xcb][..], &f64::NAN.to_be_bytes()].concat();
    let copied = Expression::parse("tasks.one").unwrap();
    assert_eq!(
        copied.write(&not_a_number, &mut out).unwrap_err().kind(),
        ErrorKind::Arithmetic
    );
}

#[test]
fn types_are_told_without_running() {
    use symphony_protocol::TypeName::{Array, Boolean, Integer, Object, String};
    for (text, wanted) in [
        ("1", Some(Integer)),
        ("inputs.n", None),
        ("inputs.n + 1", None),
        ("inputs.n > 1 && true", Some(Boolean)),
        ("'a' + inputs.name", Some(String)),
        ("inputs.list.map(x, x)", Some(Array)),
        ("inputs.list.filter(x, x > 1)", Some(Array)),
        ("inputs.list.exists(x, x > 1)", Some(Boolean)),
        ("inputs.list.exists_one(x, x > 1)", Some(Boolean)),
        ("range(3)", Some(Array)),
        ("{'a': 1}", Some(Object)),
        ("inputs.n > 1 ? 'a' : 'b'", Some(String)),
        ("inputs.n > 1 ? 'a' : 2", None),
    ] {
        assert_eq!(Expression::parse(text).unwrap().gives(), wanted, "{text}");
    }
}
