//! The ledger: who holds what, as a fold of `SYM_LEDGER`. Locks are semaphores of one permit.

use std::collections::{BTreeMap, BTreeSet};

use symphony_protocol::bounds::BATCH_COUNT_MAX;
use symphony_protocol::{HoldKey, HoldRef, LedgerBatch, LedgerHold, LedgerState};

/// Holds at a time: all of them stand in one message of the ledger. What is over the bound waits.
pub const HOLDS_MAX: usize = BATCH_COUNT_MAX;

/// Whose hold: the identity of an execution, in an order.
pub type Id = (String, String, u32, u32);
/// A tenant's key.
pub type Key = (String, String);

pub fn id_of(hold: &HoldRef) -> Id {
    (hold.run.clone(), hold.task.clone(), hold.generation, hold.r#try)
}

pub fn ref_of(id: &Id) -> HoldRef {
    HoldRef {
        run: id.0.clone(),
        task: id.1.clone(),
        generation: id.2,
        r#try: id.3,
    }
}

/// A message of the ledger that is being made: nothing of it holds before the broker has it.
#[derive(Debug, Default)]
pub struct Draft {
    pub released: BTreeSet<Id>,
    pub acquired: Vec<LedgerHold>,
    takers: BTreeMap<Key, Vec<LedgerHold>>,
}

impl Draft {
    pub fn acquire(&mut self, hold: LedgerHold) {
        for key in &hold.keys {
            let takers = self.takers.entry((hold.tenant.clone(), key.key.clone()));
            takers.or_default().push(hold.clone());
        }
        self.acquired.push(hold);
    }

    pub fn is_empty(&self) -> bool {
        self.released.is_empty() && self.acquired.is_empty()
    }

    pub fn batch(self, arbiter: &str) -> LedgerBatch {
        LedgerBatch {
            arbiter: arbiter.to_owned(),
            released: self.released.iter().map(ref_of).collect(),
            acquired: self.acquired,
            ..Default::default()
        }
    }
}

/// The fold. Applying what was applied changes nothing.
#[derive(Debug, Default, PartialEq)]
pub struct Ledger {
    sequence: u64,
    holds: BTreeMap<Id, LedgerHold>,
    takers: BTreeMap<Key, BTreeSet<Id>>,
}

impl Ledger {
    /// The last message that was folded: what the next one expects.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub fn len(&self) -> usize {
        self.holds.len()
    }

    pub fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }

    pub fn get(&self, id: &Id) -> Option<&LedgerHold> {
        self.holds.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Id, &LedgerHold)> {
        self.holds.iter()
    }

    /// The holds of a partition's runs.
    pub fn of(&self, partition: u32) -> impl Iterator<Item = (&Id, &LedgerHold)> {
        self.holds
            .iter()
            .filter(move |(_, hold)| hold.partition == partition)
    }

    /// What a message of the ledger changed: keys of which something was released.
    pub fn apply(&mut self, sequence: u64, batch: LedgerBatch) -> Vec<Key> {
        if sequence <= self.sequence {
            return Vec::new();
        }
        self.sequence = sequence;
        let mut freed = Vec::new();
        for hold in &batch.released {
            freed.extend(self.remove(&id_of(hold)));
        }
        for hold in batch.acquired {
            self.insert(sequence, hold);
        }
        freed
    }

    /// A message that states all holds.
    pub fn reset(&mut self, sequence: u64, state: LedgerState) {
        if sequence <= self.sequence {
            return;
        }
        self.sequence = sequence;
        self.holds.clear();
        self.takers.clear();
        for hold in state.holds {
            self.insert(sequence, hold);
        }
    }

    /// A message that cannot be read is passed over: its place is known all the same.
    pub fn skip(&mut self, sequence: u64) {
        self.sequence = self.sequence.max(sequence);
    }

    pub fn state(&self, arbiter: &str) -> LedgerState {
        LedgerState {
            arbiter: arbiter.to_owned(),
            holds: self.holds.values().cloned().collect(),
            ..Default::default()
        }
    }

    /// Who keeps a key from being taken: None where there is room. `of` differs between those who name a key: the least
    /// counts. A run that holds a key over its tasks does not keep them out.
    pub fn taker(&self, draft: &Draft, tenant: &str, key: &HoldKey, id: &Id) -> Option<Id> {
        let at = (tenant.to_owned(), key.key.clone());
        let stand = self.takers.get(&at).into_iter().flatten();
        let stand = stand.filter(|other| !draft.released.contains(*other));
        let stand = stand.filter_map(|other| self.holds.get(other));
        let mut used = key.permits;
        let (mut of, mut first) = (key.of, None);
        for hold in stand.chain(draft.takers.get(&at).into_iter().flatten()) {
            let same_run = hold.hold.run == id.0;
            if (hold.scope && same_run) || id_of(&hold.hold) == *id {
                continue;
            }
            for theirs in hold.keys.iter().filter(|theirs| theirs.key == key.key) {
                used = used.saturating_add(theirs.permits);
                of = of.min(theirs.of);
                first = first.or_else(|| Some(id_of(&hold.hold)));
            }
        }
        first.filter(|_| used > of)
    }

    /// Whether a run holds a key over its tasks: they wait behind nobody who waits for the run.
    pub fn is_within(&self, tenant: &str, key: &str, run: &str) -> bool {
        let at = (tenant.to_owned(), key.to_owned());
        let mut holders = self.takers.get(&at).into_iter().flatten();
        holders.any(|id| id.0 == run && self.holds.get(id).is_some_and(|hold| hold.scope))
    }

    fn insert(&mut self, sequence: u64, mut hold: LedgerHold) {
        if hold.token == 0 {
            hold.token = sequence;
        }
        let id = id_of(&hold.hold);
        self.remove(&id);
        for key in &hold.keys {
            let takers = self.takers.entry((hold.tenant.clone(), key.key.clone()));
            takers.or_default().insert(id.clone());
        }
        self.holds.insert(id, hold);
    }

    fn remove(&mut self, id: &Id) -> Vec<Key> {
        let Some(gone) = self.holds.remove(id) else {
            return Vec::new();
        };
        let keys: Vec<Key> = gone
            .keys
            .iter()
            .map(|key| (gone.tenant.clone(), key.key.clone()))
            .collect();
        for key in &keys {
            if let Some(takers) = self.takers.get_mut(key) {
                takers.remove(id);
                if takers.is_empty() {
                    self.takers.remove(key);
                }
            }
        }
        keys
    }
}
