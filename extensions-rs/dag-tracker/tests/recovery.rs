//! Snapshots of many live runs: the same bytes back, damaged ones refused, and a restart within its bound.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure is the message, and figures are printed"
)]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Ring, document, options, run_id, succeeded};
use symphony_dag_tracker::core::Event;
use symphony_dag_tracker::core::fold::{NEWEST, Tombstone};
use symphony_dag_tracker::core::run::{Due, Timer};
use symphony_dag_tracker::core::state::RunStatus;
use symphony_dag_tracker::snapshot::{self, Place};
use symphony_protocol::{Archived, Value};

/// Runs of three tasks, the first of which has succeeded: they wait for the second.
fn waiting(count: u64) -> Ring {
    let mut ring = Ring::new();
    let workflow = document(
        json!({"a": {"call": "f"}, "b": {"call": "g", "after": ["a"]}, "c": {"call": "h", "after": ["b"]}}),
        json!({"c": "${tasks.c}"}),
    );
    for number in 0..count {
        ring.submit(&run_id(number), workflow.clone());
        let task = ring.open.remove(0);
        ring.answer(&task, succeeded(&Value::Int(1)));
        ring.open.clear();
        ring.settled.clear();
    }
    ring
}

fn place(folder: &std::path::Path) -> Place {
    Place {
        folder: folder.to_path_buf(),
        partition: 0,
        stream_created_ns: 1,
    }
}

#[test]
fn many_runs_of_one_document_hold_it_once_and_come_back_the_same() {
    let ring = waiting(500);
    let body = snapshot::body(&ring.fold).unwrap();
    let restored = snapshot::restore(&body, options()).unwrap();
    assert_eq!(restored.live, 500);
    assert_eq!(snapshot::body(&restored).unwrap(), body);
    let document = restored.runs.values().next().unwrap().document.clone();
    assert!(restored.runs.values().all(|run| run.document == document));
    let copies = body
        .windows(document.len())
        .filter(|part| *part == &*document)
        .count();
    assert_eq!(copies, 1);
}

#[test]
fn rule_10_a_damaged_snapshot_is_refused_and_the_one_before_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let mut ring = waiting(3);
    let first = ring.fold.sequence();
    let older = snapshot::body(&ring.fold).unwrap();
    assert_eq!(
        snapshot::write(&place, NEWEST, first, &older).unwrap(),
        0,
        "one is no floor"
    );
    ring.submit(&run_id(9), document(json!({"a": {"call": "f"}}), json!({})));
    let second = ring.fold.sequence();
    let newer = snapshot::body(&ring.fold).unwrap();
    assert_eq!(snapshot::write(&place, NEWEST, second, &newer).unwrap(), first);
    assert_eq!(snapshot::read(&place, NEWEST), Some((second, newer)));
    let path = folder.path().join(format!("{second:020}.fold"));
    let whole = fs::read(&path).unwrap();
    for damage in [0, 9, 20, 40, whole.len() / 2, whole.len() - 1] {
        let mut broken = whole.clone();
        broken[damage] ^= 0x10;
        fs::write(&path, broken).unwrap();
        assert_eq!(
            snapshot::read(&place, NEWEST),
            Some((first, older.clone())),
            "byte {damage}"
        );
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(snapshot::read(&place, NEWEST), Some((first, older.clone())));
    let other = Place {
        stream_created_ns: 2,
        ..place
    };
    assert_eq!(
        snapshot::read(&other, NEWEST),
        None,
        "a snapshot of another stream"
    );
}

#[test]
fn rule_10_a_standby_forgets_what_is_archived_as_the_emitter_does() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), document(json!({"a": {"call": "f"}}), json!({})));
    let task = ring.open[0].clone();
    ring.answer(&task, succeeded(&Value::Nil));
    let archived = |epoch| {
        Event::Archived(Archived {
            epoch,
            runs: vec![run_id(1)],
            ..Default::default()
        })
    };
    ring.apply(archived(support::EPOCH - 1));
    assert_eq!(ring.fold.runs.len(), 1, "an earlier owner archives nothing");
    ring.apply(archived(support::EPOCH));
    assert!(ring.fold.runs.is_empty());
    ring.submit(&run_id(1), document(json!({"a": {"call": "f"}}), json!({})));
    assert!(
        ring.fold.runs.is_empty(),
        "rule 9: the same key is the same run still"
    );
    assert_eq!(ring.fold.live, 0);
}

/// `cargo test --release -p symphony-dag-tracker --test recovery -- --ignored --nocapture`
#[test]
#[ignore = "a measurement of seconds"]
fn a_hundred_thousand_live_runs_recover_in_under_ten_seconds() {
    const RUNS: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let mut ring = waiting(RUNS);
    // As full as it gets beside them: tombstones and timers, which a copy of the fold takes along.
    for key in 0..200_000_u128 {
        let tomb = Tombstone {
            status: RunStatus::Succeeded,
            fingerprint: [7; 32],
        };
        ring.fold.tombstones.insert(key << 64, tomb);
        ring.fold.buried.push_back(key << 64);
    }
    for number in 0..RUNS {
        let run = ring.fold.runs.get(&u128::from(number)).unwrap();
        let (id, generation) = (run.id_of(0, 0, u32::MAX), 0);
        let (at_ms, due, r#try) = (number, Due::Run, 0);
        ring.fold.context.timers.insert(Timer {
            at_ms,
            id,
            due,
            generation,
            r#try,
        });
    }
    let mut held_up = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let copy = ring.fold.clone();
        held_up.push(began.elapsed());
        drop(copy); // on the thread that writes it
    }
    held_up.sort();
    let began = Instant::now();
    let copy = ring.fold.clone();
    let body = snapshot::body(&copy).unwrap();
    let put = began.elapsed();
    // What the copy costs those that change while it lives: a beat of 512 results of different runs.
    let began = Instant::now();
    for number in 0..512 {
        ring.cancel(&run_id(number * 190));
    }
    let shared = began.elapsed();
    drop(copy);
    let began = Instant::now();
    for number in 0..512 {
        ring.cancel(&run_id(number * 190 + 1));
    }
    let alone = began.elapsed();
    let began = Instant::now();
    snapshot::write(&place, NEWEST, ring.fold.sequence(), &body).unwrap();
    let written = began.elapsed();
    let size = fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .metadata()
        .unwrap()
        .len();
    let began = Instant::now();
    let (_, read) = snapshot::read(&place, NEWEST).unwrap();
    let restored = snapshot::restore(&read, options()).unwrap();
    let recovered = began.elapsed();
    assert_eq!(restored.live, RUNS);
    println!(
        "runs {RUNS}: the beat held up {held_up:?}; a beat of 512 cancels {alone:?}, while a copy lives {shared:?}; put \
         into bytes in {put:?}, written in {written:?}, recovered in {recovered:?}; {} bytes a run in memory form, {} on \
         the disk",
        read.len() as u64 / RUNS,
        size / RUNS
    );
    assert!(recovered < Duration::from_secs(10));
    assert!(held_up[2] < Duration::from_millis(20), "{held_up:?}");
}
