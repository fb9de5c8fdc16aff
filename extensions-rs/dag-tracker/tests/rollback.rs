//! Rollback to a checkpoint, and what a run that goes on after its end can still undo.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::{Value as Json, json};
use support::{EPOCH, Ring, run_id, written};
use symphony_dag_tracker::core::run::{Spent, Undo, Undoing};
use symphony_dag_tracker::core::{Control, Event};
use symphony_protocol::{MoveRun, RetryRun, RollbackRun, Value};

fn ring(document: Json) -> (Ring, String) {
    let mut ring = Ring::new();
    let run = run_id(1);
    ring.submit(&run, written(document));
    (ring, run)
}

fn ask(ring: &mut Ring, control: impl Into<Control>) {
    ring.apply(Event::Control {
        tenant: "t".to_owned(),
        control: control.into(),
    });
}

fn back(ring: &mut Ring, run: &str, checkpoint: &str) {
    ask(
        ring,
        RollbackRun {
            run: run.to_owned(),
            checkpoint: checkpoint.to_owned(),
            ..Default::default()
        },
    );
}

fn retry(ring: &mut Ring, run: &str, from: Option<&str>) {
    ask(
        ring,
        RetryRun {
            run: run.to_owned(),
            from: from.map(str::to_owned),
            ..Default::default()
        },
    );
}

/// What the last request came to.
fn said(ring: &Ring, run: &str) -> (bool, String) {
    let words = ["retry", "rollback", "move"];
    let journal = &ring.run(run).journal;
    let entries = journal.iter().filter(|entry| words.contains(&&*entry.event));
    let last = entries.last().unwrap();
    (last.accepted, last.detail.clone())
}

/// What is open, by name.
fn open(ring: &Ring) -> Vec<String> {
    let mut paths = ring.paths();
    paths.sort();
    paths
}

fn nil(ring: &mut Ring, path: &str) {
    ring.succeed(path, &Value::Nil);
}

/// `a` is the checkpoint; `b` and `c` follow it, `z` follows them; `side` stands beside.
fn trip() -> Json {
    let undo = |name: &str| json!({"call": format!("un{name}"), "with": {"out": "${output}"}, "retry": {"max_attempts": 2, "backoff": "10ms"}});
    json!({
        "on_failure": "compensate",
        "tasks": {
            "a": {"call": "a", "checkpoint": "ready", "compensate": undo("a")},
            "b": {"call": "b", "after": ["a"], "compensate": undo("b")},
            "c": {"call": "c", "after": ["b"], "compensate": undo("c")},
            "z": {"call": "z", "after": ["c"]},
            "side": {"call": "side", "compensate": undo("side")},
            "end": {"call": "end", "after": ["side"]},
        },
    })
}

fn half_way(ring: &mut Ring) {
    for path in ["side", "a", "b", "c"] {
        ring.succeed(path, &path.into());
    }
}

#[test]
fn a_rollback_undoes_backwards_what_followed_the_checkpoint_before_it_runs_again() {
    let (mut ring, run) = ring(trip());
    half_way(&mut ring);
    back(&mut ring, &run, "ready");
    assert_eq!(
        said(&ring, &run),
        (
            true,
            "back at ready: 2 are undone, and 3 tasks are run again".into()
        )
    );
    assert_eq!(
        open(&ring),
        ["c:compensate", "end"],
        "z is called back; end has nothing to do with it"
    );
    let undo = ring.at("c:compensate");
    assert_eq!(undo.capability, "unc");
    assert_eq!(
        Value::unpack(&undo.inputs).unwrap(),
        Value::from([("out", "c".into())])
    );
    ring.restart();
    // Undoing is tried again, like everything else.
    ring.fail("c:compensate", "user");
    ring.decide_one();
    ring.due(EPOCH);
    assert_eq!(ring.at("c:compensate").r#try, 2);
    nil(&mut ring, "c:compensate");
    assert_eq!(open(&ring), ["b:compensate", "end"]);
    back(&mut ring, &run, "ready");
    assert!(!said(&ring, &run).0, "one thing after the other");
    nil(&mut ring, "b:compensate");
    assert_eq!(open(&ring), ["b", "end"], "neither a nor side was undone");
    ring.restart();
    for path in ["b", "end", "c", "z"] {
        nil(&mut ring, path);
    }
    assert_eq!(ring.ended[&run].status, "succeeded");
    assert_eq!(ring.ended[&run].tasks.succeeded, 6);
}

#[test]
fn what_stands_beside_goes_on_while_a_rollback_undoes() {
    let mut document = trip();
    document["tasks"]["late"] = json!({"call": "late", "after": ["end", "b"]});
    let (mut ring, run) = ring(document);
    half_way(&mut ring);
    back(&mut ring, &run, "ready");
    nil(&mut ring, "end");
    assert_eq!(
        open(&ring),
        ["c:compensate"],
        "late waits for b, which is rolled back"
    );
    nil(&mut ring, "c:compensate");
    nil(&mut ring, "b:compensate");
    for path in ["b", "c", "late", "z"] {
        nil(&mut ring, path);
    }
    assert_eq!(ring.ended[&run].status, "succeeded");
}

#[test]
fn a_task_that_waited_only_for_others_does_not_begin_while_it_is_rolled_back() {
    // `both` hangs on the checkpoint and on a task beside; the latter ends while what followed is undone.
    let mut document = trip();
    document["tasks"]["both"] = json!({"call": "both", "after": ["a", "end"]});
    let (mut ring, run) = ring(document);
    half_way(&mut ring);
    back(&mut ring, &run, "ready");
    nil(&mut ring, "end");
    assert_eq!(open(&ring), ["c:compensate"]);
    ring.restart();
    nil(&mut ring, "c:compensate");
    nil(&mut ring, "b:compensate");
    assert_eq!(open(&ring), ["b", "both"]);
    for path in ["b", "both", "c", "z"] {
        nil(&mut ring, path);
    }
    assert_eq!(ring.ended[&run].status, "succeeded");
}

#[test]
fn a_run_that_succeeded_is_rolled_back_too() {
    let (mut ring, run) = ring(trip());
    half_way(&mut ring);
    nil(&mut ring, "z");
    nil(&mut ring, "end");
    assert_eq!(ring.ended.remove(&run).unwrap().status, "succeeded");
    ring.restart();
    back(&mut ring, &run, "ready");
    assert_eq!(open(&ring), ["c:compensate"]);
    nil(&mut ring, "c:compensate");
    nil(&mut ring, "b:compensate");
    for path in ["b", "c", "z"] {
        nil(&mut ring, path);
    }
    assert_eq!(ring.ended[&run].status, "succeeded");
}

#[test]
fn a_cancel_during_a_rollback_undoes_all_that_completed() {
    let (mut ring, run) = ring(trip());
    half_way(&mut ring);
    back(&mut ring, &run, "ready");
    ring.cancel(&run);
    assert_eq!(open(&ring), ["c:compensate"], "it goes on with the one under way");
    ring.restart();
    for path in ["c", "b", "a", "side"] {
        nil(&mut ring, &format!("{path}:compensate"));
    }
    assert_eq!(ring.ended[&run].status, "cancelled");
    assert_eq!(ring.status(&run, "a"), "compensated");
}

#[test]
fn a_checkpoint_that_was_undone_is_no_place_to_go_back_to() {
    let (mut ring, run) = ring(trip());
    half_way(&mut ring);
    ring.fail("z", "user");
    for path in ["c", "b", "a", "side"] {
        nil(&mut ring, &format!("{path}:compensate"));
    }
    back(&mut ring, &run, "ready");
    let (accepted, why) = said(&ring, &run);
    assert!(!accepted && why.contains("undone"), "{why}");
}

#[test]
fn a_rollback_of_a_failed_run_runs_again_what_ended_it() {
    let mut document = trip();
    document["on_failure"] = json!("fail");
    let (mut ring, run) = ring(document);
    half_way(&mut ring);
    ring.fail("end", "user");
    assert_eq!(ring.ended.remove(&run).unwrap().status, "failed");
    back(&mut ring, &run, "ready");
    nil(&mut ring, "c:compensate");
    nil(&mut ring, "b:compensate");
    assert_eq!(open(&ring), ["b", "end"]);
    for path in ["b", "end", "c", "z"] {
        nil(&mut ring, path);
    }
    assert_eq!(ring.ended[&run].status, "succeeded");
}

#[test]
fn a_retried_run_can_undo_what_it_kept_from_its_first_time() {
    let mut document = trip();
    document["on_failure"] = json!("fail");
    document["tasks"]["z"]["on_failure"] = json!("compensate");
    let (mut ring, run) = ring(document);
    half_way(&mut ring);
    ring.fail("end", "user");
    assert_eq!(
        ring.ended.remove(&run).unwrap().status,
        "failed",
        "nothing is undone"
    );
    ring.restart();
    retry(&mut ring, &run, None);
    assert_eq!(open(&ring), ["end", "z"]);
    nil(&mut ring, "end");
    ring.fail("z", "user");
    for path in ["c", "b", "a", "side"] {
        nil(&mut ring, &format!("{path}:compensate"));
    }
    assert_eq!(ring.ended[&run].status, "failed");
    let statuses = ring.statuses(&run);
    assert_eq!(
        (statuses["a"].as_str(), statuses["side"].as_str()),
        ("compensated", "compensated")
    );
}

#[test]
fn a_cancelled_run_that_is_retried_undoes_what_its_cancel_left() {
    let (mut ring, run) = ring(trip());
    half_way(&mut ring);
    ring.cancel(&run);
    nil(&mut ring, "c:compensate");
    ring.cancel(&run);
    assert_eq!(
        ring.ended.remove(&run).unwrap().status,
        "cancelled",
        "b was being undone"
    );
    retry(&mut ring, &run, None);
    assert_eq!(open(&ring), ["c", "end"], "c was undone; b may not have been");
    ring.restart();
    nil(&mut ring, "c");
    ring.fail("z", "user");
    let mut undone = Vec::new();
    while let Some(task) = ring.open.first().cloned() {
        undone.push(task.task.clone());
        nil(&mut ring, &task.task);
    }
    assert_eq!(
        undone,
        ["c:compensate", "b:compensate", "a:compensate", "side:compensate"]
    );
    assert_eq!(ring.ended[&run].status, "failed");
}

#[test]
fn a_task_that_ran_twice_is_undone_twice() {
    let (mut ring, run) = ring(trip());
    half_way(&mut ring);
    retry(&mut ring, &run, Some("c"));
    ring.succeed("c", &"again".into());
    ring.fail("z", "user");
    let again = ring.at("c:compensate");
    assert_eq!(
        Value::unpack(&again.inputs).unwrap(),
        Value::from([("out", "again".into())])
    );
    let mut undone = 0;
    while let Some(task) = ring.open.first().cloned() {
        undone += usize::from(task.task == "c:compensate");
        nil(&mut ring, &task.task);
    }
    assert_eq!(undone, 2);
    assert_eq!(ring.ended[&run].status, "failed");
}

#[test]
fn a_map_of_which_items_were_undone_does_these_again() {
    let (mut ring, run) = ring(json!({"on_failure": "compensate", "tasks": {
        "m": {"call": "f", "for_each": "range(2)", "compensate": {"call": "undo"}},
        "r": {"for_each": "range(2)", "switch": [{"else": {"tasks": {"in": {"call": "g", "compensate": {"call": "undo"}}}}}]},
        "z": {"call": "z", "after": ["m", "r"]},
    }}));
    for path in ["m[0]", "m[1]", "r[0].in", "r[1].in"] {
        nil(&mut ring, path);
    }
    ring.fail("z", "user");
    nil(&mut ring, "r[1].in:compensate");
    nil(&mut ring, "r[0].in:compensate");
    nil(&mut ring, "m[1]:compensate");
    ring.cancel(&run);
    ring.ended.clear();
    retry(&mut ring, &run, None);
    assert_eq!(open(&ring), ["m[1]", "r[0].in", "r[1].in"]);
    for path in ["m[1]", "r[0].in", "r[1].in", "z"] {
        nil(&mut ring, path);
    }
    assert_eq!(ring.ended[&run].status, "succeeded");
    let counts = &ring.ended[&run].tasks;
    assert_eq!((counts.total, counts.succeeded, counts.failed), (5, 5, 0));
}

#[test]
fn what_completed_under_another_version_is_undone_as_that_one_says() {
    let (mut ring, run) = ring(trip());
    half_way(&mut ring);
    let mut other = trip();
    other["tasks"]["0"] = json!(null);
    other["tasks"].as_object_mut().unwrap().remove("0");
    other["tasks"]["aa"] = json!({"call": "aa", "after": ["z"]});
    other["tasks"]["b"]["compensate"]["call"] = json!("otherwise");
    other["workflow"] = json!("w");
    other["version"] = json!("2.0.0");
    let document = symphony_workflow::pack(other.to_string().as_bytes())
        .unwrap()
        .into();
    ask(
        &mut ring,
        MoveRun {
            run: run.clone(),
            document,
            ..Default::default()
        },
    );
    assert!(said(&ring, &run).0, "{:?}", said(&ring, &run));
    ring.restart();
    ring.fail("z", "user");
    let mut undone = Vec::new();
    while let Some(task) = ring.open.first().cloned() {
        undone.push(task.capability.clone());
        nil(&mut ring, &task.task);
    }
    assert_eq!(undone, ["unc", "unb", "una", "unside"]);
    for task in ["a", "b", "c", "side"] {
        assert_eq!(ring.statuses(&run)[task], "compensated", "{task}");
    }
}

#[test]
fn what_an_older_snapshot_does_not_have_is_read_as_absent() {
    let spent: Spent = rmp_serde::from_slice(&[0x92, 3, 5]).unwrap();
    assert_eq!((spent.calls, spent.time_us, spent.money), (3, 5, 0));
    let closing = rmp_serde::to_vec(&("Failed", (), "fold")).unwrap();
    let undoing: Undoing = rmp_serde::from_slice(&closing).unwrap();
    assert!(undoing.back.is_none() && undoing.below == u32::MAX);
    let (mut ring, run) = ring(trip());
    ring.succeed("a", &Value::Nil);
    let mut undo = ring.run(&run).undo[0].clone();
    undo.root = None;
    let mut packed = rmp_serde::to_vec(&undo).unwrap();
    assert_eq!(
        (packed[0], packed.pop()),
        (0x97, Some(0xc0)),
        "seven fields, the last is nil"
    );
    packed[0] = 0x96;
    let older: Undo = rmp_serde::from_slice(&packed).unwrap();
    assert_eq!((older.path.as_str(), older.root.is_none()), ("a", true));
}
