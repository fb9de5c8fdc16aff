//! What may be asked of a run: pause and resume, retry, moving to another version; what does not fit is noted and passed over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::{Value as Json, json};
use support::{Ring, document, failed, run_id, succeeded};
use symphony_dag_tracker::core::{Control, Event};
use symphony_protocol::{MoveRun, PauseRun, Payload, ReadyTask, ResumeRun, RetryRun, Value};

fn ask(ring: &mut Ring, control: Control) {
    ask_as(ring, "t", control);
}

fn ask_as(ring: &mut Ring, tenant: &str, control: Control) {
    ring.apply(Event::Control {
        tenant: tenant.to_owned(),
        control,
    });
}

fn pause(run: &str) -> Control {
    PauseRun {
        run: run.to_owned(),
        ..Default::default()
    }
    .into()
}

fn resume(run: &str) -> Control {
    ResumeRun {
        run: run.to_owned(),
        ..Default::default()
    }
    .into()
}

fn retry(run: &str, from: Option<&str>) -> Control {
    RetryRun {
        run: run.to_owned(),
        from: from.map(str::to_owned),
        ..Default::default()
    }
    .into()
}

fn moved(run: &str, document: Payload) -> Control {
    MoveRun {
        run: run.to_owned(),
        document,
        ..Default::default()
    }
    .into()
}

/// The last entry of a run's history: event, whether it was applied, and what it says.
fn last(ring: &Ring, run: &str) -> (String, bool, String) {
    let key = u128::from_str_radix(run, 16).unwrap();
    let page = symphony_dag_tracker::core::view::history(&ring.fold, run, 0, "t");
    assert!(ring.fold.runs.contains_key(&key));
    let entry = page
        .entries
        .into_iter()
        .rfind(|entry| entry.event != "ended")
        .unwrap();
    (entry.event, entry.accepted, entry.detail)
}

fn take(ring: &mut Ring, task: &str) -> ReadyTask {
    let at = ring.open.iter().position(|open| open.task == task);
    let at = at.unwrap_or_else(|| panic!("{task} is not open; {:?}", names(ring)));
    ring.open.remove(at)
}

fn names(ring: &Ring) -> Vec<String> {
    let mut names: Vec<String> = ring.open.iter().map(|task| task.task.clone()).collect();
    names.sort();
    names
}

fn outputs(ring: &Ring, run: &str) -> Json {
    let value = Value::unpack(&ring.ended[run].outputs).unwrap();
    serde_json::to_value(value).unwrap()
}

fn chain() -> Payload {
    document(
        json!({
            "a": {"call": "f"},
            "b": {"call": "f", "with": {"x": "${tasks.a}"}},
            "c": {"call": "f", "with": {"x": "${tasks.b}"}},
        }),
        json!({"all": "${[tasks.a, tasks.b, tasks.c]}"}),
    )
}

fn answer(ring: &mut Ring, task: &str, value: i64) {
    let task = take(ring, task);
    ring.answer(&task, succeeded(&Value::Int(value)));
}

#[test]
fn a_paused_run_begins_nothing_until_it_is_resumed() {
    let run = run_id(1);
    let mut ring = Ring::new();
    ring.submit(&run, chain());
    ask(&mut ring, pause(&run));
    answer(&mut ring, "a", 1);
    assert_eq!(
        names(&ring),
        Vec::<String>::new(),
        "b is ready, and is not given out"
    );
    assert_eq!(ring.statuses(&run)["b"], "ready");
    ring.restart();
    ask(&mut ring, resume(&run));
    assert_eq!(names(&ring), ["b"]);
    ask(&mut ring, resume(&run));
    assert_eq!(
        last(&ring, &run),
        ("resume".into(), false, "it is not paused".into())
    );
    assert_eq!(names(&ring), ["b"], "it is given out once");
}

#[test]
fn a_retry_keeps_what_succeeded_and_runs_what_failed_and_all_behind_it() {
    let run = run_id(1);
    let mut ring = Ring::new();
    ring.submit(&run, chain());
    answer(&mut ring, "a", 1);
    let b = take(&mut ring, "b");
    ring.answer(&b, failed("user"));
    assert_eq!(ring.ended.remove(&run).unwrap().status, "failed");
    ask(&mut ring, retry(&run, None));
    assert_eq!(
        last(&ring, &run),
        ("retry".into(), true, "2 tasks are run again".into())
    );
    assert_eq!(names(&ring), ["b"]);
    ring.restart();
    // The first attempt answers late: it is of an earlier generation.
    ring.answer(&b, succeeded(&Value::Int(99)));
    answer(&mut ring, "b", 2);
    answer(&mut ring, "c", 3);
    assert_eq!(ring.ended[&run].status, "succeeded");
    assert_eq!(outputs(&ring, &run), json!({"all": [1, 2, 3]}));
    let tasks = &ring.ended[&run].tasks;
    assert_eq!(
        (tasks.total, tasks.succeeded, tasks.failed, tasks.skipped),
        (3, 3, 0, 0)
    );
}

#[test]
fn a_retry_of_a_map_runs_only_the_items_that_did_not_succeed() {
    let run = run_id(1);
    let mut ring = Ring::new();
    let tasks = json!({
        "each": {"call": "f", "for_each": "${range(4)}", "with": {"x": "${item}"}, "max_parallel": 2},
        "sum": {"value": "${sum(tasks.each)}"},
    });
    ring.submit(&run, document(tasks, json!({"sum": "${tasks.sum}"})));
    answer(&mut ring, "each[0]", 10);
    answer(&mut ring, "each[1]", 20);
    answer(&mut ring, "each[3]", 40);
    let third = take(&mut ring, "each[2]");
    ring.answer(&third, failed("user"));
    assert_eq!(ring.ended.remove(&run).unwrap().status, "failed");
    ask(&mut ring, retry(&run, None));
    assert_eq!(names(&ring), ["each[2]"]);
    answer(&mut ring, "each[2]", 30);
    assert_eq!(outputs(&ring, &run), json!({"sum": 100}));
    let tasks = &ring.ended[&run].tasks;
    assert_eq!((tasks.total, tasks.succeeded, tasks.failed), (5, 5, 0));
}

#[test]
fn a_retry_from_a_task_runs_it_and_all_behind_it_though_they_succeeded() {
    let run = run_id(1);
    let mut ring = Ring::new();
    ring.submit(&run, chain());
    for (task, value) in [("a", 1), ("b", 2), ("c", 3)] {
        answer(&mut ring, task, value);
    }
    ring.ended.clear();
    ask(&mut ring, retry(&run, None));
    let (_, applied, why) = last(&ring, &run);
    assert!(!applied && why.contains("name the task"), "{why}");
    ask(&mut ring, retry(&run, Some("z")));
    assert!(!last(&ring, &run).1);
    ask(&mut ring, retry(&run, Some("b")));
    assert_eq!(names(&ring), ["b"]);
    answer(&mut ring, "b", 20);
    answer(&mut ring, "c", 30);
    assert_eq!(outputs(&ring, &run), json!({"all": [1, 20, 30]}));
    assert_eq!(ring.fold.live, 0);
}

#[test]
fn a_run_moves_to_a_version_in_which_what_is_done_still_stands() {
    let run = run_id(1);
    let mut ring = Ring::new();
    ring.submit(&run, chain());
    answer(&mut ring, "a", 1);
    let other = |tasks: Json| {
        let text =
            json!({"workflow": "w", "version": "2.0.0", "tasks": tasks, "outputs": {"d": "${tasks.d}"}});
        Payload::from(symphony_workflow::pack(text.to_string().as_bytes()).unwrap())
    };
    ask(
        &mut ring,
        moved(
            &run,
            other(json!({"a": {"call": "g"}, "d": {"call": "f", "after": ["a"]}})),
        ),
    );
    assert_eq!(last(&ring, &run).2, "`a` is done, and does something else in it");
    assert_eq!(names(&ring), ["b"]);
    ask(
        &mut ring,
        moved(
            &run,
            other(json!({"d": {"call": "f", "with": {"x": "${tasks.a}"}}, "a": {"call": "f"}})),
        ),
    );
    assert_eq!(
        last(&ring, &run),
        ("move".into(), true, "version 2.0.0, with 1 tasks done".into())
    );
    assert_eq!(names(&ring), ["d"], "b was taken back");
    ring.restart();
    answer(&mut ring, "d", 4);
    assert_eq!(outputs(&ring, &run), json!({"d": 4}));
    // The submission, sent once more, is the same run still.
    ring.submit(&run, chain());
    assert_eq!(ring.dead, Vec::<String>::new());
}

#[test]
fn another_tenant_may_ask_nothing() {
    let run = run_id(1);
    let mut ring = Ring::new();
    ring.submit(&run, chain());
    ask_as(&mut ring, "stranger", pause(&run));
    answer(&mut ring, "a", 1);
    assert_eq!(names(&ring), ["b"]);
    assert_eq!(ring.dead.len(), 1);
}

#[test]
fn a_retry_does_again_what_was_undone() {
    let run = run_id(1);
    let mut ring = Ring::new();
    let tasks = json!({
        "a": {"call": "f", "compensate": {"call": "undo"}},
        "b": {"call": "f", "after": ["a"], "on_failure": "compensate"},
    });
    ring.submit(&run, document(tasks, json!({"a": "${tasks.a}"})));
    answer(&mut ring, "a", 1);
    let b = take(&mut ring, "b");
    ring.answer(&b, failed("user"));
    answer(&mut ring, "a:compensate", 0);
    assert_eq!(ring.statuses(&run)["a"], "compensated");
    ring.ended.clear();
    ask(&mut ring, retry(&run, None));
    assert_eq!(names(&ring), ["a"]);
    answer(&mut ring, "a", 2);
    answer(&mut ring, "b", 3);
    assert_eq!(outputs(&ring, &run), json!({"a": 2}));
}

#[test]
fn a_moved_run_shows_of_a_map_that_is_done_only_what_is_its_own() {
    let run = run_id(1);
    let each = json!({"for_each": "${range(2)}", "switch": [{"else": {
        "tasks": {"in": {"call": "f"}}, "outputs": {"x": "${tasks.in}"},
    }}]});
    let of = |version: &str, tasks: Json| {
        let text = json!({"workflow": "w", "version": version, "tasks": tasks});
        Payload::from(symphony_workflow::pack(text.to_string().as_bytes()).unwrap())
    };
    let mut ring = Ring::new();
    ring.submit(
        &run,
        of(
            "1.0.0",
            json!({"each": each, "end": {"call": "f", "after": ["each"]}}),
        ),
    );
    answer(&mut ring, "each[0].in", 1);
    answer(&mut ring, "each[1].in", 2);
    let pick = json!({"after": ["each"], "switch": [{"else": {"tasks": {"new": {"call": "f"}}}}]});
    ask(
        &mut ring,
        moved(&run, of("2.0.0", json!({"each": each, "pick": pick}))),
    );
    assert_eq!(names(&ring), ["pick.new"]);
    // The frames of what was inside the map are free, and `pick` has one of them now.
    let key = u128::from_str_radix(&run, 16).unwrap();
    let state = &ring.fold.runs.get(&key).unwrap();
    let shown: Vec<String> = state.shown().into_iter().map(|id| state.path(id)).collect();
    assert_eq!(shown, ["each[0]", "each[1]", "pick", "pick.new"]);
}

#[test]
fn the_document_of_a_move_is_compiled_only_for_a_run_that_it_may_be_for() {
    let run = run_id(1);
    let mut ring = Ring::new();
    ring.submit(&run, chain());
    let nonsense = Payload::from(vec![1, 2, 3]);
    ask_as(&mut ring, "stranger", moved(&run, nonsense.clone()));
    ask(&mut ring, moved(&run_id(2), nonsense.clone()));
    let (stranger, unknown) = (&ring.dead[0], &ring.dead[1]);
    assert!(stranger.contains("another tenant"), "{stranger}");
    assert!(unknown.contains("not known"), "{unknown}");
    ask(&mut ring, moved(&run, nonsense));
    let (_, applied, why) = last(&ring, &run);
    assert!(!applied && why.contains("decompressed"), "{why}");
}
