//! Bad documents: what is wrong, where, and what to do.

mod support;

use serde_json::json;
use support::{Twice, document, offered, problem, problems};
use symphony_workflow::{check, cli_check};

#[test]
fn an_unknown_word_is_told_with_the_nearest() {
    let found = problem(&document(json!({"a": {"call": "f", "retyr": {}}})));
    assert_eq!(
        (found.at.as_str(), found.remedy.as_str()),
        ("/tasks/a/retyr", "did you mean `retry`?")
    );
    let mut written = document(json!({"a": {"call": "f"}}));
    written["tag"] = json!({});
    assert_eq!(problem(&written).remedy, "did you mean `tags`?");
    let found = problem(&document(
        json!({"a": {"call": "f", "retry": {"max_attempt": 3}}}),
    ));
    assert_eq!(found.remedy, "did you mean `max_attempts`?");
}

#[test]
fn the_words_of_locks_say_what_they_lack() {
    for (word, value, message) in [
        ("semaphore", json!({"key": "k"}), "`of` is missing"),
        (
            "semaphore",
            json!({"key": "k", "permits": 3, "of": 2}),
            "3 permits of 2 are never to be had",
        ),
        ("rate", json!({"key": "k"}), "`per_second` is missing"),
    ] {
        let found = problem(&document(json!({"a": {"call": "f", word: value}})));
        assert!(found.at.starts_with(&format!("/tasks/a/{word}")), "{}", found.at);
        assert!(found.message.contains(message), "{}", found.message);
    }
    let found = problem(&document(json!({"a": {"value": "1", "lock": "k"}})));
    assert_eq!(found.message, "`lock` has no meaning for a `value`");
}

#[test]
fn names_that_are_none_are_refused() {
    for name in ["", "1a", "a-b", "a.b", "ä", "a b"] {
        assert_eq!(
            problem(&document(json!({name: {"call": "f"}}))).at,
            format!("/tasks/{name}")
        );
    }
    for name in ["", "Order", "a_b", &"a".repeat(64)] {
        let mut written = document(json!({"a": {"call": "f"}}));
        written["workflow"] = json!(name);
        assert_eq!(problem(&written).at, "/workflow");
    }
    for version in [json!("1.0"), json!("v1.0.0"), json!(1.0), json!("1.0.x")] {
        let mut written = document(json!({"a": {"call": "f"}}));
        written["version"] = version;
        assert_eq!(problem(&written).at, "/version");
    }
    for call in ["", ".", "a..b", "a b", "a@", "f()"] {
        assert_eq!(
            problem(&document(json!({"a": {"call": call}}))).at,
            "/tasks/a/call"
        );
    }
}

#[test]
fn a_cycle_is_named() {
    let found = problem(&document(json!({
        "start": {"call": "f"},
        "a": {"call": "f", "after": ["start"], "with": {"x": "${tasks.c.x}"}},
        "b": {"call": "f", "after": ["a"]},
        "c": {"call": "f", "when": "tasks_meta.b.status == 'failed'"},
        "behind": {"call": "f", "after": ["c"]},
    })));
    let cycles = ["a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"];
    assert!(
        cycles.iter().any(|cycle| found.message.ends_with(cycle)),
        "{}",
        found.message
    );
    let itself = problem(&document(
        json!({"a": {"call": "f", "with": {"x": "${tasks.a.x}"}}}),
    ));
    assert!(itself.message.ends_with("a -> a"), "{}", itself.message);
}

#[test]
fn a_reference_to_nothing_is_told_with_place_column_and_the_nearest() {
    let mut written = document(json!({
        "list": {"call": "f"},
        "use": {"call": "f", "with": {"deep": [{"x": "see ${tasks.lits.files}"}]}},
    }));
    let found = problem(&written);
    assert_eq!(
        (found.at.as_str(), found.column),
        ("/tasks/use/with/deep/0/x", Some(7))
    );
    assert_eq!(found.remedy, "did you mean `list`?");
    written = document(json!({"a": {"call": "f", "when": "1 < 2 && inputs.limt > 1"}}));
    written["inputs"] = json!({"limit": "integer"});
    let found = problem(&written);
    assert_eq!(
        (found.column, found.remedy.as_str()),
        (Some(10), "did you mean `limit`?")
    );
    for (tasks, remedy) in [
        (
            json!({"a": {"call": "f", "after": ["frist"]}, "first": {"call": "f"}}),
            "did you mean `first`?",
        ),
        (
            json!({"a": {"call": "f"}, "b": {"value": "tasks_meta.a.statsu"}}),
            "did you mean `status`?",
        ),
        (json!({"a": {"value": "run.strated"}}), "did you mean `started`?"),
        (json!({"a": {"value": "imputs.x"}}), "did you mean `inputs`?"),
    ] {
        assert_eq!(problem(&document(tasks)).remedy, remedy);
    }
    written = document(json!({"a": {"call": "f"}}));
    written["outputs"] = json!({"x": "${tasks.b.x}", "y": "${item}"});
    let places: Vec<String> = problems(&written).into_iter().map(|found| found.at).collect();
    assert_eq!(places, ["/outputs/x", "/outputs/y"]);
}

#[test]
fn the_item_is_seen_inside_the_map_only() {
    let inside =
        json!({"a": {"call": "f", "for_each": "range(3)", "as": "n", "with": {"x": "${n} ${index}"}}});
    assert!(support::compiled(&document(inside)).is_ok());
    for tasks in [
        json!({"a": {"call": "f", "with": {"x": "${item}"}}}),
        json!({"a": {"call": "f", "for_each": "range(3)", "as": "n", "with": {"x": "${item}"}}}),
        json!({"a": {"call": "f", "for_each": "range(3)", "when": "item > 1"}}),
        json!({"a": {"call": "f", "for_each": "[item]"}}),
        json!({"a": {"call": "f", "for_each": "range(3)", "as": "tasks"}}),
        json!({"a": {"call": "f", "max_parallel": 3}}),
    ] {
        assert_eq!(problems(&document(tasks.clone())).len(), 1, "{tasks}");
    }
}

#[test]
fn a_map_goes_over_a_list_and_its_output_is_one() {
    for each in [
        json!(3),
        json!("'text'"),
        json!("a ${inputs.limit}"),
        json!("inputs.limit"),
        json!("1 < 2"),
    ] {
        let mut written = document(json!({"a": {"call": "f", "for_each": each}}));
        written["inputs"] = json!({"limit": "integer"});
        assert_eq!(problem(&written).at, "/tasks/a/for_each");
    }
    let found = problem(&document(json!({
        "a": {"call": "f", "for_each": [1, 2]}, "b": {"call": "f", "with": {"x": "${tasks.a.total}"}},
    })));
    assert_eq!(found.remedy, "write tasks.a[*].total");
}

#[test]
fn bad_values_of_words_are_told_where_they_stand() {
    for (word, value, at) in [
        ("timeout", json!("10 seconds"), "/tasks/a/timeout"),
        ("timeout", json!(10), "/tasks/a/timeout"),
        ("timeout", json!({"attempt": "x"}), "/tasks/a/timeout/attempt"),
        ("retry", json!({"backoff": "soon"}), "/tasks/a/retry/backoff"),
        ("retry", json!({"max_attempts": 0}), "/tasks/a/retry/max_attempts"),
        ("retry", json!({"factor": 0.5}), "/tasks/a/retry/factor"),
        ("retry", json!(3), "/tasks/a/retry"),
        ("priority", json!(10), "/tasks/a/priority"),
        (
            "after",
            json!([{"task": "b", "kind": "weak"}]),
            "/tasks/a/after/0/kind",
        ),
        ("after", json!(["b", "b"]), "/tasks/a/after/1"),
        ("when", json!("1 +"), "/tasks/a/when"),
        ("when", json!("'text'"), "/tasks/a/when"),
        ("with", json!(["x"]), "/tasks/a/with"),
        ("with", json!({"x": "${"}), "/tasks/a/with/x"),
        (
            "fallback",
            json!([{"call": "f", "value": "1"}]),
            "/tasks/a/fallback/0",
        ),
        (
            "fallback",
            json!([{"value": "tasks.nowhere"}]),
            "/tasks/a/fallback/0/value",
        ),
        ("on_failure", json!("ignore"), "/tasks/a/on_failure"),
        (
            "resources",
            json!({"memory": "1 elephant"}),
            "/tasks/a/resources/memory",
        ),
        ("labels", json!({"zone": 1}), "/tasks/a/labels/zone"),
        ("pool", json!(1), "/tasks/a/pool"),
    ] {
        let found = problem(&document(
            json!({"a": {"call": "f", word: value}, "b": {"call": "f"}}),
        ));
        assert_eq!(found.at, at, "{found:?}");
        assert!(
            !found.remedy.is_empty() && found.kind == "invalid_workflow",
            "{found:?}"
        );
    }
    let nothing = problem(&document(json!({"a": {}})));
    assert_eq!(nothing.at, "/tasks/a");
    assert_eq!(
        problem(&document(json!({"a": {"value": "1", "retry": {}}}))).at,
        "/tasks/a/retry"
    );
    assert_eq!(
        problem(&document(json!({"a": {"value": "1", "call": "f"}}))).at,
        "/tasks/a"
    );
    assert_eq!(problem(&document(json!({}))).at, "/tasks");
}

#[test]
fn a_bad_expression_is_told_with_its_column() {
    let found = problem(&document(
        json!({"a": {"call": "f", "with": {"x": "ab ${1 + nosuch(2)}"}}}),
    ));
    assert_eq!((found.at.as_str(), found.column), ("/tasks/a/with/x", Some(10)));
}

#[test]
fn calls_are_held_to_what_functions_declare() {
    let calls = |task: serde_json::Value| {
        let mut written = document(json!({"a": task, "list": {"call": "text.count", "with": {"file": "x"}}}));
        written["inputs"] = json!({"n": "integer", "folder": "directory", "big": "artifact"});
        offered(&written)
    };
    for fine in [
        json!({"call": "text.count", "with": {"file": "${inputs.folder}", "top": "${inputs.n}"}}),
        json!({"call": "text.count", "with": {"file": "${inputs.big}", "top": "${tasks.list.total}"}}),
        json!({"call": "text.count", "with": {"file": "a ${inputs.n}", "top": "${inputs.n + 1}"}}),
        json!({"call": "test.echo", "with": {"anything": 1}}),
        json!({"call": "text.count", "for_each": "tasks.list.files", "with": {"file": "${item}"}}),
    ] {
        assert_eq!(calls(fine.clone()), [], "{fine}");
    }
    for (bad, at, remedy) in [
        (
            json!({"call": "text.conut", "with": {}}),
            "/tasks/a/call",
            "did you mean `text.count`?",
        ),
        (
            json!({"call": "text.count"}),
            "/tasks/a/with",
            "add `file:` to its inputs",
        ),
        (
            json!({"call": "text.count", "with": {"file": "x", "tpo": 1}}),
            "/tasks/a/with/tpo",
            "did you mean `top`?",
        ),
        (
            json!({"call": "text.count", "with": {"file": 1}}),
            "/tasks/a/with/file",
            "give a value of the declared type",
        ),
        (
            json!({"call": "text.count", "with": {"file": "x", "top": "${inputs.folder}"}}),
            "/tasks/a/with/top",
            "give a value of the declared type",
        ),
        (
            json!({"call": "text.count", "with": {"file": "x", "top": "${tasks.list.words}"}}),
            "/tasks/a/with/top",
            "give a value of the declared type",
        ),
        (
            json!({"call": "test.echo", "with": {"x": "${tasks.list.wrods}"}}),
            "/tasks/a/with/x",
            "did you mean `words`?",
        ),
        (
            json!({"call": "test.echo", "for_each": "tasks.list.total"}),
            "/tasks/a/for_each",
            "refer to a list",
        ),
        (
            json!({"call": "test.echo", "fallback": [{"call": "text.count", "with": {}}]}),
            "/tasks/a/fallback/0/with",
            "add `file:` to its inputs",
        ),
    ] {
        let found = calls(bad);
        let told: Vec<_> = found
            .iter()
            .map(|found| (found.at.as_str(), found.remedy.as_str()))
            .collect();
        assert_eq!(told, [(at, remedy)], "{found:?}");
    }
}

#[test]
fn what_is_no_document_at_all_is_one_problem() {
    for bytes in [
        &b""[..],
        b"\xff\xfe",
        b"[1]",
        b"{",
        b"3",
        b"{\"workflow\": \"w\", \"tasks\": 1e999}",
    ] {
        assert_eq!(
            cli_check(bytes)
                .problems
                .iter()
                .filter(|found| found.remedy.is_empty())
                .count(),
            0
        );
        assert!(!cli_check(bytes).problems.is_empty(), "{bytes:?}");
    }
    let checked = cli_check(include_bytes!("word_atlas.json"));
    assert_eq!(
        (checked.workflow.as_deref(), checked.tasks, checked.problems.len()),
        (Some("word-atlas"), 4, 0)
    );
    assert_eq!(checked.inputs.len(), 2);
}

#[test]
fn a_range_that_no_version_is_in_is_refused_with_those_that_there_are() {
    let checked = |call: &str, with: serde_json::Value| {
        let written = document(json!({"a": {"call": call, "with": with}}));
        let json = serde_json::to_vec(&written).unwrap();
        check(&json, &Twice::default()).err().unwrap_or_default()
    };
    assert_eq!(
        checked("f@^1.2", json!({"n": 1})),
        [],
        "the newest of the range takes it"
    );
    let found = checked("f@<1.10", json!({"n": 1}));
    assert_eq!(found[0].message, "the function `f` takes no `n`");
    let found = checked("f@^2", json!({}));
    assert_eq!(found[0].at, "/tasks/a/call");
    assert_eq!(
        found[0].message,
        "no version of the function `f` is in `^2`: there are 1.9.0, 1.10.0"
    );
}
