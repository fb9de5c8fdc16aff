//! What follows from heartbeats, demands and outcomes, one by one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use symphony_pool_manager::core::health::OUT_MS;
use symphony_pool_manager::core::{DEAD_AFTER_MS, Registry};
use symphony_protocol::{
    Activate, Demand, Ended, Function, Heartbeat, HeartbeatState, Manifest, PoolGrant, Register,
    WorkerViewBreaker,
};

fn beat(worker: &str, busy: u32) -> Heartbeat {
    Heartbeat {
        worker: worker.to_owned(),
        slots: 4,
        busy,
        state: HeartbeatState::Serving,
        ..Default::default()
    }
}

fn activate(worker: &str) -> Activate {
    let function = Function {
        capability: "text.count".to_owned(),
        ..Default::default()
    };
    let manifest = Manifest {
        name: "m".to_owned(),
        functions: vec![function],
        ..Default::default()
    };
    Activate {
        worker: worker.to_owned(),
        manifest,
        active: true,
        ..Default::default()
    }
}

fn demand(conductor: &str) -> Demand {
    Demand {
        conductor: conductor.to_owned(),
        ..Default::default()
    }
}

#[test]
fn a_worker_is_leased_once_it_is_activated() {
    let mut registry = Registry::new("pool");
    registry.demand(&demand("c"), 0);
    registry.heartbeat(&beat("w", 0), 0);
    assert!(registry.grants(0).first().unwrap().leases.is_empty());
    assert!(registry.activate(&activate("w"), 0));
    let grants = registry.grants(0);
    let lease = grants.first().and_then(|grant| grant.leases.first()).unwrap();
    assert_eq!((lease.worker.as_str(), lease.slots), ("w", 4));
    assert!(!registry.heartbeat(&beat("w", 2), 10));
    assert_eq!(registry.views(10).first().unwrap().busy, 2);
}

#[test]
fn a_silent_worker_is_dead_within_three_heartbeats() {
    let mut registry = Registry::new("pool");
    registry.demand(&demand("c"), 0);
    registry.heartbeat(&beat("w", 0), 0);
    registry.activate(&activate("w"), 0);
    assert!(registry.sweep(500).is_empty());
    assert!(registry.sweep(DEAD_AFTER_MS).is_empty());
    assert_eq!(registry.sweep(DEAD_AFTER_MS + 1), ["w"]);
    let grants = registry.grants(DEAD_AFTER_MS + 2);
    let grant = grants.first().unwrap();
    assert!(grant.leases.is_empty());
    assert_eq!(grant.dead, ["w"]);
}

#[test]
fn who_slept_calls_nobody_dead_that_it_did_not_hear_meanwhile() {
    let mut registry = Registry::new("pool");
    registry.demand(&demand("c"), 0);
    registry.heartbeat(&beat("w", 0), 0);
    registry.activate(&activate("w"), 0);
    assert!(registry.sweep(100).is_empty());
    assert!(registry.sweep(9_000).is_empty());
    assert_eq!(registry.grants(9_000).len(), 1, "nor is the conductor gone");
    assert!(registry.sweep(9_500).is_empty());
    assert_eq!(
        registry.sweep(9_700),
        ["w"],
        "it was silent for 800 ms of our waking time"
    );
}

#[test]
fn a_draining_worker_is_leased_no_more() {
    let mut registry = Registry::new("pool");
    registry.demand(&demand("c"), 0);
    registry.heartbeat(&beat("w", 0), 0);
    registry.activate(&activate("w"), 0);
    let draining = Heartbeat {
        state: HeartbeatState::Draining,
        ..beat("w", 1)
    };
    assert!(registry.heartbeat(&draining, 10));
    assert!(registry.grants(20).first().unwrap().leases.is_empty());
}

#[test]
fn rule_15_a_plain_client_has_fixed_slots_and_a_deadline() {
    let mut registry = Registry::new("pool");
    registry.demand(&demand("c"), 0);
    let register = Register {
        worker: "plain".to_owned(),
        slots: 3,
        capabilities: vec!["plain.reverse".to_owned()],
        timeout_ms: 5000,
        ..Default::default()
    };
    registry.register(&register, 0);
    registry.sweep(60_000);
    registry.demand(&demand("c"), 60_000);
    let grants = registry.grants(60_000);
    let lease = grants.first().and_then(|grant| grant.leases.first()).unwrap();
    assert!(lease.queue);
    assert_eq!((lease.slots, lease.timeout_ms), (3, Some(5000)));
}

/// A demand of conductor `c` that tells of attempts that ended.
fn ended(outcomes: &[(&str, u64, u64)]) -> Demand {
    let told = outcomes.iter().map(|(worker, done, failed)| Ended {
        worker: (*worker).to_owned(),
        done: *done,
        failed: *failed,
    });
    Demand {
        ended: told.collect(),
        ..demand("c")
    }
}

fn of_workers(count: usize) -> Registry {
    let mut registry = Registry::new("pool");
    registry.demand(&demand("c"), 0);
    for number in 0..count {
        registry.heartbeat(&beat(&format!("w{number}"), 0), 0);
        registry.activate(&activate(&format!("w{number}")), 0);
    }
    registry
}

fn leased(grants: &[PoolGrant]) -> Vec<(String, u32)> {
    let leases = grants[0].leases.iter();
    leases.map(|lease| (lease.worker.clone(), lease.slots)).collect()
}

#[test]
fn a_worker_that_fails_more_than_the_others_is_out_and_comes_back_slot_by_slot() {
    let mut registry = of_workers(3);
    registry.demand(&ended(&[("w0", 60, 40), ("w1", 99, 1), ("w2", 100, 0)]), 10);
    assert_eq!(registry.judge(20), (vec!["w0".to_owned()], true));
    let names: Vec<String> = leased(&registry.grants(30))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["w1", "w2"]);
    let view = &registry.views(30)[0];
    assert_eq!(view.breaker, WorkerViewBreaker::Open);
    assert!(
        view.why.contains("40.0 % of what it did lately failed"),
        "{}",
        view.why
    );
    registry.demand(&demand("c"), OUT_MS);
    for number in 0..3 {
        registry.heartbeat(&beat(&format!("w{number}"), 0), OUT_MS);
    }
    assert_eq!(registry.judge(OUT_MS + 20), (vec![], true));
    assert_eq!(leased(&registry.grants(OUT_MS + 30))[0], ("w0".to_owned(), 1));
    assert!(
        registry.demand(&ended(&[("w0", 5, 0)]), OUT_MS + 40),
        "leases change"
    );
    assert_eq!(leased(&registry.grants(OUT_MS + 50))[0], ("w0".to_owned(), 4));
}

#[test]
fn what_fails_everywhere_is_no_fault_of_one_worker() {
    let mut registry = of_workers(3);
    registry.demand(&ended(&[("w0", 60, 40), ("w1", 62, 38), ("w2", 61, 39)]), 10);
    assert_eq!(registry.judge(20), (vec![], false));
}

#[test]
fn half_of_those_who_do_the_same_stay_whatever_they_do() {
    let mut alone = of_workers(1);
    alone.demand(&ended(&[("w0", 0, 100)]), 10);
    assert_eq!(alone.judge(20), (vec![], false));
    let mut four = of_workers(4);
    four.demand(
        &ended(&[("w0", 0, 900), ("w1", 0, 900), ("w2", 0, 900), ("w3", 5000, 0)]),
        10,
    );
    let (out, _) = four.judge(20);
    assert!(out.len() <= 2, "{out:?}");
}

#[test]
fn one_that_is_out_is_called_back_once_nobody_else_is_left() {
    let mut registry = of_workers(2);
    registry.demand(&ended(&[("w0", 0, 100), ("w1", 100, 0)]), 10);
    assert_eq!(registry.judge(20), (vec!["w0".to_owned()], true));
    assert_eq!(registry.judge(30), (vec![], false));
    let mut now = 30;
    while registry.views(now).iter().any(|view| view.worker == "w1") {
        now += 250;
        registry.heartbeat(&beat("w0", 0), now);
        registry.sweep(now);
    }
    assert!(now < OUT_MS, "it would still be out");
    assert_eq!(registry.judge(now), (vec![], true));
    assert_eq!(leased(&registry.grants(now)), [("w0".to_owned(), 1)]);
}

#[test]
fn who_dies_again_and_again_is_not_trusted_when_it_is_back() {
    let mut registry = of_workers(2);
    let mut now = 0;
    for _ in 0..3 {
        // The other one beats on.
        while registry.views(now).iter().any(|view| view.worker == "w0") {
            now += 250;
            registry.heartbeat(&beat("w1", 0), now);
            registry.sweep(now);
        }
        registry.heartbeat(&beat("w0", 1), now);
        registry.activate(&activate("w0"), now);
    }
    assert_eq!(registry.judge(now).0, ["w0"]);
}
