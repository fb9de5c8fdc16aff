//! What expressions mean: CEL, and what the workflow language adds.

use std::borrow::Cow;

use proptest::prelude::*;
use symphony_expression::{ErrorKind, Expression, Root, Scope, Template};
use symphony_protocol::{Value, values};

struct World {
    inputs: Value,
    outputs: Vec<Vec<u8>>,
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn world() -> World {
    World {
        inputs: json(
            r#"{"n": 3, "x": 1.5, "name": "ann", "list": [3, 1, 2], "none": null, "map": {"b": 2, "a": 1}, "odd key": 1}"#,
        ),
        outputs: [
            r#"{"words": {"a": 1}, "total": 2}"#,
            "null",
            r#"{"words": {"b": 3}, "total": 4}"#,
        ]
        .map(|text| json(text).pack())
        .to_vec(),
    }
}

impl Scope for World {
    fn variable(&self, name: &str) -> Option<Root<'_>> {
        (name == "inputs").then_some(Root::Value(Cow::Borrowed(&self.inputs)))
    }

    fn task(&self, name: &str) -> Option<Root<'_>> {
        match name {
            "count" => Some(Root::Gather(self.outputs.iter().map(Vec::as_slice).collect())),
            "one" => self.outputs.first().map(|data| Root::Raw(data)),
            "skipped" => Some(Root::Raw(&[0xc0])),
            _ => None,
        }
    }

    fn meta(&self, name: &str) -> Option<Value> {
        (name == "one").then(|| {
            json(r#"{"status": "failed", "attempts": 2, "error": {"kind": "lost", "message": "m"}}"#)
        })
    }
}

fn eval(text: &str) -> Result<Value, symphony_expression::Error> {
    Expression::parse(text)?.eval(&world())
}

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
fn a_hostile_expression_ends_at_a_bound_and_not_the_process() {
    for text in [
        "(".repeat(5000),
        "[".repeat(3000) + &"]".repeat(3000),
        "!".repeat(5000) + "true",
        "a".repeat(100_000),
        "1".to_owned() + &" + 1".repeat(2000),
        "x.".repeat(2000) + "y",
        "true ? ".repeat(500) + "1",
        "{'a':".repeat(200),
    ] {
        let _ = Expression::parse(&text).map(|expression| expression.eval(&world()));
    }
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

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.eval(&world());
        }
        let _ = Template::parse(&text.as_str().into());
    }

    #[test]
    fn rule_12_the_same_expression_gives_the_same_bytes(n in 0i64..50, shift in 0i64..9) {
        let text = format!("range({n}).map(x, x + {shift}).filter(x, x % 3 != 0).map(x, {{'v': x, 'm': inputs.map.map(k, k)}})");
        let expression = Expression::parse(&text).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        expression.write(&world(), &mut first).unwrap();
        expression.write(&world(), &mut second).unwrap();
        prop_assert_eq!(first, second);
    }

    #[test]
    fn a_path_copies_what_evaluation_would_build(at in 0usize..3) {
        let path = Expression::parse(&format!("tasks.count[{at}]")).unwrap();
        let mut out = Vec::new();
        path.write(&world(), &mut out).unwrap();
        prop_assert_eq!(Value::unpack(&out).unwrap(), path.eval(&world()).unwrap());
    }
}
