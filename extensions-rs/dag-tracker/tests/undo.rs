//! Compensation, poison, budgets and the cache.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::{Value as Json, json};
use support::{EPOCH, Ring, run_id, succeeded, written};
use symphony_protocol::{Action, Lost, Value};

fn ring(document: Json) -> (Ring, String) {
    let mut ring = Ring::new();
    let run = run_id(1);
    ring.submit(&run, written(document));
    (ring, run)
}

fn saga() -> Json {
    json!({
        "on_failure": "compensate",
        "tasks": {
            "book": {"call": "book", "compensate": {"call": "unbook", "with": {"id": "${output.id}"}, "retry": {"max_attempts": 2, "backoff": "10ms"}}},
            "pay": {"call": "pay", "after": ["book"], "compensate": {"call": "refund", "with": {"to": "${tasks.book.id}"}}},
            "note": {"call": "note", "after": ["pay"]},
            "ship": {"call": "ship", "after": ["note"]},
        },
    })
}

fn half_way(ring: &mut Ring) {
    ring.succeed("book", &Value::from([("id", Value::Int(7))]));
    ring.succeed("pay", &Value::Nil);
    ring.succeed("note", &Value::Nil);
}

/// Whether a run's history has a dead letter.
fn is_dead_letter(ring: &Ring, run: &str) -> bool {
    let mut entries = ring.run(run).journal.iter();
    entries.any(|entry| entry.event == "dead_letter")
}

#[test]
fn what_completed_is_undone_backwards_and_then_the_run_fails() {
    let (mut ring, run) = ring(saga());
    half_way(&mut ring);
    ring.fail("ship", "user");
    assert!(ring.ended.is_empty());
    assert_eq!(ring.paths(), ["pay:compensate"]);
    let refund = ring.at("pay:compensate");
    assert_eq!(refund.capability, "refund");
    assert_eq!(
        Value::unpack(&refund.inputs).unwrap(),
        Value::from([("to", Value::Int(7))])
    );
    ring.restart();
    ring.succeed("pay:compensate", &Value::Nil);
    assert_eq!(ring.status(&run, "pay"), "compensated");
    assert_eq!(
        Value::unpack(&ring.at("book:compensate").inputs).unwrap(),
        Value::from([("id", Value::Int(7))])
    );
    ring.fail("book:compensate", "user");
    ring.restart();
    ring.decide_one();
    ring.due(EPOCH);
    assert_eq!(ring.at("book:compensate").r#try, 2);
    ring.succeed("book:compensate", &Value::Nil);
    assert_eq!(ring.failure(&run), "user");
    let error = ring.ended[&run].error.clone().unwrap();
    assert_eq!(error.task.as_deref(), Some("ship"));
    assert_eq!(ring.status(&run, "book"), "compensated");
    assert_eq!(ring.status(&run, "note"), "succeeded");
}

#[test]
fn a_compensation_that_fails_for_good_is_told_and_the_others_go_on() {
    let (mut ring, run) = ring(saga());
    half_way(&mut ring);
    ring.fail("ship", "user");
    ring.fail("pay:compensate", "user");
    assert_eq!(ring.paths(), ["book:compensate"]);
    ring.succeed("book:compensate", &Value::Nil);
    assert_eq!(ring.failure(&run), "user");
    assert_eq!(ring.status(&run, "pay"), "succeeded");
    assert!(ring.dead.iter().any(|line| line.contains("pay:compensate")));
    assert!(is_dead_letter(&ring, &run));
}

#[test]
fn a_cancelled_run_undoes_where_that_is_declared_and_a_second_cancel_does_not_wait() {
    let (mut ring, run) = ring(saga());
    half_way(&mut ring);
    ring.cancel(&run);
    assert_eq!(ring.paths(), ["pay:compensate"], "what ran is called back");
    ring.cancel(&run);
    assert_eq!(ring.ended[&run].status, "cancelled");
    assert!(ring.open.is_empty());
}

#[test]
fn a_task_may_say_that_its_failure_undoes_the_run() {
    let mut document = saga();
    document["on_failure"] = json!("fail");
    document["tasks"]["note"]["on_failure"] = json!("compensate");
    let (mut ring, run) = ring(document);
    ring.succeed("book", &Value::from([("id", Value::Int(7))]));
    ring.succeed("pay", &Value::Nil);
    ring.fail("note", "user");
    ring.succeed("pay:compensate", &Value::Nil);
    ring.succeed("book:compensate", &Value::Nil);
    assert_eq!(ring.failure(&run), "user");
}

#[test]
fn items_and_turns_are_undone_one_by_one_though_their_frames_are_gone() {
    let (mut ring, run) = ring(json!({
        "on_failure": "compensate",
        "tasks": {
            "m": {"call": "f", "for_each": "range(2)", "compensate": {"call": "undo", "with": {"x": "${item}", "out": "${output}"}}},
            "r": {"after": ["m"], "repeat": {"until": "iteration == 1", "max_iterations": 5, "tasks": {"tasks": {
                "a": {"call": "g", "compensate": {"call": "undo", "with": {"i": "${iteration}"}}},
            }}}},
            "z": {"call": "z", "after": ["r"]},
        },
    }));
    for path in ["m[1]", "m[0]", "r.a", "r.a"] {
        ring.succeed(path, &path.into());
    }
    ring.fail("z", "user");
    let mut undone = Vec::new();
    while let Some(task) = ring.open.first().cloned() {
        undone.push((
            task.task.clone(),
            serde_json::to_value(Value::unpack(&task.inputs).unwrap()).unwrap(),
        ));
        ring.answer(&task, succeeded(&Value::Nil));
    }
    assert_eq!(
        undone,
        [
            ("r.a:compensate".to_owned(), json!({"i": 1})),
            ("r.a:compensate".to_owned(), json!({"i": 0})),
            ("m[0]:compensate".to_owned(), json!({"x": 0, "out": "m[0]"})),
            ("m[1]:compensate".to_owned(), json!({"x": 1, "out": "m[1]"})),
        ]
    );
    assert_eq!(ring.failure(&run), "user");
}

#[test]
fn three_workers_that_one_try_took_with_it_are_enough() {
    let (mut ring, run) =
        ring(json!({"tasks": {"a": {"call": "f", "retry": {"max_attempts": 10, "backoff": "1ms"}}}}));
    let failure = symphony_protocol::Failure {
        run: run.clone(),
        task: "a".to_owned(),
        ..Default::default()
    };
    ring.open.clear();
    let lost = Lost {
        attempts: 3,
        ..Default::default()
    };
    ring.decide(&failure, Action::Lost(lost), EPOCH);
    assert_eq!(ring.failure(&run), "lost");
    assert!(is_dead_letter(&ring, &run));
}

#[test]
fn a_task_that_kills_its_workers_ends_as_a_dead_letter() {
    let (mut ring, run) =
        ring(json!({"tasks": {"a": {"call": "f", "retry": {"max_attempts": 10, "backoff": "1ms"}}}}));
    for attempt in 1..=3 {
        let task = ring.at("a");
        assert_eq!(task.r#try, attempt);
        let failure = symphony_protocol::Failure {
            run: run.clone(),
            task: "a".to_owned(),
            r#try: attempt,
            ..Default::default()
        };
        ring.open.clear();
        ring.decide(&failure, Action::Lost(Lost::default()), EPOCH);
        if attempt < 3 {
            ring.decide_one();
            ring.due(EPOCH);
        }
    }
    assert_eq!(ring.failure(&run), "lost");
    assert!(is_dead_letter(&ring, &run));
}

#[test]
fn a_runs_budget_of_calls_and_time_ends_it() {
    let (mut ring, run) = ring(
        json!({"budget": {"calls": 2}, "tasks": {"m": {"call": "f", "for_each": "range(3)", "max_parallel": 1}}}),
    );
    ring.succeed("m[0]", &Value::Nil);
    ring.succeed("m[1]", &Value::Nil);
    assert_eq!(ring.failure(&run), "budget");
    let (mut ring, run) = self::ring(
        json!({"budget": {"time": "1s"}, "tasks": {"a": {"call": "f"}, "b": {"call": "f", "after": ["a"]}}}),
    );
    let task = ring.at("a");
    let mut result = ring.result(&task, succeeded(&Value::Nil));
    result.run_us = 1_500_000;
    ring.send(result);
    assert_eq!(ring.failure(&run), "budget");
}

#[test]
fn a_tasks_budget_ends_the_task() {
    let (mut ring, run) = ring(json!({"tasks": {"a": {
        "call": "f", "budget": {"calls": 2}, "retry": {"max_attempts": 9, "backoff": "1ms"}, "on_failure": "continue",
    }}, "outputs": {"kind": "${tasks_meta.a.error.kind}"}}));
    for _ in 0..2 {
        ring.fail("a", "user");
        ring.decide_one();
        ring.due(EPOCH);
    }
    assert_eq!(ring.outputs(&run), json!({"kind": "budget"}));
}

#[test]
fn a_result_is_used_again_for_the_same_function_and_inputs() {
    let document = |x: i64| {
        written(json!({
            "tasks": {"a": {"call": "f", "with": {"x": x}, "cache": {"ttl": "1h"}}},
            "outputs": {"a": "${tasks.a}", "status": "${tasks_meta.a.status}"},
        }))
    };
    let mut ring = Ring::new();
    ring.submit(&run_id(1), document(1));
    ring.fail("a", "user");
    ring.submit(&run_id(2), document(1));
    ring.succeed("a", &Value::Int(10));
    ring.restart();
    ring.submit(&run_id(3), document(1));
    assert_eq!(ring.outputs(&run_id(3)), json!({"a": 10, "status": "cached"}));
    assert_eq!(ring.ended[&run_id(3)].tasks.succeeded, 1);
    ring.submit(&run_id(4), document(2));
    assert_eq!(ring.open.len(), 1, "other inputs");
    ring.time_ms += 4_000_000;
    ring.submit(&run_id(5), document(1));
    assert_eq!(ring.open.len(), 2, "too old");
}

#[test]
fn a_cache_key_says_what_makes_two_calls_the_same() {
    let document = |x: i64| {
        written(json!({
            "tasks": {"a": {"call": "f", "with": {"x": x}, "cache": {"key": "'k'", "ttl": "1h"}}}, "outputs": {"a": "${tasks.a}"},
        }))
    };
    let mut ring = Ring::new();
    ring.submit(&run_id(1), document(1));
    ring.succeed("a", &Value::Int(10));
    ring.submit(&run_id(2), document(2));
    assert_eq!(ring.outputs(&run_id(2)), json!({"a": 10}));
    let task = ring.run(&run_id(2)).find("a");
    assert!(task.is_some());
}

#[test]
fn a_checkpoint_is_noted_when_it_is_passed() {
    let (mut ring, run) = ring(json!({"tasks": {"a": {"call": "f", "checkpoint": "half"}}}));
    ring.succeed("a", &Value::Nil);
    let noted = ring
        .run(&run)
        .journal
        .iter()
        .find(|entry| entry.event == "checkpoint")
        .unwrap();
    assert_eq!(noted.detail, "half");
}
