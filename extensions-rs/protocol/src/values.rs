//! Users' values: what payloads hold, and the references that stand for large ones.
//!
//! Maps keep the order they came in. NaN and infinities are refused, since no later step could compare or hash them.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bounds::VALUE_DEPTH_MAX;
use crate::codec::WireError;
use crate::raw::{Head, Reader, invalid, write_array, write_map, write_text};

/// The key that makes a map a reference to an artifact; its value is the reference's version, 1.
pub const REFERENCE_MARK: &str = "$artifact";

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Nil,
    Bool(bool),
    Int(i64),
    /// Only above `i64::MAX`.
    UInt(u64),
    Float(f64),
    Str(String),
    Bin(Vec<u8>),
    Array(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The value of a payload; the whole of it.
    pub fn unpack(data: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(data);
        let value = Self::read(&mut reader, 0)?;
        if reader.rest().is_empty() {
            Ok(value)
        } else {
            Err(invalid("bytes after the value"))
        }
    }

    pub fn read(reader: &mut Reader<'_>, depth: usize) -> Result<Self, WireError> {
        if depth > VALUE_DEPTH_MAX {
            return Err(invalid("nested too deeply"));
        }
        Ok(match reader.head()? {
            Head::Nil => Self::Nil,
            Head::Bool(value) => Self::Bool(value),
            Head::Int(value) => Self::Int(value),
            Head::UInt(value) => Self::UInt(value),
            Head::Float(value) if value.is_finite() => Self::Float(value),
            Head::Float(_) => return Err(invalid("not a finite number")),
            Head::Str(count) => {
                let text = std::str::from_utf8(reader.take(count)?).map_err(|_| invalid("not UTF-8"))?;
                Self::Str(text.to_owned())
            }
            Head::Bin(count) => Self::Bin(reader.take(count)?.to_vec()),
            Head::Array(count) => {
                let mut items = Vec::with_capacity(count.min(reader.rest().len()));
                for _ in 0..count {
                    items.push(Self::read(reader, depth + 1)?);
                }
                Self::Array(items)
            }
            Head::Map(count) => {
                let mut entries = Vec::with_capacity(count.min(reader.rest().len()));
                for _ in 0..count {
                    let key = reader.text()?.to_owned();
                    entries.push((key, Self::read(reader, depth + 1)?));
                }
                Self::Map(entries)
            }
        })
    }

    /// The value as a payload, in the shortest encoding.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        self.write(&mut out);
        out
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nil => out.push(0xc0),
            Self::Bool(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
            Self::Int(value) => {
                // Writing to a vector cannot fail.
                let _ = rmp::encode::write_sint(out, *value);
            }
            Self::UInt(value) => {
                let _ = rmp::encode::write_uint(out, *value);
            }
            Self::Float(value) => {
                let _ = rmp::encode::write_f64(out, *value);
            }
            Self::Str(text) => write_text(text, out),
            Self::Bin(data) => {
                let _ = rmp::encode::write_bin(out, data);
            }
            Self::Array(items) => {
                write_array(items.len(), out);
                items.iter().for_each(|item| item.write(out));
            }
            Self::Map(entries) => {
                write_map(entries.len(), out);
                for (key, value) in entries {
                    write_text(key, out);
                    value.write(out);
                }
            }
        }
    }

    /// A field of a map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::Str(text) = self {
            Some(text)
        } else {
            None
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Int(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    /// Integers too.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::UInt(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self {
            Some(items)
        } else {
            None
        }
    }

    pub fn as_map(&self) -> Option<&[(String, Self)]> {
        if let Self::Map(entries) = self {
            Some(entries)
        } else {
            None
        }
    }

    /// The type's name in the workflow language.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) | Self::UInt(_) => "integer",
            Self::Float(_) => "number",
            Self::Str(_) => "string",
            Self::Bin(_) => "bytes",
            Self::Array(_) => "array",
            Self::Map(_) if self.is_reference() => "artifact",
            Self::Map(_) => "object",
        }
    }

    /// Whether this stands for an artifact.
    pub fn is_reference(&self) -> bool {
        self.get(REFERENCE_MARK) == Some(&Self::Int(1)) && self.get("digest").is_some()
    }
}

/// The value that stands for an artifact.
pub fn reference(digest: &str, size_bytes: u64, media_type: &str) -> Value {
    let size = i64::try_from(size_bytes).map_or(Value::UInt(size_bytes), Value::Int);
    Value::Map(vec![
        (REFERENCE_MARK.to_owned(), Value::Int(1)),
        ("digest".to_owned(), digest.into()),
        ("size".to_owned(), size),
        ("media_type".to_owned(), media_type.into()),
    ])
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::UInt(value), Self::Int)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Value {
    fn from(entries: [(&str, Value); N]) -> Self {
        Self::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::UInt(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Bin(data) => serializer.serialize_bytes(data),
            Self::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items
                    .iter()
                    .try_for_each(|item| sequence.serialize_element(item))?;
                sequence.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.is_finite() {
            Ok(Value::Float(value))
        } else {
            Err(E::custom("not a finite number"))
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Str(text))
    }

    fn visit_bytes<E: Error>(self, data: &[u8]) -> Result<Value, E> {
        Ok(Value::Bin(data.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::with_capacity(access.size_hint().unwrap_or_default().min(4096));
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::with_capacity(access.size_hint().unwrap_or_default().min(4096));
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}
