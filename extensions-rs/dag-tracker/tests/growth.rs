//! What the fold costs by size: time and memory per node, per item, per turn, per waiting run.
//!
//! One figure a process, since memory that one case frees would be found free by the next: `GROWTH_CASE=chain:1000` says
//! which. `make growth` takes all of them, and writes the page.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure is the message, and a measurement is printed"
)]

mod support;

use serde_json::{Map, Value as Json, json};
use support::{Ring, run_id, succeeded};
use symphony_protocol::{Payload, Value};

/// Nodes that a case of graphs has in all: small graphs are many, so that memory is told from noise.
const NODES: usize = 10_000;

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Microseconds that this thread has had a processor: what others do on the machine is not counted.
fn spent_us() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e3
}

/// The tasks that each task of a graph waits for.
fn edges(shape: &str, count: usize, at: usize) -> Vec<usize> {
    let spread = |from: usize, width: usize| -> Vec<usize> {
        // Three of the `width` tasks from `from` on, by a rule that looks like chance and is none.
        let mut found: Vec<usize> = (0..3).map(|k| from + (at * 7919 + k * 104_729) % width).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let width = (count as f64).sqrt().ceil() as usize;
    match shape {
        "chain" => at.checked_sub(1).into_iter().collect(),
        "fan" if at == 0 => Vec::new(),
        "fan" if at + 1 == count => (1..at).collect(),
        "fan" => vec![0],
        "layered" if at < width => Vec::new(),
        "layered" => spread((at / width - 1) * width, width),
        "random" if at == 0 => Vec::new(),
        "random" => spread(0, at),
        other => panic!("there is no graph {other}"),
    }
}

fn graph(shape: &str, count: usize, number: usize) -> Payload {
    let task = |at: usize| {
        let after: Vec<String> = edges(shape, count, at)
            .into_iter()
            .map(|other| format!("t{other}"))
            .collect();
        (format!("t{at}"), json!({"call": "f", "after": after}))
    };
    let tasks: Map<String, Json> = (0..count).map(task).collect();
    // Each run has a document of its own: what runs of one document share would make small ones cheap.
    let document = json!({"workflow": format!("w{number}"), "version": "1.0.0", "tasks": tasks});
    packed(&document)
}

fn packed(document: &Json) -> Payload {
    symphony_workflow::pack(document.to_string().as_bytes())
        .unwrap()
        .into()
}

fn ring() -> Ring {
    let mut ring = Ring::new();
    ring.whole = None;
    ring
}

/// Answer everything, in the order in which it is given out; what is due in between comes due.
fn drain(ring: &mut Ring, count: usize) {
    while ring.ended.len() < count {
        let open = std::mem::take(&mut ring.open);
        if open.is_empty() {
            ring.due(support::EPOCH);
        }
        for task in open {
            ring.answer(&task, succeeded(&Value::Nil));
        }
        ring.settled.clear();
    }
}

/// Microseconds until runs of these documents have begun, and until they have ended; bytes that they cost. All in all.
fn runs(documents: Vec<Payload>) -> (f64, f64, u64) {
    let mut ring = ring();
    let count = documents.len();
    let before = resident();
    let began = spent_us();
    for (number, document) in documents.into_iter().enumerate() {
        ring.submit(&run_id(number as u64), document);
    }
    let begun_us = spent_us() - began;
    let began = spent_us();
    drain(&mut ring, count);
    let us = spent_us() - began;
    (begun_us, us, resident().saturating_sub(before))
}

fn one(tasks: &Json) -> (f64, f64, u64) {
    runs(vec![packed(
        &json!({"workflow": "w", "version": "1.0.0", "tasks": tasks}),
    )])
}

/// 100,000 runs that wait for a signal, all of one document, as those of one workflow are.
fn waiting(count: usize) -> (f64, f64, u64) {
    let wait = json!({"wait_for": {"signal": "go"}, "timeout": "1d"});
    let tasks = json!({"w": wait, "v": {"value": "tasks.w.value"}});
    let document = packed(&json!({"workflow": "w", "version": "1.0.0", "tasks": tasks}));
    let mut ring = ring();
    ring.submit(&run_id(u64::MAX), document.clone());
    let before = resident();
    let began = spent_us();
    for number in 0..count {
        ring.submit(&run_id(number as u64), document.clone());
    }
    let us = spent_us() - began;
    (us, 0.0, resident().saturating_sub(before))
}

#[test]
#[ignore = "a measurement: `make growth`"]
fn measure() {
    let case = std::env::var("GROWTH_CASE").expect("GROWTH_CASE=SHAPE:SIZE");
    let (shape, size) = case.split_once(':').unwrap();
    let size: usize = size.parse().unwrap();
    let (count, (begun_us, us, bytes)) = match shape {
        "map" => (
            size,
            one(&json!({"m": {"call": "f", "for_each": format!("range({size})")}})),
        ),
        "loop" => {
            let inside = json!({"tasks": {"a": {"call": "f"}}});
            let turns =
                json!({"while": format!("iteration < {size}"), "max_iterations": size, "tasks": inside});
            (size, one(&json!({"r": {"repeat": turns}})))
        }
        "waiting" => (size, waiting(size)),
        _ => {
            let documents = (0..NODES / size).map(|number| graph(shape, size, number));
            (NODES / size * size, runs(documents.collect()))
        }
    };
    let each = |whole: f64| whole / count as f64;
    println!(
        "GROWTH {}",
        json!({
            "shape": shape, "size": size, "nodes": count, "begin_us": each(begun_us), "us": each(us),
            "bytes": each(bytes as f64), "bytes_all": bytes,
        })
    );
}
