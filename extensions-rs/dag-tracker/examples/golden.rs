//! Makes the golden files of one version of the fold: `cargo run -p symphony-dag-tracker --example golden -- 1` writes
//! `tests/golden/1`, and `make golden` those of the newest. A history with something of everything: its log as messages,
//! the snapshot at its half, and the state at its half and its end, as `tests/golden.rs` reads them.
//!
//! Files of a version that was released are never made again: they are how logs and snapshots out there look.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a tool of the developers: a failure is the message"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use support::{EPOCH, Logged, Ring, failed, run_id, state, succeeded, written};
use symphony_dag_tracker::core::Event;
use symphony_dag_tracker::core::fold::{FIRST, NEWEST};
use symphony_dag_tracker::snapshot::{self, Place};
use symphony_protocol::{
    Archived, FoldVersion, Happened, PauseRun, Payload, Quarantine, Resolved, ResumeRun, RetryRun, Supplied,
    Value,
};

const LIST: &[u8] = &[0x93, 1, 2, 3];

fn main() {
    let version: u32 = std::env::args()
        .nth(1)
        .map_or(NEWEST, |asked| asked.parse().expect("a version of the fold"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(version.to_string());
    fs::create_dir_all(&folder).unwrap();
    let mut ring = Ring::recording(version);
    if version > FIRST {
        ring.apply(Event::Version(FoldVersion {
            epoch: EPOCH,
            version,
            ..Default::default()
        }));
    }
    first_half(&mut ring);
    let place = Place {
        folder: folder.clone(),
        partition: 0,
        stream_created_ns: 1,
    };
    let body = snapshot::body(&ring.fold).unwrap();
    snapshot::write(&place, version, ring.fold.sequence(), &body).unwrap();
    let half = state(&ring.fold);
    second_half(&mut ring);
    let stated = json!({"half": half, "end": state(&ring.fold)});
    fs::write(
        folder.join("state.json"),
        serde_json::to_string_pretty(&stated).unwrap() + "\n",
    )
    .unwrap();
    let log = zstd::encode_all(rmp_serde::to_vec(&ring.log).unwrap().as_slice(), 19).unwrap();
    fs::write(folder.join("log.msgpack.zst"), log).unwrap();
    let mut ended: Vec<&str> = ring.ended.values().map(|ended| ended.status.as_str()).collect();
    ended.sort_unstable();
    eprintln!(
        "{}: {} messages, {} runs ended: {ended:?}",
        folder.display(),
        ring.log.len(),
        ended.len()
    );
}

fn submit(ring: &mut Ring, number: u64, document: Json) -> String {
    let run = run_id(number);
    ring.submit(&run, written(document));
    run
}

/// Answer the open execution of a run and a path.
fn succeed(ring: &mut Ring, run: &str, path: &str, value: &Value) {
    let task = ring
        .open
        .iter()
        .find(|task| task.run == run && task.task == path)
        .unwrap_or_else(|| {
            panic!(
                "{path} of {run} is not open: {:?}",
                ring.open.iter().map(|t| (&t.run, &t.task)).collect::<Vec<_>>()
            )
        });
    let task = task.clone();
    ring.answer(&task, succeeded(value));
}

fn fail(ring: &mut Ring, run: &str, path: &str) {
    let task = ring
        .open
        .iter()
        .find(|task| task.run == run && task.task == path)
        .expect("it is open")
        .clone();
    ring.answer(&task, failed("user"));
}

fn first_half(ring: &mut Ring) {
    // 1: ends, is archived, and leaves a tombstone.
    let one = submit(
        ring,
        1,
        json!({"tasks": {"a": {"call": "f"}}, "outputs": {"a": "${tasks.a}"}}),
    );
    succeed(ring, &one, "a", &Value::from("done"));
    ring.apply(Event::Archived(Archived {
        epoch: EPOCH,
        runs: vec![one],
        ..Default::default()
    }));
    // 2: a map that is under way, with a retry that waits for its time.
    let two = submit(
        ring,
        2,
        json!({
            "tasks": {
                "m": {"call": "f", "for_each": "${range(4)}", "with": {"x": "${item}"}, "retry": {"max_attempts": 3, "backoff": "10s"}},
                "sum": {"call": "g", "with": {"all": "${tasks.m}"}, "after": ["m"]},
            },
            "outputs": {"sum": "${tasks.sum}"},
        }),
    );
    succeed(ring, &two, "m[0]", &Value::Int(10));
    fail(ring, &two, "m[2]");
    ring.decide_one();
    // 3: a loop in its second turn.
    let three = submit(
        ring,
        3,
        json!({
            "tasks": {"loop": {"repeat": {
                "until": "state.n >= 3", "max_iterations": 9, "state": {"n": 0},
                "tasks": {"tasks": {"step": {"call": "f", "with": {"n": "${state.n}"}}}}, "next": {"n": "${state.n + tasks.step}"},
            }}},
            "outputs": {"loop": "${tasks.loop}"},
        }),
    );
    succeed(ring, &three, "loop.step", &Value::Int(2));
    // 4 and 5: wait for a signal, with a deadline, and for an event.
    submit(
        ring,
        4,
        json!({"deadline": "2h", "tasks": {"w": {"wait_for": {"signal": "go"}}, "then": {"call": "f", "after": ["w"]}}}),
    );
    submit(
        ring,
        5,
        json!({"tasks": {"e": {"wait_for": {"event": "arrived", "where": "event.id == 7"}}}, "outputs": {"e": "${tasks.e}"}}),
    );
    // 6: a saga that is being undone.
    let six = submit(
        ring,
        6,
        json!({
            "on_failure": "compensate",
            "tasks": {
                "book": {"call": "book", "compensate": {"call": "unbook", "with": {"id": "${output.id}"}}},
                "pay": {"call": "pay", "after": ["book"], "compensate": {"call": "refund"}},
                "ship": {"call": "ship", "after": ["pay"]},
            },
        }),
    );
    succeed(ring, &six, "book", &Value::from([("id", Value::Int(7))]));
    succeed(ring, &six, "pay", &Value::Nil);
    fail(ring, &six, "ship");
    // 7: its child is under way; 8: asks for a workflow that is not there yet.
    submit(
        ring,
        7,
        json!({"tasks": {"w": {"workflow": "inner@^1", "with": {"x": 3}}}, "outputs": {"y": "${tasks.w.y}"}}),
    );
    ring.resolve(Some(inner()));
    submit(ring, 8, json!({"tasks": {"w": {"workflow": "absent"}}}));
    // 9: goes over a list that is an artifact, of which one piece of two has come.
    let nine = submit(
        ring,
        9,
        json!({"tasks": {"list": {"call": "f"}, "m": {"call": "g", "for_each": "${tasks.list}"}}, "outputs": {"m": "${tasks.m}"}}),
    );
    let reference = Value::from([
        ("$artifact", Value::Int(1)),
        ("digest", Value::from(digest().as_str())),
        ("size", Value::Int(LIST.len() as i64)),
        ("media_type", Value::from("application/msgpack")),
    ]);
    succeed(ring, &nine, "list", &reference);
    supply(ring, 0);
    // 10: paused; 11: cancelled while it was under way; 12: one whose cancel came before it; 13: a document that is refused.
    let ten = submit(
        ring,
        10,
        json!({"tasks": {"a": {"call": "f"}, "b": {"call": "g", "after": ["a"]}}}),
    );
    ring.tell(
        &format!("pause.t.{ten}"),
        &PauseRun {
            run: ten.clone(),
            reason: "a look".to_owned(),
            ..Default::default()
        },
    );
    let eleven = submit(ring, 11, json!({"tasks": {"a": {"call": "f"}}}));
    ring.cancel(&eleven);
    ring.cancel(&run_id(12));
    ring.submit(&run_id(13), Payload::from(vec![1, 2, 3]));
    // 14: its result is kept for others; 15: uses it; 16: quarantined.
    let cached = json!({"tasks": {"a": {"call": "f", "with": {"x": 1}, "cache": {"ttl": "1h"}}}, "outputs": {"a": "${tasks.a}"}});
    let fourteen = submit(ring, 14, cached.clone());
    succeed(ring, &fourteen, "a", &Value::from("kept"));
    submit(ring, 15, cached);
    let sixteen = submit(ring, 16, json!({"tasks": {"a": {"call": "f"}}}));
    ring.quarantine(
        &[Quarantine {
            run: sixteen,
            reason: "for the record".to_owned(),
        }],
        EPOCH,
    );
    // 17: a failed task that nobody has decided about yet.
    let seventeen = submit(
        ring,
        17,
        json!({"tasks": {"a": {"call": "f", "retry": {"max_attempts": 2, "backoff": "1s"}}}}),
    );
    fail(ring, &seventeen, "a");
    // A word to a run that never came, and another owner.
    ring.signal(&run_id(99), "go", &Value::Int(1));
    ring.own(EPOCH + 1);
    ring.own(EPOCH); // too late: it changes nothing
}

fn digest() -> String {
    blake3::hash(LIST).to_hex().to_string()
}

/// Half of the list, as the conductor writes it to the log.
fn supply(ring: &mut Ring, index: u64) {
    let (first, second) = LIST.split_at(2);
    ring.apply(Event::Supplied(Supplied {
        epoch: ring.fold.owner.as_ref().unwrap().epoch,
        digest: digest(),
        index,
        count: 2,
        data: if index == 0 { first } else { second }.to_vec().into(),
        ..Default::default()
    }));
}

fn inner() -> Payload {
    let document = json!({
        "workflow": "inner", "version": "1.2.0", "inputs": {"x": {"type": "integer"}},
        "tasks": {"c": {"call": "f", "with": {"x": "${inputs.x}"}}}, "outputs": {"y": "${tasks.c}"},
    });
    symphony_workflow::pack(document.to_string().as_bytes())
        .unwrap()
        .into()
}

fn second_half(ring: &mut Ring) {
    let epoch = EPOCH + 1;
    // 2: its retry is due, and it ends; an answer that came before counts no second time.
    ring.due(epoch);
    let two = run_id(2);
    let again = ring.open.iter().find(|task| task.run == two).unwrap().clone();
    for item in [1, 2, 3] {
        succeed(ring, &two, &format!("m[{item}]"), &Value::Int(item * 10));
    }
    ring.answer(&again, succeeded(&Value::Int(-1)));
    succeed(ring, &two, "sum", &Value::Int(60));
    // 3: one more turn.
    succeed(ring, &run_id(3), "loop.step", &Value::Int(5));
    // 4 and 5: what they wait for comes, more than once.
    ring.signal(&run_id(4), "go", &Value::from("now"));
    ring.signal(&run_id(4), "go", &Value::from("twice"));
    succeed(ring, &run_id(4), "then", &Value::Nil);
    for (sequence, id) in [(1, 6), (2, 7), (3, 7)] {
        let value = Value::from([("id", Value::Int(id))]);
        let at_ms = ring.time_ms;
        ring.apply(Event::Happened(Happened {
            epoch,
            name: "arrived".to_owned(),
            sequence,
            at_ms,
            value: value.pack().into(),
            ..Default::default()
        }));
    }
    // 6: undone to its end.
    succeed(ring, &run_id(6), "pay:compensate", &Value::Nil);
    succeed(ring, &run_id(6), "book:compensate", &Value::Nil);
    // 7: the child ends, and with it the task; 8: there is no such workflow.
    let child = ring.open.iter().find(|task| task.task == "c").unwrap().clone();
    ring.answer(&child, succeeded(&Value::Int(9)));
    ring.apply(Event::Resolved(Resolved {
        epoch,
        tenant: "t".to_owned(),
        name: "absent".to_owned(),
        missing: true,
        ..Default::default()
    }));
    // 9: the rest of the list.
    supply(ring, 1);
    for item in 0..3 {
        succeed(ring, &run_id(9), &format!("m[{item}]"), &Value::Int(item));
    }
    // 10 goes on; 11 is retried; 12 comes behind its cancel.
    ring.tell(
        &format!("resume.t.{}", run_id(10)),
        &ResumeRun {
            run: run_id(10),
            ..Default::default()
        },
    );
    succeed(ring, &run_id(10), "a", &Value::Nil);
    ring.tell(
        &format!("retry.t.{}", run_id(11)),
        &RetryRun {
            run: run_id(11),
            ..Default::default()
        },
    );
    succeed(ring, &run_id(11), "a", &Value::Nil);
    ring.submit(&run_id(12), written(json!({"tasks": {"a": {"call": "f"}}})));
    // 17: decided by the new owner, and tried again.
    let failure = ring.failures.pop().expect("it waits for a decision");
    ring.decide(&failure, failure.actions[0].clone(), EPOCH);
    ring.decide(&failure, failure.actions[0].clone(), epoch);
    ring.due(epoch);
    succeed(ring, &run_id(17), "a", &Value::from("second try"));
    // 1 again, which is a tombstone; 2 with another document.
    ring.submit(
        &run_id(1),
        written(json!({"tasks": {"a": {"call": "f"}}, "outputs": {"a": "${tasks.a}"}})),
    );
    ring.submit(&run_id(2), written(json!({"tasks": {}})));
    // What lies on the broker and cannot be read is counted and passed over.
    ring.log.push(Logged {
        sequence: ring.fold.sequence() + 1,
        at_ms: ring.time_ms + 1,
        subject: "sym.log.0.result".to_owned(),
        data: vec![0xc1, 0xff],
    });
    ring.apply_at(ring.fold.sequence() + 1, Event::Bad("not msgpack".to_owned()));
    ring.apply(Event::Archived(Archived {
        epoch,
        runs: vec![run_id(3), run_id(4)],
        ..Default::default()
    }));
}
