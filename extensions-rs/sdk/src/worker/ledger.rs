//! The attempts of one worker: which came, which are held, which results the broker has. Heartbeats are read off it.
//!
//! Rule 6 hangs on it: a dispatch is repeated only when `seen` covers it and neither `held` nor `stored` lists it, so an
//! attempt must never be in none of the three while it lives.

use std::collections::{BTreeMap, BTreeSet};

use symphony_protocol::bounds::BATCH_COUNT_MAX;
use symphony_protocol::{Attempt, Holding, Stored, Task};

/// Beats for which an attempt is listed after its result was acknowledged.
const STORED_BEATS: u8 = 3;
/// (partition, epoch) pairs whose highest number is remembered.
const SOURCES_MAX: usize = 64;

/// Partition, epoch, number.
pub type Key = (u32, u64, u64);

/// The execution that an attempt is of.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub run: String,
    pub task: String,
    pub generation: u32,
    pub r#try: u32,
}

impl Identity {
    pub fn of(task: &Task) -> Self {
        Self {
            run: task.run.clone(),
            task: task.task.clone(),
            generation: task.generation,
            r#try: task.r#try,
        }
    }
}

#[derive(Debug, Default)]
pub struct Ledger {
    seen: BTreeMap<(u32, u64), u64>,
    held: BTreeMap<Key, Identity>,
    stored: BTreeMap<Key, (u64, u8)>,
    refused: BTreeSet<Key>,
    /// By partition, of which there are few: the highest epoch of an owner that was heard of.
    epochs: BTreeMap<u32, u64>,
}

/// The lists of one heartbeat.
#[derive(Debug, Default, PartialEq)]
pub struct Lists {
    pub seen: Vec<Attempt>,
    pub held: Vec<Attempt>,
    pub stored: Vec<Stored>,
    pub refused: Vec<Attempt>,
    /// More attempts are held than could be listed.
    pub truncated: bool,
}

fn attempt(&(partition, epoch, n): &Key) -> Attempt {
    Attempt { partition, epoch, n }
}

impl Ledger {
    /// A partition has an owner of this epoch: what earlier ones send comes late (rule 3).
    pub fn owned(&mut self, partition: u32, epoch: u64) {
        let known = self.epochs.entry(partition).or_default();
        *known = (*known).max(epoch);
    }

    /// Note a dispatch. False: it came before, or another owner has it since, and it must not be run.
    pub fn arrive(&mut self, key: Key, identity: Identity) -> bool {
        let (partition, epoch, n) = key;
        let known = self.epochs.entry(partition).or_default();
        if epoch < *known {
            return false; // the owner since has dispatched it elsewhere, or will: its sender slept, or was cut off
        }
        *known = epoch;
        let highest = self.seen.entry((partition, epoch)).or_insert(n);
        *highest = (*highest).max(n);
        while self.seen.len() > SOURCES_MAX {
            self.seen.pop_first(); // the lowest epoch of the lowest partition: the longest gone
        }
        if self.stored.contains_key(&key) || self.held.contains_key(&key) {
            return false;
        }
        self.held.insert(key, identity);
        true
    }

    /// Turn an attempt away; told in the next heartbeat.
    pub fn refuse(&mut self, key: Key) {
        self.held.remove(&key);
        if self.refused.len() < BATCH_COUNT_MAX {
            self.refused.insert(key);
        }
    }

    /// The broker acknowledged its result at a sequence of the log.
    pub fn store(&mut self, key: Key, sequence: u64) {
        self.held.remove(&key);
        self.stored.insert(key, (sequence, STORED_BEATS));
    }

    pub fn holds(&self, key: &Key) -> bool {
        self.held.contains_key(key)
    }

    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// What is held, with the executions: the answer to a new owner of a partition.
    pub fn holding(&self) -> Vec<Holding> {
        let held = self.held.iter().take(BATCH_COUNT_MAX);
        held.map(|(&(partition, epoch, n), of)| Holding {
            partition,
            epoch,
            n,
            run: of.run.clone(),
            task: of.task.clone(),
            generation: of.generation,
            r#try: of.r#try,
        })
        .collect()
    }

    /// What the next heartbeat says. Refusals are told once, stored attempts thrice.
    pub fn beat(&mut self) -> Lists {
        let seen = self
            .seen
            .iter()
            .map(|(&(partition, epoch), &n)| Attempt { partition, epoch, n })
            .collect();
        let held = self.held.keys().take(BATCH_COUNT_MAX).map(attempt).collect();
        // The highest sequences first: an attempt is given up only once the tracker has folded past all of them.
        let mut newest: Vec<Stored> = self
            .stored
            .iter()
            .map(|(&(partition, epoch, n), &(sequence, _))| Stored {
                partition,
                epoch,
                n,
                sequence,
            })
            .collect();
        newest.sort_unstable_by_key(|stored| std::cmp::Reverse(stored.sequence));
        newest.truncate(BATCH_COUNT_MAX);
        let lists = Lists {
            seen,
            held,
            stored: newest,
            truncated: self.held.len() > BATCH_COUNT_MAX,
            refused: self.refused.iter().map(attempt).collect(),
        };
        self.refused.clear();
        self.stored.retain(|_, (_, beats)| {
            *beats -= 1;
            *beats > 0
        });
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_3_what_an_earlier_owner_sent_and_comes_late_is_not_begun() {
        let mut ledger = Ledger::default();
        assert!(ledger.arrive((0, 5, 1), Identity::default()));
        ledger.owned(0, 9);
        assert!(!ledger.arrive((0, 5, 2), Identity::default()));
        assert!(ledger.arrive((0, 9, 1), Identity::default()));
        assert!(ledger.arrive((1, 5, 1), Identity::default()));
        ledger.owned(0, 7);
        assert!(!ledger.arrive((0, 8, 1), Identity::default()));
        let held: Vec<_> = ledger
            .beat()
            .held
            .iter()
            .map(|held| (held.epoch, held.n))
            .collect();
        assert_eq!(held, [(5, 1), (9, 1), (5, 1)]);
    }

    #[test]
    fn rule_6_an_attempt_is_held_until_stored_and_then_listed_three_beats_more() {
        let mut ledger = Ledger::default();
        assert!(ledger.arrive((0, 1, 7), Identity::default()));
        assert_eq!(ledger.beat().held.len(), 1);
        ledger.store((0, 1, 7), 99);
        for _ in 0..STORED_BEATS {
            let lists = ledger.beat();
            assert!(lists.held.is_empty());
            assert_eq!(lists.stored.first().map(|s| (s.n, s.sequence)), Some((7, 99)));
        }
        assert!(ledger.beat().stored.is_empty());
    }

    #[test]
    fn rule_6_a_dispatch_that_comes_twice_is_run_once() {
        let mut ledger = Ledger::default();
        assert!(ledger.arrive((0, 1, 7), Identity::default()));
        assert!(!ledger.arrive((0, 1, 7), Identity::default()));
        ledger.store((0, 1, 7), 3);
        assert!(!ledger.arrive((0, 1, 7), Identity::default()));
    }

    #[test]
    fn rule_7_a_refusal_is_told_once() {
        let mut ledger = Ledger::default();
        ledger.arrive((0, 1, 7), Identity::default());
        ledger.refuse((0, 1, 7));
        let lists = ledger.beat();
        assert!(lists.held.is_empty());
        assert_eq!(lists.refused.len(), 1);
        assert!(ledger.beat().refused.is_empty());
    }
}
