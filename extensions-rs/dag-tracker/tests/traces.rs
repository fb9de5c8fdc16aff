//! Every recorded workflow of other people: at any point of its history the state from a snapshot and the state of a full
//! replay are the same bytes. The recordings are shared material, and the importer is Python: where either is not there,
//! the test says so and passes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a failure is the message"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Ring, run_id, succeeded};
use symphony_protocol::{Payload, Value};

/// Points of one history at which the process dies and another goes on from its snapshot.
const RESTARTS: usize = 6;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The recordings: `SYMPHONY_SHARED`, or `shared` beside the checkout.
fn traces() -> Option<Vec<PathBuf>> {
    let shared = std::env::var("SYMPHONY_SHARED").map_or_else(|_| root().join("../shared"), PathBuf::from);
    let files = std::fs::read_dir(shared.join("data/wfinstances")).ok()?;
    let mut found: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    found.retain(|path| path.to_string_lossy().contains(".json"));
    found.sort();
    Some(found)
}

/// A recording as a document, by the importer of the command line.
fn imported(python: &Path, trace: &Path, folder: &Path) -> Payload {
    let out = folder.join("trace.json");
    let done = Command::new(python)
        .args([
            "-m",
            "conductor.cli",
            "workflows",
            "import",
            "--from",
            "wfformat",
            "--out",
        ])
        .args([&out, trace])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}: {}",
        trace.display(),
        String::from_utf8_lossy(&done.stderr)
    );
    symphony_workflow::pack(&std::fs::read(&out).unwrap())
        .unwrap()
        .into()
}

/// A number that looks drawn, and is the same every time.
fn next(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap()
}

#[test]
fn snapshots_and_a_full_replay_give_the_same_bytes_over_every_trace() {
    let Some(traces) = traces() else {
        return eprintln!("skipped: the shared recordings are not here; set SYMPHONY_SHARED to their folder");
    };
    let python = root().join(".venv/bin/python");
    if !python.exists() {
        return eprintln!("skipped: the importer needs .venv, which `make setup` makes");
    }
    assert!(traces.len() > 1, "there are recordings");
    let folder = tempfile::tempdir().unwrap();
    for (number, trace) in (1..).zip(&traces) {
        let document = imported(&python, trace, folder.path());
        let mut ring = Ring::new();
        let run = run_id(number);
        ring.submit(&run, document);
        let tasks = ring.run(&run).frame(0).unwrap().nodes.len();
        let mut seed = number;
        let (mut answered, mut restarted) = (0, 0);
        while !ring.ended.contains_key(&run) {
            assert!(!ring.open.is_empty(), "{}: nothing is open", trace.display());
            let task = ring.open[next(&mut seed) % ring.open.len()].clone();
            ring.answer(&task, succeeded(&Value::Nil));
            if next(&mut seed).is_multiple_of(8) {
                ring.answer(&task, succeeded(&Value::Int(1))); // told twice, with another answer
            }
            answered += 1;
            if answered * (RESTARTS + 1) / tasks.max(1) > restarted {
                restarted += 1;
                ring.restart();
            }
        }
        assert_eq!(
            (ring.ended[&run].status.as_str(), answered),
            ("succeeded", tasks),
            "{}",
            trace.display()
        );
        assert!(restarted >= RESTARTS.min(tasks));
        ring.restart();
    }
}
