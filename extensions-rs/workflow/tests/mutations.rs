//! A document with every word, changed at random places: it is compiled or refused, the same every time, and never panics.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use symphony_workflow::{NoFunctions, check};

fn whole() -> Json {
    json!({
        "workflow": "w", "version": "1.0.0", "description": "d", "deadline": "1h", "priority": 5, "tags": {"a": "b"},
        "inputs": {"n": "integer", "list": {"type": "array", "default": []}},
        "defaults": {"retry": {"max_attempts": 3, "backoff": "1s", "on": ["user"]}, "timeout": {"attempt": "1s", "queue": "2s"}},
        "budget": {"money": 0.5, "calls": 10, "time": "20m"}, "on_failure": "compensate",
        "lock": {"key": "k-${inputs.n}", "scope": ["call", "pick"]},
        "tasks": {
            "call": {
                "call": "f@^1.2", "with": {"x": ["${item}", {"y": "a ${index}"}]}, "for_each": "inputs.list", "as": "item",
                "max_parallel": 3, "batch": 2, "min_success": "95%", "ordered": false, "when": "inputs.n > 1",
                "retry": {"max_attempts": 2, "jitter": false}, "timeout": "1s",
                "fallback": [{"call": "g", "with": {"x": 1}}, {"value": "inputs.n"}], "on_failure": "compensate",
                "compensate": {"call": "undo", "with": {"x": "${output}"}, "retry": {"max_attempts": 3}},
                "lock": "till-${item}", "semaphore": {"key": "db", "permits": 2, "of": 8},
                "rate": {"key": "api", "per_second": 2.5, "burst": 5}, "budget": {"calls": 3},
                "resources": {"cpu": 2, "memory": "1GiB"}, "labels": {"zone": "a"}, "pool": "p", "priority": 3,
                "deadline": "5m", "cache": {"key": "inputs.n", "ttl": "1d"}, "checkpoint": "c", "retry_safe": false,
            },
            "pick": {"switch": [
                {"when": "tasks.call[0] == 1", "then": {
                    "tasks": {
                        "inner": {"value": "tasks_meta.child.status"},
                        "loop": {"repeat": {
                            "until": "tasks.step > state.n", "max_iterations": 9, "state": {"n": "inputs.n"},
                            "tasks": {"tasks": {"step": {"value": "state.n + iteration"}}, "outputs": {"s": "${tasks.step}"}},
                            "next": {"n": "tasks.step"},
                        }},
                    },
                    "outputs": {"got": "${tasks.loop.state.n}"},
                }},
                {"else": {"tasks": {"inner": {"value": "1"}}}},
            ]},
            "child": {"workflow": "order@^1", "inline": true, "with": {"n": 1}},
            "go": {"wait_for": {"event": "e", "where": "event.x == inputs.n"}, "timeout": {"task": "1h"}},
            "ok": {"approve": {"by": ["lead"], "question": "Ship ${tasks.go.value}?"}, "after": ["go", {"task": "pick", "kind": "soft"}]},
        },
        "outputs": {"x": "${tasks.pick.got}"},
    })
}

fn count(json: &Json) -> usize {
    1 + match json {
        Json::Object(map) => map.values().map(count).sum(),
        Json::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

/// The value at a place, counted depth first.
fn at(json: &mut Json, mut place: usize) -> Option<&mut Json> {
    if place == 0 {
        return Some(json);
    }
    place -= 1;
    let inner: Vec<&mut Json> = match json {
        Json::Object(map) => map.values_mut().collect(),
        Json::Array(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    };
    for value in inner {
        let size = count(value);
        if place < size {
            return at(value, place);
        }
        place -= size;
    }
    None
}

/// What stands elsewhere in the document, something of another type, or nothing.
#[derive(Clone, Debug)]
enum Change {
    Copy(usize),
    Put(Json),
    Take,
}

fn change() -> impl Strategy<Value = (usize, Change)> {
    let odd = prop::sample::select(vec![
        json!(null),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("${"),
        json!("tasks.pick"),
        json!("${tasks.inner}"),
        json!("state.n"),
        json!([]),
        json!({}),
        json!([{"else": {}}]),
        json!({"tasks": {}}),
        json!(true),
    ]);
    let made = prop_oneof![
        (0..400_usize).prop_map(Change::Copy),
        odd.prop_map(Change::Put),
        Just(Change::Take),
    ];
    (0..400_usize, made)
}

#[test]
fn the_document_is_right_before_it_is_changed() {
    let json = serde_json::to_vec(&whole()).unwrap();
    let found = check(&json, &NoFunctions).err();
    assert_eq!(found, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_changed_document_is_compiled_or_refused(changes in prop::collection::vec(change(), 1..4)) {
        let mut written = whole();
        for (place, change) in changes {
            let total = count(&written);
            let source = match &change {
                Change::Copy(from) => at(&mut written, from % total).cloned(),
                Change::Put(json) => Some(json.clone()),
                Change::Take => None,
            };
            if let Some(target) = at(&mut written, place % total) {
                match source {
                    Some(json) => *target = json,
                    None => { let _ = target.as_object_mut().and_then(|map| map.keys().next().cloned().and_then(|key| map.remove(&key))); }
                }
            }
        }
        let json = serde_json::to_vec(&written).unwrap();
        let first = check(&json, &NoFunctions);
        let again = check(&json, &NoFunctions);
        prop_assert_eq!(&first, &again, "the same every time");
        if let Err(problems) = &first {
            prop_assert!(problems.iter().all(|problem| !problem.message.is_empty() && !problem.remedy.is_empty()), "{:?}", problems);
        }
        if let Ok(plan) = first {
            for graph in &plan.graphs {
                prop_assert_eq!(graph.order.len(), graph.nodes.len());
            }
        }
    }
}
