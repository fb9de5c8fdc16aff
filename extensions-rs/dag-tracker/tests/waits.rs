//! Waits: for moments, signals, answers and events. They hold no slot and outlive whatever the log outlives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::{Value as Json, json};
use support::{EPOCH, Ring, ring, run_id, written};
use symphony_protocol::Value;

#[test]
fn a_duration_passes_by_the_folds_time_and_outlives_a_restart() {
    let (mut ring, run) = ring(
        json!({"w": {"wait_for": {"duration": "5m"}}}),
        json!({"at": "${tasks.w.at}", "v": "${tasks.w.value}"}),
    );
    assert_eq!(ring.status(&run, "w"), "waiting");
    assert!(ring.open.is_empty(), "it holds no slot");
    let began_ms = ring.time_ms;
    ring.restart();
    assert_eq!(ring.fold.next_due_at_ms(), Some(began_ms + 300_000));
    ring.due(EPOCH);
    let outputs = ring.outputs(&run);
    assert_eq!(outputs["v"], Json::Null);
    assert_eq!(outputs["at"], json!((began_ms + 300_000) as f64 / 1000.0));
}

#[test]
fn a_time_is_a_number_of_seconds_or_a_text() {
    let tasks = json!({
        "n": {"wait_for": {"time": "run.started + 60.0"}},
        "t": {"wait_for": {"time": "'1970-01-01T00:02:00Z'"}},
        "past": {"wait_for": {"time": "0"}},
        "bad": {"wait_for": {"time": "'soon'"}, "on_failure": "continue"},
    });
    let (mut ring, run) = ring(tasks, json!({"bad": "${tasks_meta.bad.error.kind}"}));
    assert_eq!(ring.status(&run, "past"), "succeeded");
    assert_eq!(ring.status(&run, "bad"), "failed");
    ring.due(EPOCH);
    assert_eq!(ring.time_ms / 1000, 61, "run.started is at 1 s");
    assert_eq!(ring.status(&run, "n"), "succeeded");
    ring.due(EPOCH);
    assert_eq!(ring.outputs(&run), json!({"bad": "expression"}));
}

#[test]
fn a_signal_is_told_with_who_and_when() {
    let (mut ring, run) = ring(
        json!({"w": {"wait_for": {"signal": "go"}}}),
        json!({"w": "${tasks.w}"}),
    );
    ring.signal(&run, "other", &Value::Int(1));
    ring.signal_as("stranger", &run, "go", &Value::Int(2));
    assert_eq!(ring.status(&run, "w"), "waiting");
    ring.restart();
    ring.signal(&run, "go", &Value::Int(3));
    let outputs = ring.outputs(&run);
    assert_eq!(
        (&outputs["w"]["value"], &outputs["w"]["by"]),
        (&json!(3), &json!("t"))
    );
    assert!(outputs["w"]["at"].as_f64().unwrap() > 1.0);
}

#[test]
fn a_signal_that_comes_early_is_kept_for_its_wait_and_one_that_is_repeated_is_one() {
    let tasks = json!({"a": {"call": "f"}, "w": {"wait_for": {"signal": "go"}, "after": ["a"]}, "x": {"wait_for": {"signal": "go"}, "after": ["w"]}});
    let (mut ring, run) = ring(tasks, json!({"w": "${tasks.w.value}", "x": "${tasks.x.value}"}));
    ring.signal(&run, "go", &Value::Int(1));
    let again = symphony_protocol::Signal {
        run: run.clone(),
        name: "go".to_owned(),
        value: Value::Int(9).pack().into(),
        id: "1".to_owned(),
        ..Default::default()
    };
    ring.apply(symphony_dag_tracker::core::Event::Signal {
        tenant: "t".to_owned(),
        signal: again,
    });
    ring.restart();
    ring.succeed("a", &Value::Nil);
    assert_eq!(ring.status(&run, "w"), "succeeded");
    assert_eq!(ring.status(&run, "x"), "waiting");
    ring.signal(&run, "go", &Value::Int(2));
    assert_eq!(ring.outputs(&run), json!({"w": 1, "x": 2}));
}

#[test]
fn a_signal_that_comes_before_its_run_is_kept() {
    let mut ring = Ring::new();
    ring.signal(&run_id(1), "go", &Value::Int(1));
    ring.submit(
        &run_id(1),
        written(
            json!({"tasks": {"w": {"wait_for": {"signal": "go"}}}, "outputs": {"w": "${tasks.w.value}"}}),
        ),
    );
    assert_eq!(ring.outputs(&run_id(1)), json!({"w": 1}));
}

#[test]
fn signals_that_nobody_waits_for_are_bounded() {
    let (mut ring, run) = ring(json!({"a": {"call": "f"}}), json!({}));
    for number in 0..100 {
        ring.signal(&run, "go", &Value::Int(number));
    }
    assert_eq!(ring.run(&run).mail.as_ref().unwrap().kept(), 64);
    let refused = ring
        .run(&run)
        .journal
        .iter()
        .filter(|entry| !entry.accepted)
        .count();
    assert_eq!(refused, 36, "what is not kept is told");
}

#[test]
fn a_wait_that_takes_too_long_is_a_failure_of_kind_timeout_with_a_way_out() {
    let tasks = json!({
        "w": {"wait_for": {"signal": "go"}, "timeout": "10s", "fallback": [{"value": "'none'"}]},
        "x": {"wait_for": {"signal": "go"}, "timeout": "20s", "on_failure": "continue"},
    });
    let (mut ring, run) = ring(
        tasks,
        json!({"w": "${tasks.w}", "x": "${tasks_meta.x.error.kind}"}),
    );
    ring.due(EPOCH);
    ring.decide_one();
    assert_eq!(ring.status(&run, "w"), "succeeded");
    ring.due(EPOCH);
    assert_eq!(ring.outputs(&run), json!({"w": "none", "x": "timeout"}));
    assert!(ring.fold.context.timers.is_empty());
}

#[test]
fn an_approval_is_answered_by_its_path() {
    let tasks = json!({"s": {"switch": [{"else": {"tasks": {"ok": {"approve": {"question": "Ship ${run.id}?"}}}, "outputs": {"ok": "${tasks.ok}"}}}]}});
    let (mut ring, run) = ring(tasks, json!({"ok": "${tasks.s.ok}"}));
    let id = ring.run(&run).find("s.ok").unwrap();
    let question = Value::unpack(&ring.run(&run).exec(id).unwrap().inputs).unwrap();
    assert_eq!(question, format!("Ship {run}?").into());
    ring.signal(&run, "s.ok", &"perhaps".into());
    assert!(ring.ended.is_empty(), "that is no answer");
    ring.signal(
        &run,
        "s.ok",
        &Value::from([("answer", true.into()), ("comment", "fine".into())]),
    );
    let outputs = ring.outputs(&run);
    assert_eq!(outputs["ok"]["answer"], "yes");
    assert_eq!(outputs["ok"]["comment"], "fine");
    assert_eq!(outputs["ok"]["by"], "t");
}

#[test]
fn no_is_a_failure_of_kind_rejected() {
    let (mut ring, run) = ring(json!({"ok": {"approve": {}}}), json!({}));
    ring.signal(&run, "ok", &"no".into());
    assert_eq!(ring.failure(&run), "rejected");
}

#[test]
fn events_come_to_those_whose_condition_holds() {
    let tasks = json!({
        "order": {"call": "f"},
        "paid": {"wait_for": {"event": "paid", "where": "event.order == tasks.order.id"}},
    });
    let (mut ring, run) = ring(tasks, json!({"paid": "${tasks.paid.value.sum}"}));
    assert!(ring.listens.is_empty());
    let order = |id: i64| Value::from([("order", Value::Int(id)), ("sum", Value::Int(id * 10))]);
    ring.happened("paid", 1, &order(7));
    ring.succeed("order", &Value::from([("id", Value::Int(7))]));
    assert_eq!(ring.listens.len(), 1);
    ring.restart();
    ring.happened("paid", 2, &order(8));
    ring.happened("paid", 3, &Value::Int(1)); // nothing to ask about: another one
    ring.happened("shipped", 4, &order(7));
    assert_eq!(ring.status(&run, "paid"), "waiting");
    ring.happened("paid", 5, &order(7));
    assert_eq!(ring.outputs(&run), json!({"paid": 70}));
    assert!(ring.fold.context.listening.is_empty());
}

#[test]
fn an_event_is_heard_once_and_only_by_who_waited_when_it_happened() {
    let tasks = json!({"r": {"repeat": {"until": "false", "max_iterations": 2, "tasks": {"tasks": {"w": {"wait_for": {"event": "tick"}}}}}}});
    let (mut ring, run) = ring(tasks, json!({}));
    let at_ms = ring.time_ms;
    ring.happened_at("tick", 5, at_ms - 1, &Value::Nil);
    assert_eq!(ring.run(&run).generation, 1, "it happened before anybody waited");
    ring.happened_at("tick", 6, at_ms, &Value::Nil);
    assert_eq!(ring.run(&run).generation, 2);
    ring.happened_at("tick", 6, at_ms + 1_000_000, &Value::Nil);
    assert_eq!(ring.run(&run).generation, 2, "the same event again");
    ring.happened_at("tick", 7, ring.time_ms, &Value::Nil);
    assert_eq!(ring.failure(&run), "limit");
}

#[test]
fn a_map_of_waits_hears_one_signal_each_in_order() {
    let (mut ring, run) = ring(
        json!({"m": {"for_each": "range(3)", "wait_for": {"signal": "go"}}}),
        json!({"m": "${tasks.m[*].value}"}),
    );
    for number in 0..3 {
        ring.signal(&run, "go", &Value::Int(number));
    }
    assert_eq!(ring.outputs(&run), json!({"m": [0, 1, 2]}));
}

#[test]
fn a_run_that_only_waits_is_waiting_and_may_be_cancelled() {
    let (mut ring, run) = ring(
        json!({"w": {"wait_for": {"event": "x"}, "timeout": "1h"}}),
        json!({}),
    );
    let summary = symphony_dag_tracker::core::view::summary(ring.run(&run));
    assert_eq!(summary.status, "waiting");
    ring.cancel(&run);
    assert_eq!(ring.ended[&run].status, "cancelled");
    assert!(ring.fold.context.timers.is_empty());
    assert!(ring.listens.is_empty());
}

#[test]
fn an_approval_is_answered_by_whom_the_broker_knows_as_one_of_its_own() {
    let tasks = json!({"ok": {"approve": {"by": ["finance"]}}});
    let (mut ring, run) = ring(tasks, json!({"by": "${tasks.ok.by}"}));
    ring.signal(&run, "ok", &"yes".into());
    assert_eq!(
        ring.status(&run, "ok"),
        "waiting",
        "the run's own tenant is not named"
    );
    let refused = ring.run(&run).journal.iter().last().unwrap().clone();
    assert!(
        !refused.accepted && refused.detail == "only finance may answer",
        "{refused:?}"
    );
    // Who is named may say this, and nothing else, to another tenant's run.
    ring.signal_as("stranger", &run, "ok", &"yes".into());
    ring.signal_as("finance", &run, "other", &"yes".into());
    assert_eq!(ring.dead.len(), 2, "{:?}", ring.dead);
    ring.restart();
    ring.signal_as("finance", &run, "ok", &"yes".into());
    assert_eq!(ring.outputs(&run), json!({"by": "finance"}));
}

#[test]
fn an_answer_that_came_early_counts_only_from_who_may_give_it() {
    let tasks = json!({
        "first": {"call": "f"},
        "ok": {"approve": {"by": ["finance"]}, "after": ["first"]},
    });
    let (mut ring, run) = ring(tasks, json!({}));
    ring.signal(&run, "ok", &"yes".into());
    ring.succeed("first", &Value::Nil);
    assert_eq!(ring.status(&run, "ok"), "waiting");
    let entries = ring.run(&run).journal.iter();
    let refused = entries.filter(|entry| entry.event == "signal" && !entry.accepted);
    assert_eq!(refused.count(), 1, "its history says why");
    ring.signal_as("-", &run, "ok", &"no".into());
    assert_eq!(ring.failure(&run), "rejected", "an operator may always");
}
