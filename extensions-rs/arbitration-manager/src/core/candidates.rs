//! The claimants of a decision with what each has, what it is worth, and where it stands before anybody is served.

use std::cmp::Reverse;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use symphony_protocol::{Claimant, Contend};

use super::durations::Durations;
use super::memory::{Memory, TenantView};
use crate::options::{Claims, Options, Strategy, Worth};

/// Above every priority: preferred claimants of a specialised capability.
const PREFERRED: u16 = 16;

/// What was used lately and what is running, and the weight that it is held against.
#[derive(Clone, Copy, Debug)]
pub struct Burden {
    pub seconds: f64,
    pub weight: f64,
}

impl Burden {
    pub(super) fn new(seconds: f64, weight: f64) -> Self {
        Self {
            seconds: seconds.max(0.0),
            weight: weight.max(0.001),
        }
    }

    pub fn share(&self) -> f64 {
        self.seconds / self.weight
    }

    /// The share as a number that sorts: the bits of floats that are not negative stand in their order.
    pub(super) fn rank(&self) -> u64 {
        self.share().to_bits()
    }
}

/// A claimant being served.
#[derive(Debug)]
pub struct Candidate<'a> {
    pub claimant: &'a Claimant,
    /// As it counts: stated by the policy or by its runs, and risen with its age.
    pub priority: u8,
    pub starving: bool,
    /// Whoever is of a higher level goes first, whatever the shares.
    pub level: u16,
    /// Of a tenant's own claimants the lowest goes first, whatever their shares.
    pub inner: u8,
    /// What its weight is multiplied by.
    pub worth: f64,
    /// What is left of a deadline that binds, beside the rest of the run.
    pub left_ms: Option<i64>,
    /// Of the tenant, over all its workflows, and of this workflow: before this decision.
    pub tenant: Burden,
    pub workflow: Burden,
    pub given: u32,
    /// Among those who waited equally long for their turn, what the tenant used lately: else names would decide.
    lately: u64,
    /// Of the workflow's share before this decision: a division that is asked for often.
    pub(super) workflow_rank: u64,
    /// Of the tenant, among those of this decision.
    pub(super) tenant_at: usize,
}

/// The fixed order: what decides among equals, and the place of those who get nothing. What a tenant says of the urgency of
/// its own work (`inner`) is no part of it: it would decide among tenants of equal shares.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing<'a> {
    rested: bool,
    starved_ms: Reverse<u64>,
    level: Reverse<u16>,
    tenant_rank: u64,
    workflow_rank: u64,
    waited_ms: Reverse<u64>,
    lately: u64,
    tenant: &'a str,
    workflow: &'a str,
}

impl<'a> Candidate<'a> {
    /// Slots that one of its executions counts as.
    pub(super) fn share(&self) -> f64 {
        self.claimant.share.max(1.0)
    }

    pub(super) fn wants(&self) -> bool {
        u64::from(self.given) < self.claimant.waiting
    }

    pub(super) fn standing(&self) -> Standing<'a> {
        Standing {
            rested: !self.starving,
            starved_ms: Reverse(if self.starving { self.claimant.waited_ms } else { 0 }),
            level: Reverse(self.level),
            tenant_rank: self.tenant.rank(),
            workflow_rank: self.workflow_rank,
            waited_ms: Reverse(self.claimant.waited_ms),
            lately: self.lately,
            tenant: &self.claimant.tenant,
            workflow: &self.claimant.workflow,
        }
    }

    /// Whether it stands before another of its tenant and its level.
    pub(super) fn precedes(&self, other: &Self) -> bool {
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
    pub durations: &'a Durations,
    pub now_ms: u64,
}

/// What a tenant has by now.
pub(super) struct Tenant<'a> {
    lately: TenantView<'a>,
    claims: Option<&'a Claims>,
    weight: f64,
    /// Slots that its executions count as.
    held: f64,
    pub(super) burden: Burden,
}

/// What all claimants of a decision have in common.
struct Rules<'a> {
    options: &'a Options,
    strategy: Strategy,
    prefer: &'a [String],
    /// Seconds that a slot is held.
    duration: f64,
}

impl Rules<'_> {
    /// Places in front of everybody, the first of those that are preferred highest.
    fn preferred(&self, claimant: &Claimant) -> u16 {
        let is = |name: &String| match name.split_once(':') {
            Some(("tenant", tenant)) => tenant == claimant.tenant,
            Some((_, workflow)) => workflow == claimant.workflow,
            None => false,
        };
        let place = self.prefer.iter().position(is);
        place.map_or(0, |place| {
            u16::try_from(self.prefer.len() - place).unwrap_or(u16::MAX / PREFERRED) * PREFERRED
        })
    }

    /// A priority, risen with age.
    fn aged(&self, priority: u8, waited_ms: u64) -> u8 {
        let risen = waited_ms.checked_div(self.options.ageing_ms).unwrap_or(0);
        priority.saturating_add(u8::try_from(risen).unwrap_or(9)).min(9)
    }

    /// What is left of a deadline beside the estimated rest of the run, and of one that still can be met and binds.
    fn left_ms(&self, claimant: &Claimant, ask_ms: u64) -> (Option<i64>, Option<i64>) {
        let Some(deadline_ms) = claimant.deadline_at_ms else {
            return (None, None);
        };
        let whole = deadline_ms.saturating_sub(ask_ms);
        let left = whole
            .cast_signed()
            .saturating_sub((claimant.rest_us / 1000).cast_signed());
        let binds = whole > 0 && left < self.options.deadline_slack_ms.cast_signed();
        (Some(left), binds.then_some(left))
    }

    fn burden(&self, seconds: f64, weight: f64) -> Burden {
        if self.strategy == Strategy::RoundRobin {
            Burden::new(0.0, 1.0)
        } else {
            Burden::new(seconds, weight)
        }
    }
}

/// Slots that the executions of a claimant count as, by the resource that each takes most of.
fn held(claimant: &Claimant) -> f64 {
    if claimant.held > 0.0 {
        claimant.held
    } else {
        claimant.running as f64
    }
}

/// Everybody as they stand, and the tenants among them.
pub(super) fn candidates<'a, 'p>(
    ask: &'a Contend,
    options: &'p Options,
    past: &'p Past,
) -> (Vec<Candidate<'a>>, Vec<Tenant<'p>>) {
    let memory = past.memory.at(past.now_ms);
    let (strategy, prefer) = options.chosen(&ask.capability);
    let rules = Rules {
        options,
        strategy,
        prefer,
        duration: past.durations.of(&ask.capability),
    };
    let mut tenants: Vec<Tenant<'p>> = Vec::new();
    let mut known: HashMap<&str, usize, RandomState> = HashMap::default();
    let mut made = Vec::with_capacity(ask.claimants.len());
    for claimant in &ask.claimants {
        let tenant_at = *known.entry(&claimant.tenant).or_insert_with(|| {
            let claims = options.tenants.get(&claimant.tenant);
            let worth = claims.map(|claims| claims.worth).unwrap_or_default();
            let weight =
                claims.map_or(1.0, |claims| claims.weight) * options.value.multiply(&worth, None, 0.0);
            tenants.push(Tenant {
                lately: memory.tenant(&claimant.tenant),
                claims,
                weight,
                held: 0.0,
                burden: rules.burden(0.0, weight),
            });
            tenants.len() - 1
        });
        let Some(tenant) = tenants.get_mut(tenant_at) else {
            continue; // it was put there right above
        };
        tenant.held += held(claimant);
        made.push(candidate(claimant, tenant, tenant_at, &rules, (ask, past)));
    }
    for tenant in &mut tenants {
        let seconds = tenant.lately.total() + tenant.held * rules.duration;
        tenant.burden = rules.burden(seconds, tenant.weight);
    }
    for candidate in &mut made {
        candidate.tenant = tenants
            .get(candidate.tenant_at)
            .map_or(candidate.tenant, |t| t.burden);
    }
    (made, tenants)
}

fn candidate<'a>(
    claimant: &'a Claimant,
    tenant: &Tenant,
    tenant_at: usize,
    rules: &Rules,
    (ask, past): (&Contend, &Past),
) -> Candidate<'a> {
    let options = rules.options;
    let workflow = options.workflows.get(&claimant.workflow);
    let used = tenant.lately.of(&claimant.workflow) + held(claimant) * rules.duration;
    let said = workflow.and_then(|claims| claims.priority);
    let said = said.or(tenant.claims.and_then(|claims| claims.priority));
    let priority = rules.aged(said.unwrap_or(claimant.priority), claimant.waited_ms);
    let (left_ms, binding_ms) = rules.left_ms(claimant, ask.now_ms);
    let worth: Worth = workflow.map(|claims| claims.worth).unwrap_or_default();
    // Looked up only where it counts: a decision has a thousand claimants.
    let seconds = if options.value.cost > 0.0 {
        past.durations.by(&ask.capability, &claimant.workflow)
    } else {
        0.0
    };
    let worth = options.value.multiply(&worth, left_ms, seconds);
    let weight = workflow.map_or(1.0, |claims| claims.weight) * worth;
    let burden = rules.burden(used, weight);
    let (level, inner) = match rules.strategy {
        Strategy::Prioritised => (u16::from(priority), 0),
        Strategy::Specialised => (rules.preferred(claimant) + u16::from(priority), 0),
        Strategy::Collaborative if binding_ms.is_some() => (0, 0),
        Strategy::Collaborative => (0, 10 - priority),
        Strategy::RoundRobin => (0, 0),
    };
    let by_level = matches!(rules.strategy, Strategy::Prioritised | Strategy::Specialised);
    Candidate {
        claimant,
        priority,
        starving: claimant.waiting > 0 && claimant.waited_ms >= options.starvation_ms,
        level,
        inner,
        worth,
        left_ms: binding_ms.filter(|_| by_level),
        tenant: tenant.burden,
        workflow: burden,
        given: 0,
        lately: if rules.strategy == Strategy::RoundRobin {
            tenant.lately.total().to_bits()
        } else {
            0
        },
        workflow_rank: burden.rank(),
        tenant_at,
    }
}
