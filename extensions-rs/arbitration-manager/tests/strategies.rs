//! What each strategy promises of a decision, for any claimants.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

mod asking;

use std::collections::BTreeMap;

use asking::{NOW_MS, claimant, contend};
use proptest::prelude::*;
use symphony_arbitration_manager::Options;
use symphony_arbitration_manager::core::Arbiter;
use symphony_arbitration_manager::options::{Claims, Weights, Worth};
use symphony_arbitration_manager::policy::read;
use symphony_arbitration_manager::strategy::{Chosen, Strategy as Divided};
use symphony_protocol::{Claim, Claimant, Order, OrderBy, OrderStrategy, Usage};

const ALL: [Divided; 4] = [
    Divided::Prioritised,
    Divided::Collaborative,
    Divided::RoundRobin,
    Divided::Specialised,
];

fn options(by: Divided) -> Options {
    let prefer = match by {
        Divided::Specialised => vec!["workflow:w1".to_owned(), "tenant:t0".to_owned()],
        _ => Vec::new(),
    };
    Options {
        strategies: BTreeMap::from([("f".to_owned(), Chosen { by, prefer })]),
        ..Default::default()
    }
}

fn arbiter(options: Options) -> Arbiter {
    options.check().unwrap();
    Arbiter::new("arbitration", options, 1, 0)
}

fn used(arbiter: &mut Arbiter, tenant: &str, workflow: &str, seconds: u64) {
    let usage = Usage {
        tenant: tenant.to_owned(),
        workflow: workflow.to_owned(),
        capability: "another".to_owned(),
        run_us: seconds * 1_000_000,
        ..Default::default()
    };
    let claim = Claim {
        conductor: "c".to_owned(),
        usage: vec![usage],
        ..Default::default()
    };
    arbiter.claim(&claim, 0);
}

fn slots(order: &Order) -> Vec<(&str, &str, u32)> {
    let places = order.order.iter();
    places
        .map(|p| (p.tenant.as_str(), p.workflow.as_str(), p.slots))
        .collect()
}

fn of_tenants(order: &Order) -> BTreeMap<&str, u32> {
    let mut found = BTreeMap::new();
    for place in &order.order {
        *found.entry(place.tenant.as_str()).or_default() += place.slots;
    }
    found
}

fn anybody() -> impl Strategy<Value = Vec<(Claimant, u64)>> {
    let one = (0usize..4, 0usize..4, 0u64..9, 0u8..10, 0u64..29_000, 0u64..50);
    proptest::collection::vec(one, 1..16).prop_map(|all| {
        let mut found = BTreeMap::new();
        for (tenant, workflow, waiting, priority, waited_ms, seconds) in all {
            let claimant = Claimant {
                priority,
                waited_ms,
                ..claimant(&format!("t{tenant}"), &format!("w{workflow}"), waiting)
            };
            found.insert((tenant, workflow), (claimant, seconds));
        }
        found.into_values().collect()
    })
}

fn decided(arbiter: &mut Arbiter, slots: u32, all: &[(Claimant, u64)]) -> Order {
    for (claimant, seconds) in all {
        used(arbiter, &claimant.tenant, &claimant.workflow, *seconds);
    }
    arbiter.contend(&contend(slots, all.iter().map(|(c, _)| c.clone()).collect()), 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Work conserving, and so Pareto efficient: of one kind of slot nobody can be given more without another's loss.
    #[test]
    fn no_slot_is_left_while_anybody_wants_it(all in anybody(), count in 0u32..40) {
        for by in ALL {
            let order = decided(&mut arbiter(options(by)), count, &all);
            let given: u64 = order.order.iter().map(|p| u64::from(p.slots)).sum();
            let wanted: u64 = all.iter().map(|(c, _)| c.waiting).sum();
            prop_assert_eq!(given, wanted.min(u64::from(count)));
            for place in &order.order {
                let its = all.iter().find(|(c, _)| (&c.tenant, &c.workflow) == (&place.tenant, &place.workflow));
                prop_assert!(u64::from(place.slots) <= its.unwrap().0.waiting);
            }
        }
    }

    /// Sharing incentive: with nothing used before, a tenant has at least what an equal part of the slots would be.
    #[test]
    fn a_tenant_is_never_worse_off_than_with_an_equal_part(all in anybody(), count in 1u32..40) {
        for by in [Divided::Collaborative, Divided::RoundRobin] {
            let fresh: Vec<_> = all.iter().map(|(c, _)| (c.clone(), 0)).collect();
            let order = decided(&mut arbiter(options(by)), count, &fresh);
            let given = of_tenants(&order);
            let tenants = given.len() as u64;
            for (tenant, slots) in &given {
                let wanted: u64 = all.iter().filter(|(c, _)| c.tenant == *tenant).map(|(c, _)| c.waiting).sum();
                prop_assert!(u64::from(*slots) >= wanted.min(u64::from(count) / tenants));
            }
        }
    }

    /// Envy-free up to one slot: a tenant that wants more has at most one slot less than any other.
    #[test]
    fn nobody_who_wants_more_would_rather_have_anothers_slots(all in anybody(), count in 1u32..40) {
        for by in [Divided::Collaborative, Divided::RoundRobin] {
            let fresh: Vec<_> = all.iter().map(|(c, _)| (c.clone(), 0)).collect();
            let order = decided(&mut arbiter(options(by)), count, &fresh);
            let given = of_tenants(&order);
            for (tenant, slots) in &given {
                let wanted: u64 = all.iter().filter(|(c, _)| c.tenant == *tenant).map(|(c, _)| c.waiting).sum();
                if u64::from(*slots) < wanted {
                    prop_assert!(given.values().all(|other| *other <= slots + 1));
                }
            }
        }
    }

    /// Strategy-proof: what a tenant says of its own urgency moves slots among its own workflows only.
    #[test]
    fn a_tenant_gains_nothing_by_calling_its_work_urgent(all in anybody(), count in 1u32..40, priority in 0u8..10) {
        let policy = || arbiter(options(Divided::Collaborative));
        let honest = decided(&mut policy(), count, &all);
        let loud: Vec<_> = all.iter().map(|(claimant, seconds)| {
            let mut claimant = claimant.clone();
            if claimant.tenant == "t0" {
                claimant.priority = priority;
                claimant.deadline_at_ms = Some(NOW_MS + 1);
            }
            (claimant, *seconds)
        }).collect();
        let louder = decided(&mut policy(), count, &loud);
        prop_assert_eq!(of_tenants(&honest), of_tenants(&louder));
    }

    #[test]
    fn those_preferred_have_all_that_they_want_before_others_get_anything(all in anybody(), count in 0u32..40) {
        let order = decided(&mut arbiter(options(Divided::Specialised)), count, &all);
        let wants = |tenant: &str, workflow: &str| {
            all.iter().find(|(c, _)| c.tenant == tenant && c.workflow == workflow).unwrap().0.waiting
        };
        let short = |preferred: &dyn Fn(&str, &str) -> bool| {
            slots(&order).iter().any(|(t, w, given)| preferred(t, w) && u64::from(*given) < wants(t, w))
        };
        let first = |_: &str, w: &str| w == "w1";
        let second = |t: &str, w: &str| t == "t0" && w != "w1";
        for (tenant, workflow, given) in slots(&order) {
            if given > 0 && !first(tenant, workflow) {
                prop_assert!(!short(&first));
                prop_assert!(second(tenant, workflow) || !short(&second));
            }
        }
    }

    #[test]
    fn whoever_waited_past_the_bound_goes_first_whatever_the_strategy(all in anybody(), late in 0usize..16) {
        for by in ALL {
            let mut all = all.clone();
            let at = late % all.len();
            all[at].0.waited_ms = 30_000;
            all[at].0.waiting = all[at].0.waiting.max(1);
            let order = decided(&mut arbiter(options(by)), 1, &all);
            let first = &order.order[0];
            prop_assert_eq!((&first.tenant, &first.workflow), (&all[at].0.tenant, &all[at].0.workflow));
            prop_assert_eq!(order.strategy, OrderStrategy::Starvation);
        }
    }

    #[test]
    fn a_policy_differs_in_nothing_from_itself(all in anybody(), count in 0u32..40) {
        for by in ALL {
            let mut arbiter = arbiter(options(by));
            decided(&mut arbiter, count, &all);
            used(&mut arbiter, "t1", "w1", 500); // since then
            prop_assert_eq!(arbiter.compare(&options(by)), (1, Vec::new()));
        }
    }
}

#[test]
fn in_turn_the_longest_wait_is_first_and_use_and_weight_count_nothing() {
    let mut policy = options(Divided::RoundRobin);
    policy.tenants.insert(
        "heavy".to_owned(),
        Claims {
            weight: 9.0,
            ..Default::default()
        },
    );
    let mut arbiter = arbiter(policy);
    used(&mut arbiter, "used", "w", 900);
    let waited = |tenant: &str, waited_ms| Claimant {
        waited_ms,
        priority: (waited_ms % 7) as u8,
        ..claimant(tenant, "w", 9)
    };
    let made = arbiter.contend(
        &contend(4, vec![waited("heavy", 1), waited("used", 20), waited("new", 5)]),
        0,
    );
    assert_eq!(
        slots(&made),
        [("used", "w", 2), ("new", "w", 1), ("heavy", "w", 1)]
    );
    assert_eq!(made.by, OrderBy::RoundRobin);
}

#[test]
fn a_deadline_that_binds_goes_before_shares_and_not_before_a_priority() {
    let mut arbiter = arbiter(Options::default());
    used(&mut arbiter, "late", "w", 900);
    let late = |tenant: &str, left_ms: u64, priority| Claimant {
        deadline_at_ms: Some(NOW_MS + 10_000 + left_ms),
        rest_us: 10_000_000,
        priority,
        ..claimant(tenant, "w", 3)
    };
    let all = vec![
        claimant("calm", "w", 3),
        late("late", 900, 5),
        late("far", 9_000, 5),
    ];
    let made = arbiter.contend(&contend(2, all.clone()), 0);
    assert_eq!(slots(&made)[0], ("late", "w", 1));
    assert_eq!(made.strategy, OrderStrategy::Deadline);
    let place = &made.order[0];
    assert!(
        place.rationale.contains("its deadline binds (900 ms are left"),
        "{}",
        place.rationale
    );
    let urgent = Claimant {
        priority: 6,
        ..claimant("calm", "w", 3)
    };
    let made = arbiter.contend(&contend(3, vec![urgent, all[1].clone()]), 0);
    assert_eq!(slots(&made), [("calm", "w", 3), ("late", "w", 0)]);
}

#[test]
fn a_priority_rises_with_age_where_the_policy_says_so() {
    let waited = |tenant: &str, priority, waited_ms| Claimant {
        priority,
        waited_ms,
        ..claimant(tenant, "w", 1)
    };
    let all = vec![waited("high", 6, 0), waited("low", 3, 4_000)];
    let first = |ageing_ms| {
        let policy = Options {
            ageing_ms,
            ..Default::default()
        };
        let made = arbiter(policy).contend(&contend(1, all.clone()), 0);
        made.order[0].tenant.clone()
    };
    assert_eq!(
        (first(0), first(2_000), first(1_000)),
        ("high".into(), "high".into(), "low".into())
    );
}

#[test]
fn what_is_worth_more_has_the_larger_share_and_the_factors_say_so() {
    let worth = Claims {
        worth: Worth {
            business: 1.0,
            ..Default::default()
        },
        ..Default::default()
    };
    let policy = Options {
        value: Weights {
            business: 2.0,
            ..Default::default()
        },
        workflows: BTreeMap::from([("checkout".to_owned(), worth)]),
        ..Default::default()
    };
    let mut arbiter = arbiter(policy);
    let made = arbiter.contend(
        &contend(8, vec![claimant("a", "checkout", 9), claimant("a", "report", 9)]),
        0,
    );
    assert_eq!(slots(&made), [("a", "checkout", 6), ("a", "report", 2)]);
    assert!((made.order[0].factors["worth"] - 3.0).abs() < 1e-9);
}

#[test]
fn another_policy_is_held_against_what_was_decided() {
    let mut arbiter = arbiter(Options::default());
    let made = arbiter.contend(&contend(4, vec![claimant("a", "w", 9), claimant("b", "w", 9)]), 0);
    let (decisions, changed) = arbiter.compare(&read("[tenants.a]\nweight = 3.0").unwrap());
    let told: Vec<_> = changed
        .iter()
        .map(|c| (c.tenant.as_str(), c.before, c.after))
        .collect();
    assert_eq!((decisions, told), (1, vec![("a", 2, 3), ("b", 2, 1)]));
    assert_eq!(changed[0].decision, made.decision);
    assert_eq!(arbiter.explain(&made.decision).unwrap().order, made);
    assert_eq!(arbiter.explain("another"), None);
}

#[test]
fn a_limit_that_is_lowered_binds_with_the_next_grant() {
    let limit = |limit: u64| read(&format!("[capabilities.f]\nconcurrency = {limit}")).unwrap();
    let mut arbiter = arbiter(limit(8));
    let claim = |running, number, heard| Claim {
        conductor: "c".to_owned(),
        number,
        heard,
        usage: vec![Usage {
            tenant: "a".to_owned(),
            workflow: "w".to_owned(),
            capability: "f".to_owned(),
            running,
            waiting: 20,
            ..Default::default()
        }],
        ..Default::default()
    };
    arbiter.claim(&claim(0, 1, 0), 0);
    let grant = arbiter.grant("c", 0).unwrap();
    assert_eq!(grant.allowances[0].concurrency, Some(8));
    arbiter.claim(&claim(8, 2, grant.sequence), 100);
    arbiter.adopt(limit(3), 1, 150);
    assert_eq!(
        arbiter.grant("c", 150).unwrap().allowances[0].concurrency,
        Some(3)
    );
    // One that is new counts what runs already.
    arbiter.adopt(read("[tenants.a]\nconcurrency = 9").unwrap(), 2, 200);
    let grant = arbiter.grant("c", 200).unwrap();
    assert_eq!(
        (grant.allowances[0].key.as_str(), grant.allowances[0].concurrency),
        ("tenant:a", Some(9))
    );
    assert_eq!(arbiter.version(), 2);
}
