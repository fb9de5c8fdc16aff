//! References: a root and the steps from it. Most expressions of real documents are nothing more.

use std::borrow::Cow;

use symphony_protocol::Value;
use symphony_protocol::raw::{self, Head, Reader};

use crate::error::{Error, ErrorKind};
use crate::scope::Root;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    Field(String),
    Index(i64),
    /// `[*]`: the rest is picked of each item.
    Each,
}

/// `tasks.count[*].words`: the root `tasks`, then steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    pub root: String,
    pub segments: Vec<Segment>,
}

/// How the parser is told of `[*]`, which is no CEL: a field of this name. It cannot be typed by accident, since a
/// document that contains it is refused.
pub const EACH: &str = "__each__";

/// A field without a value: `"key"`.
const NIL: &[u8] = &[0xc0];

impl Path {
    /// The path that a text is, where it is nothing more than one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let root = take_name(&mut rest)?;
        if matches!(root, "true" | "false" | "null" | "in") {
            return None;
        }
        let mut segments = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[*]") {
                segments.push(Segment::Each);
                rest = after;
            } else if let Some(after) = rest.strip_prefix('[') {
                let (inside, after) = after.split_once(']')?;
                segments.push(index(inside.trim())?);
                rest = after;
            } else {
                rest = rest.strip_prefix('.')?;
                segments.push(Segment::Field(take_name(&mut rest)?.to_owned()));
            }
        }
        Some(Self {
            root: root.to_owned(),
            segments,
        })
    }

    /// The first step, where it is a field: the task's or the input's name.
    pub fn name(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Field(name)) => Some(name),
            _ => None,
        }
    }

    /// Write what the path leads to, from `root` on, as msgpack. Selecting from null gives null.
    pub fn write(&self, root: &Root<'_>, segments: &[Segment], out: &mut Vec<u8>) -> Result<(), Error> {
        match root {
            Root::Raw(data) => write_raw(data, segments, self, out),
            Root::Value(value) => {
                pick(value, segments, self)?.write(out);
                Ok(())
            }
            Root::Gather(items) => match segments.split_first() {
                None => write_all(items, &[], self, out),
                Some((Segment::Each, rest)) => write_all(items, rest, self, out),
                Some((Segment::Index(at), rest)) => {
                    let item = place(*at, items.len()).and_then(|at| items.get(at));
                    let item = item.ok_or_else(|| self.no_index(*at, items.len()))?;
                    write_raw(item, rest, self, out)
                }
                Some((Segment::Field(name), _)) => Err(self.no_field(name, "a list")),
            },
        }
    }

    fn no_field(&self, name: &str, of: &str) -> Error {
        Error::new(
            ErrorKind::Unknown,
            format!("`{self}`: there is no field `{name}` in {of}"),
        )
    }

    fn no_step(&self, segment: &Segment, of: &str) -> Error {
        match segment {
            Segment::Field(name) => self.no_field(name, of),
            Segment::Index(at) => Error::new(ErrorKind::Type, format!("`{self}`: no item {at} in {of}")),
            Segment::Each => Error::new(ErrorKind::Type, format!("`{self}`: [*] of {of}")),
        }
    }

    fn no_index(&self, at: i64, count: usize) -> Error {
        Error::new(
            ErrorKind::Unknown,
            format!("`{self}`: there is no item {at} in a list of {count}"),
        )
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.root)?;
        for segment in &self.segments {
            match segment {
                Segment::Field(name) if is_name(name) => write!(out, ".{name}")?,
                Segment::Field(name) => write!(out, "[{name:?}]")?,
                Segment::Index(at) => write!(out, "[{at}]")?,
                Segment::Each => out.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    let mut rest = text;
    take_name(&mut rest).is_some() && rest.is_empty()
}

fn take_name<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let (name, after) = rest.split_at_checked(end)?;
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    *rest = after;
    Some(name)
}

fn index(text: &str) -> Option<Segment> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return text.parse().ok().map(Segment::Index);
    }
    let quote = text.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inside.contains(['\\', '"', '\''])).then(|| Segment::Field(inside.to_owned()))
}

fn place(at: i64, count: usize) -> Option<usize> {
    usize::try_from(at).ok().filter(|at| *at < count)
}

/// What the steps lead to inside a value; borrowed unless `[*]` makes a new list.
pub fn pick<'v>(value: &'v Value, segments: &[Segment], path: &Path) -> Result<Cow<'v, Value>, Error> {
    let mut value = value;
    for (done, segment) in segments.iter().enumerate() {
        value = match (segment, value) {
            (_, Value::Nil) => return Ok(Cow::Owned(Value::Nil)),
            (Segment::Field(name), Value::Map(_)) => {
                value.get(name).ok_or_else(|| path.no_field(name, "an object"))?
            }
            (Segment::Index(at), Value::Array(items)) => {
                let found = place(*at, items.len()).and_then(|at| items.get(at));
                found.ok_or_else(|| path.no_index(*at, items.len()))?
            }
            (Segment::Each, Value::Array(items)) => {
                let rest = segments.get(done + 1..).unwrap_or_default();
                let picked = items
                    .iter()
                    .map(|item| pick(item, rest, path).map(Cow::into_owned));
                return picked
                    .collect::<Result<_, _>>()
                    .map(|all| Cow::Owned(Value::Array(all)));
            }
            (segment, value) => return Err(path.no_step(segment, article(value))),
        };
    }
    Ok(Cow::Borrowed(value))
}

fn article(value: &Value) -> &'static str {
    match value {
        Value::Nil => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::UInt(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Str(_) => "a string",
        Value::Bin(_) => "bytes",
        Value::Array(_) => "a list",
        Value::Map(_) => "an object",
    }
}

fn broken(error: symphony_protocol::WireError) -> Error {
    Error::new(ErrorKind::Type, format!("a payload cannot be read: {error}"))
}

fn write_all(items: &[&[u8]], rest: &[Segment], path: &Path, out: &mut Vec<u8>) -> Result<(), Error> {
    raw::write_array(items.len(), out);
    items.iter().try_for_each(|item| write_raw(item, rest, path, out))
}

fn write_raw(mut data: &[u8], segments: &[Segment], path: &Path, out: &mut Vec<u8>) -> Result<(), Error> {
    for (done, segment) in segments.iter().enumerate() {
        let mut reader = Reader::new(data);
        let head = Reader::new(data).head().map_err(broken)?;
        data = match (segment, head) {
            (_, Head::Nil) => NIL,
            (Segment::Field(name), Head::Map(_)) => match reader.field(name).map_err(broken)? {
                Some(found) => found,
                None => return Err(path.no_field(name, "an object")),
            },
            (Segment::Index(at), Head::Array(count)) => {
                let at = place(*at, count).ok_or_else(|| path.no_index(*at, count))?;
                reader.head().map_err(broken)?;
                for _ in 0..at {
                    reader.value().map_err(broken)?;
                }
                reader.value().map_err(broken)?
            }
            (Segment::Each, Head::Array(count)) => {
                reader.head().map_err(broken)?;
                let rest = segments.get(done + 1..).unwrap_or_default();
                raw::write_array(count, out);
                for _ in 0..count {
                    write_raw(reader.value().map_err(broken)?, rest, path, out)?;
                }
                return Ok(());
            }
            (segment, _) => return Err(path.no_step(segment, kind(head))),
        };
    }
    out.extend_from_slice(data);
    Ok(())
}

fn kind(head: Head) -> &'static str {
    match head {
        Head::Nil => "null",
        Head::Bool(_) => "a boolean",
        Head::Int(_) | Head::UInt(_) => "an integer",
        Head::Float(_) => "a number",
        Head::Str(_) => "a string",
        Head::Bin(_) => "bytes",
        Head::Array(_) => "a list",
        Head::Map(_) => "an object",
    }
}
