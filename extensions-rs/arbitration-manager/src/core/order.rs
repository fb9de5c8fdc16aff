//! Who goes first where claimants outnumber slots.
//!
//! Those who waited past the bound get one slot each, the oldest first. Then the highest priority; among equals the
//! tenant with the smallest share, and of that tenant the workflow with the smallest. A share is the slot seconds that
//! were used lately and that running executions are going to take, over the weight; so in the long run time follows the
//! weights, and a tenant gains nothing by cutting its work into many workflows or into longer executions.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use symphony_protocol::{Claimant, Contend, Order, OrderStrategy};

use super::memory::Memory;
use super::rationale;
use crate::options::Options;

/// What was used lately and what is running, and the weight that it is held against.
#[derive(Clone, Copy, Debug)]
pub struct Burden {
    pub seconds: f64,
    pub weight: f64,
}

impl Burden {
    fn new(seconds: f64, weight: f64) -> Self {
        Self {
            seconds: seconds.max(0.0),
            weight: weight.max(0.001),
        }
    }

    pub fn share(&self) -> f64 {
        self.seconds / self.weight
    }

    /// The share as a number that sorts: the bits of floats that are not negative stand in their order.
    fn rank(&self) -> u64 {
        self.share().to_bits()
    }
}

/// A claimant being served.
#[derive(Debug)]
pub struct Candidate<'a> {
    pub claimant: &'a Claimant,
    pub priority: u8,
    pub starving: bool,
    /// Of the tenant, over all its workflows, and of this workflow: before this order.
    pub tenant: Burden,
    pub workflow: Burden,
    pub given: u32,
    /// The place in which it was served first.
    place: usize,
}

impl Candidate<'_> {
    fn wants(&self) -> bool {
        u64::from(self.given) < self.claimant.waiting
    }

    /// The fixed order: what decides among equals, and the place of those who get nothing.
    fn standing(&self, other: &Self) -> Ordering {
        let age = |c: &Self| Reverse(c.claimant.waited_ms);
        let oldest_first = if self.starving {
            age(self).cmp(&age(other))
        } else {
            Ordering::Equal
        };
        Reverse(self.starving)
            .cmp(&Reverse(other.starving))
            .then(oldest_first)
            .then_with(|| other.priority.cmp(&self.priority))
            .then_with(|| self.tenant.rank().cmp(&other.tenant.rank()))
            .then_with(|| self.workflow.rank().cmp(&other.workflow.rank()))
            .then_with(|| age(self).cmp(&age(other)))
            .then_with(|| self.claimant.tenant.cmp(&other.claimant.tenant))
            .then_with(|| self.claimant.workflow.cmp(&other.claimant.workflow))
    }
}

/// What is known of the past; `now_ms` by the memory's clock, not the asker's.
pub struct Past<'a> {
    pub memory: &'a Memory,
    /// Seconds that an execution of the capability in question takes.
    pub duration: f64,
    pub now_ms: u64,
}

/// Divide the slots. Every claimant is in the answer once, also those who get nothing.
pub fn order(ask: &Contend, decision: String, options: &Options, past: &Past) -> Order {
    let mut candidates = candidates(ask, options, past);
    candidates.sort_by(Candidate::standing);
    let strategy = strategy(&candidates);
    let mut line = Line {
        left: ask.slots,
        served: 0,
        duration: past.duration,
        tenants: candidates
            .iter()
            .map(|c| (c.claimant.tenant.as_str(), c.tenant))
            .collect(),
    };
    for candidate in candidates.iter_mut().filter(|c| c.starving) {
        line.serve(candidate);
    }
    let priorities: BTreeSet<Reverse<u8>> = candidates.iter().map(|c| Reverse(c.priority)).collect();
    for Reverse(priority) in priorities {
        line.fill(&mut candidates, priority);
    }
    candidates.sort_by_key(|c| c.place); // stable: the unserved keep their standing
    Order {
        decision,
        strategy,
        order: candidates.iter().map(rationale::placed).collect(),
        ..Default::default()
    }
}

fn candidates<'a>(ask: &'a Contend, options: &Options, past: &Past) -> Vec<Candidate<'a>> {
    let mut running: BTreeMap<&str, u64> = BTreeMap::new();
    for claimant in &ask.claimants {
        let sum = running.entry(&claimant.tenant).or_default();
        *sum = sum.saturating_add(claimant.running);
    }
    let tenants: BTreeMap<&str, Burden> = running
        .into_iter()
        .map(|(name, running)| {
            let weight = options.tenants.get(name).map_or(1.0, |claims| claims.weight);
            let used = past.memory.of_tenant(name, past.now_ms);
            (name, Burden::new(used + running as f64 * past.duration, weight))
        })
        .collect();
    let candidate = |claimant: &'a Claimant| {
        let workflow = options.workflows.get(&claimant.workflow);
        let tenant = options.tenants.get(&claimant.tenant);
        let said = workflow
            .and_then(|c| c.priority)
            .or(tenant.and_then(|c| c.priority));
        let used = past.memory.of(&claimant.tenant, &claimant.workflow, past.now_ms);
        let used = used + claimant.running as f64 * past.duration;
        let burden = Burden::new(used, workflow.map_or(1.0, |claims| claims.weight));
        Candidate {
            claimant,
            priority: said.unwrap_or(claimant.priority),
            starving: claimant.waiting > 0 && claimant.waited_ms >= options.starvation_ms,
            tenant: tenants.get(claimant.tenant.as_str()).copied().unwrap_or(burden),
            workflow: burden,
            given: 0,
            place: usize::MAX,
        }
    };
    ask.claimants.iter().map(candidate).collect()
}

/// The slots that are left, and what each tenant has by now.
struct Line<'a> {
    left: u32,
    served: usize,
    duration: f64,
    tenants: BTreeMap<&'a str, Burden>,
}

impl<'a> Line<'a> {
    fn serve(&mut self, candidate: &mut Candidate<'a>) {
        if self.left == 0 || !candidate.wants() {
            return;
        }
        if candidate.given == 0 {
            candidate.place = self.served;
            self.served += 1;
        }
        candidate.given += 1;
        self.left -= 1;
        if let Some(tenant) = self.tenants.get_mut(candidate.claimant.tenant.as_str()) {
            tenant.seconds += self.duration;
        }
    }

    fn rank(&self, tenant: &str) -> u64 {
        self.tenants.get(tenant).map_or(0, Burden::rank)
    }

    /// The rank of a candidate's share with what this order gave it.
    fn now(&self, candidate: &Candidate) -> u64 {
        let held = candidate.workflow.seconds + f64::from(candidate.given) * self.duration;
        Burden::new(held, candidate.workflow.weight).rank()
    }

    /// Serve those of one priority, slot by slot, until none of them wants more: a higher one goes before every lower.
    fn fill(&mut self, candidates: &mut [Candidate<'a>], priority: u8) {
        // Candidates stand in their order already, so their index decides among equal shares.
        let mut queues: BTreeMap<&str, BTreeSet<(u64, usize)>> = BTreeMap::new();
        let mut turns = BTreeSet::new();
        for (index, candidate) in candidates.iter().enumerate() {
            if candidate.priority == priority && candidate.wants() {
                let name = candidate.claimant.tenant.as_str();
                let queue = queues.entry(name).or_default();
                if queue.is_empty() {
                    turns.insert((self.rank(name), index, name));
                }
                queue.insert((self.now(candidate), index));
            }
        }
        while self.left > 0
            && let Some((_, first, name)) = turns.pop_first()
        {
            let Some(queue) = queues.get_mut(name) else {
                continue;
            };
            let Some((_, index)) = queue.pop_first() else {
                continue;
            };
            let Some(candidate) = candidates.get_mut(index) else {
                continue;
            };
            self.serve(candidate);
            if candidate.wants() {
                queue.insert((self.now(candidate), index));
            }
            if !queue.is_empty() {
                turns.insert((self.rank(name), first, name));
            }
        }
    }
}

fn strategy(candidates: &[Candidate]) -> OrderStrategy {
    if candidates.iter().any(|c| c.starving) {
        return OrderStrategy::Starvation;
    }
    let mut priorities = candidates.iter().map(|c| c.priority);
    let first = priorities.next();
    if priorities.any(|priority| Some(priority) != first) {
        OrderStrategy::Priority
    } else {
        OrderStrategy::FairShare
    }
}
