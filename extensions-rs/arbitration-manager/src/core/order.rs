//! Who goes first where claimants outnumber slots.
//!
//! Those who waited past the bound get one slot each, the oldest first. Then the highest level (of the strategy that a
//! capability has; by default the priority); of one level those whose deadlines bind get one slot each, the earliest first;
//! among the others the tenant with the smallest share, and of that tenant the workflow with the smallest. A share is the
//! slot seconds that were used lately and that running executions are going to take, over the weight; so in the long run
//! time follows the weights, and a tenant gains nothing by cutting its work into many workflows or into longer executions.
//!
//! There may be thousands of claimants for a few slots: each is looked at once, and only those are put in order whose turn
//! may come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use symphony_protocol::{Contend, OrderStrategy};

use super::candidates::{Burden, Candidate, Past, Standing, Tenant, candidates};
use crate::options::{Options, Strategy};

/// The slots divided.
#[derive(Debug)]
pub struct Decision<'a> {
    /// What decided, of all that may.
    pub strategy: OrderStrategy,
    /// As the policy says for the capability.
    pub by: Strategy,
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
        duration: Some(past.durations.of(&ask.capability)),
        tenants,
    };
    let (by, _) = options.chosen(&ask.capability);
    if by == Strategy::RoundRobin {
        line.duration = None;
    }
    let strategy = strategy(&candidates);
    let of = |(at, candidate): (usize, &Candidate)| candidate.wants().then_some(at);
    let mut wanting: Vec<usize> = candidates.iter().enumerate().filter_map(of).collect();
    if strategy == OrderStrategy::Starvation {
        line.save(&mut candidates, &wanting);
    }
    if strategy != OrderStrategy::FairShare {
        let level = |at: &usize| Reverse(candidates.get(*at).map(|candidate| candidate.level));
        wanting.sort_by_key(level);
    }
    // A higher level goes before every lower one.
    let mut rest = wanting.as_slice();
    while line.left > 0
        && let Some(first) = rest.first().and_then(|at| candidates.get(*at))
    {
        let level = first.level;
        let same = |at: &usize| candidates.get(*at).is_some_and(|c| c.level == level);
        let (level, lower) = rest.split_at(rest.iter().take_while(|at| same(at)).count());
        line.hurry(&mut candidates, level);
        line.fill(&mut candidates, level);
        rest = lower;
    }
    Decision {
        strategy,
        by,
        candidates,
        served: line.served,
    }
}

/// The slots that are left, and what each tenant has by now.
struct Line<'p> {
    left: u32,
    served: Vec<usize>,
    /// Seconds that a slot is held; none where a turn is a turn, whatever it takes.
    duration: Option<f64>,
    tenants: Vec<Tenant<'p>>,
}

/// What a slot that is given to a candidate counts.
fn cost(duration: Option<f64>, candidate: &Candidate) -> f64 {
    duration.map_or(1.0, |seconds| seconds * candidate.share())
}

/// What a tenant's turn is decided by, or a workflow's within it: the least rank, and among equals the fixed order.
type Turn<'a> = Reverse<(u8, u64, Standing<'a>, usize)>;

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
        let cost = cost(self.duration, candidate);
        if let Some(tenant) = self.tenants.get_mut(candidate.tenant_at) {
            tenant.burden.seconds += cost;
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

    /// One slot each for those of one level whose deadlines bind, the earliest first.
    fn hurry(&mut self, candidates: &mut [Candidate], level: &[usize]) {
        let binding = level.iter().filter_map(|at| {
            let candidate = candidates.get(*at)?;
            Some((candidate.left_ms?, candidate.standing(), *at))
        });
        let mut binding: Vec<_> = binding.collect();
        binding.sort_unstable();
        for (_, _, at) in binding {
            if self.left == 0 {
                return;
            }
            self.serve(candidates, at);
        }
    }

    /// The turn of a candidate within its tenant: its share with what this decision gave it.
    fn turn<'a>(&self, candidates: &[Candidate<'a>], at: usize) -> Option<Turn<'a>> {
        let candidate = candidates.get(at).filter(|candidate| candidate.wants())?;
        let held = candidate.workflow.seconds + f64::from(candidate.given) * cost(self.duration, candidate);
        let rank = Burden::new(held, candidate.workflow.weight).rank();
        Some(Reverse((candidate.inner, rank, candidate.standing(), at)))
    }

    fn rank(&self, tenant_at: usize) -> u64 {
        self.tenants
            .get(tenant_at)
            .map_or(0, |tenant| tenant.burden.rank())
    }

    /// Serve those of one level, slot by slot, until none of them wants more.
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
            Some(Reverse((0, self.rank(tenant_at), standing, tenant_at)))
        });
        let mut turns: BinaryHeap<Turn> = turns.collect::<Vec<_>>().into();
        // Made for those whose turn comes.
        let mut queues: Vec<Option<BinaryHeap<Turn>>> = Vec::new();
        queues.resize_with(self.tenants.len(), || None);
        while self.left > 0
            && let Some(Reverse((_, _, standing, tenant_at))) = turns.pop()
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
            let Some(Reverse((_, _, _, at))) = queue.pop() else {
                continue;
            };
            self.serve(candidates, at);
            queue.extend(self.turn(candidates, at));
            if !queue.is_empty() {
                turns.push(Reverse((0, self.rank(tenant_at), standing, tenant_at)));
            }
        }
    }
}

fn strategy(candidates: &[Candidate]) -> OrderStrategy {
    if candidates.iter().any(|c| c.starving) {
        return OrderStrategy::Starvation;
    }
    let mut levels = candidates.iter().map(|c| c.level);
    let first = levels.next();
    if levels.any(|level| Some(level) != first) {
        OrderStrategy::Priority
    } else if candidates.iter().any(|c| c.left_ms.is_some()) {
        OrderStrategy::Deadline
    } else {
        OrderStrategy::FairShare
    }
}
