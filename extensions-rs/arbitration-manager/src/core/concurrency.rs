//! How many may run at once on a key, divided among conductors.
//!
//! A bound that is lowered counts in full until the conductor is known to have heard, or its lease ran out and it has
//! told since what runs; what it said runs counts in any case. So those that run never exceed the limit.

use std::collections::BTreeMap;

use super::division::{Want, divide};
use super::{LEASE_MS, SLACK_MS};

/// A higher bound that the conductor may still go by.
#[derive(Clone, Copy, Debug)]
struct Before {
    bound: u64,
    until_ms: u64,
    /// The grant that took it back.
    sequence: u64,
}

#[derive(Clone, Debug, Default)]
struct Holding {
    bound: u64,
    until_ms: u64,
    running: u64,
    waiting: u64,
    before: Vec<Before>,
}

impl Holding {
    /// What may run at this conductor, for all that is known.
    fn believed(&self) -> u64 {
        let before = self.before.iter().map(|before| before.bound).max().unwrap_or(0);
        self.bound.max(before).max(self.running)
    }

    fn lower(&mut self, bound: u64, sequence: u64) {
        // One entry is enough once there are many: the highest bound, the latest end.
        let highest = self
            .before
            .iter()
            .map(|b| b.bound)
            .max()
            .unwrap_or(0)
            .max(self.bound);
        if self.before.len() >= 8 {
            self.before.clear();
            self.before.push(Before {
                bound: highest,
                until_ms: self.until_ms,
                sequence,
            });
        } else {
            self.before.push(Before {
                bound: self.bound,
                until_ms: self.until_ms,
                sequence,
            });
        }
        self.bound = bound;
    }
}

/// The limit of one key.
#[derive(Clone, Debug)]
pub struct Concurrency {
    limit: u64,
    held: BTreeMap<String, Holding>,
}

impl Concurrency {
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            held: BTreeMap::new(),
        }
    }

    /// Another limit. Bounds that were told above it are lowered by the next grants.
    pub fn change(&mut self, limit: u64) {
        self.limit = limit;
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// A conductor says what runs and waits, and which grant it heard last.
    pub fn claim(&mut self, conductor: &str, running: u64, waiting: u64, heard: u64, now_ms: u64) {
        let holding = self.held.entry(conductor.to_owned()).or_default();
        holding.running = running;
        holding.waiting = waiting;
        holding
            .before
            .retain(|before| before.until_ms > now_ms && before.sequence > heard);
    }

    /// A conductor goes by a grant of an earlier service until it hears one of this: nobody here knows which bound.
    /// Any grant from `sequence` on takes it back.
    pub fn inherit(&mut self, conductor: &str, sequence: u64, now_ms: u64) {
        let holding = self.held.entry(conductor.to_owned()).or_default();
        holding.before.push(Before {
            bound: self.limit,
            until_ms: now_ms + LEASE_MS + SLACK_MS,
            sequence,
        });
    }

    /// The conductor is gone: its partitions are another's, who tells what runs there.
    pub fn forget(&mut self, conductor: &str) {
        self.held.remove(conductor);
    }

    /// Divide anew and renew the lease of one conductor. Returns its bound. `sequence` is the grant that tells it.
    ///
    /// `closed`: there may be conductors that nobody here knows of, so nothing more may start than runs.
    pub fn grant(&mut self, conductor: &str, sequence: u64, now_ms: u64, closed: bool) -> u64 {
        let wants: BTreeMap<String, Want> = self
            .held
            .iter()
            .map(|(name, h)| {
                (
                    name.clone(),
                    Want {
                        count: h.running + h.waiting,
                        given: h.bound as f64,
                    },
                )
            })
            .collect();
        let share = divide(self.limit, &wants).get(conductor).copied().unwrap_or(0);
        let others: u64 = self
            .held
            .iter()
            .filter(|(name, _)| *name != conductor)
            .map(|(_, h)| h.believed())
            .sum();
        let in_need = self
            .held
            .iter()
            .any(|(name, h)| name != conductor && h.running + h.waiting > h.bound);
        let room = self.limit.saturating_sub(others);
        let Some(holding) = self.held.get_mut(conductor) else {
            return 0;
        };
        // Nobody else in need: what nobody asks for is better in a hand than in none, except a share for each.
        let wanted = if in_need { share } else { share.max(holding.bound) };
        let most = if closed { holding.running } else { u64::MAX };
        let bound = wanted.min(room).min(most);
        if bound < holding.bound {
            holding.lower(bound, sequence);
        } else {
            holding.bound = bound;
        }
        holding.until_ms = now_ms + LEASE_MS + SLACK_MS;
        bound
    }

    /// What a conductor was told last.
    pub fn bound(&self, conductor: &str) -> u64 {
        self.held.get(conductor).map_or(0, |holding| holding.bound)
    }

    pub fn running(&self) -> u64 {
        self.held.values().map(|holding| holding.running).sum()
    }

    /// What may run in all, for all that is known.
    pub fn believed(&self) -> u64 {
        self.held.values().map(Holding::believed).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_conductor_has_all_and_two_share_once_it_is_heard() {
        let mut limit = Concurrency::new(10);
        limit.claim("a", 0, 50, 0, 0);
        assert_eq!(limit.grant("a", 1, 0, false), 10);
        limit.claim("a", 10, 50, 1, 100);
        limit.claim("b", 0, 50, 0, 100);
        assert_eq!(limit.grant("b", 2, 100, false), 0); // all of it is in use
        assert_eq!(limit.grant("a", 3, 100, false), 5); // by demand 61 of 112, and the odd one to whoever got least
        limit.claim("a", 8, 50, 3, 200);
        assert_eq!(limit.grant("b", 4, 200, false), 2);
        limit.claim("a", 5, 50, 3, 300);
        limit.claim("b", 2, 50, 4, 300);
        assert_eq!(limit.grant("b", 5, 300, false), 5);
    }

    #[test]
    fn a_bound_taken_back_counts_until_its_lease_is_over_and_told_of() {
        let mut limit = Concurrency::new(4);
        limit.claim("a", 0, 9, 0, 0);
        limit.grant("a", 1, 0, false);
        limit.claim("b", 0, 9, 0, 10);
        limit.grant("a", 2, 10, false);
        limit.claim("a", 0, 9, 1, 20); // it has not heard of grant 2
        assert_eq!(limit.grant("b", 3, 20, false), 0);
        limit.claim("a", 2, 9, 1, LEASE_MS + SLACK_MS + 20);
        assert!(limit.grant("b", 4, LEASE_MS + SLACK_MS + 20, false) > 0);
    }

    #[test]
    fn what_an_earlier_service_granted_counts_until_this_one_is_heard() {
        let mut limit = Concurrency::new(4);
        limit.inherit("a", 100, 0);
        limit.claim("a", 1, 9, 0, 0);
        limit.claim("b", 0, 9, 0, 0);
        assert_eq!(limit.grant("b", 101, 0, false), 0);
        assert_eq!(limit.grant("a", 102, 0, true), 1); // there may be a third one
        limit.claim("a", 1, 9, 102, 10);
        assert_eq!(limit.grant("b", 103, 10, false), 2);
    }

    #[test]
    fn a_conductor_that_is_gone_frees_its_part() {
        let mut limit = Concurrency::new(4);
        limit.claim("a", 4, 9, 0, 0);
        limit.grant("a", 1, 0, false);
        limit.forget("a");
        limit.claim("b", 0, 9, 0, 10);
        assert_eq!(limit.grant("b", 2, 10, false), 4);
    }
}
