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
use symphony_workflow::{
    Approve, Child, EdgeKind, Kind, NoFunctions, OnFailure, Plan, Test, Wait, Words, check_words,
};

fn whole(written: &Json) -> std::sync::Arc<Plan> {
    let json = serde_json::to_vec(written).unwrap();
    check_words(&json, &NoFunctions, Words::All).unwrap_or_else(|problems| panic!("{problems:?}"))
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

#[test]
fn names_inside_are_no_names_around_and_are_given_to_the_outside_by_outputs() {
    let found = problem(&document(json!({
        "a": {"value": "1"},
        "pick": {"switch": [{"else": {"tasks": {"a": {"value": "2"}}}}]},
    })));
    assert_eq!(found.at, "/tasks/pick/switch/0/else/tasks/a");
    assert_eq!(found.message, "a task around this one is called `a` too");
    let found = problem(&document(json!({
        "pick": {"switch": [{"else": {"tasks": {"inner": {"value": "1"}}}}]},
        "b": {"value": "tasks.inner"},
    })));
    assert!(found.remedy.contains("write tasks.pick"), "{found:?}");
    // Branches are beside each other: each may have a task of the same name.
    plan(&document(json!({"pick": {"switch": [
        {"when": "1 < 2", "then": {"tasks": {"a": {"value": "1"}}}},
        {"else": {"tasks": {"a": {"value": "2"}}}},
    ]}})));
}

fn looping(words: Json) -> Json {
    let mut repeat = json!({
        "until": "state.n > 3", "max_iterations": 9, "state": {"n": 0},
        "tasks": {"tasks": {"add": {"value": "state.n + 1"}}}, "next": {"n": "tasks.add"},
    });
    for (word, value) in words.as_object().unwrap() {
        repeat[word] = value.clone();
    }
    document(json!({"loop": {"repeat": repeat}}))
}

#[test]
fn a_loop_is_told_of_a_state_that_it_does_not_have() {
    plan(&looping(json!({})));
    plan(&looping(
        json!({"next": {"n": "tasks.add", "m": "iteration"}, "until": "state.m > 3"}),
    ));
    let inner = json!({"tasks": {"deep": {"switch": [{"else": {"tasks": {"add": {"value": "state.k"}}}}]}}});
    for (words, at) in [
        (json!({"until": "state.m > 3"}), "/tasks/loop/repeat/until"),
        (json!({"next": {"n": "state.k"}}), "/tasks/loop/repeat/next/n"),
        (
            json!({"tasks": {"tasks": {"add": {"value": "state.k"}}}}),
            "/tasks/loop/repeat/tasks/tasks/add/value",
        ),
        (
            json!({"tasks": inner, "next": {}}),
            "/tasks/loop/repeat/tasks/tasks/deep/switch/0/else/tasks/add/value",
        ),
    ] {
        let found = problem(&looping(words));
        assert_eq!(
            (found.at.as_str(), found.remedy.as_str()),
            (at, found.remedy.as_str())
        );
        assert!(
            found.message.contains("the state of the loop has no"),
            "{found:?}"
        );
    }
    let before = json!({"state": {"n": "state.n"}});
    assert_eq!(problem(&looping(before)).at, "/tasks/loop/repeat/state/n");
    let mut early = looping(json!({"while": "tasks.add < 3"}));
    early["tasks"]["loop"]["repeat"]
        .as_object_mut()
        .unwrap()
        .remove("until");
    assert_eq!(problem(&early).at, "/tasks/loop/repeat/while");
}

#[test]
fn what_a_task_gives_is_known_for_every_form() {
    for (task, good, bad) in [
        (
            json!({"switch": [{"else": {"tasks": {"x": {"value": "1"}}, "outputs": {"got": "${tasks.x}"}}}]}),
            &["branch", "got"][..],
            "gto",
        ),
        (
            looping(json!({}))["tasks"]["loop"].clone(),
            &["state", "iterations"],
            "iteration",
        ),
        (
            json!({"wait_for": {"duration": "1s"}}),
            &["value", "by", "at"],
            "values",
        ),
        (
            json!({"approve": {}}),
            &["answer", "by", "at", "comment"],
            "answers",
        ),
    ] {
        for field in good {
            plan(&document(
                json!({"a": task, "b": {"value": format!("tasks.a.{field}")}}),
            ));
        }
        let found = problem(&document(
            json!({"a": task, "b": {"value": format!("tasks.a.{bad}")}}),
        ));
        assert!(found.remedy.starts_with("did you mean"), "{found:?}");
        let found = problem(&document(
            json!({"a": task, "b": {"call": "f", "for_each": "tasks.a.iterations"}}),
        ));
        assert_eq!(found.at, "/tasks/b/for_each");
    }
}

#[test]
fn tests_are_true_or_false_and_times_are_times() {
    for (task, at) in [
        (
            json!({"switch": [{"when": "size('xy')", "then": {"tasks": {"b": {"value": "1"}}}}]}),
            "/tasks/a/switch/0/when",
        ),
        (
            json!({"wait_for": {"event": "e", "where": "'x'"}}),
            "/tasks/a/wait_for/where",
        ),
        (json!({"wait_for": {"time": "1 < 2"}}), "/tasks/a/wait_for/time"),
        (
            json!({"wait_for": {"time": "2030-01-01T00:00:00Z"}}),
            "/tasks/a/wait_for/time",
        ),
        (
            json!({"wait_for": {"signal": "two words"}}),
            "/tasks/a/wait_for/signal",
        ),
        (
            json!({"switch": [{"else": {"b": {"value": "1"}}}]}),
            "/tasks/a/switch/0/else",
        ),
        (json!({"call": "f", "budget": {}}), "/tasks/a/budget"),
        (
            json!({"call": "f", "for_each": "range(3)", "min_success": "1e1%"}),
            "/tasks/a/min_success",
        ),
        (
            json!({"call": "f", "cache": {"ttl": "1s"}, "pure": false}),
            "/tasks/a/cache",
        ),
        (json!({"call": "f@^x"}), "/tasks/a/call"),
    ] {
        assert_eq!(problem(&document(json!({"a": task}))).at, at);
    }
    assert_eq!(
        problem(&looping(json!({"until": "size('xy')"}))).at,
        "/tasks/loop/repeat/until"
    );
}

#[test]
fn a_lock_is_taken_before_its_tasks_and_names_each_once() {
    for (lock, at) in [
        (json!({"key": "k-${tasks.a}", "scope": ["a"]}), "/lock/key"),
        (json!({"key": "k", "scope": ["b"]}), "/lock/scope/0"),
        (json!({"key": "k", "scope": ["a", "a"]}), "/lock/scope/1"),
        (json!({"key": "k", "scope": []}), "/lock/scope"),
        (json!({"key": "k"}), "/lock"),
        (json!({"scope": ["a"]}), "/lock"),
    ] {
        let mut written = document(json!({"a": {"call": "f"}}));
        written["lock"] = lock;
        let json = serde_json::to_vec(&written).unwrap();
        let found = check_words(&json, &NoFunctions, Words::All).unwrap_err();
        assert_eq!(
            found.iter().map(|found| found.at.as_str()).collect::<Vec<_>>(),
            [at]
        );
    }
}

#[test]
fn contracts_hold_inside_tasks_and_for_what_undoes_them() {
    let bad = json!({"call": "text.count", "with": {"fil": "x"}});
    let inner = json!({"switch": [{"else": {"tasks": {"b": bad}}}]});
    let places = |written: &Json| -> Vec<String> {
        support::offered(written)
            .into_iter()
            .map(|found| found.at)
            .collect()
    };
    let at = "/tasks/a/switch/0/else/tasks/b/with";
    assert_eq!(
        places(&document(json!({"a": inner}))),
        [format!("{at}/fil"), at.to_owned()]
    );
    let undone = json!({"call": "test.echo", "compensate": {"call": "text.count", "with": {"file": 3}}});
    assert_eq!(
        places(&document(json!({"a": undone}))),
        ["/tasks/a/compensate/with/file"]
    );
    let cached = json!({"call": "test.echo", "cache": {"ttl": "1h"}});
    assert_eq!(places(&document(json!({"a": cached}))), ["/tasks/a/cache"]);
    let keyed = json!({"call": "test.echo", "cache": {"ttl": "1h", "key": "'k'"}});
    assert!(places(&document(json!({"a": keyed}))).is_empty());
    let typed = json!({"call": "text.count", "with": {"file": "x", "top": "${tasks.loop.state}"}});
    let mut written = looping(json!({}));
    written["tasks"]["a"] = typed;
    assert_eq!(places(&written), ["/tasks/a/with/top"]);
}
