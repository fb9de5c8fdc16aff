//! One execution: of a task, or of an item of a map.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symphony_protocol::{ErrorValue, Payload, Wants};

use super::run::Spent;

/// An execution within the partition: the run, the frame, the node's index in its graph, and the item's of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExecId {
    pub run: u128,
    /// The place of its frame in the run; `UNDO` for what takes a completed task back.
    pub frame: u32,
    pub node: u32,
    /// `WHOLE` where the node is no map, and for a map as a whole.
    pub item: u32,
}

pub const WHOLE: u32 = u32::MAX;
/// The frame of compensations: `node` counts them.
pub const UNDO: u32 = u32::MAX;
/// The frame of the one execution that asks for the workflow's own lock.
pub const LOCK: u32 = u32::MAX - 1;

impl ExecId {
    /// The node as a whole.
    pub fn whole(self) -> Self {
        Self { item: WHOLE, ..self }
    }

    pub fn at(self, item: usize) -> Self {
        let item = u32::try_from(item).unwrap_or(WHOLE);
        Self { item, ..self }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Waits for other tasks.
    #[default]
    Pending,
    /// For something from outside: a signal, an event, a time, a list or a document that is on its way.
    Waiting,
    /// For the lock that its workflow holds over several tasks.
    Held,
    /// May run, or is running: which of the two is not the log's to say.
    Ready,
    /// Something inside it is under way: items, a branch, a turn, a child run.
    Open,
    /// Failed; a decision is awaited.
    Undecided,
    /// Will be tried again when its timer is due.
    Delayed,
    Succeeded,
    /// Succeeded with a result that was there already.
    Cached,
    Failed,
    Skipped,
    Cancelled,
    /// Succeeded, and was undone.
    Compensated,
}

impl Status {
    pub fn ended(self) -> bool {
        self.good() || matches!(self, Self::Failed | Self::Skipped | Self::Cancelled)
    }

    /// It has succeeded, whatever became of it later.
    pub fn good(self) -> bool {
        matches!(self, Self::Succeeded | Self::Cached | Self::Compensated)
    }

    /// The word of the workflow language.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting | Self::Held | Self::Undecided | Self::Delayed => "waiting",
            Self::Ready => "ready",
            Self::Open => "running",
            Self::Succeeded => "succeeded",
            Self::Cached => "cached",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Compensated => "compensated",
        }
    }
}

/// What few executions have; boxed, so that the many of a large map stay small.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rare {
    pub error: Option<ErrorValue>,
    /// The frame of what is, or was last, inside it.
    pub inner: Option<u32>,
    /// The branch of a `switch` that was taken.
    pub branch: u32,
    /// When its own timer is due: of a delay, of a wait.
    pub due_at_ms: u64,
    /// Attempts of this task that were lost with their worker.
    pub lost: u32,
    /// The child run that it is, or was last.
    pub child: Option<u128>,
    /// Against its own budget.
    pub spent: Spent,
    /// What the try has to be granted before it starts; whether it has been stands in the ledger.
    #[serde(default)]
    pub wants: Option<Box<Wants>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exec {
    pub status: Status,
    pub fallback: Option<u8>,
    pub generation: u32,
    /// From 1; grows with every retry and fallback.
    pub r#try: u32,
    /// Tries since the last fallback began: what `max_attempts` counts.
    pub tries_here: u32,
    /// Rendered inputs, while they may be needed.
    pub inputs: Payload,
    pub output: Payload,
    pub first_ready_at_ms: u64,
    pub ready_at_ms: u64,
    pub ended_at_ms: u64,
    pub queued_us: u64,
    pub run_us: u64,
    pub worker: Option<Arc<str>>,
    pub rare: Option<Box<Rare>>,
}

impl Exec {
    pub fn error(&self) -> Option<&ErrorValue> {
        self.rare.as_ref()?.error.as_ref()
    }

    pub fn inner(&self) -> Option<u32> {
        self.rare.as_ref()?.inner
    }

    pub fn wants(&self) -> Option<&Wants> {
        self.rare.as_ref()?.wants.as_deref()
    }

    pub fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Put it into its last state.
    pub fn settle(&mut self, status: Status, output: Payload, at_ms: u64) {
        self.status = status;
        // A function that gives nothing gives it very often: one byte for all of them.
        self.output = if *output == [0xc0] {
            Payload::from_static(&[0xc0])
        } else {
            output
        };
        self.inputs = Payload::default();
        self.ended_at_ms = at_ms;
        // What it wanted is of no more use: a large map of locked items keeps one thing less for each that has ended.
        if let Some(rare) = self.rare.as_mut() {
            rare.wants = None;
        }
        self.rare.take_if(|rare| **rare == Rare::default());
    }
}
