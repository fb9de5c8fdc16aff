//! Registered workflows inside runs: as runs of their own, and merged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::json;
use support::{EPOCH, Ring, ring, run_id, succeeded, written};
use symphony_dag_tracker::core::{Control, Event};
use symphony_protocol::{PauseRun, Payload, ResumeRun, Value};

fn child() -> Payload {
    written(json!({
        "inputs": {"x": {"type": "integer"}},
        "tasks": {"c": {"call": "f", "with": {"x": "${inputs.x}"}}},
        "outputs": {"y": "${tasks.c}"},
    }))
}

/// The identifier of the child that a task began.
fn child_of(ring: &Ring, run: &str, path: &str) -> String {
    let run = ring.run(run);
    let exec = run.exec(run.find(path).unwrap()).unwrap();
    format!("{:032x}", exec.rare.as_ref().unwrap().child.unwrap())
}

#[test]
fn a_child_is_a_run_of_its_own_whose_outputs_are_the_tasks() {
    let (mut ring, run) = ring(
        json!({"w": {"workflow": "inner@^1", "with": {"x": 3}}}),
        json!({"y": "${tasks.w.y}"}),
    );
    assert_eq!(
        (ring.needs[0].name.as_str(), ring.needs[0].range.as_str()),
        ("inner", "^1")
    );
    ring.restart();
    ring.resolve(Some(child()));
    let id = child_of(&ring, &run, "w");
    let task = ring.at("c");
    assert_eq!((&task.run, ring.status(&run, "w")), (&id, "running"));
    assert_eq!(
        Value::unpack(&task.inputs).unwrap(),
        Value::from([("x", Value::Int(3))])
    );
    ring.restart();
    ring.succeed("c", &Value::Int(9));
    assert_eq!(ring.outputs(&id), json!({"y": 9}));
    assert_eq!(ring.ended[&id].parent.as_ref(), Some(&run));
    assert_eq!(ring.outputs(&run), json!({"y": 9}));
    assert_eq!(ring.fold.live, 0);
}

#[test]
fn a_child_that_fails_fails_its_task_with_its_own_kind() {
    let (mut ring, run) = ring(
        json!({"w": {"workflow": "inner", "with": {"x": 3}, "retry": {"max_attempts": 2, "backoff": "1ms"}}}),
        json!({}),
    );
    ring.resolve(Some(child()));
    let first = child_of(&ring, &run, "w");
    ring.fail("c", "resource");
    assert_eq!(ring.ended[&first].status, "failed");
    ring.decide_one();
    ring.due(EPOCH);
    let second = child_of(&ring, &run, "w");
    assert_ne!(first, second, "another try is another run");
    ring.fail("c", "resource");
    assert_eq!(ring.failure(&run), "resource");
    assert!(ring.ended[&run].error.as_ref().unwrap().message.contains(&second));
}

#[test]
fn a_child_is_cancelled_with_its_parent_and_with_its_task() {
    let (mut ring, run) = ring(json!({"w": {"workflow": "inner", "with": {"x": 3}}}), json!({}));
    ring.resolve(Some(child()));
    let id = child_of(&ring, &run, "w");
    ring.cancel(&run);
    assert_eq!(ring.ended[&id].status, "cancelled");
    assert!(ring.open.is_empty());
    let (mut ring, run) = self::ring(
        json!({"w": {"workflow": "inner", "with": {"x": 3}, "timeout": "10s", "on_failure": "continue"}, "b": {"call": "g"}}),
        json!({"kind": "${tasks_meta.w.error.kind}"}),
    );
    ring.resolve(Some(child()));
    let id = child_of(&ring, &run, "w");
    ring.due(EPOCH);
    assert_eq!(ring.ended[&id].status, "cancelled");
    ring.succeed("b", &Value::Nil);
    assert_eq!(ring.outputs(&run), json!({"kind": "timeout"}));
}

#[test]
fn a_workflow_that_is_not_registered_or_wrong_is_named() {
    let (mut ring, run) = ring(json!({"w": {"workflow": "inner@^9"}}), json!({}));
    ring.resolve(None);
    assert_eq!(ring.failure(&run), "invalid_workflow");
    let message = ring.ended[&run].error.clone().unwrap().message;
    assert!(message.contains("inner") && message.contains("^9"), "{message}");
    let (mut ring, run) = self::ring(json!({"w": {"workflow": "inner", "with": {"y": 1}}}), json!({}));
    ring.resolve(Some(child()));
    assert_eq!(ring.failure(&run), "contract");
}

#[test]
fn a_run_looks_a_workflow_up_once() {
    let tasks = json!({"m": {"workflow": "inner", "for_each": "range(3)", "max_parallel": 1, "with": {"x": "${item}"}}});
    let (mut ring, run) = ring(tasks, json!({"ys": "${tasks.m[*].y}"}));
    ring.resolve(Some(child()));
    for number in 0..3 {
        assert!(ring.needs.is_empty());
        ring.succeed("c", &Value::Int(number));
    }
    assert_eq!(ring.outputs(&run), json!({"ys": [0, 1, 2]}));
    assert_eq!(ring.ended.len(), 4);
}

#[test]
fn a_child_that_computes_all_ends_in_the_event_that_begins_it() {
    let (mut ring, run) = ring(json!({"w": {"workflow": "inner"}}), json!({"y": "${tasks.w.y}"}));
    ring.resolve(Some(written(
        json!({"tasks": {"v": {"value": "40 + 2"}}, "outputs": {"y": "${tasks.v}"}}),
    )));
    assert_eq!(ring.outputs(&run), json!({"y": 42}));
}

#[test]
fn a_workflow_that_calls_itself_ends_at_the_bound() {
    let itself = || written(json!({"tasks": {"w": {"workflow": "inner"}}}));
    let (mut ring, run) = ring(json!({"w": {"workflow": "inner"}}), json!({}));
    while !ring.needs.is_empty() {
        ring.resolve(Some(itself()));
    }
    assert_eq!(ring.failure(&run), "limit");
    assert_eq!(ring.ended.len(), 33);
}

#[test]
fn a_merged_workflow_is_part_of_the_run_and_sees_its_own_inputs_alone() {
    let tasks = json!({
        "c": {"value": "'outer'"},
        "w": {"workflow": "inner", "inline": true, "with": {"x": 3}, "after": ["c"]},
    });
    let (mut ring, run) = ring(tasks, json!({"y": "${tasks.w.y}"}));
    ring.resolve(Some(child()));
    assert_eq!(ring.paths(), ["w.c"]);
    assert_eq!(ring.at("w.c").run, run);
    ring.restart();
    assert_eq!(
        Value::unpack(&ring.at("w.c").inputs).unwrap(),
        Value::from([("x", Value::Int(3))])
    );
    ring.succeed("w.c", &Value::Int(5));
    assert_eq!(ring.outputs(&run), json!({"y": 5}));
}

#[test]
fn a_merged_workflow_is_tried_again_as_a_whole_where_its_task_says_so() {
    let tasks = json!({"w": {"workflow": "inner", "inline": true, "with": {"x": 3}, "retry": {"max_attempts": 2, "backoff": "10ms"}}});
    let (mut ring, run) = ring(tasks, json!({"y": "${tasks.w.y}"}));
    ring.resolve(Some(child()));
    let first = ring.at("w.c");
    ring.fail("w.c", "user");
    assert_eq!(ring.failures[0].task, "w");
    ring.decide_one();
    ring.due(EPOCH);
    let second = ring.at("w.c");
    assert!(second.generation > first.generation);
    ring.answer(&first, succeeded(&Value::Int(1)));
    assert!(
        ring.ended.is_empty(),
        "rule 1: the answer is of an earlier generation"
    );
    ring.answer(&second, succeeded(&Value::Int(2)));
    assert_eq!(ring.outputs(&run), json!({"y": 2}));
}

#[test]
fn a_workflow_that_merges_itself_ends_at_the_bound() {
    let (mut ring, run) = ring(json!({"w": {"workflow": "inner", "inline": true}}), json!({}));
    ring.resolve(Some(written(
        json!({"tasks": {"w": {"workflow": "inner", "inline": true}}}),
    )));
    assert_eq!(ring.failure(&run), "limit");
}

#[test]
fn a_child_has_a_trace_of_its_own_linked_to_its_parents() {
    let mut ring = Ring::new();
    let run = run_id(1);
    ring.trace = Some(symphony_protocol::Trace([7; 25]));
    ring.submit(
        &run,
        written(json!({"tasks": {"w": {"workflow": "inner", "with": {"x": 3}}}})),
    );
    ring.resolve(Some(child()));
    let id = child_of(&ring, &run, "w");
    ring.succeed("c", &Value::Nil);
    let ended = &ring.ended[&id];
    assert_eq!(ended.link, ring.ended[&run].trace);
    let trace = ended.trace.unwrap();
    assert_eq!(
        symphony_protocol::trace::hex(&trace.0[..16]),
        id,
        "like a run that a client began"
    );
    assert_eq!(trace.0[24], 7, "sampled as its parent is");
}

fn ask(ring: &mut Ring, control: impl Into<Control>) {
    ring.apply(Event::Control {
        tenant: "t".to_owned(),
        control: control.into(),
    });
}

/// A child with two calls, one after the other.
fn two_calls() -> Payload {
    written(json!({
        "tasks": {"c": {"call": "f"}, "d": {"call": "f", "after": ["c"]}},
        "outputs": {"y": 1},
    }))
}

#[test]
fn a_paused_run_pauses_its_children_and_resumes_them() {
    let (mut ring, run) = ring(
        json!({
            "w": {"workflow": "inner"},
            "side": {"call": "g"},
            "late": {"workflow": "inner", "after": ["side"]},
        }),
        json!({}),
    );
    ring.resolve(Some(two_calls()));
    let id = child_of(&ring, &run, "w");
    ask(
        &mut ring,
        PauseRun {
            run: run.clone(),
            ..Default::default()
        },
    );
    ring.succeed("c", &Value::Nil);
    assert_eq!(ring.paths(), ["side"], "d is ready, and is not given out");
    assert!(ring.run(&id).paused);
    // A child that begins meanwhile begins paused.
    ring.succeed("side", &Value::Nil);
    assert!(ring.paths().is_empty());
    let late = child_of(&ring, &run, "late");
    assert!(ring.run(&late).paused);
    ring.restart();
    ask(
        &mut ring,
        ResumeRun {
            run: run.clone(),
            ..Default::default()
        },
    );
    let mut open = ring.paths();
    open.sort();
    assert_eq!(open, ["c", "d"]);
    ring.restart();
    for path in ["c", "d", "d"] {
        ring.succeed(path, &Value::Nil);
    }
    assert_eq!(ring.ended[&run].status, "succeeded");
    let noted = ring
        .run(&id)
        .journal
        .iter()
        .filter(|entry| &*entry.event == "pause");
    assert_eq!(noted.count(), 1, "its own history tells");
}

#[test]
fn the_calls_of_children_count_for_the_runs_around_them() {
    let mut ring = Ring::new();
    let run = run_id(1);
    ring.submit(
        &run,
        written(json!({
            "budget": {"calls": 3},
            "tasks": {"own": {"call": "f"}, "w": {"workflow": "inner", "after": ["own"]}},
        })),
    );
    ring.succeed("own", &Value::Nil);
    // The child has a child: what that calls counts all the way up.
    ring.resolve(Some(written(json!({
        "tasks": {"c": {"call": "f"}, "x": {"workflow": "deep", "after": ["c"]}},
    }))));
    let id = child_of(&ring, &run, "w");
    ring.succeed("c", &Value::Nil);
    ring.resolve(Some(two_calls()));
    ring.restart();
    ring.succeed("c", &Value::Nil);
    assert!(ring.paths().is_empty(), "the fourth call is one too many");
    assert_eq!(ring.failure(&run), "budget");
    assert_eq!(
        ring.ended[&run].error.as_ref().unwrap().task.as_deref(),
        Some("w")
    );
    assert_eq!(ring.ended[&id].status, "cancelled");
    assert_eq!(ring.fold.live, 0);
}

#[test]
fn a_tasks_own_budget_holds_for_the_run_that_it_begins() {
    let (mut ring, run) = ring(
        json!({
            "w": {"workflow": "inner", "budget": {"calls": 1}, "on_failure": "continue"},
            "after": {"call": "g", "after": [{"task": "w", "kind": "soft"}]},
        }),
        json!({"kind": "${tasks_meta.w.error.kind}"}),
    );
    ring.resolve(Some(two_calls()));
    ring.succeed("c", &Value::Nil);
    assert_eq!(ring.paths(), ["after"]);
    ring.succeed("after", &Value::Nil);
    assert_eq!(ring.outputs(&run), json!({"kind": "budget"}));
}
