//! What is checked of tasks inside tasks: names, the state of loops, what each form gives, contracts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use serde_json::{Value as Json, json};
use support::{document, plan, problem};
use symphony_workflow::{NoFunctions, check};

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

#[test]
fn the_rest_of_the_way_goes_through_what_is_inside() {
    let call = json!({"call": "f"});
    let made = plan(&document(json!({
        "first": call,
        "pick": {"after": ["first"], "switch": [
            {"when": "1 < 2", "then": {"tasks": {"a": call, "b": {"call": "f", "after": ["a"]}}}},
            {"else": {"tasks": {"a": {"repeat": {
                "while": "iteration < 3", "max_iterations": 3, "tasks": {"tasks": {"c": call}},
            }}}}},
        ]},
        "last": {"call": "f", "after": ["pick"]},
    })));
    let rest = made.rest_us(0, &|node| u64::from(node.capability().is_some()));
    let of = |name: &str| rest[made.named(name).unwrap().0];
    assert_eq!([of("first"), of("pick"), of("last")], [4, 3, 1]);
    let (_, pick) = made.named("pick").unwrap();
    assert_eq!(made.own_us(pick, &|_| 10), 30, "a switch of two calls in a row");
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
        (
            json!({"wait_for": {"signal": "s"}, "timeout": {"task": "1s", "queue": "1s"}}),
            "/tasks/a/timeout/queue",
        ),
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
        let found = check(&json, &NoFunctions).unwrap_err();
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
