//! The arbiter: claims in, grants out, orders on contention.

use std::collections::BTreeMap;

use symphony_protocol::{
    ArbitrationShow, Changed, Claim, Contend, Explained, Order, ShareGrant, Spent, Usage,
};

use super::candidates::Past;
use super::decisions::{Decisions, Noted, Used};
use super::durations::Durations;
use super::key::limited;
use super::limit::Limit;
use super::memory::Memory;
use super::order::{Decision, decide};
use super::rationale::placed;
use super::{GONE_MS, LEASE_MS, SLACK_MS, shares};
use crate::options::Options;

/// Estimates that `show` tells of: they have to fit one message beside the rest.
const ESTIMATES_MAX: usize = 512;
/// Conductors of one mesh, one for each partition at most.
const CONDUCTORS_MAX: usize = 1024;
const GRANT_COUNT_MAX: usize = 4096;

#[derive(Default)]
struct Conductor {
    last_ms: u64,
    /// The number of its last claim: what grants to it count.
    counted: u64,
    usage: Vec<Usage>,
}

impl Conductor {
    /// What it said last, without what it had spent since the one before: that is settled.
    fn last_claim((name, known): (&String, &Self)) -> Claim {
        let mut usage = known.usage.clone();
        usage.iter_mut().for_each(|used| used.started = 0);
        Claim {
            conductor: name.clone(),
            usage,
            ..Default::default()
        }
    }
}

/// All that Arbitration knows.
pub struct Arbiter {
    issuer: String,
    options: Options,
    limits: Vec<Limit>,
    memory: Memory,
    durations: Durations,
    conductors: BTreeMap<String, Conductor>,
    /// Before the first grant, and of the last one. Conductors echo it; so it tells grants of an earlier service.
    first: u64,
    sequence: u64,
    /// While there may be conductors with grants of an earlier service that have not claimed yet.
    closed_until_ms: u64,
    started_ms: u64,
    orders: u64,
    decisions: Decisions,
    /// Of the policy.
    version: u64,
}

impl Arbiter {
    /// Grants are numbered above `first`, which has to be more than any earlier service of this mesh came to.
    pub fn new(issuer: &str, options: Options, first: u64, now_ms: u64) -> Self {
        let limits = limited(&options)
            .into_iter()
            .map(|(key, limits)| Limit::new(key, limits, now_ms));
        Self {
            issuer: issuer.to_owned(),
            limits: limits.collect(),
            memory: Memory::new(options.half_life_ms),
            durations: Durations::default(),
            options,
            conductors: BTreeMap::new(),
            first,
            sequence: first,
            closed_until_ms: now_ms,
            started_ms: now_ms,
            orders: 0,
            decisions: Decisions::default(),
            version: 0,
        }
    }

    /// Usage settled and demand stated.
    pub fn claim(&mut self, claim: &Claim, now_ms: u64) {
        if !self.conductors.contains_key(&claim.conductor) && self.conductors.len() >= CONDUCTORS_MAX {
            return;
        }
        for used in &claim.usage {
            let seconds = used.run_us as f64 / 1e6;
            let shared = used.share_us.max(used.run_us) as f64 / 1e6;
            self.memory.add(&used.tenant, &used.workflow, shared, now_ms);
            self.durations
                .add(&used.capability, &used.workflow, used.started, seconds);
        }
        let heard = self.heard(claim, now_ms);
        let last = self
            .conductors
            .get(&claim.conductor)
            .map_or(0, |known| known.counted);
        let missed = last != 0 && claim.number != last + 1;
        for limit in &mut self.limits {
            limit.claim(claim, heard, missed, now_ms);
        }
        let known = self.conductors.entry(claim.conductor.clone()).or_default();
        known.last_ms = now_ms;
        known.counted = claim.number;
        known.usage.clone_from(&claim.usage);
    }

    /// The last grant of this service that a conductor took in; 0 where it goes by an earlier one's, which is noted.
    fn heard(&mut self, claim: &Claim, now_ms: u64) -> u64 {
        if claim.heard == 0 || (self.first < claim.heard && claim.heard <= self.sequence) {
            return claim.heard;
        }
        let fresh = self.conductors.is_empty();
        let unknown = !self.conductors.contains_key(&claim.conductor);
        self.closed_until_ms = self.started_ms + LEASE_MS + SLACK_MS;
        for limit in &mut self.limits {
            if unknown {
                limit.inherit(&claim.conductor, self.first + 1, fresh, now_ms);
            }
        }
        0
    }

    /// Forget conductors that have said nothing for so long that they are gone.
    pub fn sweep(&mut self, now_ms: u64) {
        let gone: Vec<String> = self
            .conductors
            .iter()
            .filter(|(_, known)| known.last_ms + GONE_MS < now_ms)
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.conductors.remove(&name);
            for limit in &mut self.limits {
                limit.forget(&name, now_ms);
            }
        }
    }

    /// What a conductor may do until it hears again: absolute, its leases renewed.
    pub fn grant(&mut self, conductor: &str, now_ms: u64) -> Option<ShareGrant> {
        let known = self.conductors.get(conductor)?;
        let shares = shares::of(&self.options, &known.usage, GRANT_COUNT_MAX);
        let counted = known.counted;
        self.sequence += 1;
        let sequence = self.sequence;
        let closed = now_ms < self.closed_until_ms;
        let allowances = self
            .limits
            .iter_mut()
            .map(|limit| limit.grant(conductor, sequence, now_ms, closed));
        let allowances = allowances.take(GRANT_COUNT_MAX).collect();
        Some(ShareGrant {
            conductor: conductor.to_owned(),
            issuer: self.issuer.clone(),
            sequence,
            shares,
            allowances,
            counted,
            starvation_ms: self.options.starvation_ms,
            ..Default::default()
        })
    }

    /// The time of the world: budgets are those of calendar periods.
    pub fn roll(&mut self, wall_ms: u64) {
        self.limits.iter_mut().for_each(|limit| limit.roll(wall_ms));
    }

    /// What has to be taken for spent of every budget, should this be the last that is heard of it. It is kept before what it
    /// counts is told to a conductor.
    pub fn spent(&self) -> Vec<Spent> {
        self.limits
            .iter()
            .filter_map(Limit::spent)
            .take(GRANT_COUNT_MAX)
            .collect()
    }

    /// What an earlier service had spent.
    pub fn restore(&mut self, spent: &[Spent]) {
        for one in spent {
            self.limits.iter_mut().for_each(|limit| limit.restore(one));
        }
    }

    /// Of the policy in force; 0: the configuration's.
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn conductors(&self) -> Vec<String> {
        self.conductors.keys().cloned().collect()
    }

    /// More claimants than slots: who gets how many. `now_ms` is this service's clock, as in `claim`.
    pub fn decide<'a>(&self, ask: &'a Contend, now_ms: u64) -> Decision<'a> {
        let past = Past {
            memory: &self.memory,
            durations: &self.durations,
            now_ms,
        };
        decide(ask, &self.options, &past)
    }

    /// The same as an order, with the reasons of each place, and noted. Every claimant is in it once, also those who get
    /// nothing.
    pub fn contend(&mut self, ask: &Contend, now_ms: u64) -> Order {
        self.orders += 1;
        let made = self.decide(ask, now_ms);
        let order = Order {
            decision: format!("{}-{}", self.issuer, self.orders),
            strategy: made.strategy,
            by: made.by.into(),
            order: made.all().map(placed).collect(),
            ..Default::default()
        };
        let noted = Noted {
            explained: Explained {
                order: order.clone(),
                question: ask.clone(),
                version: self.version,
                seconds: self.durations.of(&ask.capability),
                ..Default::default()
            },
            used: Used::of(&self.memory, ask, now_ms),
        };
        self.decisions.note(noted);
        order
    }

    /// One of the last decisions.
    pub fn explain(&self, decision: &str) -> Option<&Explained> {
        self.decisions.find(decision)
    }

    /// Of the last decisions, how many there are, and what another policy would have decided otherwise.
    pub fn compare(&self, options: &Options) -> (usize, Vec<Changed>) {
        let changed = self.decisions.compare(&self.options, options, &self.durations);
        (self.decisions.count(), changed)
    }

    /// Go by another policy from now on. Limits that stay keep what they know: one that is lowered binds with the next
    /// grant, and what runs above it starts nothing more until it is below.
    pub fn adopt(&mut self, options: Options, version: u64, now_ms: u64) {
        let mut wanted = limited(&options);
        self.limits.retain_mut(|limit| match wanted.remove(limit.key()) {
            Some(limits) => {
                limit.change(limits, now_ms);
                true
            }
            None => false,
        });
        let conductors: Vec<Claim> = self.conductors.iter().map(Conductor::last_claim).collect();
        let made = wanted.into_iter().map(|(key, limits)| {
            let mut limit = Limit::new(key, limits, now_ms);
            for claim in &conductors {
                // Until it hears of the limit it goes by none.
                limit.inherit(&claim.conductor, self.sequence + 1, false, now_ms);
                limit.claim(claim, 0, false, now_ms);
            }
            limit
        });
        self.limits.extend(made);
        self.limits.sort_by(|a, b| a.key().cmp(b.key()));
        if options.half_life_ms != self.options.half_life_ms {
            self.memory.change(options.half_life_ms, now_ms);
        }
        self.options = options;
        self.version = version;
    }

    pub fn show(&self) -> ArbitrationShow {
        let usage = self
            .conductors
            .values()
            .flat_map(|known| known.usage.iter().cloned());
        let usage: Vec<Usage> = usage.take(GRANT_COUNT_MAX).collect();
        ArbitrationShow {
            shares: shares::of(&self.options, &usage, GRANT_COUNT_MAX),
            allowances: self
                .limits
                .iter()
                .map(Limit::show)
                .take(GRANT_COUNT_MAX)
                .collect(),
            usage,
            decisions: self.decisions.show(),
            estimates: self.durations.show(ESTIMATES_MAX),
            version: self.version,
            ..Default::default()
        }
    }
}
