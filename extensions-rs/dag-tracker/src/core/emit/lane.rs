//! Lanes: executions that need a key wait in a queue of their key's, so that a key that is taken holds up nobody else.
//!
//! What is given out of a lane may have to wait for its key at the conductor. A few of each lane are given out, so that the
//! next is at hand when the key falls free; and of all lanes together no more than the conductor has room for.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use symphony_protocol::bounds::FUNCTIONS_COUNT_MAX;

use super::{Emitter, Queue};
use crate::core::called::Called;
use crate::core::state::{ExecId, LOCK, Run};

/// Executions of all lanes of a partition that are given out.
pub const LANES_OPEN_MAX: u64 = 2048;
/// Of one lane, beyond those that its key has room for.
const AHEAD: u64 = 16;
const WINDOW_MAX: u64 = 1024;
/// What no function's name begins with; what comes behind is behind all lanes.
const MARK: char = '\u{1}';
pub const BEHIND: &str = "\u{2}";

/// The name of the queue that an execution waits in, where it is not its function's, and how many of a lane are given out.
/// A range of versions has a queue of its own, since it may have no worker where its function has.
///
/// A task of a run that holds its key already has a lane of its own: those before it in the key's wait for the run to end.
pub fn of(run: &Run, id: ExecId, called: &Called<'_>) -> Option<(String, Option<u64>)> {
    let ranged = || {
        let range = called.function.range.as_ref()?;
        Some((format!("{}@{range}", called.function.capability), None))
    };
    let Some(wants) = called.wants else {
        return ranged();
    };
    let (key, room) = match (wants.keys.first(), &wants.rate) {
        (Some(first), _) => (&first.key, u64::from(first.of / first.permits.max(1))),
        (None, Some(rate)) => (
            &rate.key,
            u64::from(rate.burst).saturating_add(rate.per_second as u64),
        ),
        (None, None) => return ranged(),
    };
    let window = room.saturating_add(AHEAD).min(WINDOW_MAX);
    let fence = run.fence(id).filter(|_| id.frame != LOCK);
    let within = fence.is_some_and(|(held, _)| wants.keys.iter().any(|want| want.key == held));
    let own = if within {
        format!("{MARK}{:032x}", id.run)
    } else {
        String::new()
    };
    Some((format!("{MARK}{}{MARK}{key}{own}", run.tenant), Some(window)))
}

/// The function of a queue that is no lane.
pub fn function(name: &str) -> &str {
    name.split('@').next().unwrap_or_default()
}

pub fn is_lane(name: &str) -> bool {
    name.starts_with(MARK)
}

impl Emitter {
    pub fn open(&self) -> u64 {
        self.queues.values().map(Queue::outstanding).sum()
    }

    /// Executions that wait for credit, by capability.
    pub fn backlog(&self) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        // More workers would not help those that wait for a key.
        for (name, queue) in self.queues.iter().filter(|(name, _)| !is_lane(name)) {
            if queue.waiting() > 0
                && (counts.len() < FUNCTIONS_COUNT_MAX || counts.contains_key(function(name)))
            {
                let waiting = i64::try_from(queue.waiting()).unwrap_or(i64::MAX);
                *counts.entry(function(name).to_owned()).or_default() += waiting;
            }
        }
        counts
    }

    /// Keys come and go: a lane that nobody is in is forgotten.
    pub(super) fn drop_empty(&mut self, name: &str) {
        let empty = |queue: &Queue| queue.waiting() == 0 && queue.outstanding() == 0;
        if is_lane(name) && self.queues.get(name).is_some_and(empty) {
            self.queues.remove(name);
        }
    }

    /// A queue that may have something to give: the lanes in turn, and every function's.
    pub(super) fn touched(&self) -> Option<String> {
        if self.lanes_open < LANES_OPEN_MAX {
            let behind = Excluded(BEHIND);
            let after = (Excluded(self.lane_turn.as_str()), behind);
            let turn = (self.lane_turn.as_str() < BEHIND).then(|| self.touched.range::<str, _>(after));
            let next = turn.and_then(|mut names| names.next());
            let first = || self.touched.range::<str, _>((Unbounded, behind)).next();
            if let Some(lane) = next.or_else(first) {
                return Some(lane.clone());
            }
        }
        self.touched
            .range::<str, _>((Excluded(BEHIND), Unbounded))
            .next()
            .cloned()
    }
}
