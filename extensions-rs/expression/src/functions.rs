//! The functions that expressions have: CEL's own, and those that the workflow language adds.

use base64::Engine;
use sha2::{Digest, Sha256};
use symphony_protocol::Value;

use crate::compare::{equal, order};
use crate::error::{Error, ErrorKind, type_error};
use crate::eval::MADE_BYTES_MAX;
use crate::node::Operator;

/// Name, fewest and most arguments (a method's target counts as the first).
const TABLE: &[(&str, usize, usize)] = &[
    ("size", 1, 1),
    ("int", 1, 1),
    ("uint", 1, 1),
    ("double", 1, 1),
    ("string", 1, 1),
    ("bool", 1, 1),
    ("bytes", 1, 1),
    ("type", 1, 1),
    ("dyn", 1, 1),
    ("contains", 2, 2),
    ("startsWith", 2, 2),
    ("endsWith", 2, 2),
    ("matches", 2, 2),
    ("lower", 1, 1),
    ("upper", 1, 1),
    ("trim", 1, 1),
    ("range", 1, 3),
    ("enumerate", 1, 1),
    ("zip", 2, 2),
    ("flatten", 1, 1),
    ("unique", 1, 1),
    ("sum", 1, 1),
    ("min", 1, 8),
    ("max", 1, 8),
    ("join", 1, 2),
    ("split", 2, 2),
    ("regex", 2, 2),
    ("json", 1, 1),
    ("base64", 1, 1),
    ("sha256", 1, 1),
    ("duration", 1, 1),
    ("keys", 1, 1),
    ("values", 1, 1),
];
const RANGE_COUNT_MAX: i64 = 1_000_000;

/// The table's own name for a function that exists with this many arguments.
pub fn known(name: &str, arguments: usize) -> Result<&'static str, Error> {
    match TABLE.iter().find(|(known, _, _)| *known == name) {
        Some((known, low, high)) if (*low..=*high).contains(&arguments) => Ok(known),
        Some((_, low, high)) => {
            let wanted = if low == high {
                format!("{low}")
            } else {
                format!("{low} to {high}")
            };
            Err(Error::new(
                ErrorKind::Syntax,
                format!("`{name}` takes {wanted} arguments, not {arguments}"),
            ))
        }
        None => Err(Error::new(
            ErrorKind::Unknown,
            format!("there is no function `{name}`"),
        )),
    }
}

/// Every function's name, for the pages and for hints.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE
        .iter()
        .map(|(name, _, _)| *name)
        .chain(["default", "sort_by"])
}

pub fn call(name: &'static str, values: Vec<Value>) -> Result<Value, Error> {
    match (name, values.as_slice()) {
        ("size", [value]) => size(value),
        ("int" | "uint", [value]) => to_int(value, name == "uint"),
        ("double", [value]) => to_double(value),
        ("string", [value]) => Ok(Value::Str(text(value))),
        ("bool", [value]) => to_bool(value),
        ("bytes", [Value::Str(text)]) => Ok(Value::Bin(text.clone().into_bytes())),
        ("bytes" | "dyn", [value]) => Ok(value.clone()),
        ("type", [value]) => Ok(value.type_name().into()),
        ("contains", [Value::Str(a), Value::Str(b)]) => Ok(a.contains(b.as_str()).into()),
        ("contains", [Value::Array(items), value]) => Ok(items.iter().any(|item| equal(item, value)).into()),
        ("startsWith", [Value::Str(a), Value::Str(b)]) => Ok(a.starts_with(b.as_str()).into()),
        ("endsWith", [Value::Str(a), Value::Str(b)]) => Ok(a.ends_with(b.as_str()).into()),
        ("matches" | "regex", [Value::Str(text), Value::Str(pattern)]) => regex(name, text, pattern),
        ("lower", [Value::Str(text)]) => Ok(text.to_lowercase().into()),
        ("upper", [Value::Str(text)]) => Ok(text.to_uppercase().into()),
        ("trim", [Value::Str(text)]) => Ok(text.trim().into()),
        ("range", values) => range(values),
        ("enumerate", [Value::Array(items)]) => Ok(enumerate(items)),
        ("zip", [Value::Array(a), Value::Array(b)]) => Ok(Value::Array(
            a.iter()
                .zip(b)
                .map(|(x, y)| Value::Array(vec![x.clone(), y.clone()]))
                .collect(),
        )),
        ("flatten", [Value::Array(items)]) => Ok(flatten(items)),
        ("unique", [Value::Array(items)]) => Ok(unique(items)),
        ("sum", [Value::Array(items)]) => items
            .iter()
            .cloned()
            .try_fold(Value::Int(0), |sum, item| arithmetic(Operator::Add, sum, item)),
        ("min" | "max", [Value::Array(items)]) => extreme(name == "max", items),
        ("min" | "max", values) if values.len() > 1 => extreme(name == "max", values),
        ("join", [Value::Array(items)]) => join(items, ""),
        ("join", [Value::Array(items), Value::Str(between)]) => join(items, between),
        ("split", [Value::Str(text), Value::Str(at)]) => Ok(split(text, at)),
        ("json", [value]) => json(value).map(Value::Str),
        ("base64", [Value::Str(text)]) => Ok(base64::engine::general_purpose::STANDARD.encode(text).into()),
        ("base64", [Value::Bin(data)]) => Ok(base64::engine::general_purpose::STANDARD.encode(data).into()),
        ("sha256", [Value::Str(text)]) => Ok(sha256(text.as_bytes())),
        ("sha256", [Value::Bin(data)]) => Ok(sha256(data)),
        ("duration", [Value::Str(text)]) => duration(text),
        ("keys", [Value::Map(entries)]) => {
            let mut keys: Vec<&String> = entries.iter().map(|(key, _)| key).collect();
            keys.sort();
            Ok(Value::Array(
                keys.into_iter().map(|key| key.as_str().into()).collect(),
            ))
        }
        ("values", [Value::Map(entries)]) => {
            let mut sorted: Vec<&(String, Value)> = entries.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(Value::Array(
                sorted.into_iter().map(|(_, value)| value.clone()).collect(),
            ))
        }
        (name, values) => {
            let types: Vec<_> = values.iter().map(Value::type_name).collect();
            Err(type_error(format!(
                "`{name}` does not take ({})",
                types.join(", ")
            )))
        }
    }
}

fn finite(value: f64) -> Result<Value, Error> {
    if value.is_finite() {
        Ok(Value::Float(value))
    } else {
        Err(Error::new(
            ErrorKind::Arithmetic,
            "the result is no finite number",
        ))
    }
}

fn overflow() -> Error {
    Error::new(ErrorKind::Arithmetic, "the result is too large for an integer")
}

/// `+ - * / %`. Integers stay integers and fail on overflow; with a float on either side both are floats.
pub fn arithmetic(operator: Operator, left: Value, right: Value) -> Result<Value, Error> {
    use Operator::{Add, Divide, Modulo, Multiply, Subtract};
    match (operator, left, right) {
        (Add, Value::Str(a), Value::Str(b)) => bounded(a.len() + b.len()).map(|()| Value::Str(a + &b)),
        (Add, Value::Bin(a), Value::Bin(b)) => {
            bounded(a.len() + b.len()).map(|()| Value::Bin([a, b].concat()))
        }
        (Add, Value::Array(a), Value::Array(b)) => Ok(Value::Array([a, b].concat())),
        (Divide | Modulo, _, Value::Int(0)) => Err(Error::new(ErrorKind::Arithmetic, "division by zero")),
        (operator, Value::Int(a), Value::Int(b)) => match operator {
            Add => a.checked_add(b),
            Subtract => a.checked_sub(b),
            Multiply => a.checked_mul(b),
            Divide => a.checked_div(b),
            _ => a.checked_rem(b),
        }
        .map(Value::Int)
        .ok_or_else(overflow),
        (operator, left, right) => match (left.as_f64(), right.as_f64(), operator) {
            (Some(a), Some(b), Add) => finite(a + b),
            (Some(a), Some(b), Subtract) => finite(a - b),
            (Some(a), Some(b), Multiply) => finite(a * b),
            (Some(a), Some(b), Divide) => finite(a / b),
            _ => Err(type_error(format!(
                "{} and {} do not go together in `{operator:?}`",
                left.type_name(),
                right.type_name()
            ))),
        },
    }
}

pub fn negate(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(overflow),
        Value::Float(value) => Ok(Value::Float(-value)),
        other => Err(type_error(format!("`-` of {}", other.type_name()))),
    }
}

fn bounded(count: usize) -> Result<(), Error> {
    if count > MADE_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("the result has more than {MADE_BYTES_MAX} bytes"),
        ));
    }
    Ok(())
}

fn int(count: usize) -> Value {
    Value::from(count as u64)
}

fn size(value: &Value) -> Result<Value, Error> {
    Ok(int(match value {
        Value::Str(text) => text.chars().count(),
        Value::Bin(data) => data.len(),
        Value::Array(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => return Err(type_error(format!("{} has no size", other.type_name()))),
    }))
}

fn to_int(value: &Value, unsigned: bool) -> Result<Value, Error> {
    let made = match value {
        Value::Int(value) => Value::Int(*value),
        Value::UInt(value) => Value::UInt(*value),
        Value::Bool(value) => Value::Int(i64::from(*value)),
        // Truncated towards zero, as CEL does; the bounds are the floats next to the integers' ends.
        Value::Float(value) if value.abs() < 9.223_372_036_854_775e18 => Value::Int(*value as i64),
        Value::Str(text) => match text.trim().parse::<i64>() {
            Ok(value) => Value::Int(value),
            Err(_) => return Err(type_error(format!("{text:?} is no integer"))),
        },
        other => return Err(type_error(format!("{} is no integer", other.type_name()))),
    };
    match made {
        Value::Int(value) if unsigned && value < 0 => Err(overflow()),
        made => Ok(made),
    }
}

fn to_double(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Str(text) => match text.trim().parse::<f64>() {
            Ok(value) => finite(value),
            Err(_) => Err(type_error(format!("{text:?} is no number"))),
        },
        other => other
            .as_f64()
            .map(Value::Float)
            .ok_or_else(|| type_error(format!("{} is no number", other.type_name()))),
    }
}

fn to_bool(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        Value::Str(text) if text == "true" => Ok(Value::Bool(true)),
        Value::Str(text) if text == "false" => Ok(Value::Bool(false)),
        other => Err(type_error(format!("{} is no boolean", other.type_name()))),
    }
}

/// A value inside a text: strings as they are, everything else as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        other => json(other).unwrap_or_default(),
    }
}

/// A value as JSON; byte strings as base64.
pub fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(&plain(value)).map_err(|error| type_error(error.to_string()))
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Bin(data) => base64::engine::general_purpose::STANDARD.encode(data).into(),
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), plain(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// `matches` tells whether the pattern is found, `regex` gives the groups of the first place, or null.
fn regex(name: &str, text: &str, pattern: &str) -> Result<Value, Error> {
    let compiled = regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| type_error(format!("{pattern:?} is no regular expression")))?;
    if name == "matches" {
        return Ok(compiled.is_match(text).into());
    }
    Ok(compiled.captures(text).map_or(Value::Nil, |found| {
        Value::Array(
            found
                .iter()
                .map(|group| group.map_or(Value::Nil, |g| g.as_str().into()))
                .collect(),
        )
    }))
}

fn range(values: &[Value]) -> Result<Value, Error> {
    let (start, end, step) = match values {
        [Value::Int(end)] => (0, *end, 1),
        [Value::Int(start), Value::Int(end)] => (*start, *end, 1),
        [Value::Int(start), Value::Int(end), Value::Int(step)] if *step > 0 => (*start, *end, *step),
        _ => {
            return Err(type_error(
                "range takes integers: an end, or a start and an end, or these and a step above 0",
            ));
        }
    };
    let count = (i128::from(end) - i128::from(start)).max(0) / i128::from(step);
    if count > i128::from(RANGE_COUNT_MAX) {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("a range has at most {RANGE_COUNT_MAX} numbers"),
        ));
    }
    Ok(Value::Array(
        (start..end)
            .step_by(usize::try_from(step).unwrap_or(1))
            .map(Value::Int)
            .collect(),
    ))
}

fn enumerate(items: &[Value]) -> Value {
    let pair = |(at, item): (usize, &Value)| Value::from([("index", int(at)), ("item", item.clone())]);
    Value::Array(items.iter().enumerate().map(pair).collect())
}

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

/// Each value once, at its first place. Sorting by encoding keeps it from being quadratic.
fn unique(items: &[Value]) -> Value {
    let mut seen = std::collections::BTreeSet::new();
    Value::Array(
        items
            .iter()
            .filter(|item| seen.insert(item.pack()))
            .cloned()
            .collect(),
    )
}

fn extreme(largest: bool, items: &[Value]) -> Result<Value, Error> {
    let mut items = items.iter();
    let Some(mut best) = items.next() else {
        return Ok(Value::Nil);
    };
    for item in items {
        let found = order(item, best).ok_or_else(|| {
            type_error(format!(
                "{} and {} have no order",
                item.type_name(),
                best.type_name()
            ))
        })?;
        if (largest && found.is_gt()) || (!largest && found.is_lt()) {
            best = item;
        }
    }
    Ok(best.clone())
}

fn join(items: &[Value], between: &str) -> Result<Value, Error> {
    let texts: Vec<String> = items.iter().map(text).collect();
    bounded(texts.iter().map(|t| t.len() + between.len()).sum())?;
    Ok(texts.join(between).into())
}

fn split(text: &str, at: &str) -> Value {
    if at.is_empty() {
        return Value::Array(text.chars().map(|c| c.to_string().into()).collect());
    }
    Value::Array(text.split(at).map(Value::from).collect())
}

fn sha256(data: &[u8]) -> Value {
    let digest = Sha256::digest(data);
    digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

/// `"5m"` in seconds.
fn duration(text: &str) -> Result<Value, Error> {
    let bad = || type_error(format!("{text:?} is no duration: write 200ms, 10s, 5m, 2h or 1d"));
    let at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(bad)?;
    let (number, unit) = text.split_at_checked(at).ok_or_else(bad)?;
    let number: f64 = number.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(bad()),
    };
    finite(number * seconds)
}

/// Items in the order of their keys; equal keys keep the items' order.
pub fn sorted(mut keyed: Vec<(Value, Value)>) -> Result<Value, Error> {
    let mut trouble = None;
    keyed.sort_by(|a, b| {
        order(&a.0, &b.0).unwrap_or_else(|| {
            trouble
                .get_or_insert_with(|| format!("{} and {} have no order", a.0.type_name(), b.0.type_name()));
            std::cmp::Ordering::Equal
        })
    });
    match trouble {
        Some(message) => Err(type_error(message)),
        None => Ok(Value::Array(keyed.into_iter().map(|(_, item)| item).collect())),
    }
}
