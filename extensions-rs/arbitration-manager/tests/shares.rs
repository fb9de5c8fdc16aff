//! What the order on contention promises: shares by weight in the long run, and nobody waits past the bound.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

mod asking;

use std::collections::BTreeMap;

use asking::{claimant, contend};
use proptest::prelude::*;
use symphony_arbitration_manager::Options;
use symphony_arbitration_manager::core::Arbiter;
use symphony_arbitration_manager::options::Claims;
use symphony_protocol::{Claim, Claimant, Order, OrderStrategy, Usage};

const ROUND_MS: u64 = 100;

fn weights(named: &[(&str, f64)]) -> BTreeMap<String, Claims> {
    let claims = |weight| Claims {
        weight,
        ..Default::default()
    };
    named
        .iter()
        .map(|(name, weight)| ((*name).to_owned(), claims(*weight)))
        .collect()
}

fn arbiter(options: Options) -> Arbiter {
    options.check().unwrap();
    Arbiter::new("arbitration", options, 1, 0)
}

/// The slots of each tenant's workflow in an order.
fn given(order: &Order) -> BTreeMap<(String, String), u64> {
    let mut given = BTreeMap::new();
    for placed in &order.order {
        *given
            .entry((placed.tenant.clone(), placed.workflow.clone()))
            .or_default() += u64::from(placed.slots);
    }
    given
}

/// Rounds of `slots` executions of `ROUND_MS` each, all claimants always waiting. Returns the slots of each.
fn long_run(
    arbiter: &mut Arbiter,
    slots: u32,
    who: &[(&str, &str)],
    rounds: u64,
) -> BTreeMap<(String, String), u64> {
    let mut sum: BTreeMap<(String, String), u64> = BTreeMap::new();
    for round in 0..rounds {
        let claimants = who
            .iter()
            .map(|(tenant, workflow)| claimant(tenant, workflow, 1000))
            .collect();
        let given = given(&arbiter.contend(&contend(slots, claimants), round * ROUND_MS));
        let usage = given.iter().map(|((tenant, workflow), count)| Usage {
            tenant: tenant.clone(),
            workflow: workflow.clone(),
            capability: "f".to_owned(),
            started: *count,
            run_us: count * ROUND_MS * 1000,
            ..Default::default()
        });
        let claim = Claim {
            conductor: "c".to_owned(),
            usage: usage.collect(),
            ..Default::default()
        };
        arbiter.claim(&claim, (round + 1) * ROUND_MS);
        for (who, count) in given {
            *sum.entry(who).or_default() += count;
        }
    }
    sum
}

#[test]
fn a_tenant_gains_nothing_by_more_workflows() {
    let mut arbiter = arbiter(Options::default());
    let who = [("many", "a"), ("many", "b"), ("many", "c"), ("one", "a")];
    let made = arbiter.contend(
        &contend(6, who.iter().map(|(t, w)| claimant(t, w, 9)).collect()),
        0,
    );
    let given = given(&made);
    let of = |tenant: &str| -> u64 {
        given
            .iter()
            .filter(|((t, _), _)| t == tenant)
            .map(|(_, n)| n)
            .sum()
    };
    assert_eq!((of("many"), of("one")), (3, 3));
    assert_eq!(made.strategy, OrderStrategy::FairShare);
}

#[test]
fn the_slots_of_one_order_follow_the_weights() {
    let mut arbiter = arbiter(Options {
        tenants: weights(&[("big", 3.0)]),
        ..Default::default()
    });
    let made = arbiter.contend(
        &contend(8, vec![claimant("big", "w", 99), claimant("small", "w", 99)]),
        0,
    );
    let slots: Vec<(&str, u32)> = made.order.iter().map(|p| (p.tenant.as_str(), p.slots)).collect();
    assert_eq!(slots, [("big", 6), ("small", 2)]);
}

#[test]
fn priority_goes_before_shares_and_starvation_before_priority() {
    let mut arbiter = arbiter(Options {
        workflows: BTreeMap::from([(
            "nightly".to_owned(),
            Claims {
                priority: Some(0),
                ..Default::default()
            },
        )]),
        ..Default::default()
    });
    let urgent = Claimant {
        priority: 9,
        ..claimant("a", "urgent", 5)
    };
    let overruled = Claimant {
        priority: 9,
        ..claimant("b", "nightly", 5)
    };
    let made = arbiter.contend(
        &contend(6, vec![overruled.clone(), urgent.clone(), claimant("c", "w", 5)]),
        0,
    );
    let order: Vec<(&str, u32)> = made.order.iter().map(|p| (p.tenant.as_str(), p.slots)).collect();
    assert_eq!(order, [("a", 5), ("c", 1), ("b", 0)]);
    assert_eq!(made.strategy, OrderStrategy::Priority);

    let starving = Claimant {
        waited_ms: 30_000,
        ..overruled
    };
    let made = arbiter.contend(&contend(3, vec![urgent, starving]), 0);
    let order: Vec<(&str, u32)> = made.order.iter().map(|p| (p.tenant.as_str(), p.slots)).collect();
    assert_eq!(order, [("b", 1), ("a", 2)]);
    assert_eq!(made.strategy, OrderStrategy::Starvation);
    let reason = &made.order[0].rationale;
    assert!(
        reason.starts_with("b/nightly gets 1 of 5 asked for: it waited 30000 ms, past the bound"),
        "{reason}"
    );
}

#[test]
fn a_large_contention_is_answered_in_one_pass() {
    let mut arbiter = arbiter(Options::default());
    let claimants = (0..4096)
        .map(|i| claimant(&format!("t{}", i % 64), &format!("w{i}"), 1000))
        .collect();
    let made = arbiter.contend(&contend(65_536, claimants), 0);
    assert!(made.order.iter().all(|placed| placed.slots == 16));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn in_the_long_run_tenants_and_their_workflows_get_slots_by_weight(
        slots in 1u32..9, tenant in 1u32..6, workflow in 1u32..6,
    ) {
        let mut arbiter = arbiter(Options {
            tenants: weights(&[("a", f64::from(tenant))]),
            workflows: weights(&[("x", f64::from(workflow))]),
            ..Default::default()
        });
        let who = [("a", "x"), ("a", "y"), ("b", "y")];
        let rounds = 3_000;
        let sum = long_run(&mut arbiter, slots, &who, rounds);
        let got = |tenant: &str, workflow: &str| sum[&(tenant.to_owned(), workflow.to_owned())] as f64;
        let all = f64::from(slots) * rounds as f64;
        let of_a = got("a", "x") + got("a", "y");
        let fair = f64::from(tenant) / f64::from(tenant + 1);
        prop_assert!((of_a / all - fair).abs() < 0.02, "{} for {fair}", of_a / all);
        let fair = f64::from(workflow) / f64::from(workflow + 1);
        prop_assert!((got("a", "x") / of_a - fair).abs() < 0.03, "{} for {fair}", got("a", "x") / of_a);
    }
}

/// A claimant in any state, of a few tenants and workflows; the same pair may stand in a question twice.
fn any_claimant() -> impl Strategy<Value = Claimant> {
    let numbers = (0u64..9, 0u64..9, 0u8..10, 0u64..60_000);
    (0u8..4, 0u8..4, numbers).prop_map(|(tenant, workflow, (waiting, running, priority, waited_ms))| {
        Claimant {
            running,
            priority,
            waited_ms,
            ..claimant(&format!("t{tenant}"), &format!("w{workflow}"), waiting)
        }
    })
}

proptest! {
    #[test]
    fn an_order_is_a_permutation_gives_every_slot_once_and_is_the_same_for_any_order_of_asking(
        slots in 0u32..40,
        (claimants, shuffled) in proptest::collection::vec(any_claimant(), 1..12)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let ask = |claimants: &Vec<Claimant>| arbiter(Options::default()).contend(&contend(slots, claimants.clone()), 7);
        let made = ask(&claimants);
        prop_assert_eq!(&made, &ask(&claimants));
        prop_assert_eq!(given(&made), given(&ask(&shuffled)));
        let mut asked: Vec<_> = claimants.iter().map(|c| (c.tenant.clone(), c.workflow.clone())).collect();
        let mut placed: Vec<_> = made.order.iter().map(|p| (p.tenant.clone(), p.workflow.clone())).collect();
        asked.sort();
        placed.sort();
        prop_assert_eq!(asked, placed);
        let wanted: u64 = claimants.iter().map(|c| c.waiting).sum();
        let slots_given: u64 = made.order.iter().map(|p| u64::from(p.slots)).sum();
        prop_assert_eq!(slots_given, wanted.min(u64::from(slots)));
        prop_assert!(made.order.iter().all(|p| !p.rationale.is_empty()));
    }

    #[test]
    fn nobody_waits_past_the_bound_and_its_turn_among_those_past_it(
        slots in 1u32..4,
        others in proptest::collection::vec((0u8..10, 1u32..100), 1..10),
    ) {
        // A lowly one of weight 1 against others that want everything, have higher priorities and more weight.
        let names: Vec<String> = (0..others.len()).map(|i| format!("t{i}")).collect();
        let tenants = names.iter().zip(&others).map(|(name, (_, weight))| (name.as_str(), f64::from(*weight)));
        let mut arbiter = arbiter(Options {
            starvation_ms: 2_000,
            tenants: weights(&tenants.collect::<Vec<_>>()),
            ..Default::default()
        });
        let mut all: Vec<Claimant> = names.iter().zip(&others).map(|(name, (priority, _))| Claimant {
            priority: *priority, ..claimant(name, "w", 1000)
        }).collect();
        all.push(Claimant { priority: 0, ..claimant("lowly", "w", 1000) });
        let turns = (all.len() as u64).div_ceil(u64::from(slots));
        for round in 0..200 {
            let made = arbiter.contend(&contend(slots, all.clone()), round * ROUND_MS);
            for claimant in &mut all {
                let served = made.order.iter().any(|p| p.tenant == claimant.tenant && p.slots > 0);
                claimant.waited_ms = if served { 0 } else { claimant.waited_ms + ROUND_MS };
                prop_assert!(claimant.waited_ms <= 2_000 + turns * ROUND_MS);
            }
        }
    }
}

#[test]
fn executions_that_take_much_of_a_scarce_resource_count_as_more_slots() {
    let mut arbiter = arbiter(Options::default());
    let heavy = Claimant {
        share: 3.0,
        ..claimant("heavy", "w", 99)
    };
    let made = arbiter.contend(&contend(8, vec![heavy.clone(), claimant("plain", "w", 99)]), 0);
    let first = given(&made);
    let of = |given: &BTreeMap<(String, String), u64>, tenant: &str| {
        given
            .get(&(tenant.to_owned(), "w".to_owned()))
            .copied()
            .unwrap_or(0)
    };
    assert_eq!((of(&first, "heavy"), of(&first, "plain")), (2, 6));
    // What was used counts alike: a second on one slot of a tenth of all that there is of something.
    let used = |tenant: &str, share_us: u64| Usage {
        tenant: tenant.to_owned(),
        workflow: "w".to_owned(),
        capability: "f".to_owned(),
        started: 1,
        run_us: 1_000_000,
        share_us,
        ..Default::default()
    };
    let claim = Claim {
        conductor: "c".to_owned(),
        usage: vec![used("heavy", 3_000_000), used("plain", 0)],
        ..Default::default()
    };
    arbiter.claim(&claim, 1_000);
    let made = arbiter.contend(
        &contend(2, vec![claimant("heavy", "w", 9), claimant("plain", "w", 9)]),
        1_000,
    );
    assert_eq!((of(&given(&made), "heavy"), of(&given(&made), "plain")), (0, 2));
}
