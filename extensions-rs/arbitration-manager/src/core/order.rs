//! Who goes first where claimants outnumber slots.
//!
//! Those who waited past the bound get one slot each, the oldest first. Then the highest priority; among equals the
//! tenant with the smallest share, and of that tenant the workflow with the smallest. A share is the slot seconds that
//! were used lately and that running executions are going to take, over the weight; so in the long run time follows the
//! weights, and a tenant gains nothing by cutting its work into many workflows or into longer executions.
//!
//! There may be thousands of claimants for a few slots: each is looked at once, and only those are put in order whose turn
//! may come.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use foldhash::fast::RandomState;
use symphony_protocol::{Claimant, Contend, OrderStrategy};

use super::memory::{Memory, TenantView};
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
    /// Of the tenant, over all its workflows, and of this workflow: before this decision.
    pub tenant: Burden,
    pub workflow: Burden,
    pub given: u32,
    /// Of the workflow's share before this decision: a division that is asked for often.
    workflow_rank: u64,
    /// Of the tenant, among those of this decision.
    tenant_at: usize,
}

/// The fixed order: what decides among equals, and the place of those who get nothing.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Standing<'a> {
    rested: bool,
    starved_ms: Reverse<u64>,
    priority: Reverse<u8>,
    tenant_rank: u64,
    workflow_rank: u64,
    waited_ms: Reverse<u64>,
    tenant: &'a str,
    workflow: &'a str,
}

impl<'a> Candidate<'a> {
    fn wants(&self) -> bool {
        u64::from(self.given) < self.claimant.waiting
    }

    fn standing(&self) -> Standing<'a> {
        Standing {
            rested: !self.starving,
            starved_ms: Reverse(if self.starving { self.claimant.waited_ms } else { 0 }),
            priority: Reverse(self.priority),
            tenant_rank: self.tenant.rank(),
            workflow_rank: self.workflow_rank,
            waited_ms: Reverse(self.claimant.waited_ms),
            tenant: &self.claimant.tenant,
            workflow: &self.claimant.workflow,
        }
    }

    /// Whether it stands before another of its tenant and its priority.
    fn precedes(&self, other: &Self) -> bool {
        let plain = !self.starving && !other.starving;
        if plain && self.workflow_rank != other.workflow_rank {
            return self.workflow_rank < other.workflow_rank;
        }
        self.standing() < other.standing()
    }
}

/// What is known of the past; `now_ms` by the memory's clock, not the asker's.
pub struct Past<'a> {
    pub memory: &'a Memory,
    /// Seconds that an execution of the capability in question takes.
    pub duration: f64,
    pub now_ms: u64,
}

/// The slots divided.
#[derive(Debug)]
pub struct Decision<'a> {
    pub strategy: OrderStrategy,
    /// As they were asked for.
    candidates: Vec<Candidate<'a>>,
    /// Those who got something, first served first.
    served: Vec<usize>,
}

impl<'a> Decision<'a> {
    /// Who got something, first served first.
    pub fn served(&self) -> impl Iterator<Item = &Candidate<'a>> {
        self.served.iter().filter_map(|at| self.candidates.get(*at))
    }

    /// Every claimant once: the served in their order, then the others by their standing.
    pub fn all(&self) -> impl Iterator<Item = &Candidate<'a>> {
        let others = self.candidates.iter().filter(|candidate| candidate.given == 0);
        let mut others: Vec<&Candidate<'a>> = others.collect();
        others.sort_by_cached_key(|candidate| candidate.standing());
        self.served().chain(others)
    }
}

/// Divide the slots.
pub fn decide<'a>(ask: &'a Contend, options: &Options, past: &Past) -> Decision<'a> {
    let (mut candidates, tenants) = candidates(ask, options, past);
    let mut line = Line {
        left: ask.slots,
        served: Vec::new(),
        duration: past.duration,
        tenants,
    };
    let strategy = strategy(&candidates);
    let of = |(at, candidate): (usize, &Candidate)| candidate.wants().then_some(at);
    let mut wanting: Vec<usize> = candidates.iter().enumerate().filter_map(of).collect();
    if strategy == OrderStrategy::Starvation {
        line.save(&mut candidates, &wanting);
    }
    if strategy != OrderStrategy::FairShare {
        let priority = |at: &usize| Reverse(candidates.get(*at).map(|candidate| candidate.priority));
        wanting.sort_by_key(priority);
    }
    // A higher priority goes before every lower one.
    let mut rest = wanting.as_slice();
    while line.left > 0
        && let Some(first) = rest.first().and_then(|at| candidates.get(*at))
    {
        let priority = first.priority;
        let same = |at: &usize| candidates.get(*at).is_some_and(|c| c.priority == priority);
        let (level, lower) = rest.split_at(rest.iter().take_while(|at| same(at)).count());
        line.fill(&mut candidates, level);
        rest = lower;
    }
    Decision {
        strategy,
        candidates,
        served: line.served,
    }
}

/// What a tenant has by now.
struct Tenant<'a> {
    lately: TenantView<'a>,
    weight: f64,
    priority: Option<u8>,
    running: u64,
    burden: Burden,
}

fn candidates<'a, 'p>(
    ask: &'a Contend,
    options: &Options,
    past: &'p Past,
) -> (Vec<Candidate<'a>>, Vec<Tenant<'p>>) {
    let memory = past.memory.at(past.now_ms);
    let mut tenants: Vec<Tenant<'p>> = Vec::new();
    let mut known: HashMap<&str, usize, RandomState> = HashMap::default();
    let mut made = Vec::with_capacity(ask.claimants.len());
    for claimant in &ask.claimants {
        let tenant_at = *known.entry(&claimant.tenant).or_insert_with(|| {
            let claims = options.tenants.get(&claimant.tenant);
            let weight = claims.map_or(1.0, |claims| claims.weight);
            tenants.push(Tenant {
                lately: memory.tenant(&claimant.tenant),
                weight,
                priority: claims.and_then(|claims| claims.priority),
                running: 0,
                burden: Burden::new(0.0, weight),
            });
            tenants.len() - 1
        });
        let Some(tenant) = tenants.get_mut(tenant_at) else {
            continue; // it was put there right above
        };
        tenant.running = tenant.running.saturating_add(claimant.running);
        let workflow = options.workflows.get(&claimant.workflow);
        let used = tenant.lately.of(&claimant.workflow) + claimant.running as f64 * past.duration;
        let said = workflow.and_then(|claims| claims.priority).or(tenant.priority);
        let burden = Burden::new(used, workflow.map_or(1.0, |claims| claims.weight));
        made.push(Candidate {
            claimant,
            priority: said.unwrap_or(claimant.priority),
            starving: claimant.waiting > 0 && claimant.waited_ms >= options.starvation_ms,
            tenant: tenant.burden,
            workflow: burden,
            given: 0,
            workflow_rank: burden.rank(),
            tenant_at,
        });
    }
    for tenant in &mut tenants {
        let seconds = tenant.lately.total() + tenant.running as f64 * past.duration;
        tenant.burden = Burden::new(seconds, tenant.weight);
    }
    for candidate in &mut made {
        candidate.tenant = tenants
            .get(candidate.tenant_at)
            .map_or(candidate.tenant, |t| t.burden);
    }
    (made, tenants)
}

/// The slots that are left, and what each tenant has by now.
struct Line<'p> {
    left: u32,
    served: Vec<usize>,
    duration: f64,
    tenants: Vec<Tenant<'p>>,
}

/// What a tenant's turn is decided by, or a workflow's within it: the least rank, and among equals the fixed order.
type Turn<'a> = Reverse<(u64, Standing<'a>, usize)>;

impl Line<'_> {
    fn serve(&mut self, candidates: &mut [Candidate], at: usize) {
        let Some(candidate) = candidates.get_mut(at).filter(|candidate| candidate.wants()) else {
            return;
        };
        if candidate.given == 0 {
            self.served.push(at);
        }
        candidate.given += 1;
        self.left -= 1;
        if let Some(tenant) = self.tenants.get_mut(candidate.tenant_at) {
            tenant.burden.seconds += self.duration;
        }
    }

    /// One slot each for those who waited too long, the oldest first.
    fn save(&mut self, candidates: &mut [Candidate], wanting: &[usize]) {
        let starving = wanting.iter().filter_map(|at| {
            let candidate = candidates.get(*at)?;
            candidate.starving.then(|| (candidate.standing(), *at))
        });
        let mut starving: Vec<_> = starving.collect();
        starving.sort_unstable();
        for (_, at) in starving {
            if self.left == 0 {
                return;
            }
            self.serve(candidates, at);
        }
    }

    /// The turn of a candidate within its tenant: its share with what this decision gave it.
    fn turn<'a>(&self, candidates: &[Candidate<'a>], at: usize) -> Option<Turn<'a>> {
        let candidate = candidates.get(at).filter(|candidate| candidate.wants())?;
        let held = candidate.workflow.seconds + f64::from(candidate.given) * self.duration;
        let rank = Burden::new(held, candidate.workflow.weight).rank();
        Some(Reverse((rank, candidate.standing(), at)))
    }

    fn rank(&self, tenant_at: usize) -> u64 {
        self.tenants
            .get(tenant_at)
            .map_or(0, |tenant| tenant.burden.rank())
    }

    /// Serve those of one priority, slot by slot, until none of them wants more.
    fn fill(&mut self, candidates: &mut [Candidate], level: &[usize]) {
        // Of each tenant who is first of its own, and all of them in a chain from the last to the first.
        let mut first: Vec<Option<(usize, usize)>> = vec![None; self.tenants.len()];
        let mut chain: Vec<Option<usize>> = vec![None; candidates.len()];
        for at in level {
            let Some(candidate) = candidates.get(*at).filter(|candidate| candidate.wants()) else {
                continue;
            };
            let (Some(entry), Some(link)) = (first.get_mut(candidate.tenant_at), chain.get_mut(*at)) else {
                continue;
            };
            let Some((least, last)) = entry else {
                *entry = Some((*at, *at));
                continue;
            };
            *link = Some(*last);
            *last = *at;
            if candidates
                .get(*least)
                .is_some_and(|other| candidate.precedes(other))
            {
                *least = *at;
            }
        }
        let turns = first.iter().enumerate().filter_map(|(tenant_at, entry)| {
            let standing = candidates.get((*entry)?.0)?.standing();
            Some(Reverse((self.rank(tenant_at), standing, tenant_at)))
        });
        let mut turns: BinaryHeap<Turn> = turns.collect::<Vec<_>>().into();
        // Made for those whose turn comes.
        let mut queues: Vec<Option<BinaryHeap<Turn>>> = Vec::new();
        queues.resize_with(self.tenants.len(), || None);
        while self.left > 0
            && let Some(Reverse((_, standing, tenant_at))) = turns.pop()
        {
            let Some(slot) = queues.get_mut(tenant_at) else {
                continue;
            };
            let queue = slot.get_or_insert_with(|| {
                let last = first.get(tenant_at).copied().flatten().map(|(_, last)| last);
                let its = std::iter::successors(last, |at| chain.get(*at).copied().flatten());
                its.filter_map(|at| self.turn(candidates, at))
                    .collect::<Vec<_>>()
                    .into()
            });
            let Some(Reverse((_, _, at))) = queue.pop() else {
                continue;
            };
            self.serve(candidates, at);
            queue.extend(self.turn(candidates, at));
            if !queue.is_empty() {
                turns.push(Reverse((self.rank(tenant_at), standing, tenant_at)));
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
