//! The functions that expressions have: CEL's own, and those that the workflow language adds.

mod lists;
mod numbers;
mod patterns;
mod texts;
mod times;

use std::cell::RefCell;

use symphony_protocol::{TypeName, Value, bounds};

pub use lists::sorted;
pub use numbers::{arithmetic, negate};
pub use patterns::Patterns;
pub use texts::{json, text};

use crate::compare::equal;
use crate::error::{Error, ErrorKind, type_error};
use crate::reach::weight;

/// Bytes of a text that a function makes: no message could carry more.
const MADE_BYTES_MAX: usize = bounds::MESSAGE_BYTES_MAX;

/// Name, fewest and most arguments (a method's target counts as the first), type of the result where it is known.
type Row = (&'static str, usize, usize, Option<TypeName>);
const ANY: Option<TypeName> = None;
const ARRAY: Option<TypeName> = Some(TypeName::Array);
const BOOLEAN: Option<TypeName> = Some(TypeName::Boolean);
const INTEGER: Option<TypeName> = Some(TypeName::Integer);
const NUMBER: Option<TypeName> = Some(TypeName::Number);
const OBJECT: Option<TypeName> = Some(TypeName::Object);
const STRING: Option<TypeName> = Some(TypeName::String);
const TABLE: &[Row] = &[
    ("size", 1, 1, INTEGER),
    ("int", 1, 1, INTEGER),
    ("uint", 1, 1, INTEGER),
    ("double", 1, 1, NUMBER),
    ("string", 1, 1, STRING),
    ("bool", 1, 1, BOOLEAN),
    ("bytes", 1, 1, ANY),
    ("type", 1, 1, STRING),
    ("dyn", 1, 1, ANY),
    ("contains", 2, 2, BOOLEAN),
    ("startsWith", 2, 2, BOOLEAN),
    ("endsWith", 2, 2, BOOLEAN),
    ("matches", 2, 2, BOOLEAN),
    ("lower", 1, 1, STRING),
    ("upper", 1, 1, STRING),
    ("trim", 1, 1, STRING),
    ("timestamp", 1, 1, NUMBER),
    ("range", 1, 3, ARRAY),
    ("enumerate", 1, 1, ARRAY),
    ("zip", 2, 2, ARRAY),
    ("flatten", 1, 1, ARRAY),
    ("unique", 1, 1, ARRAY),
    ("sum", 1, 1, ANY),
    ("min", 1, 8, ANY),
    ("max", 1, 8, ANY),
    ("join", 1, 2, STRING),
    ("split", 2, 2, ARRAY),
    ("regex", 2, 2, ANY),
    ("json", 1, 1, STRING),
    ("parse_json", 1, 1, ANY),
    ("merge", 1, 8, OBJECT),
    ("base64", 1, 1, STRING),
    ("sha256", 1, 1, STRING),
    ("duration", 1, 1, NUMBER),
    ("keys", 1, 1, ARRAY),
    ("values", 1, 1, ARRAY),
];
/// What is compiled to nodes of its own.
const MACROS: [&str; 8] = [
    "default",
    "sort_by",
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
];

/// The table's own name for a function that exists with this many arguments.
pub fn known(name: &str, arguments: usize) -> Result<&'static str, Error> {
    match TABLE.iter().find(|(known, ..)| *known == name) {
        Some((known, low, high, _)) if (*low..=*high).contains(&arguments) => Ok(known),
        Some((_, low, high, _)) => {
            let wanted = if low == high {
                format!("{low}")
            } else {
                format!("{low} to {high}")
            };
            let message = format!("`{name}` takes {wanted} arguments, not {arguments}");
            Err(Error::new(ErrorKind::Syntax, message))
        }
        None if MACROS.contains(&name) => {
            let message = format!("`{name}` is not used like this");
            Err(Error::new(ErrorKind::Syntax, message))
        }
        None => Err(Error::new(
            ErrorKind::Unknown,
            format!("there is no function `{name}`"),
        )),
    }
}

/// Every function's name, for the pages and for hints.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, ..)| *name).chain(MACROS)
}

/// The type of what a function gives.
pub fn gives(name: &str) -> Option<TypeName> {
    TABLE
        .iter()
        .find(|(known, ..)| *known == name)
        .and_then(|(.., kind)| *kind)
}

/// Steps that a call costs before its result is weighed.
pub fn price(name: &str, values: &[&Value]) -> usize {
    match (name, values) {
        ("size", [Value::Array(_) | Value::Map(_)]) => 1,
        // One value is made of each character at worst.
        ("split", [Value::Str(text), _]) => text.len(),
        ("range", values) => lists::range_count(values),
        _ => values.iter().map(|value| weight(value)).sum(),
    }
}

pub fn call(name: &'static str, values: &[&Value], patterns: &RefCell<Patterns>) -> Result<Value, Error> {
    match (name, values) {
        ("size", [value]) => size(value),
        ("int" | "uint", [value]) => numbers::to_int(value, name == "uint"),
        ("double", [value]) => numbers::to_double(value),
        ("string", [value]) => Ok(Value::Str(text(value))),
        ("bool", [value]) => to_bool(value),
        ("bytes", [Value::Str(text)]) => Ok(Value::Bin(text.clone().into_bytes())),
        ("bytes", [Value::Bin(data)]) => Ok(Value::Bin(data.clone())),
        ("dyn", [value]) => Ok((*value).clone()),
        ("type", [value]) => Ok(value.type_name().into()),
        ("contains", [Value::Array(items), value]) => Ok(items.iter().any(|item| equal(item, value)).into()),
        ("matches", [Value::Str(text), Value::Str(pattern)]) => patterns.borrow_mut().matches(text, pattern),
        ("regex", [Value::Str(text), Value::Str(pattern)]) => patterns.borrow_mut().groups(text, pattern),
        ("range", values) => lists::range(values),
        ("sum", [Value::Array(items)]) => lists::sum(items),
        ("min" | "max", [Value::Array(items)]) => lists::extreme(name == "max", items.iter()),
        ("min" | "max", values) if values.len() > 1 => lists::extreme(name == "max", values.iter().copied()),
        ("join", [Value::Array(items)]) => texts::join(items, ""),
        ("join", [Value::Array(items), Value::Str(between)]) => texts::join(items, between),
        ("parse_json", [value]) => texts::parse_json(value),
        ("merge", values) => lists::merge(values),
        ("duration", [Value::Str(text)]) => times::duration(text),
        ("timestamp", [Value::Str(text)]) => times::timestamp(text),
        (name, values) => texts::call(name, values)
            .or_else(|| lists::call(name, values))
            .map_or_else(|| Err(refused(name, values)), Ok),
    }
}

fn refused(name: &str, values: &[&Value]) -> Error {
    let types: Vec<_> = values.iter().map(|value| value.type_name()).collect();
    type_error(format!("`{name}` does not take ({})", types.join(", ")))
}

fn bounded(count: usize) -> Result<(), Error> {
    if count > MADE_BYTES_MAX {
        let message = format!("the result has more than {MADE_BYTES_MAX} bytes");
        return Err(Error::new(ErrorKind::Limit, message));
    }
    Ok(())
}

fn count(count: usize) -> Value {
    Value::from(u64::try_from(count).unwrap_or(u64::MAX))
}

fn size(value: &Value) -> Result<Value, Error> {
    Ok(count(match value {
        Value::Str(text) => text.chars().count(),
        Value::Bin(data) => data.len(),
        Value::Array(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => return Err(type_error(format!("{} has no size", other.type_name()))),
    }))
}

fn to_bool(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        Value::Str(text) if text == "true" => Ok(Value::Bool(true)),
        Value::Str(text) if text == "false" => Ok(Value::Bool(false)),
        other => Err(type_error(format!("{} is no boolean", other.type_name()))),
    }
}
