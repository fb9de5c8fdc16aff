//! A run's inputs.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test's own documents"
)]

mod support;

use serde_json::json;
use support::{document, plan, problem};
use symphony_protocol::{Value, values};
use symphony_workflow::{NoFunctions, Plan, checked, fill_inputs};

fn declared() -> std::sync::Arc<Plan> {
    let mut written = document(json!({"a": {"call": "f"}}));
    written["inputs"] = json!({
        "order": {"type": "object", "required": true},
        "limit": {"type": "integer", "default": 10},
        "rate": {"type": "number", "default": 1},
        "note": {"type": "string", "required": false},
        "file": {"type": "file", "default": "x"},
        "big": {"type": "artifact", "required": false},
    });
    plan(&written)
}

fn fill(given: serde_json::Value) -> Result<serde_json::Value, (String, String)> {
    let given: Value = serde_json::from_value(given).unwrap();
    let filled = fill_inputs(&declared(), &given).map_err(|found| (found.at, found.remedy))?;
    Ok(serde_json::to_value(filled).unwrap())
}

#[test]
fn defaults_are_filled_in_and_order_is_that_of_the_declaration() {
    let filled = fill(json!({"rate": 2, "order": {"id": 1}})).unwrap();
    let wanted =
        json!({"order": {"id": 1}, "limit": 10, "rate": 2.0, "note": null, "file": "x", "big": null});
    assert_eq!(
        serde_json::to_string(&filled).unwrap(),
        serde_json::to_string(&wanted).unwrap()
    );
}

#[test]
fn what_does_not_fit_is_told_by_name() {
    for (given, at) in [
        (json!({}), "/inputs/order"),
        (json!({"order": null}), "/inputs/order"),
        (json!({"order": [1]}), "/inputs/order"),
        (json!({"order": {}, "limit": 1.5}), "/inputs/limit"),
        (json!({"order": {}, "limit": "10"}), "/inputs/limit"),
        (json!({"order": {}, "note": 1}), "/inputs/note"),
        (json!({"order": {}, "big": "text"}), "/inputs/big"),
        (json!({"order": {}, "limti": 1}), "/inputs/limti"),
    ] {
        assert_eq!(fill(given.clone()).unwrap_err().0, at, "{given}");
    }
    assert_eq!(
        fill(json!({"order": {}, "limti": 1})).unwrap_err().1,
        "did you mean `limit`?"
    );
    assert!(fill(json!([1])).is_err());
}

#[test]
fn an_artifact_stands_for_a_file() {
    let mark = serde_json::to_value(values::reference(&"0".repeat(64), 70_000, "text/plain")).unwrap();
    assert!(fill(json!({"order": {}, "file": mark.clone(), "big": mark})).is_ok());
}

#[test]
fn declarations_are_checked_themselves() {
    for (input, at) in [
        (json!("strnig"), "/inputs/x"),
        (json!({"type": "integer", "default": "ten"}), "/inputs/x/default"),
        (json!({"type": "integer", "defualt": 1}), "/inputs/x/defualt"),
        (json!(3), "/inputs/x"),
    ] {
        let mut written = document(json!({"a": {"call": "f"}}));
        written["inputs"] = json!({"x": input});
        assert_eq!(problem(&written).at, at);
    }
    let mut written = document(json!({"a": {"value": "inputs.n.field"}}));
    written["inputs"] = json!({"n": "integer"});
    assert_eq!(problem(&written).at, "/tasks/a/value");
}

#[test]
fn dag_check_looks_at_inputs_too() {
    let json = include_bytes!("word_atlas.json");
    let given = Value::from([("folder", Value::from("/tmp"))]).pack();
    assert_eq!(checked(json, &NoFunctions, Some(&given)).problems, []);
    let wrong = Value::from([("folder", Value::Int(3))]).pack();
    let found = checked(json, &NoFunctions, Some(&wrong));
    assert_eq!(
        found.problems.iter().map(|p| p.at.as_str()).collect::<Vec<_>>(),
        ["/inputs/folder"]
    );
    assert_eq!(found.workflow.as_deref(), Some("word-atlas"));
    assert_eq!(checked(json, &NoFunctions, Some(&[0xc1])).problems.len(), 1);
}
