//! Grants and orders of an arbiter, claim by claim.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use std::collections::BTreeMap;

use symphony_arbitration_manager::Options;
use symphony_arbitration_manager::core::{Arbiter, GONE_MS, LEASE_MS, SLACK_MS};
use symphony_arbitration_manager::options::{Claims, Limits, Rate};
use symphony_protocol::{Claim, Contend, Usage};

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
