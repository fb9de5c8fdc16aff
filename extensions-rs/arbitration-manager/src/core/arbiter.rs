//! The arbiter: claims in, grants out, orders on contention.

use std::collections::{BTreeMap, VecDeque};

use symphony_protocol::{Allowance, ArbitrationShow, Claim, Contend, Order, Share, ShareGrant, Usage};

use super::concurrency::Concurrency;
use super::key::{Key, limited};
use super::memory::Memory;
use super::order::order;
use super::starts::Starts;
use super::{LEASE_MS, SLACK_MS};
use crate::options::Options;

/// Orders that `show` tells of.
const DECISIONS_MAX: usize = 100;
/// Conductors of one mesh, one for each partition at most.
const CONDUCTORS_MAX: usize = 1024;
const GRANT_COUNT_MAX: usize = 4096;

struct Limit {
    key: Key,
    name: String,
    concurrency: Option<Concurrency>,
    starts: Option<Starts>,
}

#[derive(Default)]
struct Conductor {
    last_ms: u64,
    usage: Vec<Usage>,
}

/// All that Arbitration knows.
pub struct Arbiter {
    issuer: String,
    options: Options,
    limits: Vec<Limit>,
    memory: Memory,
    conductors: BTreeMap<String, Conductor>,
    sequence: u64,
    orders: u64,
    decisions: VecDeque<Order>,
}

impl Arbiter {
    pub fn new(issuer: &str, options: Options, now_ms: u64) -> Self {
        let limits = limited(&options).into_iter().map(|(key, limits)| Limit {
            name: key.to_string(),
            key,
            concurrency: limits.concurrency.map(Concurrency::new),
            starts: Starts::new(limits.rate, limits.budget_starts, now_ms),
        });
        Self {
            issuer: issuer.to_owned(),
            limits: limits.collect(),
            memory: Memory::new(options.half_life_ms),
            options,
            conductors: BTreeMap::new(),
            sequence: 0,
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
        }
        for limit in &mut self.limits {
            let covered = claim
                .usage
                .iter()
                .filter(|used| limit.key.covers(&used.tenant, &used.workflow, &used.capability));
            let (mut running, mut waiting, mut started) = (0, 0, 0);
            for used in covered {
                running += used.running;
                waiting += used.waiting;
                started += used.started;
            }
            if let Some(concurrency) = &mut limit.concurrency {
                concurrency.claim(&claim.conductor, running, waiting, claim.heard, now_ms);
            }
            if let Some(starts) = &mut limit.starts {
                starts.settle(&claim.conductor, started, waiting);
            }
        }
        let known = self.conductors.entry(claim.conductor.clone()).or_default();
        known.last_ms = now_ms;
        known.usage.clone_from(&claim.usage);
    }

    /// Forget conductors that have said nothing until what they held is over.
    pub fn sweep(&mut self, now_ms: u64) {
        let gone: Vec<String> = self
            .conductors
            .iter()
            .filter(|(_, known)| known.last_ms + LEASE_MS + SLACK_MS < now_ms)
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.conductors.remove(&name);
            for limit in &mut self.limits {
                if let Some(concurrency) = &mut limit.concurrency {
                    concurrency.forget(&name);
                }
                if let Some(starts) = &mut limit.starts {
                    starts.forfeit(&name);
                    starts.forget(&name);
                }
            }
        }
    }

    /// What a conductor may do until it hears again: absolute, its leases renewed.
    pub fn grant(&mut self, conductor: &str, now_ms: u64) -> Option<ShareGrant> {
        if !self.conductors.contains_key(conductor) {
            return None;
        }
        self.sequence += 1;
        let sequence = self.sequence;
        let allowances = self.limits.iter_mut().map(|limit| Allowance {
            key: limit.name.clone(),
            concurrency: limit
                .concurrency
                .as_mut()
                .map(|c| c.grant(conductor, sequence, now_ms)),
            starts: limit.starts.as_mut().map(|s| s.grant(conductor, now_ms)),
            expires_in_ms: LEASE_MS,
            reason: "renewed every second while claims come".to_owned(),
        });
        let allowances = allowances.take(GRANT_COUNT_MAX).collect();
        Some(ShareGrant {
            conductor: conductor.to_owned(),
            issuer: self.issuer.clone(),
            sequence,
            shares: self.shares(),
            allowances,
            starvation_ms: self.options.starvation_ms,
            ..Default::default()
        })
    }

    pub fn conductors(&self) -> Vec<String> {
        self.conductors.keys().cloned().collect()
    }

    /// More claimants than slots: an order, with its reasons.
    pub fn contend(&mut self, ask: &Contend) -> Order {
        self.orders += 1;
        let decision = format!("{}-{}", self.issuer, self.orders);
        let made = order(ask, decision, &self.options, &self.memory);
        self.decisions.push_front(made.clone());
        self.decisions.truncate(DECISIONS_MAX);
        made
    }

    fn shares(&self) -> Vec<Share> {
        let share = |(tenant, claims): (&String, &crate::options::Claims)| Share {
            tenant: tenant.clone(),
            weight: claims.weight,
            priority: claims.priority,
            concurrency: claims.concurrency,
            ..Default::default()
        };
        self.options
            .tenants
            .iter()
            .map(share)
            .take(GRANT_COUNT_MAX)
            .collect()
    }

    pub fn show(&self) -> ArbitrationShow {
        let allowances = self.limits.iter().map(|limit| Allowance {
            key: limit.name.clone(),
            concurrency: limit.concurrency.as_ref().map(Concurrency::limit),
            starts: limit.starts.as_ref().and_then(Starts::budget_left),
            expires_in_ms: LEASE_MS,
            reason: limit
                .concurrency
                .as_ref()
                .map_or_else(String::new, |c| format!("{} of {} run", c.running(), c.limit())),
        });
        let usage = self
            .conductors
            .values()
            .flat_map(|known| known.usage.iter().cloned());
        ArbitrationShow {
            shares: self.shares(),
            allowances: allowances.take(GRANT_COUNT_MAX).collect(),
            usage: usage.take(GRANT_COUNT_MAX).collect(),
            decisions: self.decisions.iter().cloned().collect(),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Limits, Rate};

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
        Arbiter::new("arbitration-1", options, 0)
    }

    #[test]
    fn without_limits_a_grant_allows_everything_and_states_the_starvation_bound() {
        let mut arbiter = Arbiter::new("arbitration-1", Options::default(), 0);
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
        arbiter.sweep(LEASE_MS + SLACK_MS + 1);
        arbiter.claim(&claim("b", 0, 9, 0), LEASE_MS + SLACK_MS + 2);
        assert_eq!(
            arbiter.grant("b", LEASE_MS + SLACK_MS + 2).unwrap().allowances[0].concurrency,
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
        assert_eq!(arbiter.grant("a", 500).unwrap().allowances[0].starts, Some(1));
    }
}
