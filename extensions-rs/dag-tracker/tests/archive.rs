//! Runs that were archived, and are asked to go on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::json;
use support::{EPOCH, Ring, ring, run_id};
use symphony_dag_tracker::core::{Control, Event, view};
use symphony_protocol::{Archived, MoveRun, Payload, Recalled, RetryRun, Value};

/// A run of which `a` succeeded and `b` failed.
fn failed() -> (Ring, String) {
    let tasks = json!({
        "a": {"call": "f", "compensate": {"call": "undo", "with": {"n": "${output}"}}},
        "b": {"call": "g", "with": {"x": "${tasks.a}"}, "on_failure": "compensate"},
    });
    let (mut ring, run) = ring(tasks, json!({"b": "${tasks.b}"}));
    ring.succeed("a", &Value::Int(1));
    ring.fail("b", "user");
    ring.fail("a:compensate", "user");
    assert_eq!(ring.failure(&run), "user");
    (ring, run)
}

/// Into the archive: what it keeps of the run.
fn archive(ring: &mut Ring, run: &str) -> Payload {
    let state = view::record(ring.run(run)).unwrap().state;
    ring.apply(Event::Archived(Archived {
        epoch: EPOCH,
        runs: vec![run.to_owned()],
        ..Default::default()
    }));
    ring.ended.clear();
    state
}

fn ask(ring: &mut Ring, tenant: &str, control: impl Into<Control>) {
    ring.apply(Event::Control {
        tenant: tenant.to_owned(),
        control: control.into(),
    });
}

fn retry(run: &str) -> RetryRun {
    RetryRun {
        run: run.to_owned(),
        ..Default::default()
    }
}

fn give_back(ring: &mut Ring, run: &str, state: &Payload, why: &str) {
    ring.apply(Event::Recalled(Recalled {
        epoch: EPOCH,
        run: run.to_owned(),
        state: state.clone(),
        why: why.to_owned(),
        ..Default::default()
    }));
}

#[test]
fn a_run_that_failed_long_ago_goes_on_with_what_it_had_done() {
    let (mut ring, run) = failed();
    let state = archive(&mut ring, &run);
    assert!(ring.fold.runs.is_empty());
    ring.restart();
    ask(&mut ring, "t", retry(&run));
    assert_eq!(
        ring.recalls.as_slice(),
        std::slice::from_ref(&run),
        "the conductor is to fetch it"
    );
    ring.restart();
    assert_eq!(ring.fold.recalls.len(), 1, "what was asked outlives the process");
    give_back(&mut ring, &run, &state, "");
    assert_eq!(ring.paths(), ["b"], "a is done");
    assert_eq!(ring.fold.live, 1);
    // Told twice, and asked twice: nothing more happens.
    give_back(&mut ring, &run, &state, "");
    ask(&mut ring, "t", retry(&run));
    assert_eq!(ring.paths(), ["b"]);
    ring.restart();
    assert_eq!(
        Value::unpack(&ring.at("b").inputs).unwrap(),
        Value::from([("x", Value::Int(1))])
    );
    ring.fail("b", "user");
    assert_eq!(
        ring.paths(),
        ["a:compensate"],
        "it still knows how to undo what it kept"
    );
    ring.succeed("a:compensate", &Value::Nil);
    assert_eq!(ring.failure(&run), "user");
    let words: Vec<&str> = ring.run(&run).journal.iter().map(|entry| &*entry.event).collect();
    assert_eq!(words[0], "submitted", "its history is whole");
    assert!(words.contains(&"recalled"));
    // And once more, from the archive.
    let state = archive(&mut ring, &run);
    ask(&mut ring, "t", retry(&run));
    give_back(&mut ring, &run, &state, "");
    ring.succeed("a", &Value::Int(2));
    ring.succeed("b", &Value::Int(3));
    assert_eq!(ring.outputs(&run), json!({"b": 3}));
    assert_eq!(ring.fold.live, 0);
}

#[test]
fn what_cannot_be_taken_up_is_told_and_leaves_nothing_behind() {
    let (mut ring, run) = failed();
    let state = archive(&mut ring, &run);
    ask(&mut ring, "t", retry(&run));
    give_back(&mut ring, &run, &Payload::default(), "it is past its retention");
    assert!(ring.dead[ring.dead.len() - 1].contains("past its retention"));
    ask(&mut ring, "t", retry(&run));
    give_back(&mut ring, &run, &vec![1, 2, 3].into(), "");
    assert!(ring.dead[ring.dead.len() - 1].contains("cannot be read"));
    // Another run's state is none of this one's.
    let other = run_id(2);
    ask(&mut ring, "t", retry(&other));
    assert!(ring.dead[ring.dead.len() - 1].contains("not known here"));
    ask(&mut ring, "t", retry(&run));
    give_back(&mut ring, &run, &state, "");
    assert_eq!(ring.paths(), ["b"], "it may be asked again");
    assert!(ring.fold.recalls.is_empty());
}

#[test]
fn what_was_recalled_in_vain_goes_back_to_the_archive() {
    let (mut ring, run) = failed();
    let state = archive(&mut ring, &run);
    ask(&mut ring, "stranger", retry(&run));
    give_back(&mut ring, &run, &state, "");
    assert!(ring.paths().is_empty());
    assert!(ring.dead.iter().any(|line| line.contains("another tenant")));
    assert_eq!(
        ring.ended[&run].status, "failed",
        "the conductor is told that it has ended"
    );
    assert_eq!((ring.fold.live, ring.fold.ended.len()), (0, 1));
    ring.restart();
    archive(&mut ring, &run);
    assert!(ring.fold.runs.is_empty());
    // The same submission is still the same run.
    assert_eq!(ring.fold.tombstones.len(), 1);
}

#[test]
fn only_what_takes_a_run_up_asks_the_archive_and_never_for_one_that_succeeded() {
    let (mut ring, run) = ring(json!({"a": {"call": "f"}}), json!({}));
    ring.succeed("a", &Value::Nil);
    assert!(archive(&mut ring, &run).is_empty(), "nothing is kept to go on by");
    ask(&mut ring, "t", retry(&run));
    assert!(ring.dead[ring.dead.len() - 1].contains("which succeeded, and is archived"));
    let (mut ring, run) = failed();
    archive(&mut ring, &run);
    ask(
        &mut ring,
        "t",
        MoveRun {
            run,
            ..Default::default()
        },
    );
    assert!(ring.recalls.is_empty());
}
