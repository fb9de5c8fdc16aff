//! The golden vectors of `schemas/vectors`: every valid one decodes and comes back as the same value, every invalid one is
//! refused with its kind. And the suites of others: msgpack's, where it is at hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a failure is the message

use std::path::{Path, PathBuf};

use rmpv::Value as Any;
use serde_json::Value as Json;
use symphony_protocol::{Value, WireErrorKind, reencode};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn any(data: &[u8]) -> Any {
    rmpv::decode::read_value(&mut &data[..]).unwrap()
}

/// Whether all that was said is said again: defaults may have been added, and unknown fields dropped.
fn contains(again: &Any, said: &Any) -> bool {
    match (again, said) {
        (Any::Map(again), Any::Map(said)) => said.iter().all(|(key, value)| {
            let found = again.iter().find(|(other, _)| other == key);
            found.is_some_and(|(_, other)| contains(other, value))
        }),
        (Any::Array(again), Any::Array(said)) => {
            again.len() == said.len() && again.iter().zip(said).all(|(again, said)| contains(again, said))
        }
        (again, said) => again == said || again.as_f64().is_some_and(|number| said.as_f64() == Some(number)),
    }
}

fn files() -> Vec<Json> {
    let folder = root().join("schemas/vectors");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        .collect()
}

#[test]
fn valid_vectors_come_back_as_the_same_value() {
    let mut count = 0;
    for file in files() {
        let name = file["message"].as_str().unwrap();
        for case in file["valid"].as_array().unwrap() {
            let data = unhex(case["hex"].as_str().unwrap());
            let again = reencode(name, &data).unwrap();
            let again = again.unwrap_or_else(|error| panic!("{name}, {}: {error}", case["name"]));
            let mut said = any(&data);
            if let Any::Map(fields) = &mut said {
                fields.retain(|(key, _)| key.as_str() != Some("zz_from_a_later_version"));
            }
            assert!(
                contains(&any(&again), &said),
                "{name}, {}: {}",
                case["name"],
                any(&again)
            );
            count += 1;
        }
    }
    assert!(count > 200, "{count} vectors");
}

#[test]
fn invalid_vectors_are_refused_with_their_kind() {
    let mut count = 0;
    for file in files() {
        let name = file["message"].as_str().unwrap();
        for case in file["invalid"].as_array().unwrap() {
            let data = unhex(case["hex"].as_str().unwrap());
            let refused = match reencode(name, &data).unwrap() {
                Ok(_) => panic!("{name}, {}: accepted", case["name"]),
                Err(error) => error.kind(),
            };
            let wanted = match case["kind"].as_str().unwrap() {
                "truncated" => WireErrorKind::Truncated,
                "too_large" => WireErrorKind::TooLarge,
                _ => WireErrorKind::Invalid,
            };
            assert_eq!(refused, wanted, "{name}, {}", case["name"]);
            count += 1;
        }
    }
    assert!(count > 400, "{count} vectors");
}

fn shared(place: &str) -> Option<Vec<u8>> {
    let base = std::env::var_os("SYMPHONY_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    std::fs::read(base.join("data").join(place)).ok()
}

/// The value of a case of the foreign suite, for the types that payloads may hold.
fn wanted(case: &Json) -> Option<Value> {
    fn plain(json: &Json) -> Value {
        match json {
            Json::Null => Value::Nil,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(value), _, _) => Value::Int(value),
                (_, Some(value), _) => Value::UInt(value),
                (_, _, value) => Value::Float(value.unwrap()),
            },
            Json::String(text) => Value::Str(text.clone()),
            Json::Array(items) => Value::Array(items.iter().map(plain).collect()),
            Json::Object(fields) => Value::Map(
                fields
                    .iter()
                    .map(|(key, value)| (key.clone(), plain(value)))
                    .collect(),
            ),
        }
    }
    if let Some(text) = case.get("bignum") {
        return Some(plain(&serde_json::from_str(text.as_str().unwrap()).unwrap()));
    }
    if let Some(text) = case.get("binary") {
        return Some(Value::Bin(unhex(text.as_str().unwrap())));
    }
    ["nil", "bool", "number", "string", "array", "map"]
        .iter()
        .find_map(|kind| case.get(*kind))
        .map(plain)
}

fn same(read: &Value, wanted: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Int(value) => Some(*value as f64),
        Value::UInt(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    };
    read == wanted || number(read).is_some_and(|read| Some(read) == number(wanted))
}

#[test]
fn the_foreign_msgpack_suite_reads_as_it_should() {
    let Some(data) = shared("msgpack/msgpack-test-suite.json") else {
        eprintln!("skipped: the shared msgpack suite is not here; set SYMPHONY_SHARED to its folder");
        return;
    };
    let suite: Json = serde_json::from_slice(&data).unwrap();
    let mut count = 0;
    for (group, cases) in suite.as_object().unwrap() {
        for case in cases.as_array().unwrap() {
            for text in case["msgpack"].as_array().unwrap() {
                let read = Value::unpack(&unhex(text.as_str().unwrap()));
                match wanted(case) {
                    Some(wanted) => assert!(same(&read.unwrap(), &wanted), "{group}: {text}"),
                    None => assert!(
                        read.is_err(),
                        "{group}: {text} is of a type that no payload holds"
                    ),
                }
                count += 1;
            }
        }
    }
    assert_eq!(count, 233);
}

#[test]
fn the_cases_of_w3c_trace_context() {
    let Some(data) = shared("trace-context/cases.tsv") else {
        eprintln!("skipped: the shared trace-context cases are not here; set SYMPHONY_SHARED to its folder");
        return;
    };
    let text = String::from_utf8(data).unwrap();
    let mut judged = 0;
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [case, headers, expected, ..] = fields.as_slice() else {
            continue;
        };
        // The value starts right after the colon; `\t` in the table is a tab.
        let headers = headers.replace("\\t", "\t");
        let values: Vec<&str> = headers
            .split(" | ")
            .filter_map(|header| header.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("traceparent"))
            .map(|(_, value)| value)
            .collect();
        let context = symphony_protocol::trace::parse_traceparent(&values);
        if expected.starts_with("same trace_id") {
            let context = context.unwrap_or_else(|| panic!("{case}"));
            let trace_id = symphony_protocol::trace::hex(&context.trace_id);
            assert!(values[0].contains(&trace_id), "{case}");
            judged += 1;
        } else if expected.starts_with("new trace_id") {
            assert!(context.is_none(), "{case}");
            judged += 1;
        }
    }
    assert!(judged > 40, "{judged} cases");
}
