//! The whole grammar: every word is read into the plan, and what stands inside a task sees what is around it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::{Value as Json, json};
use support::{document, plan, problem, problems};
use symphony_workflow::{Approve, Child, EdgeKind, Kind, NoFunctions, OnFailure, Plan, Test, Wait, check};

fn whole(written: &Json) -> std::sync::Arc<Plan> {
    let json = serde_json::to_vec(written).unwrap();
    check(&json, &NoFunctions).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn edges(plan: &Plan, graph: usize, task: &str) -> Vec<(String, EdgeKind)> {
    let graph = plan.graph(graph).unwrap();
    let (_, node) = graph.named(task).unwrap();
    let named = node.edges.iter();
    named
        .map(|edge| (graph.nodes[edge.from].name.clone(), edge.kind))
        .collect()
}

#[test]
fn a_switch_holds_a_graph_for_each_branch_and_hangs_on_what_they_refer_to() {
    let made = plan(&document(json!({
        "size": {"call": "f"},
        "meta": {"call": "f"},
        "pick": {"switch": [
            {"when": "tasks.size.n > 3", "then": {
                "tasks": {"big": {"call": "f", "with": {"n": "${tasks.size.n}"}}},
                "outputs": {"got": "${tasks.big.x}", "state": "${tasks_meta.meta.status}"},
            }},
            {"else": {"tasks": {"small": {"value": "1"}}}},
        ]},
        "after": {"value": "tasks.pick.branch"},
    })));
    assert_eq!(made.graphs.len(), 3);
    let (pick, node) = made.named("pick").unwrap();
    let Kind::Switch(branches) = &node.kind else {
        panic!()
    };
    let whens: Vec<bool> = branches.iter().map(|branch| branch.when.is_some()).collect();
    assert_eq!(whens, [true, false]);
    assert_eq!(made.graph(branches[0].graph).unwrap().outer, Some((0, pick)));
    let of = edges(&made, 0, "pick");
    assert_eq!(
        of,
        [
            ("size".to_owned(), EdgeKind::Hard),
            ("meta".to_owned(), EdgeKind::Soft)
        ]
    );
    assert_eq!(edges(&made, branches[0].graph, "big"), []);
    assert_eq!(made.task_count(), 6);
}

#[test]
fn a_loop_sees_its_state_and_its_turn_and_its_end_sees_what_is_inside() {
    let made = plan(&document(json!({
        "start": {"call": "f"},
        "loop": {"repeat": {
            "until": "tasks.step.done && state.n < 10",
            "max_iterations": 5,
            "state": {"n": "tasks.start.n"},
            "tasks": {"tasks": {"step": {"call": "f", "with": {"n": "${state.n}", "turn": "${iteration}"}}}},
            "next": {"n": "${tasks.step.n}"},
        }},
        "end": {"value": "tasks.loop.state.n + tasks.loop.iterations"},
    })));
    let (_, node) = made.named("loop").unwrap();
    let Kind::Repeat(repeat) = &node.kind else {
        panic!()
    };
    assert!(matches!(repeat.test, Test::Until(_)));
    assert_eq!(repeat.max_iterations, 5);
    assert_eq!(edges(&made, 0, "loop"), [("start".to_owned(), EdgeKind::Hard)]);
    let (_, step) = made.graph(repeat.graph).unwrap().named("step").unwrap();
    assert!(step.edges.is_empty());
}

#[test]
fn what_is_inside_sees_the_item_and_nothing_inside_is_seen_from_outside() {
    plan(&document(json!({
        "each": {"for_each": "${range(3)}", "as": "n", "switch": [
            {"when": "n > 1", "then": {"tasks": {"a": {"value": "n + index"}}}},
        ]},
    })));
    let found = problem(&document(json!({
        "pick": {"switch": [{"else": {"tasks": {"a": {"value": "1"}}}}]},
        "b": {"value": "tasks.a"},
    })));
    assert_eq!(found.message, "`tasks.a`: there is no task `a`");
    let found = problem(&document(json!({"a": {"value": "state.n"}})));
    assert!(
        found.message.contains("`state` is not known"),
        "{}",
        found.message
    );
}

#[test]
fn a_cycle_through_what_is_inside_is_found() {
    let found = problem(&document(json!({
        "a": {"call": "f", "with": {"x": "${tasks.pick}"}},
        "pick": {"switch": [{"else": {"tasks": {"b": {"value": "tasks.a"}}}}]},
    })));
    assert!(
        found.message.contains("a -> pick") || found.message.contains("pick -> a"),
        "{}",
        found.message
    );
    let found = problem(&document(json!({
        "pick": {"switch": [{"else": {"tasks": {"b": {"value": "tasks.pick"}}}}]},
    })));
    assert!(found.message.contains("cycle"), "{}", found.message);
}

#[test]
fn waits_approvals_and_workflows_are_read() {
    let made = plan(&document(json!({
        "go": {"wait_for": {"signal": "go"}, "timeout": "5m", "fallback": [{"value": "1"}]},
        "paid": {"wait_for": {"event": "payment", "where": "event.order == inputs_of.id"}, "after": ["go"],
                 "for_each": "${range(2)}", "as": "inputs_of"},
        "rest": {"wait_for": {"duration": "1h"}},
        "then": {"wait_for": {"time": "run.started + 60.0"}},
        "ok": {"approve": {"by": ["lead"], "question": "Ship ${tasks.go.value}?"}},
        "sub": {"workflow": "order@^1.2", "with": {"x": "${tasks.ok.answer}"}},
        "in": {"workflow": "order", "inline": true},
    })));
    let kind = |name: &str| made.named(name).unwrap().1.kind.clone();
    assert_eq!(
        kind("go"),
        Kind::Wait(Wait::Signal {
            name: "go".to_owned()
        })
    );
    assert!(matches!(
        kind("paid"),
        Kind::Wait(Wait::Event {
            condition: Some(_),
            ..
        })
    ));
    assert_eq!(kind("rest"), Kind::Wait(Wait::Duration { ms: 3_600_000 }));
    assert!(matches!(kind("then"), Kind::Wait(Wait::Time(_))));
    let Kind::Approve(Approve { by, .. }) = kind("ok") else {
        panic!()
    };
    assert_eq!(by, ["lead"]);
    let child = |range: Option<&str>, inline| Child {
        name: "order".to_owned(),
        range: range.map(str::to_owned),
        inline,
    };
    assert_eq!(kind("sub"), Kind::Workflow(child(Some("^1.2"), false)));
    assert_eq!(kind("in"), Kind::Workflow(child(None, true)));
    let (_, go) = made.named("go").unwrap();
    assert_eq!((go.timeout_ms, go.fallback.len()), (Some(300_000), 1));
}

#[test]
fn words_of_maps_failure_and_limits_are_read() {
    let mut written = document(json!({
        "a": {
            "call": "f@^1.2", "for_each": "${range(10)}", "batch": 4, "min_success": "95%", "ordered": false,
            "on_failure": "compensate", "compensate": {"call": "undo", "with": {"x": "${output.id}"}, "retry": {"max_attempts": 3}},
            "lock": "till-${item}", "semaphore": {"key": "db", "permits": 2, "of": 8},
            "rate": {"key": "api", "per_second": 2.5, "burst": 5},
            "budget": {"calls": 3, "time": "10s"}, "cache": {"key": "item", "ttl": "1d"}, "checkpoint": "half-way",
        },
    }));
    written["budget"] = json!({"money": 0.5, "calls": 1000, "time": "20m"});
    written["on_failure"] = json!("compensate");
    written["lock"] = json!({"key": "order-${inputs}", "scope": ["a"]});
    let made = whole(&written);
    let (_, a) = made.named("a").unwrap();
    let each = a.for_each.as_ref().unwrap();
    assert_eq!(
        (each.batch, each.min_success, each.ordered),
        (Some(4), Some(0.95), false)
    );
    assert_eq!(a.on_failure, OnFailure::Compensate);
    assert_eq!(a.compensate.as_ref().unwrap().retry.max_attempts, Some(3));
    assert_eq!(a.semaphore.as_ref().map(|s| (s.permits, s.of)), Some((2, 8)));
    assert_eq!(
        a.rate.as_ref().map(|rate| (rate.per_second, rate.burst)),
        Some((2.5, 5))
    );
    assert_eq!(a.budget.unwrap().time_ms, Some(10_000));
    assert_eq!(a.cache.as_ref().unwrap().ttl_ms, 86_400_000);
    assert_eq!(a.checkpoint.as_deref(), Some("half-way"));
    assert_eq!(made.budget.unwrap().money, Some(0.5));
    assert!(made.compensates && a.lock.is_some());
    assert_eq!(made.lock.as_ref().unwrap().scope, [0]);
}

#[test]
fn what_makes_no_sense_is_told_where_it_stands() {
    for (task, at) in [
        (json!({"switch": []}), "/tasks/a/switch"),
        (
            json!({"switch": [{"else": {"tasks": {"b": {"value": "1"}}}}, {"when": "true", "then": {"tasks": {"b": {"value": "1"}}}}]}),
            "/tasks/a/switch/0/else",
        ),
        (
            json!({"switch": [{"else": {"tasks": {}}}]}),
            "/tasks/a/switch/0/else/tasks",
        ),
        (
            json!({"repeat": {"max_iterations": 1, "tasks": {"tasks": {"b": {"value": "1"}}}}}),
            "/tasks/a/repeat",
        ),
        (
            json!({"repeat": {"until": "true", "tasks": {"tasks": {"b": {"value": "1"}}}}}),
            "/tasks/a/repeat",
        ),
        (
            json!({"wait_for": {"signal": "s", "duration": "1s"}}),
            "/tasks/a/wait_for",
        ),
        (
            json!({"wait_for": {"signal": "s", "where": "true"}}),
            "/tasks/a/wait_for/where",
        ),
        (
            json!({"wait_for": {"signal": "s"}, "retry": {}}),
            "/tasks/a/retry",
        ),
        (json!({"approve": {}, "cache": {"ttl": "1s"}}), "/tasks/a/cache"),
        (json!({"workflow": "Order"}), "/tasks/a/workflow"),
        (json!({"call": "f", "inline": true}), "/tasks/a/inline"),
        (json!({"call": "f", "batch": 3}), "/tasks/a/batch"),
        (
            json!({"call": "f", "for_each": "range(3)", "min_success": "950%"}),
            "/tasks/a/min_success",
        ),
        (json!({"call": "f", "value": "1"}), "/tasks/a"),
        (json!({"call": "f", "cache": {}}), "/tasks/a/cache"),
        (
            json!({"call": "f", "compensate": {"with": {}}}),
            "/tasks/a/compensate",
        ),
    ] {
        let found = problems(&document(json!({"a": task})));
        assert!(found.iter().any(|problem| problem.at == at), "{at}: {found:?}");
    }
}
