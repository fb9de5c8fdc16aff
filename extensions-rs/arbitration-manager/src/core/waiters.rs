//! Tries that wait for keys, in order. They are soft: conductors tell of all of them every second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use symphony_protocol::HoldWant;

use super::ledger::{Id, Key, id_of};

/// Over all conductors, each of which tells of a bounded number. What is over the bound is told again later.
const WAITERS_MAX: usize = 65_536;
/// Whoever is not told of for so long waits no more, or its conductor is gone.
const FORGOTTEN_MS: u64 = 3_500;

/// A key as it is waited for: of permits, or of a rate, which are different things of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    Permits(Key),
    Rate(Key),
}

#[derive(Clone, Debug)]
pub struct Waiter {
    pub want: HoldWant,
    pub conductor: String,
    pub partition: u32,
    pub epoch: u64,
    /// When it was told of last, on this service's clock.
    told_ms: u64,
}

impl Waiter {
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        let tenant = &self.want.tenant;
        let wants = &self.want.wants;
        let keys = wants
            .keys
            .iter()
            .map(|key| Line::Permits((tenant.clone(), key.key.clone())));
        let rate = wants
            .rate
            .iter()
            .map(|rate| Line::Rate((tenant.clone(), rate.key.clone())));
        keys.chain(rate)
    }
}

#[derive(Debug, Default)]
pub struct Waiters {
    all: BTreeMap<Id, Waiter>,
    lines: BTreeMap<Line, BTreeSet<Id>>,
}

/// First who waited longer than anybody should, then by priority, then by the log's time.
type Place = (bool, Reverse<u8>, u64, Id);

impl Waiters {
    pub fn get(&self, id: &Id) -> Option<&Waiter> {
        self.all.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Id, &Waiter)> {
        self.all.iter()
    }

    /// Somebody waits, or waits still. False: there is no room.
    pub fn add(&mut self, want: HoldWant, from: &(String, u32, u64), now_ms: u64) -> bool {
        let id = id_of(&want.hold);
        if !self.all.contains_key(&id) && self.all.len() >= WAITERS_MAX {
            return false;
        }
        self.remove(&id);
        let waiter = Waiter {
            want,
            conductor: from.0.clone(),
            partition: from.1,
            epoch: from.2,
            told_ms: now_ms,
        };
        for line in waiter.lines() {
            self.lines.entry(line).or_default().insert(id.clone());
        }
        self.all.insert(id, waiter);
        true
    }

    pub fn remove_if(&mut self, id: &Id, holds: bool) -> Option<Waiter> {
        if holds { self.remove(id) } else { None }
    }

    pub fn remove(&mut self, id: &Id) -> Option<Waiter> {
        let gone = self.all.remove(id)?;
        for line in gone.lines() {
            if let Some(ids) = self.lines.get_mut(&line) {
                ids.remove(id);
                if ids.is_empty() {
                    self.lines.remove(&line);
                }
            }
        }
        Some(gone)
    }

    /// Those of a partition's earlier owners, and those that nobody tells of any more. Their lines may move.
    pub fn sweep(&mut self, gone: impl Fn(&Waiter) -> bool, now_ms: u64) -> Vec<Line> {
        let old = |waiter: &Waiter| waiter.told_ms + FORGOTTEN_MS < now_ms || gone(waiter);
        let ids: Vec<Id> = self
            .all
            .iter()
            .filter(|(_, w)| old(w))
            .map(|(id, _)| id.clone())
            .collect();
        let removed = ids.iter().filter_map(|id| self.remove(id));
        removed
            .flat_map(|waiter| waiter.lines().collect::<Vec<_>>())
            .collect()
    }

    /// Who waits in a line, the first first. `overdue_ms` is the time before which everybody should have been served.
    pub fn order(&self, line: &Line, overdue_ms: u64) -> Vec<Id> {
        let ids = self.lines.get(line).into_iter().flatten();
        let mut places: Vec<Place> = ids.filter_map(|id| self.place(id, overdue_ms)).collect();
        places.sort();
        places.into_iter().map(|(_, _, _, id)| id).collect()
    }

    /// Lines of rates in which somebody waits.
    pub fn rates(&self) -> impl Iterator<Item = (&Line, &BTreeSet<Id>)> {
        self.lines
            .iter()
            .filter(|(line, _)| matches!(line, Line::Rate(_)))
    }

    pub fn is_overdue(&self, id: &Id, overdue_ms: u64) -> bool {
        self.all
            .get(id)
            .is_some_and(|waiter| waiter.want.since_ms < overdue_ms)
    }

    fn place(&self, id: &Id, overdue_ms: u64) -> Option<Place> {
        let want = &self.all.get(id)?.want;
        let overdue = want.since_ms < overdue_ms;
        let priority = if overdue {
            Reverse(0)
        } else {
            Reverse(want.priority)
        };
        Some((!overdue, priority, want.since_ms, id.clone()))
    }
}
