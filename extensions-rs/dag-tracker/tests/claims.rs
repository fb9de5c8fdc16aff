//! Rule 6, where a tracker or a conductor takes over: what workers are at is not taken for ended, nor begun anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use std::collections::BTreeMap;

use serde_json::json;
use support::{Ring, claimed, run_id, succeeded, written};
use symphony_dag_tracker::core::{Effects, Emitter, Event};
use symphony_protocol::{Claimed, PauseRun, Value};

/// Ten tasks are ready; the new emitter's credit is for two of them.
fn taken_over(ring: &Ring) -> Emitter {
    let mut emitter = Emitter::new(ring.emitter.epoch + 1);
    emitter.credit(BTreeMap::new(), 2, &[]);
    emitter.restart(&ring.fold);
    emitter
}

fn ten() -> Ring {
    let mut ring = Ring::new();
    let map = json!({"tasks": {"m": {"call": "f", "for_each": "range(10)"}}});
    ring.submit(&run_id(1), written(map));
    assert_eq!(ring.open.len(), 10);
    ring
}

#[test]
fn what_a_worker_is_at_counts_as_given_out_whatever_the_credit() {
    let mut ring = ten();
    let last = ring.at("m[9]");
    let mut emitter = taken_over(&ring);
    emitter.beat(&mut ring.fold, Effects::default(), true);
    assert_eq!(emitter.given().len(), 2);
    emitter.claim(&ring.fold, &[claimed(&last)]);
    let id = ring.run(&run_id(1)).find("m[9]").unwrap();
    assert!(emitter.given().contains(&id));
    assert_eq!(emitter.open(), 3);
    emitter.claim(&ring.fold, &[claimed(&last)]);
    assert_eq!(emitter.open(), 3, "a claim that is repeated changes nothing");
}

#[test]
fn what_was_claimed_is_not_given_out_again() {
    let mut ring = ten();
    let all: Vec<Claimed> = ring.open.iter().map(claimed).collect();
    ring.emitter = taken_over(&ring);
    ring.emitter.claim(&ring.fold, &all);
    ring.open.clear();
    let messages = ring.emitter.beat(&mut ring.fold, Effects::default(), true);
    ring.hear(messages);
    assert!(ring.open.is_empty());
    assert_eq!(ring.emitter.open(), 10);
}

#[test]
fn a_claim_for_what_is_over_or_unknown_or_of_another_try_is_none() {
    let mut ring = ten();
    let first = ring.at("m[0]");
    ring.answer(&first, succeeded(&Value::Nil));
    let mut emitter = taken_over(&ring);
    let other_try = Claimed {
        r#try: 2,
        ..claimed(&ring.at("m[1]"))
    };
    let unknown = Claimed {
        run: run_id(9),
        ..claimed(&ring.at("m[1]"))
    };
    emitter.claim(&ring.fold, &[claimed(&first), other_try, unknown]);
    assert_eq!(emitter.open(), 0);
}

#[test]
fn the_claims_of_a_paused_run_count() {
    let mut ring = ten();
    let task = ring.at("m[3]");
    ring.apply(Event::Control {
        tenant: "t".to_owned(),
        control: PauseRun {
            run: run_id(1),
            ..Default::default()
        }
        .into(),
    });
    let mut emitter = taken_over(&ring);
    emitter.beat(&mut ring.fold, Effects::default(), true);
    assert_eq!(emitter.open(), 0);
    emitter.claim(&ring.fold, &[claimed(&task)]);
    assert_eq!(emitter.open(), 1);
}
