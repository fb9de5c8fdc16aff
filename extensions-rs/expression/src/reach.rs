//! From a path to what it leads to in a scope, and what looking there costs.

use std::borrow::Cow;

use symphony_protocol::Value;

use crate::error::{Error, ErrorKind};
use crate::path::{Path, Segment};
use crate::scope::{Root, Scope};

pub fn unknown(path: &Path) -> Error {
    Error::new(ErrorKind::Unknown, format!("`{path}` is not known here"))
}

/// Where a path starts, and the steps that are left from there.
pub fn locate<'s, 'p, S: Scope + ?Sized>(
    scope: &'s S,
    path: &'p Path,
) -> Result<(Root<'s>, &'p [Segment]), Error> {
    let rest = path.segments.get(1..).unwrap_or_default();
    let found = match path.root.as_str() {
        "tasks" => path
            .name()
            .and_then(|name| scope.task(name))
            .map(|root| (root, rest)),
        "tasks_meta" => {
            let meta = path.name().and_then(|name| scope.meta(name));
            meta.map(|meta| (Root::Value(Cow::Owned(meta)), rest))
        }
        name => scope.variable(name).map(|root| (root, path.segments.as_slice())),
    };
    found.ok_or_else(|| unknown(path))
}

/// Write what a path leads to.
pub fn write_path<S: Scope + ?Sized>(scope: &S, path: &Path, out: &mut Vec<u8>) -> Result<(), Error> {
    let (root, segments) = locate(scope, path)?;
    path.write(&root, segments, out)
}

/// Bytes, about.
pub fn size(root: &Root<'_>) -> usize {
    match root {
        Root::Raw(data) => data.len(),
        Root::Gather(items) => items.iter().map(|item| item.len() + 1).sum(),
        Root::Value(value) => weight(value),
    }
}

/// What a value weighs when it is copied or compared.
pub fn weight(value: &Value) -> usize {
    let entry = |(key, value): &(String, Value)| 1 + key.len() / 8 + weight(value);
    match value {
        Value::Str(text) => 1 + text.len() / 8,
        Value::Bin(data) => 1 + data.len() / 8,
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(entry).sum::<usize>(),
        _ => 1,
    }
}
