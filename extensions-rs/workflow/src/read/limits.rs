//! What holds a task back or sets it right again: locks, rates, budgets, the cache, compensation.

use serde_json::Value as Json;
use symphony_expression::Template;

use super::parts::{read_call, read_retry};
use crate::plan::{Budget, Cache, Compensate, Rate, Semaphore};
use crate::words::{Place, Problems};

/// Permits of one semaphore, and the burst of one rate.
const PERMITS_MAX: u64 = 1_000_000;

pub fn read_semaphore(json: &Json, at: &Place, problems: &mut Problems) -> Option<Semaphore> {
    let map = problems.mapping(json, at, &["key", "permits", "of"])?;
    let key = problems.needed(map, "key", at);
    let key = key.and_then(|json| problems.text_template(json, &at.child("key")));
    let of = problems.needed(map, "of", at);
    let of = of.and_then(|json| problems.count(json, &at.child("of"), 1, PERMITS_MAX));
    let permits = match map.get("permits") {
        Some(json) => problems.count(json, &at.child("permits"), 1, PERMITS_MAX)?,
        None => 1,
    };
    let of = of?;
    if permits > of {
        let message = format!("{permits} permits of {of} are never to be had");
        problems.add(&at.child("permits"), message, "ask for fewer, or raise `of`");
    }
    Some(Semaphore {
        key: key?,
        permits,
        of,
    })
}

pub fn read_rate(json: &Json, at: &Place, problems: &mut Problems) -> Option<Rate> {
    let map = problems.mapping(json, at, &["key", "per_second", "burst"])?;
    let key = problems.needed(map, "key", at);
    let key = key.and_then(|json| problems.text_template(json, &at.child("key")));
    let rate = problems.needed(map, "per_second", at);
    let rate = rate.and_then(|json| problems.positive(json, &at.child("per_second")));
    let burst = match map.get("burst") {
        Some(json) => problems.count(json, &at.child("burst"), 1, PERMITS_MAX)?,
        None => 1,
    };
    Some(Rate {
        key: key?,
        per_second: rate?,
        burst,
    })
}

pub fn read_budget(json: &Json, at: &Place, problems: &mut Problems) -> Option<Budget> {
    let map = problems.mapping(json, at, &["money", "calls", "time"])?;
    if map.is_empty() {
        problems.add(at, "a budget of nothing", "say `money`, `calls` or `time`");
    }
    let money = map.get("money").and_then(|json| {
        let money = json.as_f64().filter(|money| *money >= 0.0 && money.is_finite());
        if money.is_none() {
            problems.add(
                &at.child("money"),
                "a number from 0 up is expected here",
                "change the number",
            );
        }
        money
    });
    let calls = map
        .get("calls")
        .and_then(|json| problems.count(json, &at.child("calls"), 0, u64::from(u32::MAX)));
    let time_ms = map
        .get("time")
        .and_then(|json| problems.duration(json, &at.child("time")));
    Some(Budget {
        money,
        calls,
        time_ms,
    })
}

pub fn read_cache(json: &Json, at: &Place, problems: &mut Problems) -> Option<Cache> {
    let map = problems.mapping(json, at, &["key", "ttl"])?;
    let key = map
        .get("key")
        .map(|json| problems.computed(json, &at.child("key")));
    let ttl = problems.needed(map, "ttl", at);
    let ttl_ms = ttl.and_then(|json| problems.duration(json, &at.child("ttl")));
    Some(Cache {
        key: match key {
            Some(key) => Some(key?),
            None => None,
        },
        ttl_ms: ttl_ms?,
    })
}

pub fn read_compensate(json: &Json, at: &Place, problems: &mut Problems) -> Option<Compensate> {
    let map = problems.mapping(json, at, &["call", "with", "retry"])?;
    let call = problems.needed(map, "call", at);
    let function = call.and_then(|json| read_call(json, &at.child("call"), problems));
    let with = map
        .get("with")
        .map(|json| problems.template(json, &at.child("with")));
    let retry = map
        .get("retry")
        .map(|json| read_retry(json, &at.child("retry"), problems));
    Some(Compensate {
        function: function?,
        with: with.unwrap_or_else(|| Some(Template::Map(Vec::new())))?,
        retry: retry.unwrap_or_default(),
    })
}

/// `95%`, as a share from 0 to 1.
pub fn read_share(json: &Json, at: &Place, problems: &mut Problems) -> Option<f64> {
    let text = json.as_str().and_then(|text| text.strip_suffix('%'));
    let digits = |text: &&str| text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['e', 'E']);
    let share = text.filter(digits).and_then(|text| text.parse::<f64>().ok());
    let share = share.filter(|share| (0.0..=100.0).contains(share));
    if share.is_none() {
        problems.add(at, format!("{json} is no percentage"), "write 95%");
    }
    share.map(|share| share / 100.0)
}
