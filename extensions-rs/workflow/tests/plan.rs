//! What a document compiles to.

mod support;

use serde_json::json;
use support::{document, plan};
use symphony_workflow::{EdgeKind, Kind, OnFailure, Retry, compile, pack};

fn edge(plan: &symphony_workflow::Plan, of: &str, to: &str) -> Option<EdgeKind> {
    let (_, node) = plan.named(of)?;
    let (from, _) = plan.named(to)?;
    node.edges
        .iter()
        .find(|edge| edge.from == from)
        .map(|edge| edge.kind)
}

#[test]
fn the_word_atlas_becomes_four_nodes_in_order() {
    let text = include_str!("word_atlas.json");
    let plan = compile(&pack(text.as_bytes()).unwrap()).unwrap();
    let names: Vec<&str> = plan.graphs[0]
        .order
        .iter()
        .filter_map(|index| plan.node(*index))
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names, ["list", "count", "merge", "chart"]);
    assert_eq!(plan.digest, blake3::hash(text.as_bytes()).to_hex().to_string());
    let (_, count) = plan.named("count").unwrap();
    assert_eq!(count.capability(), Some("text.count"));
    assert_eq!(
        count.for_each.as_ref().map(|each| each.variable.as_str()),
        Some("item")
    );
    assert_eq!((count.retry.max_attempts, count.retry.backoff_ms), (Some(3), 200));
    let (_, chart) = plan.named("chart").unwrap();
    assert_eq!((chart.on_failure, chart.when.is_some()), (OnFailure::Skip, true));
    let (_, merge) = plan.named("merge").unwrap();
    assert_eq!((merge.timeout_ms, merge.task_timeout_ms), (Some(10_000), None));
    assert_eq!(
        plan.graphs[0]
            .outputs
            .as_ref()
            .map(|outputs| outputs.paths().count()),
        Some(2)
    );
}

#[test]
fn a_reference_makes_a_hard_edge_unless_after_weakens_it() {
    let plan = plan(&document(json!({
        "a": {"call": "f"},
        "hard": {"call": "f", "with": {"x": ["deep ${tasks.a.x}"]}},
        "soft": {"call": "f", "with": {"x": "${tasks.a.x}"}, "after": [{"task": "a", "kind": "soft"}]},
        "optional": {"call": "f", "when": "tasks.a.x > 1", "after": [{"task": "a", "kind": "optional"}]},
        "meta": {"value": "tasks_meta.a.status"},
        "both": {"value": "tasks_meta.a.status == 'failed' ? 1 : tasks.a.x"},
        "said": {"call": "f", "after": ["a"], "when": "tasks_meta.a.attempts > 1"},
        "fallback": {"call": "f", "fallback": [{"value": "tasks.a.x"}]},
        "each": {"call": "f", "for_each": "${tasks.a.files}"},
    })));
    for (of, kind) in [
        ("hard", EdgeKind::Hard),
        ("soft", EdgeKind::Soft),
        ("optional", EdgeKind::Optional),
        ("meta", EdgeKind::Soft),
        ("both", EdgeKind::Hard),
        ("said", EdgeKind::Hard),
        ("fallback", EdgeKind::Hard),
        ("each", EdgeKind::Hard),
    ] {
        assert_eq!(edge(&plan, of, "a"), Some(kind), "{of}");
    }
    let (_, a) = plan.named("a").unwrap();
    assert_eq!(a.dependents.len(), 8);
}

#[test]
fn defaults_are_for_calls_that_say_nothing() {
    let mut written = document(json!({
        "plain": {"call": "f"},
        "own": {"call": "f", "retry": {"max_attempts": 1}, "timeout": {"task": "1h", "queue": "5s"}},
        "value": {"value": "1 + 1"},
        "late": {"call": "f", "deadline": "10m", "timeout": {"task": "1h"}},
    }));
    written["defaults"] = json!({"retry": {"max_attempts": 4}, "timeout": "30s"});
    let plan = plan(&written);
    let of = |name: &str| plan.named(name).unwrap().1.clone();
    assert_eq!(
        (of("plain").retry.max_attempts, of("plain").timeout_ms),
        (Some(4), Some(30_000))
    );
    assert_eq!(of("own").retry.max_attempts, Some(1));
    assert_eq!(
        (
            of("own").timeout_ms,
            of("own").task_timeout_ms,
            of("own").queue_timeout_ms
        ),
        (None, Some(3_600_000), Some(5000))
    );
    assert_eq!(
        (of("value").retry, of("value").timeout_ms),
        (Retry::default(), None)
    );
    assert_eq!(of("late").task_timeout_ms, Some(600_000));
}

#[test]
fn what_this_version_only_carries_is_carried() {
    let mut written = document(json!({"a": {
        "call": "f", "description": "why", "labels": {"zone": "a"}, "pool": "big", "priority": 9, "retry_safe": false, "pure": true,
        "resources": {"cpu": 2, "memory": "1GiB", "gpu": 0.5, "licence": 1},
    }}));
    written["tags"] = json!({"team": "shop"});
    written["deadline"] = json!("1h");
    let plan = plan(&written);
    let (_, a) = plan.named("a").unwrap();
    let resources = a.resources.clone().unwrap();
    assert_eq!(
        (resources.cpu, resources.memory_bytes, resources.gpu),
        (2.0, 1 << 30, 0.5)
    );
    assert_eq!(resources.named.get("licence"), Some(&1.0));
    assert_eq!(
        (
            a.pool.as_deref(),
            a.labels["zone"].as_str(),
            a.description.as_str()
        ),
        (Some("big"), "a", "why")
    );
    assert_eq!(
        (a.priority, a.retry_safe, a.pure),
        (Some(9), Some(false), None),
        "pure is the function's to claim"
    );
    assert_eq!(
        (plan.tags["team"].as_str(), plan.deadline_ms, plan.priority),
        ("shop", Some(3_600_000), 5)
    );
}

#[test]
fn the_longest_way_to_the_end_is_known_for_each_node() {
    let plan = plan(&document(json!({
        "a": {"call": "slow"},
        "b": {"call": "quick", "after": ["a"]},
        "c": {"call": "slow", "after": ["a"]},
        "d": {"call": "quick", "after": ["b", "c"]},
        "v": {"value": "1"},
    })));
    let rest = plan.graphs[0].rest_us(|node| match node.capability() {
        Some("slow") => 100,
        Some(_) => 1,
        None => 0,
    });
    let of = |name: &str| rest[plan.named(name).unwrap().0];
    assert_eq!([of("a"), of("b"), of("c"), of("d"), of("v")], [201, 2, 101, 1, 0]);
}

#[test]
fn a_value_is_an_expression_or_a_value_at_any_depth() {
    let plan = plan(&document(json!({
        "bare": {"value": "1 + 1"},
        "wrapped": {"value": "${1 + 1}"},
        "object": {"value": {"a": ["${inputs}", "plain"]}},
        "number": {"value": 3},
    })));
    for name in ["bare", "wrapped", "object", "number"] {
        assert!(
            matches!(plan.named(name).unwrap().1.kind, Kind::Value(_)),
            "{name}"
        );
    }
}

#[test]
fn retrying_follows_the_grammar() {
    let retry = Retry::default();
    assert!(!retry.allows("user", true, 1));
    assert!(retry.allows("lost", true, 2) && !retry.allows("lost", true, 3));
    let three = Retry {
        max_attempts: Some(3),
        ..Retry::default()
    };
    assert!(three.allows("user", true, 2) && !three.allows("user", true, 3));
    assert!(!three.allows("contract", true, 1) && !three.allows("user", false, 1));
    let only = Retry {
        on: Some(vec!["contract".to_owned()]),
        not_on: vec!["lost".to_owned()],
        ..three
    };
    assert!(
        only.allows("contract", true, 1) && !only.allows("user", true, 1) && !only.allows("lost", true, 1)
    );
    let delays: Vec<u64> = [1, 2, 3, 20, u32::MAX]
        .map(|tries| Retry::default().delay_ms(tries))
        .into();
    assert_eq!(delays, [200, 400, 800, 60_000, 60_000]);
}
