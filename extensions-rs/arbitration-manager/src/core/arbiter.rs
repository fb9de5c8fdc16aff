//! The arbiter: claims in, grants out, orders on contention.

use std::collections::{BTreeMap, VecDeque};

use symphony_protocol::{ArbitrationShow, Claim, Contend, Order, ShareGrant, Usage};

use super::durations::Durations;
use super::key::limited;
use super::limit::Limit;
use super::memory::Memory;
use super::order::{Decision, Past, decide};
use super::rationale::placed;
use super::{GONE_MS, LEASE_MS, SLACK_MS, shares};
use crate::options::Options;

/// Orders that `show` tells of, and how many places of each: all of them have to fit one message.
const DECISIONS_MAX: usize = 50;
const PLACES_MAX: usize = 20;
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
    decisions: VecDeque<Order>,
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
            decisions: VecDeque::new(),
        }
    }

    /// Usage settled and demand stated.
    pub fn claim(&mut self, claim: &Claim, now_ms: u64) {
        if !self.conductors.contains_key(&claim.conductor) && self.conductors.len() >= CONDUCTORS_MAX {
            return;
        }
        for used in &claim.usage {
            let seconds = used.run_us as f64 / 1e6;
            self.memory.add(&used.tenant, &used.workflow, seconds, now_ms);
            self.durations.add(&used.capability, used.started, seconds);
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

    pub fn conductors(&self) -> Vec<String> {
        self.conductors.keys().cloned().collect()
    }

    /// More claimants than slots: who gets how many. `now_ms` is this service's clock, as in `claim`.
    pub fn decide<'a>(&self, ask: &'a Contend, now_ms: u64) -> Decision<'a> {
        let past = Past {
            memory: &self.memory,
            duration: self.durations.of(&ask.capability),
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
            order: made.all().map(placed).collect(),
            ..Default::default()
        };
        let noted = Order {
            order: order.order.iter().take(PLACES_MAX).cloned().collect(),
            decision: order.decision.clone(),
            ..order
        };
        self.decisions.push_front(noted);
        self.decisions.truncate(DECISIONS_MAX);
        order
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
            decisions: self.decisions.iter().cloned().collect(),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Claims, Limits, Rate};

    fn claim(conductor: &str, running: u64, waiting: u64, started: u64) -> Claim {
        Claim {
            conductor: conductor.to_owned(),
            usage: vec![Usage {
                tenant: "acme".to_owned(),
                workflow: "nightly".to_owned(),
                capability: "http.request".to_owned(),
                running,
                waiting,
                started,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    fn arbiter(limits: Limits) -> Arbiter {
        let options = Options {
            capabilities: BTreeMap::from([("http.request".to_owned(), limits)]),
            ..Default::default()
        };
        Arbiter::new("arbitration-1", options, 100, 0)
    }

    #[test]
    fn without_limits_a_grant_allows_everything_and_states_the_starvation_bound() {
        let mut arbiter = Arbiter::new("arbitration-1", Options::default(), 100, 0);
        assert_eq!(arbiter.grant("c", 0), None);
        arbiter.claim(&claim("c", 0, 9, 0), 0);
        let grant = arbiter.grant("c", 0).unwrap();
        assert!(grant.allowances.is_empty());
        assert_eq!(grant.starvation_ms, 30_000);
    }

    #[test]
    fn two_conductors_never_run_more_than_the_limit() {
        let mut arbiter = arbiter(Limits {
            concurrency: Some(4),
            ..Default::default()
        });
        arbiter.claim(&claim("a", 0, 9, 0), 0);
        let first = arbiter.grant("a", 0).unwrap().allowances[0].concurrency.unwrap();
        arbiter.claim(&claim("b", 0, 9, 0), 10);
        let second = arbiter.grant("b", 10).unwrap().allowances[0].concurrency.unwrap();
        assert_eq!((first, second), (4, 0));
        arbiter.sweep(GONE_MS + 1);
        arbiter.claim(&claim("b", 0, 9, 0), GONE_MS + 2);
        assert_eq!(
            arbiter.grant("b", GONE_MS + 2).unwrap().allowances[0].concurrency,
            Some(4)
        );
    }

    #[test]
    fn a_rate_is_handed_out_in_bulk() {
        let mut arbiter = arbiter(Limits {
            rate: Some(Rate {
                per_second: 2.0,
                burst: 3,
            }),
            ..Default::default()
        });
        arbiter.claim(&claim("a", 0, 9, 0), 0);
        assert_eq!(arbiter.grant("a", 0).unwrap().allowances[0].starts, Some(3));
        arbiter.claim(&claim("a", 0, 6, 3), 500);
        assert_eq!(arbiter.grant("a", 500).unwrap().allowances[0].starts, Some(0));
        assert_eq!(arbiter.grant("a", 1000).unwrap().allowances[0].starts, Some(1));
    }

    #[test]
    fn a_budget_ends_and_a_lost_claim_counts_as_spent() {
        let mut arbiter = arbiter(Limits {
            budget_starts: Some(10),
            ..Default::default()
        });
        let numbered = |number, started| Claim {
            number,
            ..claim("a", 0, 9, started)
        };
        arbiter.claim(&numbered(1, 0), 0);
        let grant = arbiter.grant("a", 0).unwrap();
        assert_eq!((grant.allowances[0].starts, grant.counted), (Some(10), 1));
        arbiter.claim(&numbered(2, 4), 1000);
        assert_eq!(arbiter.grant("a", 1000).unwrap().allowances[0].starts, Some(6));
        arbiter.claim(&numbered(4, 1), 3000);
        assert_eq!(arbiter.grant("a", 3000).unwrap().allowances[0].starts, Some(0));
    }

    #[test]
    fn grants_of_an_earlier_service_count_until_they_are_over() {
        let mut arbiter = arbiter(Limits {
            concurrency: Some(4),
            rate: Some(Rate {
                per_second: 1.0,
                burst: 5,
            }),
            ..Default::default()
        });
        let heard = |heard, at_once| Claim {
            heard,
            ..claim("a", at_once, 9, 0)
        };
        arbiter.claim(&heard(7, 2), 0); // of a service before this one
        let grant = arbiter.grant("a", 0).unwrap();
        assert!(grant.sequence > 100);
        assert_eq!(
            (grant.allowances[0].concurrency, grant.allowances[0].starts),
            (Some(2), Some(0))
        );
        arbiter.claim(&heard(grant.sequence, 2), LEASE_MS + SLACK_MS);
        let grant = arbiter.grant("a", LEASE_MS + SLACK_MS).unwrap();
        assert_eq!(
            (grant.allowances[0].concurrency, grant.allowances[0].starts),
            (Some(4), Some(4))
        );
    }

    #[test]
    fn weights_of_workflows_are_told_for_the_tenants_that_run_them() {
        let heavy = Claims {
            weight: 3.0,
            ..Default::default()
        };
        let options = Options {
            workflows: BTreeMap::from([("nightly".to_owned(), heavy)]),
            ..Default::default()
        };
        let mut arbiter = Arbiter::new("arbitration-1", options, 100, 0);
        arbiter.claim(&claim("c", 0, 9, 0), 0);
        let shares = arbiter.grant("c", 0).unwrap().shares;
        assert_eq!(
            (shares[0].tenant.as_str(), shares[0].workflow.as_deref()),
            ("acme", Some("nightly"))
        );
        assert!((shares[0].weight - 3.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_used_counts_against_a_tenant_in_the_next_order() {
        let mut arbiter = Arbiter::new("arbitration-1", Options::default(), 100, 0);
        let mut used = claim("c", 0, 0, 0);
        used.usage[0].run_us = 60_000_000;
        arbiter.claim(&used, 1000);
        let claimant = |tenant: &str| symphony_protocol::Claimant {
            tenant: tenant.to_owned(),
            workflow: "w".to_owned(),
            waiting: 2,
            ..Default::default()
        };
        let ask = Contend {
            conductor: "c".to_owned(),
            capability: "f".to_owned(),
            slots: 2,
            now_ms: 1_800_000_000_000, // the asker's clock is not this one
            claimants: vec![claimant("acme"), claimant("zeta")],
            ..Default::default()
        };
        let made = arbiter.contend(&ask, 1000);
        assert_eq!((made.order[0].tenant.as_str(), made.order[0].slots), ("zeta", 2));
        assert_eq!(arbiter.show().decisions, vec![made]);
    }
}
