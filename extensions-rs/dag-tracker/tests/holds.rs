//! Locks, semaphores and rates in the fold: keys as a try sees them, lanes, and the workflow's own lock.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use support::{EPOCH, Ring, failed, ring, run_id, succeeded, written};
use symphony_protocol::{
    Acquired, Action, Decided, DecidedBatch, HoldKey, HoldRate, ReadyTask, Unwanted, Value,
};

const LOCK: &str = ":lock";

/// A ring with a run that has a lock over `a` and `b`.
fn scoped(tasks: Json) -> Ring {
    let mut ring = Ring::new();
    let lock = json!({"key": "account-${run.id}", "scope": ["a", "b"]});
    ring.submit(&run_id(1), written(json!({"tasks": tasks, "lock": lock})));
    ring
}

fn paths(ring: &Ring) -> Vec<&str> {
    ring.open.iter().map(|task| task.task.as_str()).collect()
}

fn open(ring: &Ring, path: &str) -> ReadyTask {
    ring.open.iter().find(|task| task.task == path).cloned().unwrap()
}

/// The ledger granted what a run asked for, and the conductor wrote it to the log.
fn acquire(ring: &mut Ring, token: u64) {
    let asked = open(ring, LOCK);
    let decided = Decided {
        run: asked.run,
        task: asked.task,
        generation: asked.generation,
        r#try: asked.r#try,
        action: Action::Acquired(Acquired { token }),
        ..Default::default()
    };
    ring.apply(symphony_dag_tracker::core::Event::Decided(DecidedBatch {
        epoch: EPOCH,
        decisions: vec![decided],
        ..Default::default()
    }));
}

fn answer(ring: &mut Ring, path: &str) {
    let task = open(ring, path);
    ring.answer(&task, succeeded(&Value::from(1_u64)));
}

fn unwanted(ring: &Ring) -> Vec<&Unwanted> {
    ring.unwanted
        .iter()
        .filter(|unwanted| unwanted.task == LOCK)
        .collect()
}

#[test]
fn a_try_says_what_it_wants_with_its_keys_rendered() {
    let tasks = json!({"a": {
        "call": "f",
        "for_each": "range(2)",
        "lock": "row-${item}",
        "semaphore": {"key": "db", "permits": 2, "of": 4},
        "rate": {"key": "api", "per_second": 5, "burst": 3},
    }});
    let (mut ring, _) = ring(tasks, json!({}));
    let wants = open(&ring, "a[1]").wants.unwrap();
    let key = |key: &str, permits, of| HoldKey {
        key: key.to_owned(),
        permits,
        of,
    };
    assert_eq!(wants.keys, [key("row-1", 1, 1), key("db", 2, 4)]);
    let rate = HoldRate {
        key: "api".to_owned(),
        per_second: 5.0,
        burst: 3,
    };
    assert_eq!(wants.rate, Some(rate));
    ring.restart();
}

#[test]
fn what_holds_nothing_wants_nothing() {
    let (ring, _) = ring(json!({"a": {"call": "f"}}), json!({}));
    assert_eq!(open(&ring, "a").wants, None);
}

#[test]
fn a_key_that_cannot_be_one_fails_its_task() {
    for (lock, said) in [("${[1][2]}", "lock: "), ("${''}", "1 to 128 bytes, this one 0")] {
        let (ring, run) = ring(json!({"a": {"call": "f", "lock": lock}}), json!({}));
        let problem = ring.ended[&run].error.clone().unwrap();
        assert_eq!(
            (problem.kind.as_str(), problem.task.as_deref()),
            ("expression", Some("a"))
        );
        assert!(problem.message.contains(said), "{}", problem.message);
    }
    let both = json!({"a": {"call": "f", "lock": "db", "semaphore": {"key": "db", "of": 2}}});
    let (ring, run) = ring(both, json!({}));
    let problem = ring.ended[&run].error.clone().unwrap();
    assert!(
        problem.message.contains("the same key `db`"),
        "{}",
        problem.message
    );
}

#[test]
fn a_retry_is_another_try_that_wants_again() {
    let tasks = json!({"a": {"call": "f", "lock": "db", "retry": {"max_attempts": 2, "backoff": "0ms"}}});
    let (mut ring, _) = ring(tasks, json!({}));
    let first = open(&ring, "a");
    ring.answer(&first, failed("user"));
    let failure = ring.failures.pop().unwrap();
    ring.decide(&failure, failure.actions[0].clone(), EPOCH);
    let second = open(&ring, "a");
    assert_eq!((second.r#try, second.wants), (2, first.wants));
}

#[test]
fn a_key_that_is_taken_holds_up_nobody_else_and_a_few_of_its_lane_are_at_hand() {
    let tasks = json!({
        "locked": {"call": "f", "for_each": "range(1000)", "lock": "db"},
        "free": {"call": "f", "for_each": "range(50)"},
    });
    let mut ring = Ring::new();
    ring.emitter.credit(BTreeMap::new(), 64, &[]);
    ring.submit(&run_id(1), written(json!({"tasks": tasks})));
    let count = |ring: &Ring, name: &str| {
        ring.open
            .iter()
            .filter(|task| task.task.starts_with(name))
            .count()
    };
    assert_eq!((count(&ring, "locked"), count(&ring, "free")), (17, 50));
    assert!(ring.emitter.backlog().is_empty(), "more workers would not help");
    answer(&mut ring, "locked[0]");
    assert_eq!(
        open(&ring, "locked[17]").task,
        "locked[17]",
        "the next follows in order"
    );
    assert_eq!(count(&ring, "locked"), 17);
}

#[test]
fn all_lanes_get_their_turn_within_what_the_conductor_has_room_for() {
    let tasks = json!({"a": {"call": "f", "for_each": "range(4000)", "lock": "row-${index % 400}"}});
    let mut ring = Ring::new();
    ring.submit(&run_id(1), written(json!({"tasks": tasks})));
    assert_eq!(ring.open.len(), 2048);
    let mut rounds = 0;
    while let Some(task) = ring.open.first().cloned() {
        ring.answer(&task, succeeded(&Value::from(1_u64)));
        rounds += 1;
    }
    assert_eq!(rounds, 4000);
    assert_eq!(ring.ended[&run_id(1)].status, "succeeded");
}

#[test]
fn a_workflows_lock_is_held_from_the_start_of_the_first_task_to_the_end_of_the_last() {
    let mut ring = scoped(json!({
        "before": {"call": "f"},
        "a": {"call": "f", "after": ["before"]},
        "b": {"value": "1", "after": ["a"]},
        "behind": {"call": "f", "after": ["b"]},
    }));
    assert_eq!(paths(&ring), ["before"]);
    answer(&mut ring, "before");
    assert_eq!(paths(&ring), [LOCK], "the first of the scope waits for it");
    assert_eq!(ring.statuses(&run_id(1))["a"], "waiting");
    let wants = open(&ring, LOCK).wants.unwrap();
    assert!(wants.scope);
    assert_eq!(wants.keys[0].key, format!("account-{}", run_id(1)));
    ring.restart();
    acquire(&mut ring, 12);
    acquire(&mut ring, 13);
    let a = open(&ring, "a");
    assert_eq!(
        a.fences,
        BTreeMap::from([(wants.keys[0].key.clone(), 12)]),
        "the first answer counts"
    );
    ring.answer(&a, succeeded(&Value::from(1_u64)));
    assert_eq!(
        unwanted(&ring).len(),
        1,
        "b was computed at once: both have ended"
    );
    assert_eq!(paths(&ring), ["behind"]);
    assert!(open(&ring, "behind").fences.is_empty());
    answer(&mut ring, "behind");
    assert_eq!(ring.ended[&run_id(1)].status, "succeeded");
    ring.restart();
}

#[test]
fn a_task_that_takes_the_key_of_its_run_is_not_behind_those_who_wait_for_the_run() {
    let tasks = json!({"a": {"call": "f"}, "b": {"call": "f", "after": ["a"], "lock": "db"}});
    let lock = json!({"key": "db", "scope": ["a", "b"]});
    let mut ring = Ring::new();
    for number in 1..=40 {
        ring.submit(&run_id(number), written(json!({"tasks": tasks, "lock": lock})));
    }
    for _ in 1..=40 {
        acquire(&mut ring, 12);
        answer(&mut ring, "a");
        answer(&mut ring, "b");
    }
    assert_eq!(ring.ended.len(), 40);
}

#[test]
fn what_is_inside_a_task_of_the_scope_knows_the_token() {
    let inside = json!([{"else": {"tasks": {"c": {"call": "f"}}}}]);
    let mut ring = scoped(json!({"a": {"switch": inside}, "b": {"call": "f"}}));
    assert_eq!(paths(&ring), [LOCK], "asked for once, though two tasks wait");
    acquire(&mut ring, 4);
    assert_eq!(open(&ring, "a.c").fences.values().collect::<Vec<_>>(), [&4]);
    assert_eq!(open(&ring, "b").fences.values().collect::<Vec<_>>(), [&4]);
}

#[test]
fn a_run_that_ends_lets_go_of_its_lock_or_leaves_the_line() {
    for held in [false, true] {
        let mut ring = scoped(json!({"a": {"call": "f"}, "b": {"call": "f"}}));
        if held {
            acquire(&mut ring, 4);
        }
        ring.cancel(&run_id(1));
        assert_eq!(unwanted(&ring).len(), 1);
        assert!(ring.open.is_empty());
        assert_eq!(ring.ended[&run_id(1)].status, "cancelled");
        ring.restart();
    }
}

#[test]
fn an_answer_that_comes_too_late_is_not_applied() {
    let mut ring = scoped(json!({"a": {"call": "f"}, "b": {"call": "f"}}));
    let asked = open(&ring, LOCK);
    ring.cancel(&run_id(1));
    ring.open.push(asked);
    acquire(&mut ring, 4);
    ring.open.clear();
    assert_eq!(ring.ended[&run_id(1)].status, "cancelled");
    ring.restart();
}

#[test]
fn a_scope_that_is_skipped_asks_for_nothing() {
    let mut ring = scoped(
        json!({"a": {"call": "f", "when": "false"}, "b": {"call": "f", "after": ["a"]}, "c": {"call": "f"}}),
    );
    assert_eq!(paths(&ring), ["c"]);
    answer(&mut ring, "c");
    assert_eq!(ring.ended[&run_id(1)].status, "succeeded");
}
