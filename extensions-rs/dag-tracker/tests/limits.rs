//! What is too large to hand to a task fails it, where the log decides: in the fold.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::json;
use support::{Ring, document, run_id, succeeded};
use symphony_protocol::Value;

/// So many values of 64,000 bytes are more than 256 MiB, and their expressions a document of some 60 KiB.
const COPIES: usize = 4_300;

fn ring_with(tasks: serde_json::Value, outputs: serde_json::Value) -> Ring {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), document(tasks, outputs));
    let task = ring.open[0].clone();
    ring.answer(&task, succeeded(&Value::Str("x".repeat(64_000))));
    ring
}

#[test]
fn inputs_over_the_bound_fail_their_task_and_a_replay_agrees() {
    let copies = vec!["${tasks.a}"; COPIES];
    let tasks = json!({"a": {"call": "f"}, "b": {"call": "g", "with": {"all": copies}}});
    let mut ring = ring_with(tasks, json!({}));
    assert!(ring.open.is_empty(), "it is not given out");
    let problem = ring.ended[&run_id(1)].error.clone().unwrap();
    assert_eq!(
        (problem.task.as_deref(), problem.kind.as_str()),
        (Some("b"), "limit")
    );
    for said in ["bytes", "256 MiB", "artifact"] {
        assert!(problem.message.contains(said), "{}", problem.message);
    }
    assert_eq!(ring.statuses(&run_id(1))["b"], "failed");
    ring.restart();
    assert_eq!(ring.statuses(&run_id(1))["b"], "failed");
}

#[test]
fn outputs_over_the_bound_fail_the_run() {
    let copies = vec!["${tasks.a}"; COPIES];
    let ring = ring_with(json!({"a": {"call": "f"}}), json!({"all": copies}));
    let problem = ring.ended[&run_id(1)].error.clone().unwrap();
    assert_eq!(problem.kind, "limit");
    assert!(problem.message.starts_with("outputs: "), "{}", problem.message);
}
