//! The last decisions, each with all that it went by: told, explained, and held against another policy.

use std::collections::{BTreeMap, VecDeque};

use symphony_protocol::{Changed, Contend, Explained, Order};

use super::candidates::Past;
use super::durations::Durations;
use super::memory::Memory;
use super::order::{Decision, decide};
use super::rationale::placed;
use crate::options::Options;

/// Decisions that are kept, and claimants of all of them together: some 20 MB.
const DECISIONS_MAX: usize = 500;
const CLAIMANTS_MAX: usize = 40_000;
/// Decisions that `show` tells of, and how many places of each: all of them have to fit one message.
const SHOWN_MAX: usize = 50;
const PLACES_MAX: usize = 20;
/// Differences that are told: they have to fit one message.
const CHANGED_MAX: usize = 1024;

/// What the tenants and workflows of a question had used lately when it was asked.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Of each tenant, over all its workflows.
    tenants: BTreeMap<String, f64>,
    /// Of each claimant, in the question's order.
    claimants: Vec<f64>,
}

impl Used {
    pub fn of(memory: &Memory, question: &Contend, now_ms: u64) -> Self {
        let then = memory.at(now_ms);
        let mut used = Self::default();
        for claimant in &question.claimants {
            let tenant = then.tenant(&claimant.tenant);
            used.claimants.push(tenant.of(&claimant.workflow));
            used.tenants
                .entry(claimant.tenant.clone())
                .or_insert_with(|| tenant.total());
        }
        used
    }

    /// A memory that knows just this. What a tenant used beside its claimants is one more workflow's, of no name.
    fn memory(&self, question: &Contend) -> Memory {
        let mut memory = Memory::new(1);
        let mut rest = self.tenants.clone();
        for (claimant, seconds) in question.claimants.iter().zip(&self.claimants) {
            memory.add(&claimant.tenant, &claimant.workflow, *seconds, 0);
            if let Some(rest) = rest.get_mut(&claimant.tenant) {
                *rest -= seconds;
            }
        }
        for (tenant, seconds) in rest {
            memory.add(&tenant, "", seconds, 0);
        }
        memory
    }
}

/// A decision that was made.
pub struct Noted {
    pub explained: Explained,
    pub used: Used,
}

/// The newest first.
#[derive(Default)]
pub struct Decisions {
    kept: VecDeque<Noted>,
    claimants: usize,
}

impl Decisions {
    pub fn note(&mut self, noted: Noted) {
        self.claimants += noted.explained.question.claimants.len();
        self.kept.push_front(noted);
        while self.kept.len() > DECISIONS_MAX || (self.claimants > CLAIMANTS_MAX && self.kept.len() > 1) {
            let gone = self.kept.pop_back();
            self.claimants -= gone.map_or(0, |gone| gone.explained.question.claimants.len());
        }
    }

    pub fn count(&self) -> usize {
        self.kept.len()
    }

    pub fn find(&self, decision: &str) -> Option<&Explained> {
        let mut all = self.kept.iter().map(|noted| &noted.explained);
        all.find(|explained| explained.order.decision == decision)
    }

    /// The newest, with their first places.
    pub fn show(&self) -> Vec<Order> {
        let newest = self
            .kept
            .iter()
            .take(SHOWN_MAX)
            .map(|noted| &noted.explained.order);
        let shown = newest.map(|order| Order {
            decision: order.decision.clone(),
            strategy: order.strategy,
            by: order.by,
            order: order.order.iter().take(PLACES_MAX).cloned().collect(),
            ..Default::default()
        });
        shown.collect()
    }

    /// What `other` would have decided otherwise than `policy`, both with what was used then and with what is known of
    /// durations now. So a policy differs in nothing from itself.
    pub fn compare(&self, policy: &Options, other: &Options, durations: &Durations) -> Vec<Changed> {
        let mut changed = Vec::new();
        for Noted { explained, used } in &self.kept {
            let question = &explained.question;
            let memory = used.memory(question);
            let past = Past {
                memory: &memory,
                durations,
                now_ms: 0,
            };
            let before = slots(&decide(question, policy, &past));
            let after = decide(question, other, &past);
            for candidate in after.all() {
                let who = (
                    candidate.claimant.tenant.as_str(),
                    candidate.claimant.workflow.as_str(),
                );
                let had = before.get(&who).copied().unwrap_or_default();
                if had != candidate.given && changed.len() < CHANGED_MAX {
                    changed.push(Changed {
                        decision: explained.order.decision.clone(),
                        capability: question.capability.clone(),
                        tenant: candidate.claimant.tenant.clone(),
                        workflow: candidate.claimant.workflow.clone(),
                        before: had,
                        after: candidate.given,
                        rationale: placed(candidate).rationale,
                    });
                }
            }
        }
        changed
    }
}

fn slots<'a>(decision: &Decision<'a>) -> BTreeMap<(&'a str, &'a str), u32> {
    let all = decision.all();
    all.map(|one| {
        (
            (one.claimant.tenant.as_str(), one.claimant.workflow.as_str()),
            one.given,
        )
    })
    .collect()
}
