//! One task.

use serde_json::{Map, Value as Json};
use symphony_expression::Template;
use symphony_protocol::Resources;

use super::grammar::TASK_WORDS;
use super::graphs::Graphs;
use super::header::{read_labels, read_priority};
use super::kinds::{Inside, read_kind};
use super::limits::{read_budget, read_cache, read_compensate, read_rate, read_semaphore};
use super::parts::{
    After, Timeouts, read_after, read_fallback, read_for_each, read_on_failure, read_retry, read_taken_back,
};
use super::read_description;
use crate::plan::{GraphIndex, Kind, Node, Retry};
use crate::values::size_bytes;
use crate::words::{Place, Problems};

/// What a `call` has that says nothing else.
#[derive(Default)]
pub struct Defaults {
    retry: Option<Retry>,
    timeouts: Timeouts,
}

impl Defaults {
    pub fn read(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Self {
        let Some(map) = json.and_then(|json| problems.mapping(json, at, &["retry", "timeout"])) else {
            return Self::default();
        };
        let retry = map
            .get("retry")
            .map(|json| read_retry(json, &at.child("retry"), problems));
        let timeouts = Timeouts::read(map.get("timeout"), &at.child("timeout"), problems);
        Self { retry, timeouts }
    }
}

/// A task that cannot be read is an empty one, and a problem.
pub fn read_task(
    name: &str,
    json: &Json,
    at: &Place,
    (graphs, defaults, holder): (&mut Graphs, &Defaults, (GraphIndex, usize)),
    problems: &mut Problems,
) -> (Node, After) {
    let empty = Map::new();
    let map = problems.mapping(json, at, TASK_WORDS);
    let mut inside = Inside {
        graphs,
        defaults,
        holder,
    };
    let kind = match map {
        Some(map) => read_kind(name, map, at, &mut inside, problems),
        None => Kind::nothing(),
    };
    let map = map.unwrap_or(&empty);
    let is_call = matches!(kind, Kind::Call(_));
    let retry = map
        .get("retry")
        .map(|json| read_retry(json, &at.child("retry"), problems));
    let mut timeouts = Timeouts::read(map.get("timeout"), &at.child("timeout"), problems);
    if is_call && !map.contains_key("timeout") {
        timeouts = defaults.timeouts;
    }
    let deadline = map
        .get("deadline")
        .and_then(|json| problems.duration(json, &at.child("deadline")));
    let on_failure = read_on_failure(map.get("on_failure"), &at.child("on_failure"), problems);
    let of = |word: &str| Some((map.get(word)?, at.child(word)));
    let node = Node {
        name: name.to_owned(),
        kind,
        description: read_description(map.get("description"), at, problems),
        with: read_with(map.get("with"), &at.child("with"), problems),
        edges: Vec::new(),
        dependents: Vec::new(),
        when: map
            .get("when")
            .and_then(|json| problems.condition(json, &at.child("when"))),
        for_each: read_for_each(map, at, problems),
        retry: retry
            .or_else(|| defaults.retry.clone().filter(|_| is_call))
            .unwrap_or_default(),
        timeout_ms: timeouts.attempt,
        task_timeout_ms: [timeouts.task, deadline].into_iter().flatten().min(),
        queue_timeout_ms: timeouts.queue,
        fallback: read_fallback(map.get("fallback"), &at.child("fallback"), problems),
        on_failure,
        compensate: of("compensate").and_then(|(json, at)| read_compensate(json, &at, problems)),
        lock: of("lock").and_then(|(json, at)| problems.text_template(json, &at)),
        semaphore: of("semaphore").and_then(|(json, at)| read_semaphore(json, &at, problems)),
        rate: of("rate").and_then(|(json, at)| read_rate(json, &at, problems)),
        budget: of("budget").and_then(|(json, at)| read_budget(json, &at, problems)),
        cache: of("cache").and_then(|(json, at)| read_cache(json, &at, problems)),
        checkpoint: of("checkpoint").and_then(|(json, at)| problems.label(json, &at)),
        priority: read_priority(map.get("priority"), at, problems),
        retry_safe: read_taken_back(map, "retry_safe", at, problems),
        pure: read_taken_back(map, "pure", at, problems),
        resources: map
            .get("resources")
            .and_then(|json| read_resources(json, &at.child("resources"), problems)),
        labels: read_labels(map.get("labels"), &at.child("labels"), problems),
        pool: map
            .get("pool")
            .and_then(|json| problems.text(json, &at.child("pool")))
            .map(str::to_owned),
    };
    let after = read_after(map.get("after"), &at.child("after"), problems);
    (node, after)
}

fn read_with(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Template {
    let none = || Template::Map(Vec::new());
    match json {
        None => none(),
        Some(json) if json.is_object() => problems.template(json, at).unwrap_or_else(none),
        Some(_) => {
            problems.add(at, "inputs are a mapping", "write `name: value` pairs");
            none()
        }
    }
}

fn read_resources(json: &Json, at: &Place, problems: &mut Problems) -> Option<Resources> {
    let Some(map) = json.as_object() else {
        problems.add(at, "resources are a mapping", "write {cpu: 2, memory: 1GiB}");
        return None;
    };
    let mut made = Resources::default();
    for (word, value) in map {
        let at = at.child(word);
        if word == "memory" {
            match size_bytes(value) {
                Some(bytes) => made.memory_bytes = bytes,
                None => problems.add(&at, format!("{value} is no size"), "write 64KiB or 2GiB"),
            }
            continue;
        }
        let Some(count) = value.as_f64().filter(|count| (0.0..=1e9).contains(count)) else {
            problems.add(
                &at,
                "a number from 0 up is expected here",
                "write how many are needed",
            );
            continue;
        };
        match word.as_str() {
            "cpu" => made.cpu = count,
            "gpu" => made.gpu = count,
            _ => {
                made.named.insert(word.clone(), count);
            }
        }
    }
    Some(made)
}
