//! The decision against a slow one that looks at everybody for every slot, and is as the rules are said.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proptest::prelude::*;
use symphony_arbitration_manager::Options;
use symphony_arbitration_manager::core::Arbiter;
use symphony_arbitration_manager::options::Claims;
use symphony_protocol::{Claim, Claimant, Contend, OrderStrategy, Usage};

/// Weights and seconds are sums of powers of two, so that both ways of adding up come to the same float.
const WEIGHTS: [f64; 3] = [0.5, 1.0, 2.0];

#[derive(Clone, Debug)]
struct Case {
    slots: u32,
    claimants: Vec<Claimant>,
    /// Seconds used lately, of each claimant.
    used: Vec<u8>,
    tenant_weights: Vec<usize>,
    workflow_weights: Vec<usize>,
}

fn case() -> impl Strategy<Value = Case> {
    let one = (0usize..4, 0usize..5, 0u64..5, 0u64..3, 0usize..4, 0u8..3, 0u8..4);
    let all = proptest::collection::vec(one, 1..24);
    let weights = || proptest::collection::vec(0usize..WEIGHTS.len(), 5);
    (0u32..40, all, weights(), weights()).prop_map(|(slots, all, tenant_weights, workflow_weights)| {
        let mut found = BTreeMap::new();
        for (tenant, workflow, waiting, running, waited, priority, used) in all {
            let claimant = Claimant {
                tenant: format!("t{tenant}"),
                workflow: format!("w{workflow}"),
                waiting,
                running,
                waited_ms: [0, 10, 30_000, 40_000][waited],
                priority,
                ..Default::default()
            };
            found.insert((tenant, workflow), (claimant, used));
        }
        let (claimants, used) = found.into_values().unzip();
        Case {
            slots,
            claimants,
            used,
            tenant_weights,
            workflow_weights,
        }
    })
}

impl Case {
    fn weight(of: &[usize], name: &str) -> f64 {
        WEIGHTS[of[name[1..].parse::<usize>().unwrap()]]
    }

    fn options(&self) -> Options {
        let named = |of: &[usize], prefix: &str| {
            let claims = |at: &usize| Claims {
                weight: WEIGHTS[*at],
                ..Default::default()
            };
            (0..)
                .zip(of)
                .map(|(n, at)| (format!("{prefix}{n}"), claims(at)))
                .collect()
        };
        Options {
            tenants: named(&self.tenant_weights, "t"),
            workflows: named(&self.workflow_weights, "w"),
            ..Default::default()
        }
    }

    /// What each was given, and in which order they were served first; a slot costs a second, as nothing is known of `f`.
    fn slowly(&self) -> (Vec<u32>, Vec<usize>) {
        let all = &self.claimants;
        let mut given = vec![0_u32; all.len()];
        let mut served = Vec::new();
        let mut left = self.slots;
        let wants = |given: &[u32], at: usize| u64::from(given[at]) < all[at].waiting;
        let starving = |at: usize| all[at].waiting > 0 && all[at].waited_ms >= 30_000;
        let own = |given: &[u32], at: usize| {
            f64::from(self.used[at]) + all[at].running as f64 + f64::from(given[at])
        };
        let workflow = |given: &[u32], at: usize| {
            (own(given, at) / Self::weight(&self.workflow_weights, &all[at].workflow)).to_bits()
        };
        let tenant = |given: &[u32], at: usize| {
            let its = (0..all.len()).filter(|other| all[*other].tenant == all[at].tenant);
            let sum: f64 = its.map(|other| own(given, other)).sum();
            (sum / Self::weight(&self.tenant_weights, &all[at].tenant)).to_bits()
        };
        let nothing = given.clone();
        let standing = |at: usize| {
            let age = Reverse(all[at].waited_ms);
            let starved = if starving(at) { age } else { Reverse(0) };
            let shares = (tenant(&nothing, at), workflow(&nothing, at));
            let names = (&all[at].tenant, &all[at].workflow);
            (
                !starving(at),
                starved,
                Reverse(all[at].priority),
                shares,
                age,
                names,
            )
        };
        let mut serve = |given: &mut Vec<u32>, at: usize| {
            if given[at] == 0 {
                served.push(at);
            }
            given[at] += 1;
        };
        let mut line: Vec<usize> = (0..all.len()).collect();
        line.sort_by_key(|at| standing(*at));
        for at in line.iter().copied().filter(|at| starving(*at)) {
            if left > 0 {
                serve(&mut given, at);
                left -= 1;
            }
        }
        for priority in (0..=9).rev() {
            // Among tenants of equal shares the one goes first that has the first claimant, of those that want something at
            // the start of this priority.
            let level: Vec<usize> = line
                .iter()
                .copied()
                .filter(|at| all[*at].priority == priority && wants(&given, *at))
                .collect();
            while left > 0 {
                let first = |at: usize| {
                    level
                        .iter()
                        .position(|other| all[*other].tenant == all[at].tenant)
                };
                let open = level.iter().copied().filter(|at| wants(&given, *at));
                let key = |at: &usize| {
                    (
                        tenant(&given, *at),
                        first(*at),
                        workflow(&given, *at),
                        standing(*at),
                    )
                };
                let Some(at) = open.min_by_key(key) else { break };
                serve(&mut given, at);
                left -= 1;
            }
        }
        (given, served)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_decides_as_one_that_looks_at_everybody_for_every_slot(case in case()) {
        let mut arbiter = Arbiter::new("arbitration", case.options(), 1, 0);
        for (claimant, used) in case.claimants.iter().zip(&case.used) {
            let usage = Usage {
                tenant: claimant.tenant.clone(),
                workflow: claimant.workflow.clone(),
                capability: "another".to_owned(),
                run_us: u64::from(*used) * 1_000_000,
                ..Default::default()
            };
            arbiter.claim(&Claim { conductor: "c".to_owned(), usage: vec![usage], ..Default::default() }, 0);
        }
        let ask = Contend {
            conductor: "c".to_owned(),
            capability: "f".to_owned(),
            slots: case.slots,
            claimants: case.claimants.clone(),
            ..Default::default()
        };
        let (given, served) = case.slowly();
        let made = arbiter.decide(&ask, 0);
        let place = |one: &Claimant| case.claimants.iter().position(|other| other == one).unwrap();
        let found: Vec<usize> = made.served().map(|one| place(one.claimant)).collect();
        prop_assert_eq!(&found, &served);
        for one in made.all() {
            prop_assert_eq!(one.given, given[place(one.claimant)]);
        }
        prop_assert_eq!(made.all().count(), case.claimants.len());
        let starving = case.claimants.iter().any(|one| one.waiting > 0 && one.waited_ms >= 30_000);
        prop_assert_eq!(made.strategy == OrderStrategy::Starvation, starving);
    }
}
