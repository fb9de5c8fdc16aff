//! The rules of the design that the fold keeps, each by its number.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::json;
use support::{EPOCH, Ring, document, failed, run_id, succeeded};
use symphony_dag_tracker::core::Event;
use symphony_protocol::{Action, Lost, Token, Value};

fn one(retry: u32) -> symphony_protocol::Payload {
    document(
        json!({"a": {"call": "f", "retry": {"max_attempts": retry, "backoff": "10ms"}}}),
        json!({"is": "${tasks.a}"}),
    )
}

fn output(ring: &Ring, run: &str) -> Value {
    Value::unpack(&ring.ended[run].outputs).unwrap()
}

#[test]
fn rule_1_the_first_success_wins_and_a_failure_never_overrides_it() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(3));
    let task = ring.open[0].clone();
    ring.answer(&task, succeeded(&Value::Int(1)));
    ring.answer(&task, succeeded(&Value::Int(2)));
    ring.answer(&task, failed("user"));
    assert_eq!(ring.ended[&run_id(1)].status, "succeeded");
    assert_eq!(output(&ring, &run_id(1)), Value::from([("is", Value::Int(1))]));
    let accepted: Vec<bool> = ring.settled.iter().map(|settled| settled.accepted).collect();
    assert_eq!(accepted, [true, false, false]);
}

#[test]
fn rule_1_a_failure_counts_once_a_try_and_a_late_success_of_it_still_counts() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(3));
    let task = ring.open[0].clone();
    ring.answer(&task, failed("user"));
    ring.answer(&task, failed("user"));
    assert_eq!(ring.failures.len(), 1);
    let failure = ring.failures.remove(0);
    ring.decide(&failure, failure.actions[0].clone(), EPOCH);
    ring.due(EPOCH);
    assert_eq!(ring.open[0].r#try, 2);
    // An answer to the first try comes now: it is of another try than the current one, and is not applied.
    ring.answer(&task, failed("user"));
    assert!(ring.failures.is_empty());
    assert_eq!(ring.open.len(), 1);
}

#[test]
fn rule_1_the_first_decision_of_a_try_wins() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(3));
    let task = ring.open[0].clone();
    ring.answer(&task, failed("user"));
    let failure = ring.failures.remove(0);
    ring.decide(&failure, failure.actions[0].clone(), EPOCH);
    ring.decide(&failure, Action::Fail(Default::default()), EPOCH);
    ring.due(EPOCH);
    assert!(ring.ended.is_empty());
    assert_eq!(ring.open[0].r#try, 2);
}

#[test]
fn rule_2_a_result_without_its_token_is_not_folded() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(1));
    let task = ring.open[0].clone();
    let good = ring.result(&task, succeeded(&Value::Nil));
    for change in 0..4 {
        let mut forged = good.clone();
        match change {
            0 => forged.token = Token([0; 16]),
            1 => forged.n += 1,
            2 => forged.epoch += 1,
            _ => forged.task = "b".to_owned(),
        }
        ring.send(forged);
        assert!(ring.ended.is_empty(), "forgery {change}");
    }
    ring.send(good);
    assert_eq!(ring.ended[&run_id(1)].status, "succeeded");
}

#[test]
fn rule_3_an_earlier_owner_decides_nothing() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(2));
    let task = ring.open[0].clone();
    ring.answer(&task, failed("user"));
    let failure = ring.failures.remove(0);
    ring.own(EPOCH + 1);
    ring.decide(&failure, failure.actions[0].clone(), EPOCH);
    assert_eq!(ring.fold.next_due_at_ms(), None);
    ring.decide(&failure, failure.actions[0].clone(), EPOCH + 1);
    assert!(ring.fold.next_due_at_ms().is_some());
}

#[test]
fn rule_5_all_that_is_open_is_told_again_after_a_restart() {
    let mut ring = Ring::new();
    ring.submit(
        &run_id(1),
        document(json!({"a": {"call": "f", "for_each": "${range(9)}"}}), json!({})),
    );
    assert_eq!(ring.open.len(), 9);
    let task = ring.open[3].clone();
    ring.answer(&task, succeeded(&Value::Nil));
    ring.restart();
    assert_eq!(ring.open.len(), 8);
}

#[test]
fn rule_6_a_lost_attempt_is_a_failure_of_its_try() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(1));
    let task = ring.open[0].clone();
    let failure = symphony_protocol::Failure {
        run: task.run.clone(),
        task: task.task.clone(),
        r#try: 1,
        ..Default::default()
    };
    ring.decide(&failure, Action::Lost(Lost::default()), EPOCH);
    let ended = &ring.ended[&run_id(1)];
    assert_eq!(ended.status, "failed");
    assert_eq!(ended.error.as_ref().unwrap().kind, "lost");
}

/// A task that may be tried twenty times, and loses its first five attempts.
fn losing(begun: bool) -> Ring {
    let mut ring = Ring::new();
    ring.submit(
        &run_id(1),
        document(
            json!({"a": {"call": "f", "retry": {"max_attempts": 20, "backoff": "10ms"}}}),
            json!({}),
        ),
    );
    for r#try in 1..=5 {
        let Some(task) = ring.open.pop() else {
            break;
        };
        assert_eq!(task.r#try, r#try);
        let about = symphony_protocol::Failure {
            run: task.run.clone(),
            task: task.task.clone(),
            r#try,
            ..Default::default()
        };
        let lost = Lost {
            begun,
            ..Default::default()
        };
        ring.decide(&about, Action::Lost(lost), EPOCH);
        let Some(failure) = ring.failures.pop() else { break };
        ring.decide(
            &failure,
            Action::Retry(symphony_protocol::Retry { delay_ms: 0 }),
            EPOCH,
        );
    }
    ring
}

#[test]
fn rule_6_attempts_that_nobody_may_have_begun_do_not_make_a_task_a_poisonous_one() {
    let poison = losing(true);
    assert_eq!(poison.ended[&run_id(1)].status, "failed");
    let unlucky = losing(false);
    assert!(unlucky.ended.is_empty());
    assert_eq!(unlucky.open[0].r#try, 6);
}

#[test]
fn rule_9_the_same_run_once_and_the_same_key_with_other_content_changes_nothing() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(1));
    ring.submit(&run_id(1), one(1));
    assert_eq!(ring.open.len(), 1);
    assert_eq!(ring.fold.live, 1);
    ring.submit(&run_id(1), one(2));
    assert_eq!(ring.open.len(), 1);
    assert!(
        ring.dead
            .iter()
            .any(|line| line.contains("conflict") || line.contains("another")),
        "{:?}",
        ring.dead
    );
}

#[test]
fn rule_13_what_cannot_be_read_is_a_dead_letter_and_the_rest_goes_on() {
    let mut ring = Ring::new();
    ring.apply(Event::Bad("not msgpack".to_owned()));
    ring.submit(&run_id(1), vec![1, 2, 3].into());
    assert_eq!(
        ring.ended[&run_id(1)].error.as_ref().unwrap().kind,
        "invalid_workflow"
    );
    ring.submit(&run_id(2), one(1));
    let task = ring.open[0].clone();
    ring.answer(&task, succeeded(&Value::Nil));
    assert_eq!(ring.ended[&run_id(2)].status, "succeeded");
    assert!(!ring.dead.is_empty());
}

#[test]
fn rule_13_a_cancel_that_comes_before_its_run_is_kept() {
    let mut ring = Ring::new();
    ring.cancel(&run_id(1));
    ring.submit(&run_id(1), one(1));
    assert_eq!(ring.ended[&run_id(1)].status, "cancelled");
    assert!(ring.open.is_empty());
}

#[test]
fn rule_14_the_log_decides_between_cancel_and_completion() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(1));
    ring.submit(&run_id(2), one(1));
    let (first, second) = (ring.open[0].clone(), ring.open[1].clone());
    ring.answer(&first, succeeded(&Value::Nil));
    ring.cancel(&first.run);
    ring.cancel(&second.run);
    ring.answer(&second, succeeded(&Value::Nil));
    assert_eq!(ring.ended[&first.run].status, "succeeded");
    assert_eq!(ring.ended[&second.run].status, "cancelled");
    assert_eq!(ring.unwanted.len(), 1);
}

#[test]
fn an_event_applied_twice_changes_nothing() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(1));
    let task = ring.open[0].clone();
    let result = ring.result(&task, succeeded(&Value::Nil));
    let sequence = ring.fold.sequence() + 1;
    for _ in 0..3 {
        ring.apply_at(
            sequence,
            Event::Result(symphony_protocol::ResultBatch {
                v: 1,
                worker: support::WORKER.to_owned(),
                results: vec![result.clone()],
            }),
        );
    }
    assert_eq!(ring.settled.len(), 1);
}

#[test]
fn timers_are_released_by_due_events_alone() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(2));
    let task = ring.open[0].clone();
    ring.answer(&task, failed("user"));
    let failure = ring.failures.remove(0);
    ring.decide(&failure, failure.actions[0].clone(), EPOCH);
    ring.time_ms += 1_000_000;
    ring.submit(&run_id(2), one(1));
    assert_eq!(ring.open.len(), 1, "time alone releases nothing");
    ring.due(EPOCH);
    assert_eq!(ring.open.len(), 2);
}

#[test]
fn rule_12_fold_time_never_goes_back_whatever_the_clocks_say() {
    let mut ring = Ring::new();
    ring.submit(
        &run_id(1),
        document(
            json!({"a": {"call": "f", "retry": {"max_attempts": 2, "backoff": "10s"}}}),
            json!({}),
        ),
    );
    let task = ring.open[0].clone();
    let before_ms = ring.fold.context.time_ms;
    // The broker's clock goes back an hour's worth, and the worker's is a day ahead.
    ring.time_ms = 1;
    let mut skewed = ring.result(&task, failed("user"));
    skewed.started_at_us = 86_400_000_000;
    ring.send(skewed);
    assert_eq!(ring.fold.context.time_ms, before_ms);
    let failure = ring.failures.remove(0);
    ring.decide(&failure, failure.actions[0].clone(), EPOCH);
    let due_ms = ring.fold.next_due_at_ms().unwrap();
    assert!((before_ms..before_ms + 10_001).contains(&due_ms), "{due_ms}");
    // Forwards: what is due is released once, by the broker's time and by nobody else's.
    ring.time_ms = due_ms + 3_600_000;
    ring.due(EPOCH);
    assert_eq!((ring.open.len(), ring.open[0].r#try), (1, 2));
    assert_eq!(ring.fold.next_due_at_ms(), None);
}
/// A run whose count of successes is at its end: the next one overflows, and the fold of it panics.
#[cfg(debug_assertions)]
fn about_to_panic(retry: u32) -> (Ring, symphony_protocol::ReadyTask) {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(retry));
    ring.submit(&run_id(2), one(retry));
    let key = u128::from_str_radix(&run_id(1), 16).unwrap();
    for fold in [&mut ring.fold, ring.whole.as_mut().unwrap()] {
        fold.runs.get_mut(&key).unwrap().counts.succeeded = u64::MAX;
    }
    let task = ring
        .open
        .iter()
        .find(|task| task.run == run_id(1))
        .unwrap()
        .clone();
    (ring, task)
}

#[cfg(debug_assertions)] // overflows are panics only there
#[test]
fn rule_13_a_panic_stops_its_run_alone_until_the_log_says_that_it_is_quarantined() {
    let (mut ring, task) = about_to_panic(1);
    ring.answer(&task, succeeded(&Value::Int(1)));
    let told = ring.quarantined.clone();
    assert_eq!((told.len(), told[0].run.as_str()), (1, run_id(1).as_str()));
    assert!(told[0].reason.contains("overflow"), "{}", told[0].reason);
    assert!(ring.ended.is_empty(), "the log decides its end, not the panic");
    assert!(ring.open.iter().all(|task| task.run == run_id(2)));
    ring.answer(&task, succeeded(&Value::Int(1)));
    ring.cancel(&run_id(1));
    assert!(ring.ended.is_empty(), "what comes for it changes nothing");
    ring.quarantine(&told, EPOCH - 1);
    assert!(ring.ended.is_empty(), "an earlier owner quarantines nothing");
    ring.quarantine(&told, EPOCH);
    let ended = ring.ended[&run_id(1)].clone();
    assert_eq!(
        (ended.status.as_str(), ended.error.unwrap().kind.as_str()),
        ("failed", "internal")
    );
    let other = ring.open[0].clone();
    ring.answer(&other, succeeded(&Value::Int(1)));
    assert_eq!(ring.ended[&run_id(2)].status, "succeeded");
}

#[cfg(debug_assertions)]
#[test]
fn rule_13_a_replay_comes_to_the_same_state_before_and_after_the_quarantine() {
    let (mut ring, task) = about_to_panic(1);
    ring.answer(&task, succeeded(&Value::Int(1)));
    let told = ring.quarantined.clone();
    ring.restart(); // a snapshot of a run that waits is one of the same
    ring.quarantine(&told, EPOCH);
    ring.restart();
    ring.quarantine(&told, EPOCH);
    let (mut straight, task) = about_to_panic(1);
    straight.answer(&task, succeeded(&Value::Int(1)));
    straight.quarantine(&told, EPOCH);
    straight.quarantine(&told, EPOCH);
    let body = |ring: &Ring| symphony_dag_tracker::snapshot::body(&ring.fold).unwrap();
    assert_eq!(body(&ring), body(&straight));
}

#[cfg(debug_assertions)]
#[test]
fn rule_13_a_run_that_another_version_can_fold_still_ends_as_it_was_told() {
    let mut ring = Ring::new();
    ring.submit(&run_id(1), one(1));
    let task = ring.open[0].clone();
    ring.answer(&task, succeeded(&Value::Int(1)));
    let told = symphony_protocol::Quarantine {
        run: run_id(1),
        reason: "an earlier version failed here".to_owned(),
    };
    ring.quarantine(&[told], EPOCH);
    let key = u128::from_str_radix(&run_id(1), 16).unwrap();
    assert_eq!(ring.fold.runs.get(&key).unwrap().status.word(), "failed");
}
