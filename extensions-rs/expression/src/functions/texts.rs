//! Texts, and values as texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use symphony_protocol::Value;

use super::bounded;
use super::numbers::shown;
use crate::error::{Error, type_error};

pub fn call(name: &str, values: &[&Value]) -> Option<Value> {
    Some(match (name, values) {
        ("contains", [Value::Str(a), Value::Str(b)]) => a.contains(b.as_str()).into(),
        ("startsWith", [Value::Str(a), Value::Str(b)]) => a.starts_with(b.as_str()).into(),
        ("endsWith", [Value::Str(a), Value::Str(b)]) => a.ends_with(b.as_str()).into(),
        ("lower", [Value::Str(text)]) => text.to_lowercase().into(),
        ("upper", [Value::Str(text)]) => text.to_uppercase().into(),
        ("trim", [Value::Str(text)]) => text.trim().into(),
        ("split", [Value::Str(text), Value::Str(at)]) => split(text, at),
        ("json", [value]) => json(value).ok()?.into(),
        ("base64", [Value::Str(text)]) => STANDARD.encode(text).into(),
        ("base64", [Value::Bin(data)]) => STANDARD.encode(data).into(),
        ("sha256", [Value::Str(text)]) => sha256(text.as_bytes()),
        ("sha256", [Value::Bin(data)]) => sha256(data),
        _ => return None,
    })
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
    let made = if has_bytes(value) {
        serde_json::to_string(&plain(value))
    } else {
        serde_json::to_string(value)
    };
    made.map_err(|error| type_error(error.to_string()))
}

/// A text that holds JSON, as what it holds; what is no text already is a value.
pub fn parse_json(value: &Value) -> Result<Value, Error> {
    let Value::Str(text) = value else {
        return Ok(value.clone());
    };
    serde_json::from_str(text).map_err(|error| type_error(format!("{} is no JSON: {error}", shown(text))))
}

fn has_bytes(value: &Value) -> bool {
    match value {
        Value::Bin(_) => true,
        Value::Array(items) => items.iter().any(has_bytes),
        Value::Map(entries) => entries.iter().any(|(_, value)| has_bytes(value)),
        _ => false,
    }
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Bin(data) => STANDARD.encode(data).into(),
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::Map(entries) => {
            let entry = |(key, value): &(String, Value)| (key.clone(), plain(value));
            Value::Map(entries.iter().map(entry).collect())
        }
        other => other.clone(),
    }
}

pub fn join(items: &[Value], between: &str) -> Result<Value, Error> {
    let texts: Vec<String> = items.iter().map(text).collect();
    bounded(texts.iter().map(|text| text.len() + between.len()).sum())?;
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
    let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text.into()
}
