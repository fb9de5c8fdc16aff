//! One key with its limits: what may run at once, the rate of starts and the budget of them.

use symphony_protocol::{Allowance, Claim};

use super::key::Key;
use super::{Concurrency, LEASE_MS, Starts};
use crate::options::Limits;

pub struct Limit {
    key: Key,
    name: String,
    concurrency: Option<Concurrency>,
    starts: Option<Starts>,
}

impl Limit {
    pub fn new(key: Key, limits: Limits, now_ms: u64) -> Self {
        Self {
            name: key.to_string(),
            key,
            concurrency: limits.concurrency.map(Concurrency::new),
            starts: Starts::new(limits.rate, limits.budget_starts, now_ms),
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
        match &mut self.starts {
            Some(starts) if limits.rate.is_some() || limits.budget_starts.is_some() => {
                starts.change(limits.rate, limits.budget_starts, now_ms);
            }
            starts => *starts = Starts::new(limits.rate, limits.budget_starts, now_ms),
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
        if let Some(starts) = &mut self.starts {
            starts.forfeit(conductor, now_ms);
            starts.forget(conductor);
        }
    }

    /// What a conductor says of this key. `missed`: a claim before this one was lost, or its process is another.
    pub fn claim(&mut self, claim: &Claim, heard: u64, missed: bool, now_ms: u64) {
        let (mut running, mut waiting, mut started) = (0_u64, 0_u64, 0_u64);
        for used in &claim.usage {
            if self.key.covers(&used.tenant, &used.workflow, &used.capability) {
                running = running.saturating_add(used.running);
                waiting = waiting.saturating_add(used.waiting);
                started = started.saturating_add(used.started);
            }
        }
        if let Some(concurrency) = &mut self.concurrency {
            concurrency.claim(&claim.conductor, running, waiting, heard, now_ms);
        }
        if let Some(starts) = &mut self.starts {
            starts.settle(&claim.conductor, started, waiting, now_ms);
            if missed {
                starts.forfeit(&claim.conductor, now_ms); // nobody knows what the lost one spent: all of it
            }
        }
    }

    pub fn grant(&mut self, conductor: &str, sequence: u64, now_ms: u64, closed: bool) -> Allowance {
        let at_once = self.concurrency.as_mut();
        let at_once = at_once.map(|c| (c.grant(conductor, sequence, now_ms, closed), c.limit()));
        let starts = self.starts.as_mut().map(|s| s.grant(conductor, now_ms));
        let mut reasons = Vec::new();
        reasons.extend(at_once.map(|(bound, limit)| format!("{bound} of the {limit} that may run at once")));
        reasons.extend(starts.map(|count| format!("{count} starts ahead")));
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
        Allowance {
            key: self.name.clone(),
            starts: budget_left,
            concurrency: at_once.map(Concurrency::limit),
            expires_in_ms: LEASE_MS,
            reason: reasons.join(", "),
        }
    }
}
