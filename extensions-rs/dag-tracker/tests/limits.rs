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

#[test]
fn rule_8_a_huge_tenant_holds_up_nobody_else() {
    let mut ring = Ring::new();
    ring.emitter.credit(std::collections::BTreeMap::new(), 10, &[]);
    ring.submit_as(
        "huge",
        &run_id(1),
        document(
            json!({"m": {"call": "f", "for_each": "${range(8000)}"}}),
            json!({}),
        ),
    );
    assert_eq!(ring.open.len(), 10, "as far as credit goes");
    ring.submit_as(
        "small",
        &run_id(2),
        document(json!({"a": {"call": "f"}, "b": {"call": "g"}}), json!({})),
    );
    assert!(
        ring.open
            .iter()
            .any(|task| task.run == run_id(2) && task.task == "b"),
        "another function has credit of its own"
    );
    for answered in 1.. {
        let task = ring
            .open
            .iter()
            .find(|task| task.run == run_id(1))
            .unwrap()
            .clone();
        ring.answer(&task, succeeded(&Value::Nil));
        if ring
            .open
            .iter()
            .any(|task| task.run == run_id(2) && task.task == "a")
        {
            break;
        }
        assert!(
            answered <= 2,
            "tenants take turns, whatever the one before has waiting"
        );
    }
}

#[test]
fn rule_12_a_clock_that_jumps_ahead_ends_what_it_overtakes_once_and_one_that_goes_back_waits() {
    let (mut ring, run) = support::ring(
        json!({"w": {"wait_for": {"duration": "5m"}}, "x": {"wait_for": {"signal": "go"}, "timeout": "1h", "on_failure": "continue"}}),
        json!({}),
    );
    let began_ms = ring.time_ms;
    // The broker's clock is set back by an hour: time stands still in the fold, and nothing is released.
    ring.time_ms = began_ms.saturating_sub(3_600_000);
    ring.apply(support::due_now());
    assert_eq!(ring.fold.context.time_ms, began_ms);
    assert_eq!(
        (ring.status(&run, "w"), ring.status(&run, "x")),
        ("waiting", "waiting")
    );
    ring.restart();
    // Then it is set a day ahead: what that overtakes is due, each once.
    ring.time_ms = began_ms + 86_400_000;
    ring.apply(support::due_now());
    assert_eq!(
        (ring.status(&run, "w"), ring.status(&run, "x")),
        ("succeeded", "failed")
    );
    let ended = ring.ended[&run].clone();
    ring.apply(support::due_now());
    ring.time_ms = began_ms; // and right again
    ring.apply(support::due_now());
    assert_eq!(ring.ended[&run].ended_at_ms, ended.ended_at_ms);
    assert!(ring.fold.context.timers.is_empty());
    ring.restart();
}
