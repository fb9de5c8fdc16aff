//! Graphs of tasks with every kind of edge, by proptest, which makes what it finds smaller.

use std::collections::BTreeMap;

use super::support::{EPOCH, Ring, document, failed, run_id, succeeded};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use symphony_protocol::{Token, Value};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Edge {
    Hard,
    Soft,
    Optional,
}

#[derive(Clone, Debug)]
struct Task {
    after: Vec<(usize, Edge)>,
    when: Option<bool>,
    attempts: u32,
    /// How often it fails before it succeeds.
    fails: u32,
    on_failure: &'static str,
    items: Option<usize>,
}

fn name(index: usize) -> String {
    format!("t{index}")
}

fn written(tasks: &[Task]) -> Json {
    let mut all = serde_json::Map::new();
    for (index, task) in tasks.iter().enumerate() {
        let after: Vec<Json> = task
            .after
            .iter()
            .map(|(other, edge)| {
                let kind = match edge {
                    Edge::Hard => "hard",
                    Edge::Soft => "soft",
                    Edge::Optional => "optional",
                };
                json!({"task": name(*other), "kind": kind})
            })
            .collect();
        let mut entry = json!({
            "call": "f", "after": after, "on_failure": task.on_failure,
            "retry": {"max_attempts": task.attempts, "backoff": "10ms"},
        });
        if let Some(when) = task.when {
            entry["when"] = json!(when.to_string());
        }
        if let Some(items) = task.items {
            entry["for_each"] = json!(format!("${{range({items})}}"));
        }
        all.insert(name(index), entry);
    }
    Json::Object(all)
}

/// What each task comes to, and whether the run fails: the meaning of the language in twenty lines.
fn interpret(tasks: &[Task]) -> (Vec<&'static str>, bool) {
    let mut statuses: Vec<&'static str> = Vec::new();
    let mut run_fails = false;
    for task in tasks {
        let blocked = task.after.iter().any(|(other, edge)| {
            matches!(
                (edge, statuses[*other]),
                (Edge::Hard, "skipped") | (Edge::Optional, "failed")
            )
        });
        let status = if blocked || task.when == Some(false) {
            "skipped"
        } else if task.items.is_some() || task.fails < task.attempts {
            "succeeded"
        } else {
            match task.on_failure {
                "skip" => "skipped",
                "continue" => "failed",
                _ => {
                    run_fails = true;
                    "failed"
                }
            }
        };
        statuses.push(status);
    }
    (statuses, run_fails)
}

fn task(index: usize) -> impl Strategy<Value = Task> {
    let edge = prop_oneof![3 => Just(Edge::Hard), 1 => Just(Edge::Soft), 1 => Just(Edge::Optional)];
    let after = proptest::collection::vec((0..index.max(1), edge), 0..3.min(index + 1));
    let when = prop_oneof![4 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    let on_failure = prop_oneof![1 => Just("fail"), 3 => Just("skip"), 3 => Just("continue")];
    let items = prop_oneof![4 => Just(None), 1 => (0usize..4).prop_map(Some)];
    (after, when, 1u32..4, 0u32..4, on_failure, items).prop_map(
        move |(mut after, when, attempts, fails, on_failure, items)| {
            after.retain(|(other, _)| *other < index);
            after.sort_by_key(|(other, _)| *other);
            after.dedup_by_key(|(other, _)| *other);
            let fails = if items.is_some() { 0 } else { fails };
            Task {
                after,
                when,
                attempts,
                fails,
                on_failure,
                items,
            }
        },
    )
}

fn tasks() -> impl Strategy<Value = Vec<Task>> {
    (1usize..9).prop_flat_map(|count| (0..count).map(task).collect::<Vec<_>>())
}

/// What happens next, chosen by a number: an answer, a decision, time, or something that must change nothing.
fn step(ring: &mut Ring, plan: &[Task], choice: u64, old: &mut Vec<symphony_protocol::TaskResult>) {
    match choice % 16 {
        0 => ring.restart(),
        1 if !old.is_empty() => {
            let again = old[usize::try_from(choice / 16).unwrap() % old.len()].clone();
            ring.send(again);
        }
        2 if !ring.open.is_empty() => {
            let task = ring.open[0].clone();
            let mut forged = ring.result(&task, succeeded(&Value::Nil));
            forged.token = Token([0; 16]);
            ring.send(forged);
        }
        3 => ring.due(EPOCH - 1),
        4 if !ring.failures.is_empty() => {
            let failure = ring.failures[0].clone();
            ring.decide(&failure, failure.actions[0].clone(), EPOCH - 1);
        }
        _ if !ring.failures.is_empty() => {
            let failure = ring.failures.remove(0);
            ring.decide(&failure, failure.actions[0].clone(), EPOCH);
        }
        _ if !ring.open.is_empty() => {
            let task = ring.open[usize::try_from(choice / 16).unwrap() % ring.open.len()].clone();
            let index: usize = task
                .task
                .trim_start_matches('t')
                .split('[')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            let outcome = if task.r#try <= plan[index].fails {
                failed("user")
            } else {
                succeeded(&Value::Int(1))
            };
            let result = ring.result(&task, outcome);
            old.push(result.clone());
            ring.send(result);
        }
        _ => ring.due(EPOCH),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..Default::default() })]

    #[test]
    fn runs_end_as_their_documents_say(plan in tasks(), choices in proptest::collection::vec(any::<u64>(), 400)) {
        let mut ring = Ring::new();
        let run = run_id(1);
        ring.submit(&run, document(written(&plan), json!({})));
        let mut old = Vec::new();
        for choice in choices {
            if ring.ended.contains_key(&run) {
                break;
            }
            step(&mut ring, &plan, choice, &mut old);
        }
        let (statuses, fails) = interpret(&plan);
        let ended = ring.ended.get(&run).expect("the run ends");
        prop_assert_eq!(&ended.status, if fails { "failed" } else { "succeeded" });
        prop_assert!(ring.open.is_empty());
        if !fails {
            let wanted: BTreeMap<String, String> =
                statuses.iter().enumerate().map(|(index, status)| (name(index), (*status).to_owned())).collect();
            prop_assert_eq!(ring.statuses(&run), wanted);
            let count = |word: &str| -> u64 {
                plan.iter().zip(&statuses).filter(|(_, status)| **status == word).map(|(task, status)| {
                    // A map counts by its items, unless it never began.
                    if *status == "succeeded" { task.items.unwrap_or(1) as u64 } else { 1 }
                }).sum()
            };
            prop_assert_eq!(ended.tasks.succeeded, count("succeeded"));
            prop_assert_eq!(ended.tasks.failed, count("failed"));
            prop_assert_eq!(ended.tasks.skipped, count("skipped"));
        }
        // What is over stays over, whatever still comes.
        let before = ring.statuses(&run);
        for result in old {
            ring.send(result);
        }
        prop_assert_eq!(ring.statuses(&run), before);
    }

    #[test]
    fn many_runs_do_not_disturb_each_other(plans in proptest::collection::vec(tasks(), 2..5), seed in any::<u64>()) {
        let mut ring = Ring::new();
        for (number, plan) in plans.iter().enumerate() {
            ring.submit(&run_id(number as u64 + 1), document(written(plan), json!({})));
        }
        let mut state = seed;
        for _ in 0..2000 {
            if ring.ended.len() == plans.len() {
                break;
            }
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if !ring.failures.is_empty() {
                let failure = ring.failures.remove(0);
                ring.decide(&failure, failure.actions[0].clone(), EPOCH);
            } else if ring.open.is_empty() {
                ring.due(EPOCH);
            } else {
                let at = usize::try_from(state >> 33).unwrap() % ring.open.len();
                let task = ring.open[at].clone();
                let plan = &plans[usize::from_str_radix(&task.run, 16).unwrap() - 1];
                let index: usize = task.task.trim_start_matches('t').split('[').next().unwrap().parse().unwrap();
                let outcome = if task.r#try <= plan[index].fails { failed("user") } else { succeeded(&Value::Nil) };
                ring.answer(&task, outcome);
            }
        }
        for (number, plan) in plans.iter().enumerate() {
            let ended = ring.ended.get(&run_id(number as u64 + 1)).expect("every run ends");
            prop_assert_eq!(&ended.status, if interpret(plan).1 { "failed" } else { "succeeded" });
        }
    }
}
