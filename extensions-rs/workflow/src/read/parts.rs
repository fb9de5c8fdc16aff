//! Parts of a task: how often, how long, after what, over what.

use serde_json::{Map, Value as Json};

use super::grammar::{MAP_WORDS, RETRY_WORDS, SEEN_NAMES};
use super::limits::read_share;
use crate::plan::{Action, EdgeKind, Fallback, ForEach, Function, OnFailure, Retry};
use crate::versions::VersionRange;
use crate::words::{Place, Problems};

/// Steps of one `fallback`.
const FALLBACKS_MAX: usize = 32;

/// The tasks of an `after`, with the place of each.
pub type After = Vec<(String, EdgeKind, Place)>;

/// Durations of `timeout`, in milliseconds.
#[derive(Clone, Copy, Default)]
pub struct Timeouts {
    pub attempt: Option<u64>,
    pub task: Option<u64>,
    pub queue: Option<u64>,
}

impl Timeouts {
    pub fn read(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Self {
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

pub fn read_retry(json: &Json, at: &Place, problems: &mut Problems) -> Retry {
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

/// `capability[@range]`.
pub fn read_call(json: &Json, at: &Place, problems: &mut Problems) -> Option<Function> {
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
        || range
            .as_deref()
            .is_some_and(|range| VersionRange::parse(range).is_none())
    {
        problems.add(
            at,
            format!("`{text}` names no function"),
            "write it as text.count, or text.count@^1.2",
        );
        return None;
    }
    Some(Function {
        capability: capability.to_owned(),
        range,
    })
}

pub fn read_for_each(map: &Map<String, Json>, at: &Place, problems: &mut Problems) -> Option<ForEach> {
    let Some(json) = map.get("for_each") else {
        for word in MAP_WORDS.iter().filter(|word| map.contains_key(**word)) {
            problems.add(
                &at.child(word),
                format!("`{word}` has no meaning without `for_each`"),
                "add for_each",
            );
        }
        return None;
    };
    let variable = map
        .get("as")
        .and_then(|json| problems.text(json, &at.child("as")))
        .unwrap_or("item");
    problems.name(variable, &at.child("as"));
    if SEEN_NAMES.contains(&variable) {
        problems.add(
            &at.child("as"),
            format!("`{variable}` has another meaning already"),
            "choose another name",
        );
    }
    let max_parallel = map
        .get("max_parallel")
        .and_then(|json| problems.count(json, &at.child("max_parallel"), 1, 1_000_000));
    let batch = map
        .get("batch")
        .and_then(|json| problems.count(json, &at.child("batch"), 1, 1_000_000))
        .and_then(|n| usize::try_from(n).ok());
    let min_success = map
        .get("min_success")
        .and_then(|json| read_share(json, &at.child("min_success"), problems));
    let ordered = map
        .get("ordered")
        .and_then(|json| problems.flag(json, &at.child("ordered")));
    let items = problems.computed(json, &at.child("for_each"))?;
    let max_parallel = max_parallel.and_then(|n| usize::try_from(n).ok());
    Some(ForEach {
        items,
        variable: variable.to_owned(),
        max_parallel,
        batch,
        min_success,
        ordered: ordered.unwrap_or(true),
    })
}

pub fn read_fallback(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Vec<Fallback> {
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
            (Some(call), None) => read_call(call, &at.child("call"), problems).map(Action::Call),
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

pub fn read_on_failure(json: Option<&Json>, at: &Place, problems: &mut Problems) -> OnFailure {
    match json.map(|json| json.as_str().unwrap_or_default()) {
        None | Some("fail") => OnFailure::Fail,
        Some("skip") => OnFailure::Skip,
        Some("continue") => OnFailure::Continue,
        Some("compensate") => OnFailure::Compensate,
        Some(other) => {
            let message = format!("`{other}` is not known here");
            problems.unknown(
                at,
                message,
                other,
                ["fail", "skip", "continue", "compensate"],
                None,
            );
            OnFailure::Fail
        }
    }
}

/// `pure` and `retry_safe` are stated by the function's manifest; a task may only take them back.
pub fn read_taken_back(
    map: &Map<String, Json>,
    word: &str,
    at: &Place,
    problems: &mut Problems,
) -> Option<bool> {
    let flag = map
        .get(word)
        .and_then(|json| problems.flag(json, &at.child(word)))?;
    (!flag).then_some(false)
}

pub fn read_after(json: Option<&Json>, at: &Place, problems: &mut Problems) -> After {
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
                    let message = format!("`{other}` is no kind of edge");
                    problems.unknown(
                        &at.child("kind"),
                        message,
                        other,
                        ["hard", "soft", "optional"],
                        None,
                    );
                    EdgeKind::Hard
                }
            };
            after.push((name.to_owned(), kind, at));
        }
    }
    after
}
