//! Large and hostile documents.

mod support;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use support::{compiled, document, plan, problems};
use symphony_workflow::{TASKS_MAX, cli_check, compile, pack, unpack};

fn many(count: usize, task: impl Fn(usize) -> Json) -> Json {
    document(Json::Object(
        (0..count)
            .map(|at| (format!("t{at}"), task(at)))
            .collect::<Map<_, _>>(),
    ))
}

/// Generous, for a machine that is busy; what is held is that nothing is quadratic.
fn within(limit: Duration, work: impl FnOnce()) {
    let begun = Instant::now();
    work();
    assert!(begun.elapsed() < limit, "{:?}", begun.elapsed());
}

#[test]
fn ten_thousand_tasks_compile_well_under_a_second() {
    let chain = many(10_000, |at| match at {
        0 => json!({"call": "f"}),
        _ => {
            let before = at - 1;
            json!({"call": "text.count", "with": {"x": format!("${{tasks.t{before}.x}}"), "n": at}, "when": format!("tasks.t{before}.n > {at} || true")})
        }
    });
    within(Duration::from_secs(1), || {
        assert_eq!(plan(&chain).graphs[0].order.len(), 10_000)
    });
    let mut gathered = many(10_000, |_| json!({"call": "f"}));
    let all: Vec<String> = (0..10_000).map(|at| format!("${{tasks.t{at}.x}}")).collect();
    let after: Vec<String> = (0..10_000).map(|at| format!("t{at}")).collect();
    gathered["tasks"]["all"] = json!({"call": "f", "with": {"x": all}, "after": after});
    within(Duration::from_secs(1), || {
        assert_eq!(plan(&gathered).named("all").unwrap().1.edges.len(), 10_000)
    });
}

#[test]
fn a_large_document_that_is_wrong_everywhere_is_told_soon() {
    let wrong = many(
        10_000,
        |at| json!({"call": "f", "with": {"x": format!("${{tasks.s{at}.x}}")}, "aftre": [], "after": ["nowhere"]}),
    );
    within(Duration::from_secs(5), || assert_eq!(problems(&wrong).len(), 100));
    let ring = many(
        10_000,
        |at| json!({"call": "f", "after": [format!("t{}", (at + 1) % 10_000)]}),
    );
    within(Duration::from_secs(1), || assert_eq!(problems(&ring).len(), 1));
}

#[test]
fn bounds_are_told_and_kept() {
    let found = problems(&many(TASKS_MAX + 1, |_| json!({"call": "f"})));
    assert_eq!(found[0].at, "/tasks");
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        problems(&document(json!({"a": {"call": "f", "with": {"x": deep}}}))).len(),
        1
    );
    let deepest = (0..60).fold(json!("${inputs}"), |inner, _| json!([inner]));
    assert!(compiled(&document(json!({"a": {"call": "f", "with": {"x": deepest}}}))).is_ok());
    let nested = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    assert_eq!(cli_check(&nested).problems.len(), 1);
    let mut wide = document(json!({"a": {"call": "f"}}));
    wide["inputs"] = Json::Object((0..300).map(|at| (format!("i{at}"), json!("any"))).collect());
    assert_eq!(problems(&wide)[0].at, "/inputs");
}

#[test]
fn a_packed_document_is_bounded_before_and_after() {
    assert_eq!(unpack(&pack(b"{}").unwrap()).unwrap(), b"{}");
    let bomb = zstd::encode_all(&vec![b' '; 64 << 20][..], 3).unwrap();
    assert!(bomb.len() < 768 * 1024);
    assert!(unpack(&bomb).is_err());
    assert!(unpack(b"not zstd").is_err());
    assert!(unpack(&vec![0; 800 * 1024]).is_err());
    assert!(pack(&vec![b' '; 33 << 20]).is_none());
    assert_eq!(compile(&bomb).unwrap_err().len(), 1);
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "workflow",
        "version",
        "inputs",
        "tasks",
        "outputs",
        "call",
        "value",
        "with",
        "for_each",
        "as",
        "after",
        "when",
        "retry",
        "timeout",
        "fallback",
        "on_failure",
        "defaults",
        "deadline",
        "task",
        "kind",
        "type",
        "default",
        "a",
        "b",
        "x",
        "max_attempts",
        "resources",
        "labels",
        "tags",
        "priority",
        "max_parallel",
        "switch",
        "",
        "~/",
    ])
    .prop_map(str::to_owned)
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|x| json!(x)),
        word().prop_map(Json::from),
        prop::sample::select(vec![
            "${tasks.a.x}",
            "tasks.b",
            "${inputs.x}",
            "1 +",
            "5s",
            "f.g",
            "1.0.0",
            "${",
            "range(3)",
            "${item}"
        ])
        .prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_document_is_compiled_or_refused(body in any_json(), task in any_json(), other in any_json()) {
        let mut written = document(json!({"a": task, "b": other}));
        let first = compiled(&written);
        prop_assert_eq!(&first, &compiled(&written), "the same every time");
        if let Ok(plan) = first {
            // Every node stands behind those that it hangs on.
            let place = |index: usize| plan.graphs[0].order.iter().position(|known| *known == index);
            for (index, node) in plan.nodes().iter().enumerate() {
                for edge in &node.edges {
                    prop_assert!(place(edge.from) < place(index));
                }
            }
        }
        if let (Some(map), Some(more)) = (written.as_object_mut(), body.as_object()) {
            map.extend(more.clone());
        }
        let _ = compiled(&written);
        let _ = compiled(&body);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = cli_check(&bytes);
        let _ = compile(&bytes);
    }
}
