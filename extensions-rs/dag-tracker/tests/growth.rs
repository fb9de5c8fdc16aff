//! What the fold costs by size: time and memory per node, per item, per waiting run. Measurements, run by hand:
//! `cargo test --release -p symphony-dag-tracker --test growth -- --ignored --nocapture --test-threads 1`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure is the message, and a measurement is printed"
)]

mod support;

use std::time::Instant;

use serde_json::{Value as Json, json};
use support::{Ring, run_id, succeeded, written};
use symphony_protocol::{Payload, Value};

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn chain(count: usize) -> Payload {
    let tasks: serde_json::Map<String, Json> = (0..count)
        .map(|at| {
            let after: Vec<String> = (at > 0).then(|| format!("t{}", at - 1)).into_iter().collect();
            (format!("t{at}"), json!({"call": "f", "after": after}))
        })
        .collect();
    written(json!({"tasks": tasks}))
}

fn fan(count: usize) -> Payload {
    let mut tasks: serde_json::Map<String, Json> = (0..count - 2)
        .map(|at| (format!("t{at}"), json!({"call": "f", "after": ["first"]})))
        .collect();
    tasks.insert("first".to_owned(), json!({"call": "f"}));
    let all: Vec<String> = (0..count - 2).map(|at| format!("t{at}")).collect();
    tasks.insert("last".to_owned(), json!({"call": "f", "after": all}));
    written(json!({"tasks": tasks}))
}

/// Answer everything, in the order in which it is given out. Microseconds.
fn drain(ring: &mut Ring, run: &str) -> u128 {
    let began = Instant::now();
    while !ring.ended.contains_key(run) {
        let open = std::mem::take(&mut ring.open);
        assert!(!open.is_empty());
        for task in open {
            ring.answer(&task, succeeded(&Value::Nil));
        }
        ring.settled.clear();
    }
    began.elapsed().as_micros()
}

#[test]
#[ignore = "a measurement"]
fn graphs_are_flat_in_time_and_memory_per_node() {
    for (name, make) in [("chain", chain as fn(usize) -> Payload), ("fan", fan)] {
        let mut first = 0.0;
        for count in [100, 1000, 10_000] {
            let document = make(count);
            let mut ring = Ring::new();
            let before = resident();
            let began = Instant::now();
            ring.submit(&run_id(1), document);
            let submit_us = began.elapsed().as_micros();
            let us = drain(&mut ring, &run_id(1)) as f64 / count as f64;
            let grown = resident().saturating_sub(before);
            println!(
                "{name} {count}: submit {submit_us} us, {us:.2} us a node, {:.0} bytes a node",
                grown as f64 / count as f64
            );
            if count == 1000 {
                first = us;
            }
            assert!(
                count < 10_000 || us < first * 1.5,
                "{name} grows: {us} us a node, {first} at a tenth"
            );
            assert!(grown < 64 * 1024 * 1024);
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn a_map_of_a_hundred_thousand_stays_small() {
    let mut ring = Ring::new();
    let before = resident();
    ring.submit(
        &run_id(1),
        written(json!({"tasks": {"m": {"call": "f", "for_each": "range(100000)"}}})),
    );
    let us = drain(&mut ring, &run_id(1));
    let grown = resident().saturating_sub(before);
    println!(
        "map of 100,000: {:.2} us an item, {} MiB",
        us as f64 / 1e5,
        grown / 1024 / 1024
    );
    assert!(grown < 100 * 1024 * 1024, "{grown} bytes");
}

#[test]
#[ignore = "a measurement"]
fn a_waiting_run_costs_less_than_two_kibibytes() {
    let document = written(
        json!({"tasks": {"w": {"wait_for": {"signal": "go"}, "timeout": "1d"}, "v": {"value": "tasks.w.value"}}}),
    );
    let mut ring = Ring::new();
    ring.submit(&run_id(1_000_000), document.clone());
    let before = resident();
    for number in 0..100_000 {
        ring.submit(&run_id(number), document.clone());
    }
    let folds = 2; // the ring's, and the one that it holds restarts to
    let each = resident().saturating_sub(before) / 100_000 / folds;
    println!("100,000 waiting runs: {each} bytes each");
    assert!(each < 2048, "{each} bytes");
}
