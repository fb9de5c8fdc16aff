//! What workers serve, as the log says it: versions for the cache, costs for budgets.

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
use symphony_dag_tracker::core::Event;
use symphony_protocol::{Served, Serving, Submit, SubmitBatch};

fn serve(ring: &mut Ring, versions: &[(&str, f64)]) {
    let functions = versions.iter().map(|(version, cost)| Serving {
        capability: "f".to_owned(),
        version: (*version).to_owned(),
        cost_per_second: *cost,
    });
    ring.apply(Event::Served(Served {
        epoch: EPOCH,
        functions: functions.collect(),
        ..Default::default()
    }));
}

/// Answer the open call of a run as a version does, after so many seconds.
fn answer(ring: &mut Ring, path: &str, version: &str, seconds: u64) {
    let task = ring.at(path);
    let mut result = ring.result(&task, succeeded(&version.into()));
    result.version = Some(version.to_owned());
    result.run_us = seconds * 1_000_000;
    ring.send(result);
}

fn cached(call: &str) -> Json {
    json!({
        "tasks": {"a": {"call": call, "cache": {"ttl": "1h"}}},
        "outputs": {"a": "${tasks.a}", "status": "${tasks_meta.a.status}"},
    })
}

#[test]
fn a_new_version_of_a_function_has_no_earlier_results() {
    let mut ring = Ring::new();
    serve(&mut ring, &[("1.9.0", 0.0)]);
    ring.submit(&run_id(1), written(cached("f")));
    answer(&mut ring, "a", "1.9.0", 0);
    ring.submit(&run_id(2), written(cached("f")));
    assert_eq!(
        ring.outputs(&run_id(2)),
        json!({"a": "1.9.0", "status": "cached"})
    );
    // Both are served for a while: the newer one counts.
    serve(&mut ring, &[("1.9.0", 0.0), ("1.10.0", 0.0)]);
    ring.restart();
    ring.submit(&run_id(3), written(cached("f")));
    answer(&mut ring, "a", "1.9.0", 0);
    assert_eq!(ring.outputs(&run_id(3))["status"], "succeeded");
    ring.submit(&run_id(4), written(cached("f")));
    answer(&mut ring, "a", "1.10.0", 0);
    ring.submit(&run_id(5), written(cached("f")));
    assert_eq!(
        ring.outputs(&run_id(5)),
        json!({"a": "1.10.0", "status": "cached"})
    );
    // Back again: what the old one made counts as before.
    serve(&mut ring, &[("1.9.0", 0.0)]);
    ring.submit(&run_id(6), written(cached("f")));
    assert_eq!(
        ring.outputs(&run_id(6)),
        json!({"a": "1.9.0", "status": "cached"})
    );
}

#[test]
fn money_is_counted_by_the_cost_of_the_version_that_answered() {
    let mut ring = Ring::new();
    serve(&mut ring, &[("1.0.0", 0.25), ("2.0.0", 10.0)]);
    let many = json!({"m": {"call": "f", "for_each": "range(5)", "max_parallel": 1}});
    ring.submit(
        &run_id(1),
        written(json!({"budget": {"money": 0.5}, "tasks": many})),
    );
    answer(&mut ring, "m[0]", "1.0.0", 1);
    ring.restart();
    answer(&mut ring, "m[1]", "1.0.0", 1);
    assert_eq!(ring.failure(&run_id(1)), "budget");
    let error = ring.ended[&run_id(1)].error.clone().unwrap();
    assert!(
        error.message.contains("budget of 0.5 is spent"),
        "{}",
        error.message
    );
}

#[test]
fn the_submissions_own_budget_wins_where_it_is_smaller() {
    let many = json!({"m": {"call": "f", "for_each": "range(5)", "max_parallel": 1}});
    let mut ring = Ring::new();
    serve(&mut ring, &[("1.0.0", 1.0)]);
    let submit = Submit {
        run: run_id(1),
        workflow: "w".to_owned(),
        document: written(json!({"budget": {"money": 100}, "tasks": many})),
        inputs: vec![0x80].into(),
        budget_money: Some(1.0),
        ..Default::default()
    };
    ring.apply(Event::Submit {
        tenant: "t".to_owned(),
        batch: SubmitBatch {
            v: 1,
            runs: vec![submit],
        },
    });
    answer(&mut ring, "m[0]", "1.0.0", 2);
    assert_eq!(ring.failure(&run_id(1)), "budget");
}

#[test]
fn what_an_earlier_owner_says_is_served_is_not_taken() {
    let mut ring = Ring::new();
    ring.own(EPOCH + 1);
    serve(&mut ring, &[("1.0.0", 1.0)]);
    assert!(ring.fold.context.served.is_empty());
    assert_eq!(ring.dead, ["an event of an earlier owner"]);
}
