//! Starts on a key: a token bucket and a budget, handed out ahead to conductors.
//!
//! Tokens leave the bucket when they are handed out, not when they are spent; so a conductor spends without asking and
//! the sum stays within the rate. What a conductor was told goes by the last claim that it counted (`settled`).

use std::collections::BTreeMap;

use super::division::{Want, divide};
use super::{LEASE_MS, SLACK_MS};
use crate::options::Rate;

/// Millionths of a token: with a rate in thousandths and time in milliseconds, refilling is exact.
const MICRO: i128 = 1_000_000;

/// A token bucket. The level goes below zero where more was spent than handed out: a debt, paid by waiting.
#[derive(Clone, Debug)]
struct Bucket {
    milli_per_second: i128,
    burst: i128,
    level: i128,
    at_ms: u64,
}

impl Bucket {
    fn new(rate: Rate, now_ms: u64) -> Self {
        let burst = i128::from(rate.burst) * MICRO;
        Self {
            milli_per_second: (rate.per_second * 1000.0).round() as i128,
            burst,
            level: burst,
            at_ms: now_ms,
        }
    }

    fn refill(&mut self, now_ms: u64, outside: i128) {
        let passed = now_ms.saturating_sub(self.at_ms);
        self.at_ms = self.at_ms.max(now_ms);
        // Tokens in hands count against the burst: otherwise a pause would allow twice the burst.
        let room = (self.burst - outside).max(self.level);
        self.level = (self.level + i128::from(passed) * self.milli_per_second).min(room);
    }
}

#[derive(Clone, Debug, Default)]
struct Holding {
    starts: u64,
    until_ms: u64,
    /// Taken back, and perhaps still spent.
    fading: Vec<(u64, u64)>,
    want: u64,
    given: f64,
}

impl Holding {
    fn fades(&self) -> u64 {
        self.fading.iter().map(|(count, _)| count).sum()
    }
}

/// The rate and the budget of one key.
#[derive(Clone, Debug)]
pub struct Starts {
    bucket: Option<Bucket>,
    budget: Option<u64>,
    budget_left: Option<u64>,
    /// What a budget of the calendar allows besides; told anew before each grant.
    cap: Option<u64>,
    held: BTreeMap<String, Holding>,
}

impl Starts {
    pub fn new(rate: Option<Rate>, budget: Option<u64>, now_ms: u64) -> Self {
        Self {
            bucket: rate.map(|rate| Bucket::new(rate, now_ms)),
            budget,
            budget_left: budget,
            cap: None,
            held: BTreeMap::new(),
        }
    }

    /// Starts in hands: told to conductors, and perhaps made by now.
    pub fn in_hands(&self) -> u64 {
        self.held.values().map(|held| held.starts + held.fades()).sum()
    }

    /// No more than so many are handed out beside those in hands.
    pub fn cap(&mut self, starts: Option<u64>) {
        self.cap = starts;
    }

    /// Another rate and budget. What the budget has spent stays spent; a rate that is new starts with an empty bucket.
    pub fn change(&mut self, rate: Option<Rate>, budget: Option<u64>, now_ms: u64) {
        self.refresh(now_ms);
        self.bucket = rate.map(|rate| {
            let mut bucket = Bucket::new(rate, now_ms);
            let level = self.bucket.as_ref().map_or(0, |before| before.level);
            bucket.level = level.min(bucket.burst);
            bucket
        });
        let spent = self.budget.zip(self.budget_left);
        let spent = spent.map_or(0, |(budget, left)| budget.saturating_sub(left));
        self.budget = budget;
        self.budget_left = budget.map(|budget| budget.saturating_sub(spent));
    }

    fn available(&self) -> u64 {
        let tokens = self.bucket.as_ref().map_or(u64::MAX, |bucket| {
            u64::try_from((bucket.level / MICRO).max(0)).unwrap_or(u64::MAX)
        });
        tokens
            .min(self.budget_left.unwrap_or(u64::MAX))
            .min(self.cap.unwrap_or(u64::MAX))
    }

    fn take(&mut self, count: u64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.level -= i128::from(count) * MICRO;
        }
        if let Some(left) = &mut self.budget_left {
            *left = left.saturating_sub(count);
        }
        if let Some(cap) = &mut self.cap {
            *cap = cap.saturating_sub(count);
        }
    }

    fn give_back(&mut self, count: u64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.level = (bucket.level + i128::from(count) * MICRO).min(bucket.burst);
        }
        if let Some(left) = &mut self.budget_left {
            *left = left.saturating_add(count);
        }
    }

    /// A conductor says what it spent since its last claim, and what waits.
    pub fn settle(&mut self, conductor: &str, spent: u64, waiting: u64, now_ms: u64) {
        self.refresh(now_ms); // what it held left no room until now
        let holding = self.held.entry(conductor.to_owned()).or_default();
        holding.want = waiting.saturating_add(spent);
        let mut rest = spent - spent.min(holding.starts);
        holding.starts -= spent.min(holding.starts);
        for (count, _) in &mut holding.fading {
            let part = rest.min(*count);
            *count -= part;
            rest -= part;
        }
        // More than it held: an obedient conductor does not; a careless one pays by waiting.
        self.take(rest);
    }

    /// Returns how many. What a conductor held counts as spent: a claim was lost, or it is a new process, or gone.
    pub fn forfeit(&mut self, conductor: &str, now_ms: u64) -> u64 {
        self.refresh(now_ms);
        let Some(holding) = self.held.get_mut(conductor) else {
            return 0;
        };
        let count = holding.starts + holding.fades();
        holding.starts = 0;
        holding.fading.clear();
        count
    }

    /// Conductors hold tokens of an earlier service: the burst is theirs already.
    pub fn inherit(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            bucket.level = bucket.level.min(0);
        }
    }

    pub fn forget(&mut self, conductor: &str) {
        self.held.remove(conductor);
    }

    fn refresh(&mut self, now_ms: u64) {
        let mut back = 0_u64;
        for holding in self.held.values_mut() {
            holding.fading.retain(|(count, until_ms)| {
                if *until_ms <= now_ms {
                    back += count;
                }
                *until_ms > now_ms && *count > 0
            });
        }
        self.give_back(back);
        let outside = self.in_hands();
        if let Some(bucket) = &mut self.bucket {
            bucket.refill(now_ms, i128::from(outside) * MICRO);
        }
    }

    /// What a conductor may start now, the lease renewed.
    pub fn grant(&mut self, conductor: &str, now_ms: u64) -> u64 {
        self.refresh(now_ms);
        let wants: BTreeMap<String, Want> = self
            .held
            .iter()
            .map(|(name, h)| {
                (
                    name.clone(),
                    Want {
                        count: h.want,
                        given: h.given,
                    },
                )
            })
            .collect();
        let in_hands: u64 = self.held.values().map(|h| h.starts).sum();
        let total = self.available().saturating_add(in_hands);
        let share = divide(total, &wants).get(conductor).copied().unwrap_or(0);
        let in_need = self
            .held
            .iter()
            .any(|(name, h)| name != conductor && h.want > h.starts);
        let available = self.available();
        let Some(holding) = self.held.get_mut(conductor) else {
            return 0;
        };
        if share > holding.starts {
            let more = (share - holding.starts).min(available);
            holding.starts += more;
            holding.given += more as f64;
            self.take(more);
        } else if in_need && holding.want == 0 && holding.starts > share {
            // It has no use for them and another has. Whoever wants them will have spent them before they came back.
            holding
                .fading
                .push((holding.starts - share, holding.until_ms.max(now_ms)));
            holding.starts = share;
        }
        let Some(holding) = self.held.get_mut(conductor) else {
            return 0;
        };
        holding.until_ms = now_ms + LEASE_MS + SLACK_MS;
        holding.starts
    }

    /// What a conductor was told last, less what it said it spent.
    pub fn left(&self, conductor: &str) -> u64 {
        self.held.get(conductor).map_or(0, |holding| holding.starts)
    }

    /// Of the budget, what nobody holds.
    pub fn budget_left(&self) -> Option<u64> {
        self.budget_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: f64, burst: u64) -> Starts {
        Starts::new(Some(Rate { per_second, burst }), None, 0)
    }

    #[test]
    fn a_conductor_holds_the_burst_and_then_the_rate() {
        let mut starts = rate(10.0, 5);
        starts.settle("a", 0, 100, 0);
        assert_eq!(starts.grant("a", 0), 5);
        starts.settle("a", 5, 95, 0);
        assert_eq!(starts.grant("a", 0), 0);
        assert_eq!(starts.grant("a", 100), 1);
        assert_eq!(starts.grant("a", 300), 3);
        assert_eq!(starts.grant("a", 60_000), 5);
    }

    #[test]
    fn two_conductors_share_a_trickle_by_turns() {
        let mut starts = rate(1.0, 1);
        let mut had = BTreeMap::from([("a", 0), ("b", 0)]);
        for second in 0..20 {
            for name in ["a", "b"] {
                let count = starts.grant(name, second * 1000);
                *had.get_mut(name).unwrap() += count;
                starts.settle(name, count, 10, second * 1000);
            }
        }
        assert!(had.values().all(|count| *count >= 8), "{had:?}");
        assert!(had.values().sum::<u64>() <= 20);
    }

    #[test]
    fn tokens_of_an_idle_conductor_go_to_one_that_waits_once_its_lease_is_over() {
        let mut starts = Starts::new(None, Some(10), 0);
        starts.settle("a", 0, 0, 0);
        assert_eq!(starts.grant("a", 0), 10);
        starts.settle("b", 0, 50, 10);
        assert_eq!(starts.grant("b", 10), 0);
        assert!(starts.grant("a", 10) <= 1);
        assert_eq!(starts.grant("b", 20), 0);
        assert!(starts.grant("b", LEASE_MS + SLACK_MS + 20) >= 9);
    }

    #[test]
    fn a_lost_claim_forfeits_and_a_careless_conductor_pays() {
        let mut starts = rate(10.0, 10);
        starts.settle("a", 0, 100, 0);
        starts.grant("a", 0);
        starts.forfeit("a", 0);
        assert_eq!(starts.grant("a", 0), 0);
        starts.settle("a", 10, 100, 0); // ten that nobody allowed
        assert_eq!(starts.grant("a", 1000), 0);
        assert_eq!(starts.grant("a", 1500), 5);
    }

    #[test]
    fn a_budget_ends() {
        let mut starts = Starts::new(None, Some(3), 0);
        starts.settle("a", 0, 100, 0);
        assert_eq!(starts.grant("a", 0), 3);
        starts.settle("a", 3, 100, 0);
        assert_eq!(starts.grant("a", 1_000_000), 0);
        assert_eq!(starts.budget_left(), Some(0));
    }

    #[test]
    fn no_tokens_come_in_while_the_burst_is_in_hands() {
        let mut starts = rate(5.0, 8);
        starts.settle("a", 0, 100, 0);
        assert_eq!(starts.grant("a", 0), 8);
        starts.settle("a", 4, 100, 800);
        assert_eq!(starts.grant("a", 800), 4);
        assert_eq!(starts.grant("a", 1000), 5);
    }
}
