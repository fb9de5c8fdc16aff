//! Tasks that have tasks inside them: branches, loops, maps of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::{Value as Json, json};
use support::{Ring, failed, run_id, succeeded, written};
use symphony_protocol::{Payload, Value};

fn doc(tasks: Json, outputs: Json) -> Payload {
    written(json!({"tasks": tasks, "outputs": outputs}))
}

fn ring(tasks: Json, outputs: Json) -> (Ring, String) {
    let mut ring = Ring::new();
    let run = run_id(1);
    ring.submit(&run, doc(tasks, outputs));
    (ring, run)
}

fn three_ways() -> Json {
    json!({
        "n": {"call": "f"},
        "s": {"switch": [
            {"when": "tasks.n > 10", "then": {"tasks": {"big": {"call": "big", "with": {"n": "${tasks.n}"}}}, "outputs": {"is": "${tasks.big}"}}},
            {"when": "tasks.n > 0", "then": {"tasks": {"a": {"call": "f"}, "b": {"call": "g", "after": ["a"]}}, "outputs": {"is": "${tasks.b}"}}},
        ]},
        "t": {"value": "tasks.s.is"},
    })
}

#[test]
fn the_first_branch_that_holds_is_run_and_its_outputs_are_the_tasks() {
    let (mut ring, run) = ring(three_ways(), json!({"t": "${tasks.t}", "s": "${tasks.s}"}));
    ring.succeed("n", &Value::Int(5));
    assert_eq!(ring.paths(), ["s.a"]);
    assert_eq!(ring.status(&run, "s"), "running");
    ring.succeed("s.a", &Value::Nil);
    ring.succeed("s.b", &"yes".into());
    assert_eq!(
        ring.outputs(&run),
        json!({"t": "yes", "s": {"is": "yes", "branch": 1}})
    );
    assert_eq!(
        ring.ended[&run].tasks.total, 4,
        "the tasks inside count, the switch does not"
    );
    assert_eq!(ring.ended[&run].tasks.succeeded, 4);
}

#[test]
fn a_switch_where_nothing_holds_is_skipped_and_what_needs_it_too() {
    let (mut ring, run) = ring(three_ways(), json!({"s": "${tasks.s}"}));
    ring.succeed("n", &Value::Int(-5));
    assert_eq!(ring.outputs(&run), json!({"s": null}));
    assert_eq!(ring.status(&run, "s"), "skipped");
    assert_eq!(ring.status(&run, "t"), "skipped");
}

#[test]
fn a_task_inside_sees_what_is_outside() {
    let (mut ring, _) = ring(three_ways(), json!({}));
    ring.succeed("n", &Value::Int(50));
    let task = ring.at("s.big");
    assert_eq!(
        Value::unpack(&task.inputs).unwrap(),
        Value::from([("n", Value::Int(50))])
    );
}

#[test]
fn what_fails_inside_fails_what_is_around_it_and_that_has_words_of_its_own() {
    let tasks = json!({
        "s": {"switch": [{"else": {"tasks": {"a": {"call": "f"}, "b": {"call": "g"}}}}], "on_failure": "continue"},
        "after": {"value": "tasks_meta.s.error.kind", "after": [{"task": "s", "kind": "soft"}]},
    });
    let (mut ring, run) = ring(tasks, json!({"kind": "${tasks.after}"}));
    ring.fail("s.a", "user");
    assert_eq!(ring.outputs(&run), json!({"kind": "user"}));
    assert_eq!(ring.unwanted.len(), 1, "what else was inside is wanted no more");
    let counts = &ring.ended[&run].tasks;
    assert_eq!((counts.failed, counts.succeeded), (1, 1));
}

#[test]
fn while_is_asked_before_a_turn() {
    let tasks = json!({"r": {"repeat": {
        "while": "state.n < 3", "max_iterations": 10, "state": {"n": 0},
        "tasks": {"tasks": {"a": {"call": "f", "with": {"n": "${state.n}", "i": "${iteration}"}}}}, "next": {"n": "${state.n + 1}"},
    }}});
    let (mut ring, run) = ring(tasks, json!({"r": "${tasks.r}"}));
    for turn in 0..3 {
        let task = ring.at("r.a");
        let seen = Value::from([("n", Value::Int(turn)), ("i", Value::Int(turn))]);
        assert_eq!(Value::unpack(&task.inputs).unwrap(), seen);
        ring.answer(&task, succeeded(&Value::Nil));
    }
    assert_eq!(
        ring.outputs(&run),
        json!({"r": {"state": {"n": 3}, "iterations": 3}})
    );
}

#[test]
fn until_is_asked_after_a_turn_and_sees_the_state_that_follows_it() {
    let tasks = json!({"r": {"repeat": {
        "until": "state.sum >= 5 || tasks.a == 100", "max_iterations": 10, "state": {"sum": 0},
        "tasks": {"tasks": {"a": {"call": "f"}}}, "next": {"sum": "${state.sum + tasks.a}"},
    }}});
    let (mut first, run) = ring(tasks.clone(), json!({"r": "${tasks.r}"}));
    first.succeed("r.a", &Value::Int(4));
    first.succeed("r.a", &Value::Int(1));
    assert_eq!(
        first.outputs(&run),
        json!({"r": {"state": {"sum": 5}, "iterations": 2}})
    );
}

#[test]
fn a_loop_that_does_not_end_is_a_failure_of_kind_limit() {
    for test in ["while", "until"] {
        let tasks = json!({"r": {"repeat": {
            test: (test == "while").to_string(), "max_iterations": 2, "tasks": {"tasks": {"a": {"value": "1"}}},
        }}});
        let (ring, run) = ring(tasks, json!({}));
        assert_eq!(ring.failure(&run), "limit", "{test}");
    }
}

#[test]
fn a_loop_that_is_not_begun_gives_its_first_state() {
    let tasks = json!({"r": {"repeat": {"while": "false", "max_iterations": 2, "state": {"a": 1}, "tasks": {"tasks": {"a": {"value": "1"}}}}}});
    let (ring, run) = ring(tasks, json!({"r": "${tasks.r}"}));
    assert_eq!(
        ring.outputs(&run),
        json!({"r": {"state": {"a": 1}, "iterations": 0}})
    );
}

#[test]
fn a_result_of_an_earlier_turn_is_stale() {
    let tasks = json!({"r": {"repeat": {"until": "false", "max_iterations": 3, "tasks": {"tasks": {"a": {"call": "f"}}}}}});
    let (mut ring, _) = ring(tasks, json!({}));
    let first = ring.at("r.a");
    ring.succeed("r.a", &Value::Nil);
    ring.answer(&first, failed("user"));
    assert_eq!(ring.at("r.a").generation, first.generation + 1);
    assert_eq!(ring.settled.iter().filter(|settled| settled.accepted).count(), 1);
}

#[test]
fn a_hundred_thousand_computed_turns_take_bounded_events_and_no_room() {
    let tasks = json!({"r": {"repeat": {
        "while": "state.n < 100000", "max_iterations": 200000, "state": {"n": 0},
        "tasks": {"tasks": {"a": {"value": "state.n + 1"}}}, "next": {"n": "${tasks.a}"},
    }}});
    let (mut ring, run) = ring(tasks, json!({"n": "${tasks.r.state.n}"}));
    let mut events = 0;
    while !ring.ended.contains_key(&run) {
        assert_eq!(ring.run(&run).frames.iter().count(), 2);
        ring.due(support::EPOCH);
        events += 1;
    }
    assert!((2..100).contains(&events), "{events}");
    assert_eq!(ring.outputs(&run), json!({"n": 100_000}));
    assert!(ring.fold.context.timers.is_empty());
}

#[test]
fn a_loop_of_calls_with_timeouts_leaves_no_timers_behind() {
    let tasks = json!({"r": {"repeat": {
        "until": "iteration >= 49", "max_iterations": 100,
        "tasks": {"tasks": {"a": {"call": "f", "timeout": {"queue": "10m", "task": "1h"}}}},
    }}});
    let (mut ring, run) = ring(tasks, json!({}));
    for _ in 0..50 {
        ring.succeed("r.a", &Value::Nil);
        assert!(ring.fold.context.timers.len() <= 2);
    }
    ring.outputs(&run);
    assert!(ring.fold.context.timers.is_empty());
}

#[test]
fn a_map_goes_over_branches_and_loops() {
    let tasks = json!({"m": {
        "for_each": "[1, 20, 3]",
        "switch": [
            {"when": "item > 10", "then": {"tasks": {"big": {"call": "f", "with": {"i": "${index}", "x": "${item}"}}}, "outputs": {"x": "${tasks.big}"}}},
            {"else": {"tasks": {"r": {"repeat": {
                "while": "state.n < item", "max_iterations": 5, "state": {"n": 0}, "tasks": {"tasks": {"v": {"call": "g"}}}, "next": {"n": "${state.n + 1}"},
            }}}, "outputs": {"x": "${tasks.r.iterations}"}}},
        ],
    }});
    let (mut ring, run) = ring(
        tasks,
        json!({"xs": "${tasks.m[*].x}", "branches": "${tasks.m[*].branch}"}),
    );
    let mut open = ring.paths();
    open.sort();
    assert_eq!(open, ["m[0].r.v", "m[1].big", "m[2].r.v"]);
    let seen = Value::unpack(&ring.at("m[1].big").inputs).unwrap();
    assert_eq!(seen, Value::from([("i", Value::Int(1)), ("x", Value::Int(20))]));
    ring.succeed("m[1].big", &Value::Int(20));
    ring.restart();
    while let Some(task) = ring.open.first().cloned() {
        ring.answer(&task, succeeded(&Value::Nil));
    }
    assert_eq!(
        ring.outputs(&run),
        json!({"xs": [1, 20, 3], "branches": [1, 0, 1]})
    );
}

#[test]
fn maps_are_nested_through_what_is_inside_them() {
    let tasks = json!({"m": {
        "for_each": "range(3)", "as": "row",
        "switch": [{"else": {
            "tasks": {"cells": {"for_each": "range(row + 1)", "as": "cell", "value": "row * 10 + cell"}},
            "outputs": {"cells": "${tasks.cells}"},
        }}],
    }});
    let (ring, run) = ring(tasks, json!({"all": "${tasks.m[*].cells}"}));
    assert_eq!(ring.outputs(&run), json!({"all": [[0], [10, 11], [20, 21, 22]]}));
}

#[test]
fn a_batch_is_one_execution_of_many_items() {
    let tasks = json!({"m": {"call": "f", "for_each": "range(5)", "batch": 2, "with": {"items": "${item}"}}});
    let (mut ring, run) = ring(tasks, json!({"m": "${tasks.m}"}));
    assert_eq!(ring.paths(), ["m[0]", "m[1]", "m[2]"]);
    let last = Value::unpack(&ring.at("m[2]").inputs).unwrap();
    assert_eq!(last, Value::from([("items", Value::Array(vec![Value::Int(4)]))]));
    for path in ["m[0]", "m[1]", "m[2]"] {
        ring.succeed(path, &Value::Array(vec![path.into()]));
    }
    assert_eq!(ring.outputs(&run), json!({"m": [["m[0]"], ["m[1]"], ["m[2]"]]}));
}

#[test]
fn enough_items_that_succeed_are_enough() {
    let tasks = json!({"m": {"call": "f", "for_each": "range(4)", "min_success": "50%"}});
    let (mut ring, run) = ring(tasks, json!({"m": "${tasks.m}"}));
    ring.fail("m[1]", "user");
    ring.succeed("m[0]", &Value::Int(0));
    ring.fail("m[3]", "user");
    ring.succeed("m[2]", &Value::Int(2));
    assert_eq!(ring.outputs(&run), json!({"m": [0, null, 2, null]}));
    let counts = &ring.ended[&run].tasks;
    assert_eq!((counts.total, counts.succeeded, counts.failed), (4, 2, 2));
}

#[test]
fn a_map_fails_as_soon_as_not_enough_can_succeed_with_the_kind_of_the_first() {
    let tasks = json!({"m": {"call": "f", "for_each": "range(4)", "min_success": "75%"}});
    let (mut ring, run) = ring(tasks, json!({}));
    ring.fail("m[1]", "resource");
    assert!(ring.ended.is_empty());
    ring.fail("m[3]", "user");
    assert_eq!(ring.failure(&run), "resource");
    assert_eq!(ring.unwanted.len(), 2);
    let counts = &ring.ended[&run].tasks;
    assert_eq!((counts.total, counts.failed), (4, 2));
}

#[test]
fn results_may_be_taken_as_they_come() {
    let tasks = json!({"m": {"call": "f", "for_each": "range(3)", "ordered": false}});
    let (mut ring, run) = ring(tasks, json!({"m": "${tasks.m}"}));
    for item in [2, 0, 1] {
        ring.succeed(&format!("m[{item}]"), &Value::Int(item));
    }
    assert_eq!(ring.outputs(&run), json!({"m": [2, 0, 1]}));
}

#[test]
fn frames_of_ended_branches_are_kept_for_readers_and_not_for_ever() {
    let tasks = json!({"m": {
        "for_each": "range(500)", "max_parallel": 1, "switch": [{"else": {"tasks": {"a": {"value": "item"}}, "outputs": {"a": "${tasks.a}"}}}],
    }});
    let (ring, run) = ring(tasks, json!({"m": "${tasks.m[*].a}"}));
    assert_eq!(ring.outputs(&run)["m"].as_array().unwrap().len(), 500);
    assert!(ring.run(&run).frames.iter().count() <= 65);
    assert_eq!(ring.status(&run, "m[499].a"), "succeeded");
}
