//! The state of runs, as the fold keeps it and as snapshots hold it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symphony_protocol::{ErrorValue, Payload, TaskCounts, Trace};
use symphony_workflow::Plan;

/// An execution within the partition: the run, the node's index, and the item's of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExecId {
    pub run: u128,
    pub node: u32,
    /// `WHOLE` where the node is no map.
    pub item: u32,
}

pub const WHOLE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Waits for other tasks.
    #[default]
    Pending,
    /// A map whose list is on its way.
    Waiting,
    /// May run, or is running: which of the two is not the log's to say.
    Ready,
    /// Failed; a decision is awaited.
    Undecided,
    /// Will be tried again when its timer is due.
    Delayed,
    Succeeded,
    Failed,
    Skipped,
    Cancelled,
}

impl Status {
    pub fn ended(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled
        )
    }

    /// The word of the workflow language.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting | Self::Undecided | Self::Delayed => "waiting",
            Self::Ready => "ready",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One execution: of a task, or of an item of a map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exec {
    pub status: Status,
    pub generation: u32,
    /// From 1; grows with every retry and fallback.
    pub r#try: u32,
    /// Tries since the last fallback began: what `max_attempts` counts.
    pub tries_here: u32,
    pub fallback: Option<u8>,
    /// Rendered inputs, while they may be needed.
    pub inputs: Payload,
    pub output: Payload,
    pub first_ready_at_ms: u64,
    pub ready_at_ms: u64,
    pub ended_at_ms: u64,
    pub worker: Option<String>,
    pub queued_us: u64,
    pub run_us: u64,
    pub error: Option<ErrorValue>,
}

/// A map's items, made as they are needed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Items {
    /// One payload each.
    pub values: Vec<Payload>,
    /// The executions begun so far, in order.
    pub execs: Vec<Exec>,
    pub open: u32,
    pub ended: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// Of the node as a whole; of a map, that of all its items together.
    pub exec: Exec,
    pub items: Option<Items>,
    /// Tasks that it still waits for.
    pub missing: u32,
    /// Function time along the way here that ended last, this node's included.
    pub path_us: u64,
}

/// A step of a run's life, as `runs history` tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub sequence: u64,
    pub at_ms: u64,
    pub event: std::borrow::Cow<'static, str>,
    pub task: Option<String>,
    pub attempt: u32,
    pub accepted: bool,
    pub by: String,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    #[default]
    Running,
    Succeeded,
    Failed,
    Cancelled,
    TimedOut,
}

impl RunStatus {
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
        }
    }

    pub fn ended(self) -> bool {
        self != Self::Running
    }
}

/// A run. `plan` is made again from `document` when a snapshot is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    pub tenant: Arc<str>,
    pub workflow: String,
    #[serde(skip)]
    pub plan: Option<Arc<Plan>>,
    /// As submitted: zstd of canonical JSON.
    pub document: Payload,
    pub inputs: Payload,
    pub given_inputs: Payload,
    pub status: RunStatus,
    pub priority: u8,
    pub deadline_at_ms: Option<u64>,
    pub trace: Option<Trace>,
    pub watch: bool,
    pub submitted_at_ms: u64,
    pub ended_at_ms: u64,
    pub nodes: Vec<NodeState>,
    /// Nodes that have not ended.
    pub remaining: u32,
    pub counts: TaskCounts,
    pub outputs: Payload,
    pub error: Option<ErrorValue>,
    pub function_us: u64,
    /// The sequence of its submission in the log.
    pub submitted_sequence: u64,
    pub journal: Vec<Entry>,
    /// Time from each node's start to the end of the run, as estimated when it began.
    pub rest_us: Arc<[u64]>,
}

/// Steps of one run's history that are kept; a run that has more keeps its first and its last.
pub const JOURNAL_COUNT_MAX: usize = 20_000;

impl Run {
    pub fn note(&mut self, entry: Entry) {
        if self.journal.len() >= JOURNAL_COUNT_MAX {
            // The middle of a very long history is what a reader misses least.
            self.journal.remove(JOURNAL_COUNT_MAX / 2);
        }
        self.journal.push(entry);
    }

    pub fn exec(&self, node: u32, item: u32) -> Option<&Exec> {
        let state = self.nodes.get(usize::try_from(node).ok()?)?;
        if item == WHOLE {
            Some(&state.exec)
        } else {
            state.items.as_ref()?.execs.get(usize::try_from(item).ok()?)
        }
    }

    pub fn exec_mut(&mut self, node: u32, item: u32) -> Option<&mut Exec> {
        let state = self.nodes.get_mut(usize::try_from(node).ok()?)?;
        if item == WHOLE {
            Some(&mut state.exec)
        } else {
            state.items.as_mut()?.execs.get_mut(usize::try_from(item).ok()?)
        }
    }

    /// `count`, or `count[3]`.
    pub fn path(&self, node: u32, item: u32) -> String {
        let name = self
            .plan
            .as_ref()
            .and_then(|plan| plan.node(usize::try_from(node).ok()?))
            .map_or("?", |node| node.name.as_str());
        if item == WHOLE {
            name.to_owned()
        } else {
            format!("{name}[{item}]")
        }
    }

    /// The execution that a path names.
    pub fn find(&self, path: &str) -> Option<(u32, u32)> {
        let (name, item) = match path.split_once('[') {
            Some((name, rest)) => (name, rest.strip_suffix(']')?.parse().ok()?),
            None => (path, WHOLE),
        };
        let (index, _) = self.plan.as_ref()?.named(name)?;
        let node = u32::try_from(index).ok()?;
        let is_map = self.nodes.get(index)?.items.is_some();
        (is_map == (item != WHOLE)).then_some((node, item))
    }
}

/// The number that a run's identifier is.
pub fn run_key(id: &str) -> Option<u128> {
    (id.len() == 32)
        .then(|| u128::from_str_radix(id, 16).ok())
        .flatten()
}
