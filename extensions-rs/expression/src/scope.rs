//! What an expression sees.

use std::borrow::Cow;

use symphony_protocol::Value;

/// Where a path starts.
#[derive(Clone, Debug)]
pub enum Root<'a> {
    /// One payload.
    Raw(&'a [u8]),
    /// The payloads of a map's items, in order; a failed one is nil.
    Gather(Vec<&'a [u8]>),
    /// A value that exists as such.
    Value(Cow<'a, Value>),
}

/// Variables. `tasks` and `tasks_meta` are asked by the name of the task, everything else by its own.
pub trait Scope {
    /// `inputs`, `item` (or what `as` named it), `index`, `run`, `state`, ...
    fn variable(&self, name: &str) -> Option<Root<'_>>;

    /// The output of a task. None: there is no such task, or it has not ended.
    fn task(&self, name: &str) -> Option<Root<'_>>;

    /// `status, attempts, error{kind, message}, started, ended` of a task.
    fn meta(&self, name: &str) -> Option<Value>;
}

/// A scope without variables, for constants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Empty;

impl Scope for Empty {
    fn variable(&self, _: &str) -> Option<Root<'_>> {
        None
    }

    fn task(&self, _: &str) -> Option<Root<'_>> {
        None
    }

    fn meta(&self, _: &str) -> Option<Value> {
        None
    }
}
