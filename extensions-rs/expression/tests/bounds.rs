//! No text and no value can hold the process, or make two replays differ.

#![allow(
    clippy::unwrap_used,
    reason = "a thread that cannot be made, or that panicked, fails the test"
)]

mod world;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use symphony_expression::{COST_MAX, ErrorKind, Expression, Template};
use symphony_protocol::Value;
use world::{eval, world};

/// Half of what a thread of tokio has.
const STACK_BYTES: usize = 1024 * 1024;

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work);
    thread.unwrap().join().unwrap();
}

#[test]
fn a_hostile_expression_ends_at_a_bound_and_not_the_process() {
    on_a_small_stack(|| {
        for text in [
            "(".repeat(5000),
            format!("r'\\' + {}", "(".repeat(4000)),
            "[".repeat(3000) + &"]".repeat(3000),
            "!".repeat(5000) + "true",
            "! ".repeat(4000) + "true",
            "-!".repeat(4000) + "true",
            "a".repeat(100_000),
            "1".to_owned() + &"+1".repeat(4000),
            "x.".repeat(4000) + "y + 1",
            "x".to_owned() + &"[b]".repeat(2700),
            "x".to_owned() + &".f()".repeat(2000),
            "true ?".repeat(1300) + "1",
            "true?1:".repeat(1100) + "1",
            "true".to_owned() + &"||true".repeat(1300),
            "true".to_owned() + &"&&true||false".repeat(600),
            "{'a':".repeat(1600),
            "[1].map(x,".repeat(800),
            "'".repeat(8000),
            "\\".repeat(8000),
            "[*]".repeat(2700),
            "x".to_owned() + &"[*]".repeat(2700) + "+1",
        ] {
            let _ = Expression::parse(&text).map(|expression| expression.eval(&world()));
            let _ = Template::parse(&Value::from(format!("${{{text}}}")));
        }
    });
}

#[test]
fn what_is_read_can_be_run_however_deep_it_is() {
    on_a_small_stack(|| {
        for depth in 1..70 {
            let loops = format!("{}1{}", "[1].map(x, ".repeat(depth), ")".repeat(depth));
            let sums = format!("1{}", " + 1".repeat(depth));
            for text in [loops, sums] {
                if let Ok(expression) = Expression::parse(&text) {
                    let _ = expression.eval(&world());
                }
            }
        }
    });
    // CEL asks for 32 of these at least.
    assert_eq!(eval(&format!("1{}", " + 1".repeat(40))).unwrap(), Value::Int(41));
    assert_eq!(
        eval(&format!("true{}", " && true".repeat(200))).unwrap(),
        Value::Bool(true)
    );
}

#[test]
fn the_cost_bound_holds_whatever_is_repeated() {
    let mut world = world();
    let wide = (0..20_000)
        .map(|at| (format!("key{at}"), Value::Int(at)))
        .collect();
    world.inputs = Value::from([
        ("wide", Value::Map(wide)),
        ("long", Value::from("ab ".repeat(40_000))),
        ("list", Value::Array((0..2000).map(Value::Int).collect())),
    ]);
    for text in [
        "range(1000).map(a, range(1000).map(b, range(1000)))",
        "range(900000).exists(i, inputs.wide.key19999 == -1)",
        "range(900000).exists(i, inputs.wide['key' + '19999'] == -1)",
        "range(900000).exists(i, has(inputs.wide.nokey))",
        "range(900000).exists(i, inputs.wide == {})",
        "range(900000).map(i, inputs.list)",
        "range(900000).exists(i, inputs.list == inputs.list && false)",
        "[inputs.wide].map(x, range(900000).exists(i, x.nokey))",
        "range(900000).map(i, split(inputs.long, ''))",
        "range(900000).map(i, inputs.long.matches('(a|b|ab)*c' + string(i)))",
        "range(900000).map(i, inputs.long + inputs.long)",
        "range(900000).map(i, json(inputs.wide))",
        "range(900000).map(i, sort_by(inputs.list, x, -x))",
        "inputs.list.map(a, inputs.list.map(b, inputs.list.map(c, a + b + c)))",
        "range(900000).map(i, default(inputs.nowhere, 1 / 0))",
        "range(900000).all(i, default(range(1000).all(j, 1 / 0 == 1), true))",
    ] {
        let expression = Expression::parse(text).unwrap();
        let begun = Instant::now();
        let found = expression.eval(&world);
        // Generous, for a machine that is busy: what is held is that nothing takes minutes.
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{text}: {:?}",
            begun.elapsed()
        );
        assert!(found.is_err(), "{text}");
        assert!(expression.cost(&world) < COST_MAX * 4, "{text}");
    }
    let comparing = Expression::parse("inputs.wide == inputs.wide").unwrap();
    assert_eq!(comparing.eval(&world), Ok(Value::Bool(true)));
}

#[test]
fn a_limit_is_never_swallowed() {
    for text in [
        "default(range(2000).map(a, range(2000)), 1)",
        "true || size(range(2000).map(a, range(2000))) > 0 || false",
        "size(range(2000).map(a, range(2000))) > 0 || true",
        "range(100000000)",
    ] {
        match eval(text) {
            Ok(value) => assert_eq!(value, Value::Bool(true), "{text}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Limit, "{text}: {error}"),
        }
    }
}

/// Pieces that texts of expressions are made of.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "inputs",
        ".n",
        ".list",
        ".map",
        "tasks",
        ".count",
        "[*]",
        "[0]",
        "['a']",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "'''",
        "r'",
        "\\",
        "1",
        "2.5",
        "9223372036854775807",
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        " == ",
        " < ",
        " in ",
        "!",
        "&&",
        "||",
        "?",
        ":",
        ",",
        "true",
        "null",
        ".map(x, ",
        ".filter(x, ",
        ".exists(x, ",
        "has(",
        "size(",
        "range(",
        "default(",
        "sort_by(",
        "x",
        "${",
        "$${",
        "ä",
        " ",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.eval(&world());
        }
        let _ = Template::parse(&text.as_str().into());
    }

    #[test]
    fn any_pieces_are_read_or_refused(pieces in prop::collection::vec(piece(), 0..20)) {
        let text = pieces.concat();
        if let Ok(expression) = Expression::parse(&text) {
            let first = expression.eval(&world());
            prop_assert_eq!(&first, &expression.eval(&world()));
            let mut out = Vec::new();
            match (expression.write(&world(), &mut out), first) {
                (Ok(()), Ok(value)) => prop_assert_eq!(Value::unpack(&out).unwrap(), value),
                (Err(a), Err(b)) => prop_assert_eq!(a.kind(), b.kind()),
                (written, value) => prop_assert!(false, "{} {:?} {:?}", text, written, value),
            }
            for reference in expression.references() {
                prop_assert!(reference.column.is_none_or(|column| column as usize <= text.chars().count()));
            }
        }
        let _ = Template::parse(&text.as_str().into()).map(|template| template.render(&world()));
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
    fn rule_12_the_order_of_an_object_decides_nothing(keys in prop::collection::btree_set("[a-z]{1,4}", 0..12), turn in 0usize..12) {
        let mut entries: Vec<(String, Value)> = keys.iter().map(|key| (key.clone(), Value::Int(key.len() as i64))).collect();
        let expression = Expression::parse("inputs.map(k, k + string(inputs[k])) + keys(inputs) + inputs.filter(k, inputs[k] > 1)").unwrap();
        let mut one = world();
        one.inputs = Value::Map(entries.clone());
        let count = entries.len().max(1);
        entries.rotate_left(turn % count);
        let mut other = world();
        other.inputs = Value::Map(entries);
        prop_assert_eq!(expression.eval(&one), expression.eval(&other));
    }

    #[test]
    fn a_plain_text_is_itself(text in "[^$]{0,40}") {
        let template = Template::parse(&text.as_str().into()).unwrap();
        prop_assert_eq!(template.render(&world()).unwrap(), Value::from(text));
    }

    #[test]
    fn a_path_copies_what_evaluation_would_build(at in 0usize..3) {
        let path = Expression::parse(&format!("tasks.count[{at}]")).unwrap();
        let mut out = Vec::new();
        path.write(&world(), &mut out).unwrap();
        prop_assert_eq!(Value::unpack(&out).unwrap(), path.eval(&world()).unwrap());
    }
}
