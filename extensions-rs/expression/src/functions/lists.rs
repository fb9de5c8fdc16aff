//! Lists, and objects as lists.

use std::collections::{BTreeSet, HashMap};

use symphony_protocol::Value;

use super::{arithmetic, count};
use crate::compare::order;
use crate::error::{Error, ErrorKind, type_error};
use crate::node::Operator;

/// Numbers of one range: half of what an evaluation may cost.
const RANGE_COUNT_MAX: usize = 1_000_000;

pub fn call(name: &str, values: &[&Value]) -> Option<Value> {
    Some(match (name, values) {
        ("enumerate", [Value::Array(items)]) => enumerate(items),
        ("zip", [Value::Array(a), Value::Array(b)]) => {
            let pair = |(x, y): (&Value, &Value)| Value::Array(vec![x.clone(), y.clone()]);
            Value::Array(a.iter().zip(b).map(pair).collect())
        }
        ("flatten", [Value::Array(items)]) => flatten(items),
        ("unique", [Value::Array(items)]) => unique(items),
        ("keys", [Value::Map(entries)]) => {
            let sorted = by_key(entries).into_iter();
            Value::Array(sorted.map(|(key, _)| key.as_str().into()).collect())
        }
        ("values", [Value::Map(entries)]) => {
            let sorted = by_key(entries).into_iter();
            Value::Array(sorted.map(|(_, value)| value.clone()).collect())
        }
        _ => return None,
    })
}

fn by_key(entries: &[(String, Value)]) -> Vec<&(String, Value)> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    sorted
}

fn bounds(values: &[&Value]) -> Option<(i64, i64, i64)> {
    match values {
        [Value::Int(end)] => Some((0, *end, 1)),
        [Value::Int(start), Value::Int(end)] => Some((*start, *end, 1)),
        [Value::Int(start), Value::Int(end), Value::Int(step)] if *step > 0 => Some((*start, *end, *step)),
        _ => None,
    }
}

/// How many numbers a range would have.
pub fn range_count(values: &[&Value]) -> usize {
    let Some((start, end, step)) = bounds(values) else {
        return 0;
    };
    let width = (i128::from(end) - i128::from(start)).max(0);
    usize::try_from((width + i128::from(step) - 1) / i128::from(step)).unwrap_or(usize::MAX)
}

pub fn range(values: &[&Value]) -> Result<Value, Error> {
    let wanted = "range takes integers: an end, or a start and an end, or these and a step above 0";
    let (start, end, step) = bounds(values).ok_or_else(|| type_error(wanted))?;
    if range_count(values) > RANGE_COUNT_MAX {
        let message = format!("a range has at most {RANGE_COUNT_MAX} numbers");
        return Err(Error::new(ErrorKind::Limit, message));
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    Ok(Value::Array((start..end).step_by(step).map(Value::Int).collect()))
}

fn enumerate(items: &[Value]) -> Value {
    let pair = |(at, item): (usize, &Value)| Value::from([("index", count(at)), ("item", item.clone())]);
    Value::Array(items.iter().enumerate().map(pair).collect())
}

/// One level; null counts as an empty list, as the output of a skipped task is null.
fn flatten(items: &[Value]) -> Value {
    let mut flat = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::Array(inner) => flat.extend_from_slice(inner),
            Value::Nil => {}
            other => flat.push(other.clone()),
        }
    }
    Value::Array(flat)
}

/// Each value once, at its first place; what `==` holds equal is one.
fn unique(items: &[Value]) -> Value {
    let mut seen = BTreeSet::new();
    let first = items.iter().filter(|item| seen.insert(canonical(item).pack()));
    Value::Array(first.cloned().collect())
}

/// One form for all that are equal: whole floats as integers, objects by key.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Float(float) if float.fract() == 0.0 && float.abs() < 9e18 => Value::Int(*float as i64),
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Map(entries) => {
            let entry = |(key, value): &(String, Value)| (key.clone(), canonical(value));
            Value::Map(by_key(entries).into_iter().map(entry).collect())
        }
        other => other.clone(),
    }
}

/// One object of several: of equal keys the last one counts, in the place of the first. Null has no keys.
pub fn merge(values: &[&Value]) -> Result<Value, Error> {
    let mut made: Vec<(String, Value)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for value in values {
        let entries = match value {
            Value::Map(entries) => entries.as_slice(),
            Value::Nil => &[],
            other => {
                return Err(type_error(format!(
                    "`merge` takes objects, not {}",
                    other.type_name()
                )));
            }
        };
        for (key, value) in entries {
            let place = places.get(key.as_str()).copied();
            match place.and_then(|at| made.get_mut(at)) {
                Some(entry) => entry.1 = value.clone(),
                None => {
                    places.insert(key, made.len());
                    made.push((key.clone(), value.clone()));
                }
            }
        }
    }
    Ok(Value::Map(made))
}

pub fn sum(items: &[Value]) -> Result<Value, Error> {
    items
        .iter()
        .try_fold(Value::Int(0), |sum, item| match item.as_f64() {
            Some(_) => arithmetic(Operator::Add, sum, item.clone()),
            None => Err(type_error(format!("sum of {}", item.type_name()))),
        })
}

/// The smallest or the largest; the first of equal ones; null of an empty list.
pub fn extreme<'v>(largest: bool, mut items: impl Iterator<Item = &'v Value>) -> Result<Value, Error> {
    let Some(mut best) = items.next() else {
        return Ok(Value::Nil);
    };
    for item in items {
        let found = order(item, best).ok_or_else(|| unordered(item, best))?;
        if (largest && found.is_gt()) || (!largest && found.is_lt()) {
            best = item;
        }
    }
    Ok(best.clone())
}

fn unordered(a: &Value, b: &Value) -> Error {
    type_error(format!("{} and {} have no order", a.type_name(), b.type_name()))
}

/// Items in the order of their keys; equal keys keep the items' order.
pub fn sorted(mut keyed: Vec<(Value, Value)>) -> Result<Value, Error> {
    // All against the first: what has an order with it has one with all others, and a sort may panic where some have none.
    if let Some((first, rest)) = keyed.split_first() {
        order(&first.0, &first.0).ok_or_else(|| unordered(&first.0, &first.0))?;
        for (key, _) in rest {
            order(key, &first.0).ok_or_else(|| unordered(key, &first.0))?;
        }
    }
    keyed.sort_by(|a, b| order(&a.0, &b.0).unwrap_or(std::cmp::Ordering::Equal));
    Ok(Value::Array(keyed.into_iter().map(|(_, item)| item).collect()))
}
