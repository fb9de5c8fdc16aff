//! The plan: a document compiled to the graph that the tracker follows. It never changes, and runs share it.

use std::collections::{BTreeMap, HashMap};

use symphony_expression::{Expression, Template};
use symphony_protocol::{Parameter, Resources};

/// How a task hangs on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// The other must have ended, however.
    Soft,
    /// It must have succeeded or been skipped; if it failed, this is skipped.
    Optional,
    /// It must have succeeded; if it was skipped, this is skipped.
    Hard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The index of the task that has to end first.
    pub from: usize,
    pub kind: EdgeKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Call {
        capability: String,
        range: Option<String>,
    },
    /// Computed by the tracker; needs no worker.
    Value(Template),
}

impl Kind {
    /// What stands for a task that could not be read; no plan that is given out has one.
    pub(crate) fn nothing() -> Self {
        Self::Value(Template::Constant(vec![0xc0]))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ForEach {
    pub items: Template,
    /// What an item is called: `item` unless `as` says otherwise.
    pub variable: String,
    pub max_parallel: Option<usize>,
}

/// Retrying; durations in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Counts the first; None: not said, which means once, and three times after `lost`.
    pub max_attempts: Option<u32>,
    pub backoff_ms: u64,
    pub factor: f64,
    pub max_backoff_ms: u64,
    pub jitter: bool,
    pub max_elapsed_ms: Option<u64>,
    pub on: Option<Vec<String>>,
    pub not_on: Vec<String>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: None,
            backoff_ms: 200,
            factor: 2.0,
            max_backoff_ms: 60_000,
            jitter: true,
            max_elapsed_ms: None,
            on: None,
            not_on: Vec::new(),
        }
    }
}

/// Kinds of errors that another try cannot mend.
const NOT_RETRIED: [&str; 4] = ["contract", "expression", "rejected", "cancelled"];
/// Tries after losing an attempt, where nothing is said.
const LOST_ATTEMPTS: u32 = 3;

impl Retry {
    /// Whether try number `tries` (from 1) may be followed by another after a failure of this kind.
    pub fn allows(&self, kind: &str, retryable: bool, tries: u32) -> bool {
        let wanted = match &self.on {
            Some(kinds) => kinds.iter().any(|known| known == kind),
            None => !NOT_RETRIED.contains(&kind),
        };
        let most = self
            .max_attempts
            .unwrap_or(if kind == "lost" { LOST_ATTEMPTS } else { 1 });
        wanted && retryable && !self.not_on.iter().any(|known| known == kind) && tries < most
    }

    /// The wait after try number `tries`, before jitter.
    pub fn delay_ms(&self, tries: u32) -> u64 {
        let growth = self
            .factor
            .powi(i32::try_from(tries.saturating_sub(1)).unwrap_or(i32::MAX));
        let delay = self.backoff_ms as f64 * growth;
        if delay.is_finite() && delay < self.max_backoff_ms as f64 {
            delay as u64
        } else {
            self.max_backoff_ms
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    #[default]
    Fail,
    Skip,
    Continue,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Call {
        capability: String,
        range: Option<String>,
    },
    Value(Template),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    pub action: Action,
    /// Its own inputs; None: the task's.
    pub with: Option<Template>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: String,
    pub kind: Kind,
    pub description: String,
    /// An object.
    pub with: Template,
    pub edges: Vec<Edge>,
    /// Indexes of the tasks that hang on this one.
    pub dependents: Vec<usize>,
    pub when: Option<Expression>,
    pub for_each: Option<ForEach>,
    pub retry: Retry,
    pub timeout_ms: Option<u64>,
    pub task_timeout_ms: Option<u64>,
    pub queue_timeout_ms: Option<u64>,
    pub fallback: Vec<Fallback>,
    pub on_failure: OnFailure,
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
    pub fn capability(&self) -> Option<&str> {
        match &self.kind {
            Kind::Call { capability, .. } => Some(capability),
            Kind::Value(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub name: String,
    pub version: String,
    /// BLAKE3 of the canonical JSON, in hexadecimal.
    pub digest: String,
    pub description: String,
    pub inputs: Vec<(String, Parameter)>,
    pub nodes: Vec<Node>,
    pub by_name: HashMap<String, usize>,
    /// Every node after those that it hangs on.
    pub order: Vec<usize>,
    /// An object.
    pub outputs: Option<Template>,
    pub deadline_ms: Option<u64>,
    pub priority: u8,
    pub tags: BTreeMap<String, String>,
}

impl Plan {
    pub fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    pub fn named(&self, name: &str) -> Option<(usize, &Node)> {
        let index = *self.by_name.get(name)?;
        Some((index, self.nodes.get(index)?))
    }

    /// For each node, the time from its start to the end of its run along the longest path, given an estimate of each
    /// node's own time in microseconds.
    pub fn rest_us(&self, estimate: impl Fn(&Node) -> u64) -> Vec<u64> {
        let mut rest = vec![0_u64; self.nodes.len()];
        for index in self.order.iter().rev() {
            let Some(node) = self.nodes.get(*index) else {
                continue;
            };
            let behind = node
                .dependents
                .iter()
                .filter_map(|d| rest.get(*d))
                .max()
                .copied()
                .unwrap_or_default();
            if let Some(slot) = rest.get_mut(*index) {
                *slot = behind.saturating_add(estimate(node));
            }
        }
        rest
    }
}
