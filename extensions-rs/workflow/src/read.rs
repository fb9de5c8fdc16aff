//! From canonical JSON to a plan: the grammar, word by word.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;
use symphony_expression::Template;
use symphony_protocol::{Parameter, TypeName};

use crate::plan::{Action, Edge, EdgeKind, Fallback, ForEach, Kind, Node, OnFailure, Plan, Retry};
use crate::words::{Place, Problems, suggest, to_value};

const DOCUMENT_WORDS: &[&str] = &[
    "workflow",
    "version",
    "description",
    "inputs",
    "defaults",
    "deadline",
    "budget",
    "priority",
    "tags",
    "lock",
    "tasks",
    "outputs",
    "on_failure",
];
const TASK_WORDS: &[&str] = &[
    "call",
    "value",
    "workflow",
    "inline",
    "switch",
    "repeat",
    "wait_for",
    "approve",
    "description",
    "with",
    "after",
    "when",
    "for_each",
    "as",
    "max_parallel",
    "batch",
    "min_success",
    "ordered",
    "retry",
    "timeout",
    "fallback",
    "on_failure",
    "compensate",
    "lock",
    "semaphore",
    "rate",
    "resources",
    "labels",
    "pool",
    "priority",
    "deadline",
    "budget",
    "cache",
    "checkpoint",
    "pure",
    "retry_safe",
];
/// Words of the language that this version does not follow. They are refused by name: a word that is read and not
/// obeyed would be a promise broken in silence.
const LATER: &[&str] = &[
    "workflow",
    "inline",
    "switch",
    "repeat",
    "wait_for",
    "approve",
    "batch",
    "min_success",
    "compensate",
    "lock",
    "semaphore",
    "rate",
    "resources",
    "labels",
    "pool",
    "budget",
    "cache",
    "checkpoint",
];
const RETRY_WORDS: &[&str] = &[
    "max_attempts",
    "backoff",
    "factor",
    "max_backoff",
    "jitter",
    "max_elapsed",
    "on",
    "not_on",
];
/// Tasks of one document.
pub const TASKS_MAX: usize = 100_000;
const FALLBACKS_MAX: usize = 32;

/// What a document says, before its references are resolved.
pub struct Draft {
    pub plan: Plan,
    /// For each task the tasks of its `after`, with the place of each.
    pub after: Vec<Vec<(String, EdgeKind, Place)>>,
}

/// Read a document. Problems are added; the draft is as complete as it could be made.
pub fn read(json: &Json, digest: String, problems: &mut Problems) -> Option<Draft> {
    let root = Place::default();
    let map = problems.mapping(json, &root, DOCUMENT_WORDS)?;
    for word in ["budget", "lock"]
        .into_iter()
        .filter(|word| map.contains_key(*word))
    {
        later(word, &root, problems);
    }
    let name = map
        .get("workflow")
        .and_then(|json| problems.text(json, &root.child("workflow")))
        .unwrap_or_default();
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 63 || !name.bytes().all(fits) {
        problems.add(
            &root.child("workflow"),
            format!("`{name}` is no workflow name"),
            "use 1 to 63 of a-z, 0-9 and -",
        );
    }
    let version = map
        .get("version")
        .map_or(Some("0.1.0"), |v| problems.text(v, &root.child("version")))?;
    if !is_version(version) {
        problems.add(
            &root.child("version"),
            format!("`{version}` is no semantic version"),
            "write it as 1.2.0",
        );
    }
    let defaults = Defaults::read(map.get("defaults"), &root.child("defaults"), problems);
    let on_failure = map.get("on_failure").and_then(Json::as_str).unwrap_or("fail");
    match on_failure {
        "fail" => {}
        "compensate" => later("on_failure: compensate", &root, problems),
        other => problems.add(
            &root.child("on_failure"),
            format!("`{other}` is not known here"),
            "write fail",
        ),
    }
    let mut plan = Plan {
        name: name.to_owned(),
        version: version.to_owned(),
        digest,
        inputs: read_inputs(map.get("inputs"), &root.child("inputs"), problems),
        nodes: Vec::new(),
        by_name: HashMap::new(),
        order: Vec::new(),
        outputs: None,
        deadline_ms: map
            .get("deadline")
            .and_then(|json| problems.duration(json, &root.child("deadline"))),
        priority: read_priority(map.get("priority"), &root, problems).unwrap_or(5),
        tags: read_tags(map.get("tags"), &root.child("tags"), problems),
    };
    let mut after = Vec::new();
    let place = root.child("tasks");
    match map.get("tasks").and_then(Json::as_object) {
        Some(tasks) if !tasks.is_empty() && tasks.len() <= TASKS_MAX => {
            for (name, task) in tasks {
                let at = place.child(name);
                problems.name(name, &at);
                if let Some((node, edges)) = read_task(name, task, &at, &defaults, problems) {
                    plan.by_name.insert(name.clone(), plan.nodes.len());
                    plan.nodes.push(node);
                    after.push(edges);
                }
            }
        }
        Some(tasks) if tasks.len() > TASKS_MAX => {
            problems.add(
                &place,
                format!("{} tasks, at most {TASKS_MAX}", tasks.len()),
                "use for_each",
            );
        }
        _ => problems.add(
            &place,
            "the workflow has no tasks",
            "add `tasks:` with at least one",
        ),
    }
    if let Some(json) = map.get("outputs") {
        let at = root.child("outputs");
        if json.is_object() {
            plan.outputs = problems.template(json, &at);
        } else {
            problems.add(&at, "outputs are a mapping", "write `name: \"${...}\"` pairs");
        }
    }
    Some(Draft { plan, after })
}

fn later(word: &str, at: &Place, problems: &mut Problems) {
    let remedy = "leave it out; this version refuses what it would not obey";
    problems.add(
        &at.child(word),
        format!("`{word}` is not supported in this version"),
        remedy,
    );
}

/// `1.2.3`, with an optional pre-release or build part.
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    let number = |p: &&str| !p.is_empty() && p.len() <= 9 && p.bytes().all(|b| b.is_ascii_digit());
    let rest = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    parts.len() == 3 && parts.iter().all(number) && text.len() <= 64 && text.bytes().all(rest)
}

fn read_priority(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Option<u8> {
    let count = json.and_then(|json| problems.count(json, &at.child("priority"), 0, 9))?;
    u8::try_from(count).ok()
}

fn read_tags(json: Option<&Json>, at: &Place, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let Some(json) = json else { return tags };
    match json.as_object() {
        Some(map) if map.len() <= 64 => {
            for (key, value) in map {
                if let Some(text) = problems.text(value, &at.child(key)) {
                    tags.insert(key.clone(), text.to_owned());
                }
            }
        }
        _ => problems.add(
            at,
            "tags are a mapping of at most 64 texts",
            "write `name: text` pairs",
        ),
    }
    tags
}

fn read_inputs(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Vec<(String, Parameter)> {
    let Some(json) = json.filter(|json| !json.is_null()) else {
        return Vec::new();
    };
    let Some(map) = json.as_object() else {
        problems.add(at, "inputs are a mapping", "write `name: type` pairs");
        return Vec::new();
    };
    let mut inputs = Vec::with_capacity(map.len());
    for (name, entry) in map {
        let at = at.child(name);
        problems.name(name, &at);
        let mut parameter = Parameter {
            required: true,
            ..Default::default()
        };
        if let Some(text) = entry.as_str() {
            parameter.r#type = read_type(text, &at, problems);
        } else if let Some(words) =
            problems.mapping(entry, &at, &["type", "required", "default", "description"])
        {
            if let Some(text) = words
                .get("type")
                .and_then(|json| problems.text(json, &at.child("type")))
            {
                parameter.r#type = read_type(text, &at.child("type"), problems);
            }
            if let Some(default) = words.get("default") {
                parameter.required = false;
                parameter.default = to_value(default);
            }
            if let Some(flag) = words
                .get("required")
                .and_then(|json| problems.flag(json, &at.child("required")))
            {
                parameter.required = flag && !words.contains_key("default");
            }
            if let Some(text) = words.get("description").and_then(|json| problems.text(json, &at)) {
                parameter.description = text.chars().take(1000).collect();
            }
            let default = &parameter.default;
            if words.contains_key("default") && !crate::types::fits(default, parameter.r#type) {
                let wanted = parameter.r#type.as_str();
                let message = format!("the default is of type {}, not {wanted}", default.type_name());
                problems.add(&at.child("default"), message, "change the default or the type");
            }
        }
        inputs.push((name.clone(), parameter));
    }
    inputs
}

fn read_type(text: &str, at: &Place, problems: &mut Problems) -> TypeName {
    let known = serde_json::from_value::<TypeName>(Json::from(text));
    known.unwrap_or_else(|_| {
        let names = [
            "string",
            "integer",
            "number",
            "boolean",
            "object",
            "array",
            "file",
            "directory",
            "artifact",
            "any",
        ];
        problems.add(at, format!("`{text}` is no type"), suggest(text, &names));
        TypeName::Any
    })
}

#[derive(Default)]
struct Defaults {
    retry: Option<Retry>,
    timeouts: Timeouts,
}

impl Defaults {
    fn read(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Self {
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

#[derive(Clone, Copy, Default)]
struct Timeouts {
    attempt: Option<u64>,
    task: Option<u64>,
    queue: Option<u64>,
}

impl Timeouts {
    fn read(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Self {
        match json {
            None => Self::default(),
            Some(Json::Object(_)) => {
                let map = json.and_then(|json| problems.mapping(json, at, &["attempt", "task", "queue"]));
                let mut of = |word| {
                    map?.get(word)
                        .and_then(|json| problems.duration(json, &at.child(word)))
                };
                Self {
                    attempt: of("attempt"),
                    task: of("task"),
                    queue: of("queue"),
                }
            }
            Some(json) => Self {
                attempt: problems.duration(json, at),
                ..Self::default()
            },
        }
    }
}

fn read_retry(json: &Json, at: &Place, problems: &mut Problems) -> Retry {
    let mut retry = Retry::default();
    let Some(map) = problems.mapping(json, at, RETRY_WORDS) else {
        return retry;
    };
    for (word, value) in map {
        let at = at.child(word);
        match word.as_str() {
            "max_attempts" => {
                retry.max_attempts = problems
                    .count(value, &at, 1, 1000)
                    .and_then(|n| u32::try_from(n).ok());
            }
            "backoff" => retry.backoff_ms = problems.duration(value, &at).unwrap_or(retry.backoff_ms),
            "max_backoff" => {
                retry.max_backoff_ms = problems.duration(value, &at).unwrap_or(retry.max_backoff_ms)
            }
            "max_elapsed" => retry.max_elapsed_ms = problems.duration(value, &at),
            "factor" => match value.as_f64().filter(|factor| (1.0..=1000.0).contains(factor)) {
                Some(factor) => retry.factor = factor,
                None => problems.add(
                    &at,
                    "a number from 1 to 1000 is expected here",
                    "change the number",
                ),
            },
            "jitter" => retry.jitter = problems.flag(value, &at).unwrap_or(true),
            "on" => retry.on = Some(problems.texts(value, &at)),
            "not_on" => retry.not_on = problems.texts(value, &at),
            _ => {}
        }
    }
    retry
}

type After = Vec<(String, EdgeKind, Place)>;

fn read_task(
    name: &str,
    json: &Json,
    at: &Place,
    defaults: &Defaults,
    problems: &mut Problems,
) -> Option<(Node, After)> {
    let map = problems.mapping(json, at, TASK_WORDS)?;
    for word in LATER.iter().filter(|word| map.contains_key(**word)) {
        later(word, at, problems);
    }
    let kind = match (map.get("call"), map.get("value")) {
        (Some(_), Some(_)) => {
            problems.add(
                at,
                format!("the task `{name}` has both `call` and `value`"),
                "keep one of them",
            );
            return None;
        }
        (Some(call), None) => {
            let (capability, range) = read_call(call, &at.child("call"), problems)?;
            Kind::Call { capability, range }
        }
        (None, Some(value)) => Kind::Value(problems.computed(value, &at.child("value"))?),
        (None, None) => {
            if !LATER.iter().any(|word| map.contains_key(*word)) {
                problems.add(
                    at,
                    format!("the task `{name}` does nothing"),
                    "give it `call: FUNCTION` or `value: EXPR`",
                );
            }
            return None;
        }
    };
    let is_call = matches!(kind, Kind::Call { .. });
    let with = match map.get("with") {
        Some(json) if json.is_object() => problems.template(json, &at.child("with"))?,
        Some(_) => {
            problems.add(
                &at.child("with"),
                "inputs are a mapping",
                "write `name: value` pairs",
            );
            return None;
        }
        None => Template::Map(Vec::new()),
    };
    let retry = map
        .get("retry")
        .map(|json| read_retry(json, &at.child("retry"), problems));
    let own = Timeouts::read(map.get("timeout"), &at.child("timeout"), problems);
    let fallen = if map.contains_key("timeout") || !is_call {
        own
    } else {
        defaults.timeouts
    };
    let deadline = map
        .get("deadline")
        .and_then(|json| problems.duration(json, &at.child("deadline")));
    let node = Node {
        name: name.to_owned(),
        kind,
        with,
        edges: Vec::new(),
        dependents: Vec::new(),
        when: map
            .get("when")
            .and_then(|json| problems.condition(json, &at.child("when"))),
        for_each: read_for_each(map, at, problems),
        retry: retry
            .or_else(|| defaults.retry.clone().filter(|_| is_call))
            .unwrap_or_default(),
        timeout_ms: fallen.attempt,
        task_timeout_ms: [fallen.task, deadline].into_iter().flatten().min(),
        queue_timeout_ms: fallen.queue,
        fallback: read_fallback(map.get("fallback"), &at.child("fallback"), problems),
        on_failure: read_on_failure(map.get("on_failure"), &at.child("on_failure"), problems),
        priority: read_priority(map.get("priority"), at, problems),
        retry_safe: read_taken_back(map, "retry_safe", at, problems),
        pure: read_taken_back(map, "pure", at, problems),
    };
    let after = read_after(map.get("after"), &at.child("after"), problems);
    Some((node, after))
}

/// `capability[@range]`.
fn read_call(json: &Json, at: &Place, problems: &mut Problems) -> Option<(String, Option<String>)> {
    let text = problems.text(json, at)?;
    let (capability, range) = match text.split_once('@') {
        Some((capability, range)) => (capability, Some(range.to_owned())),
        None => (text, None),
    };
    let word = |w: &str| {
        !w.is_empty()
            && w.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    if capability.len() > 128
        || !capability.split('.').all(word)
        || range.as_deref().is_some_and(str::is_empty)
    {
        problems.add(
            at,
            format!("`{text}` names no function"),
            "write it as text.count, or text.count@^1.2",
        );
        return None;
    }
    if range.is_some() {
        let message = "a function's version range is not supported in this version";
        problems.add(at, message, "leave out what stands behind @");
        return None;
    }
    Some((capability.to_owned(), range))
}

fn read_for_each(
    map: &serde_json::Map<String, Json>,
    at: &Place,
    problems: &mut Problems,
) -> Option<ForEach> {
    let Some(json) = map.get("for_each") else {
        for word in ["as", "max_parallel", "ordered"]
            .into_iter()
            .filter(|word| map.contains_key(*word))
        {
            problems.add(
                &at.child(word),
                format!("`{word}` has no meaning without `for_each`"),
                "add for_each",
            );
        }
        return None;
    };
    if map
        .get("ordered")
        .is_some_and(|flag| flag.as_bool() != Some(true))
    {
        problems.add(
            &at.child("ordered"),
            "results always come in order in this version",
            "leave `ordered` out",
        );
    }
    let variable = map
        .get("as")
        .and_then(|json| problems.text(json, &at.child("as")))
        .unwrap_or("item");
    problems.name(variable, &at.child("as"));
    if ["inputs", "tasks", "tasks_meta", "run", "index"].contains(&variable) {
        problems.add(
            &at.child("as"),
            format!("`{variable}` has another meaning already"),
            "choose another name",
        );
    }
    let max_parallel = map
        .get("max_parallel")
        .and_then(|json| problems.count(json, &at.child("max_parallel"), 1, 1_000_000));
    let items = problems.computed(json, &at.child("for_each"))?;
    let max_parallel = max_parallel.and_then(|n| usize::try_from(n).ok());
    Some(ForEach {
        items,
        variable: variable.to_owned(),
        max_parallel,
    })
}

fn read_fallback(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Vec<Fallback> {
    let items = json.and_then(|json| problems.list(json, at)).unwrap_or_default();
    if items.len() > FALLBACKS_MAX {
        problems.add(
            at,
            format!("{} fallbacks, at most {FALLBACKS_MAX}", items.len()),
            "keep the first ones",
        );
    }
    let mut made = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate().take(FALLBACKS_MAX) {
        let at = at.child(&index.to_string());
        let Some(map) = problems.mapping(item, &at, &["call", "value", "with"]) else {
            continue;
        };
        let with = map
            .get("with")
            .and_then(|json| problems.template(json, &at.child("with")));
        let action = match (map.get("call"), map.get("value")) {
            (Some(call), None) => read_call(call, &at.child("call"), problems)
                .map(|(capability, range)| Action::Call { capability, range }),
            (None, Some(value)) => problems.computed(value, &at.child("value")).map(Action::Value),
            _ => {
                problems.add(
                    &at,
                    "a fallback is either `call` or `value`",
                    "give it one of them",
                );
                None
            }
        };
        made.extend(action.map(|action| Fallback { action, with }));
    }
    made
}

fn read_on_failure(json: Option<&Json>, at: &Place, problems: &mut Problems) -> OnFailure {
    match json.map(|json| json.as_str().unwrap_or_default()) {
        None | Some("fail") => OnFailure::Fail,
        Some("skip") => OnFailure::Skip,
        Some("continue") => OnFailure::Continue,
        Some("compensate") => {
            later("compensate", at, problems);
            OnFailure::Fail
        }
        Some(other) => {
            problems.add(
                at,
                format!("`{other}` is not known here"),
                suggest(other, &["fail", "skip", "continue"]),
            );
            OnFailure::Fail
        }
    }
}

/// `pure` and `retry_safe` are stated by the function's manifest; a task may only take them back.
fn read_taken_back(
    map: &serde_json::Map<String, Json>,
    word: &str,
    at: &Place,
    problems: &mut Problems,
) -> Option<bool> {
    let flag = map
        .get(word)
        .and_then(|json| problems.flag(json, &at.child(word)))?;
    (!flag).then_some(false)
}

fn read_after(json: Option<&Json>, at: &Place, problems: &mut Problems) -> After {
    let Some(json) = json else { return Vec::new() };
    let single = [json.clone()];
    let items = if json.is_string() {
        single.as_slice()
    } else {
        problems.list(json, at).unwrap_or_default()
    };
    let mut after = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let at = at.child(&index.to_string());
        if let Some(name) = item.as_str() {
            after.push((name.to_owned(), EdgeKind::Hard, at));
        } else if let Some(map) = problems.mapping(item, &at, &["task", "kind"]) {
            let Some(name) = map
                .get("task")
                .and_then(|json| problems.text(json, &at.child("task")))
            else {
                continue;
            };
            let kind = match map
                .get("kind")
                .map_or("hard", |kind| kind.as_str().unwrap_or_default())
            {
                "hard" => EdgeKind::Hard,
                "soft" => EdgeKind::Soft,
                "optional" => EdgeKind::Optional,
                other => {
                    let remedy = suggest(other, &["hard", "soft", "optional"]);
                    problems.add(&at.child("kind"), format!("`{other}` is no kind of edge"), remedy);
                    EdgeKind::Hard
                }
            };
            after.push((name.to_owned(), kind, at));
        }
    }
    after
}

/// An edge to be added: the stated kind wins over what a reference implies.
pub fn merge_edge(edges: &mut Vec<Edge>, from: usize, kind: EdgeKind) {
    if !edges.iter().any(|edge| edge.from == from) {
        edges.push(Edge { from, kind });
    }
}
