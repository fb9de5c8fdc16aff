//! What all runs of a partition share while an event is applied: time, timers, estimates.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use symphony_workflow::Node;

use super::{Across, Cache, Listeners, Serves};
use crate::core::state::ExecId;

/// Names of tenants and workers that are kept once for all; more are of workers that come and go.
const NAMES_MAX: usize = 4096;

/// What is due when a timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Due {
    Retry,
    Queue,
    /// The time of one try of what no worker runs.
    Attempt,
    Task,
    /// What is waited for by the clock.
    Wait,
    /// A map or a loop goes on that had done enough for one event.
    Resume,
    Run,
}

/// A timer; the order of its fields is the order of firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Timer {
    pub at_ms: u64,
    pub id: ExecId,
    pub due: Due,
    /// The generation and the try that it was set for; a timer of an earlier one means nothing.
    pub generation: u32,
    pub r#try: u32,
}

/// What all runs of a partition share while an event is applied.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub time_ms: u64,
    pub sequence: u64,
    pub timers: BTreeSet<Timer>,
    /// Mean run time of each function in microseconds, and over how many.
    pub estimates: BTreeMap<String, (u64, u64)>,
    /// Maps that wait for an artifact, by digest, each with its generation.
    pub waiting: BTreeMap<String, BTreeSet<(ExecId, u32)>>,
    /// Tasks that wait for a registered workflow, by tenant, name and range.
    pub resolving: BTreeMap<(String, String, String), BTreeSet<(ExecId, u32)>>,
    /// Tasks that wait for events, by name.
    pub listening: BTreeMap<String, Listeners>,
    /// The last event of `SYM_EVENTS` that was folded.
    pub events_sequence: u64,
    pub cache: Cache,
    pub served: Serves,
    pub partition: u32,
    pub partitions: u32,
    /// What runs bring about in others, within one event.
    pub across: VecDeque<Across>,
    /// Names that many runs and executions have in common.
    names: HashSet<Arc<str>>,
}

impl Context {
    pub fn new(partition: u32, partitions: u32) -> Self {
        Self {
            partition,
            partitions,
            ..Self::default()
        }
    }

    pub fn estimate(&self, node: &Node) -> u64 {
        match node.capability() {
            // A function that nobody has measured counts as a millisecond, so that longer ways still look longer.
            Some(capability) => self
                .estimates
                .get(capability)
                .map_or(1000, |(mean, _)| (*mean).max(1)),
            None => 0,
        }
    }

    pub fn measured(&mut self, capability: &str, run_us: u64) {
        if let Some((mean, count)) = self.estimates.get_mut(capability) {
            *count = (*count + 1).min(64);
            *mean = (*mean * (*count - 1) + run_us) / *count;
        } else if self.estimates.len() < 4096 {
            self.estimates.insert(capability.to_owned(), (run_us, 1));
        }
    }

    /// A name that many executions have in common.
    pub fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        if self.names.len() >= NAMES_MAX {
            self.names.clear();
        }
        let name: Arc<str> = text.into();
        self.names.insert(name.clone());
        name
    }
}
