//! A task of a graph: what it does, and every word that it may carry.

use std::collections::BTreeMap;

use symphony_expression::{Expression, Template};
use symphony_protocol::Resources;

use super::{Edge, GraphIndex, Retry};

/// A function by name; `range` is what stands behind `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub capability: String,
    pub range: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Call(Function),
    /// Computed by the tracker; needs no worker.
    Value(Template),
    /// The first branch that holds is run; where none does the task is skipped.
    Switch(Vec<Branch>),
    Repeat(Box<Repeat>),
    /// Another workflow: a run of its own, or merged into this one.
    Workflow(Child),
    /// Holds no slot until what it waits for has come.
    Wait(Wait),
    Approve(Approve),
}

impl Kind {
    /// What stands for a task that could not be read; no plan that is given out has one.
    pub(crate) fn nothing() -> Self {
        Self::Value(Template::Constant(vec![0xc0]))
    }
}

/// A branch of a `switch`; without `when` it is the `else`.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub when: Option<Expression>,
    pub graph: GraphIndex,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Asked before a turn.
    While(Expression),
    /// Asked after it.
    Until(Expression),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    pub test: Test,
    pub max_iterations: u64,
    /// An object: the state of the first turn.
    pub state: Template,
    /// An object: the state of the turn that follows; None keeps it.
    pub next: Option<Template>,
    pub graph: GraphIndex,
}

/// A registered workflow by name and range of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    pub name: String,
    pub range: Option<String>,
    pub inline: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Wait {
    Signal {
        name: String,
    },
    /// `condition` sees `event`.
    Event {
        name: String,
        condition: Option<Expression>,
    },
    Duration {
        ms: u64,
    },
    Time(Expression),
}

/// A signal with a form, named like its task.
#[derive(Clone, Debug, PartialEq)]
pub struct Approve {
    /// Roles that may answer; empty: anybody who may signal the run.
    pub by: Vec<String>,
    pub question: Template,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ForEach {
    pub items: Template,
    /// What an item is called: `item` unless `as` says otherwise.
    pub variable: String,
    pub max_parallel: Option<usize>,
    /// Items of one execution; the item and its output are lists then.
    pub batch: Option<usize>,
    /// The share of items that must succeed, from 0 to 1; None: all.
    pub min_success: Option<f64>,
    /// Results in the order of the list, or as they come.
    pub ordered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    #[default]
    Fail,
    Skip,
    Continue,
    /// Undo what completed, then fail.
    Compensate,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Call(Function),
    Value(Template),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    pub action: Action,
    /// Its own inputs; None: the task's.
    pub with: Option<Template>,
}

/// How a task is undone; `with` sees its output as `output`.
#[derive(Clone, Debug, PartialEq)]
pub struct Compensate {
    pub function: Function,
    pub with: Template,
    pub retry: Retry,
}

/// A key that is held for one try by `of / permits` at a time; a lock is a semaphore of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Semaphore {
    pub key: Template,
    pub permits: u64,
    pub of: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    pub key: Template,
    pub per_second: f64,
    pub burst: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    pub money: Option<f64>,
    pub calls: Option<u64>,
    pub time_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// None: the digest of the inputs.
    pub key: Option<Template>,
    pub ttl_ms: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: String,
    pub kind: Kind,
    pub description: String,
    /// An object.
    pub with: Template,
    pub edges: Vec<Edge>,
    /// Indexes of the tasks of the same graph that hang on this one.
    pub dependents: Vec<usize>,
    pub when: Option<Expression>,
    pub for_each: Option<ForEach>,
    pub retry: Retry,
    pub timeout_ms: Option<u64>,
    pub task_timeout_ms: Option<u64>,
    pub queue_timeout_ms: Option<u64>,
    pub fallback: Vec<Fallback>,
    pub on_failure: OnFailure,
    pub compensate: Option<Compensate>,
    pub lock: Option<Template>,
    pub semaphore: Option<Semaphore>,
    pub rate: Option<Rate>,
    pub budget: Option<Budget>,
    pub cache: Option<Cache>,
    pub checkpoint: Option<String>,
    pub priority: Option<u8>,
    /// A document may only take these back, never claim them.
    pub retry_safe: Option<bool>,
    pub pure: Option<bool>,
    /// Where it may run: carried for who places tasks.
    pub resources: Option<Resources>,
    pub labels: BTreeMap<String, String>,
    pub pool: Option<String>,
}

impl Node {
    /// The function that it calls, if it calls one.
    pub fn function(&self) -> Option<&Function> {
        match &self.kind {
            Kind::Call(function) => Some(function),
            _ => None,
        }
    }

    /// Its function's name.
    pub fn capability(&self) -> Option<&str> {
        self.function().map(|function| function.capability.as_str())
    }

    /// The graphs that stand inside it.
    pub fn graphs(&self) -> Vec<GraphIndex> {
        match &self.kind {
            Kind::Switch(branches) => branches.iter().map(|branch| branch.graph).collect(),
            Kind::Repeat(repeat) => vec![repeat.graph],
            _ => Vec::new(),
        }
    }
}
