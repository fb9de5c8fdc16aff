//! One key with its limits: what may run at once, the rate of starts and the budget of them.

use symphony_protocol::{Allowance, Claim, Spent};

use super::key::Key;
use super::{Budget, Concurrency, LEASE_MS, Starts};
use crate::options::Limits;

pub struct Limit {
    key: Key,
    name: String,
    concurrency: Option<Concurrency>,
    starts: Option<Starts>,
    budget: Option<Budget>,
}

/// The starts of a key are counted where anything bounds them.
fn starts(limits: &Limits, now_ms: u64) -> Option<Starts> {
    let any = limits.rate.is_some() || limits.budget_starts.is_some() || limits.budget.is_some();
    any.then(|| Starts::new(limits.rate, limits.budget_starts, now_ms))
}

impl Limit {
    pub fn new(key: Key, limits: Limits, now_ms: u64) -> Self {
        Self {
            name: key.to_string(),
            key,
            concurrency: limits.concurrency.map(Concurrency::new),
            starts: starts(&limits, now_ms),
            budget: limits.budget.map(Budget::new),
        }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Other numbers from now on; what is held and was spent stays known.
    pub fn change(&mut self, limits: Limits, now_ms: u64) {
        match (&mut self.concurrency, limits.concurrency) {
            (Some(concurrency), Some(limit)) => concurrency.change(limit),
            (concurrency, limit) => *concurrency = limit.map(Concurrency::new),
        }
        match (&mut self.starts, starts(&limits, now_ms)) {
            (Some(starts), Some(_)) => starts.change(limits.rate, limits.budget_starts, now_ms),
            (starts, anew) => *starts = anew,
        }
        match (&mut self.budget, limits.budget) {
            (Some(budget), Some(said)) => budget.change(said),
            (budget, said) => *budget = said.map(Budget::new),
        }
    }

    /// The time of the world, for periods of the calendar.
    pub fn roll(&mut self, wall_ms: u64) {
        if let Some(budget) = &mut self.budget {
            budget.roll(wall_ms);
        }
    }

    /// Of its budget, what has to be taken for spent; none where it has none.
    pub fn spent(&self) -> Option<Spent> {
        let in_hands = self.starts.as_ref().map_or(0, Starts::in_hands);
        Some(self.budget.as_ref()?.spent(&self.name, in_hands))
    }

    pub fn restore(&mut self, spent: &Spent) {
        if let Some(budget) = self.budget.as_mut().filter(|_| spent.key == self.name) {
            budget.restore(spent);
        }
    }

    /// A conductor goes by a grant of an earlier service; `fresh`: it is the first one to claim here.
    pub fn inherit(&mut self, conductor: &str, sequence: u64, fresh: bool, now_ms: u64) {
        if let Some(concurrency) = &mut self.concurrency {
            concurrency.inherit(conductor, sequence, now_ms);
        }
        if let Some(starts) = self.starts.as_mut().filter(|_| fresh) {
            starts.inherit();
        }
    }

    /// A conductor is gone: what it held counts as spent.
    pub fn forget(&mut self, conductor: &str, now_ms: u64) {
        if let Some(concurrency) = &mut self.concurrency {
            concurrency.forget(conductor);
        }
        self.forfeit(conductor, now_ms);
        if let Some(starts) = &mut self.starts {
            starts.forget(conductor);
        }
        if let Some(budget) = &mut self.budget {
            budget.forget(conductor);
        }
    }

    /// Nobody knows what a conductor made of the starts in its hands: all of them count.
    fn forfeit(&mut self, conductor: &str, now_ms: u64) {
        let count = self
            .starts
            .as_mut()
            .map_or(0, |starts| starts.forfeit(conductor, now_ms));
        if let Some(budget) = &mut self.budget {
            budget.forfeit(count);
        }
    }

    /// What a conductor says of this key. `missed`: a claim before this one was lost, or its process is another.
    pub fn claim(&mut self, claim: &Claim, heard: u64, missed: bool, now_ms: u64) {
        let (mut running, mut waiting, mut started, mut run_us) = (0_u64, 0_u64, 0_u64, 0_u64);
        for used in &claim.usage {
            if self.key.covers(&used.tenant, &used.workflow, &used.capability) {
                running = running.saturating_add(used.running);
                waiting = waiting.saturating_add(used.waiting);
                started = started.saturating_add(used.started);
                run_us = run_us.saturating_add(used.run_us);
            }
        }
        if let Some(concurrency) = &mut self.concurrency {
            concurrency.claim(&claim.conductor, running, waiting, heard, now_ms);
        }
        if let Some(starts) = &mut self.starts {
            starts.settle(&claim.conductor, started, waiting, now_ms);
        }
        if let Some(budget) = &mut self.budget {
            budget.claim(&claim.conductor, started, run_us as f64 / 1e6, running, waiting);
        }
        if missed {
            self.forfeit(&claim.conductor, now_ms); // nobody knows what the lost one spent: all of it
        }
    }

    pub fn grant(&mut self, conductor: &str, sequence: u64, now_ms: u64, closed: bool) -> Allowance {
        let at_once = self.concurrency.as_mut();
        let at_once = at_once.map(|c| (c.grant(conductor, sequence, now_ms, closed), c.limit()));
        let starts = self.starts.as_mut().map(|starts| {
            let in_hands = starts.in_hands();
            starts.cap(self.budget.as_ref().map(|budget| budget.left(in_hands)));
            starts.grant(conductor, now_ms)
        });
        let mut reasons = Vec::new();
        reasons.extend(at_once.map(|(bound, limit)| format!("{bound} of the {limit} that may run at once")));
        reasons.extend(starts.map(|count| format!("{count} starts ahead")));
        reasons.extend(self.budget.as_ref().map(Budget::told));
        Allowance {
            key: self.name.clone(),
            starts,
            concurrency: at_once.map(|(bound, _)| bound),
            expires_in_ms: LEASE_MS,
            reason: reasons.join(", "),
        }
    }

    /// The limit itself: its bound, what is left of its budget, and how much of it is used.
    pub fn show(&self) -> Allowance {
        let budget_left = self.starts.as_ref().and_then(Starts::budget_left);
        let mut reasons = Vec::new();
        let at_once = self.concurrency.as_ref();
        reasons.extend(at_once.map(|c| format!("{} of {} run", c.running(), c.limit())));
        reasons.extend(budget_left.map(|left| format!("{left} starts of the budget are in no hands")));
        reasons.extend(self.budget.as_ref().map(Budget::told));
        Allowance {
            key: self.name.clone(),
            starts: budget_left,
            concurrency: at_once.map(Concurrency::limit),
            expires_in_ms: LEASE_MS,
            reason: reasons.join(", "),
        }
    }
}
