//! Who goes first where claimants outnumber slots, and why, in a sentence that a person can read.

use std::collections::BTreeMap;

use symphony_protocol::{Claimant, Contend, Order, OrderStrategy, Placed};

use super::memory::Memory;
use crate::options::Options;

/// A claimant being served.
struct Candidate<'a> {
    claimant: &'a Claimant,
    weight: f64,
    priority: u8,
    starving: bool,
    /// Slots held and used lately, before this order.
    burden: f64,
    given: u32,
    rank: usize,
}

impl Candidate<'_> {
    /// What it has over what it may have; the least goes first.
    fn share(&self) -> f64 {
        (self.burden + f64::from(self.given)) / self.weight
    }
}

/// Divide the slots, one by one: the starving by age, then priority, then the smallest share, then age.
pub fn order(ask: &Contend, decision: String, options: &Options, memory: &Memory) -> Order {
    let mut candidates: Vec<Candidate> = ask
        .claimants
        .iter()
        .map(|claimant| candidate(claimant, options, memory, ask.now_ms))
        .collect();
    let strategy = strategy(&candidates);
    let mut served = 0_usize;
    for _ in 0..ask.slots {
        let wanting = candidates
            .iter_mut()
            .filter(|c| u64::from(c.given) < c.claimant.waiting);
        let Some(next) = wanting.min_by(|a, b| before(a, b)) else {
            break;
        };
        if next.given == 0 {
            next.rank = served;
            served += 1;
        }
        next.given += 1;
    }
    candidates.sort_by(|a, b| {
        (a.given == 0)
            .cmp(&(b.given == 0))
            .then(a.rank.cmp(&b.rank))
            .then(before(a, b))
    });
    Order {
        decision,
        strategy,
        order: candidates.iter().map(placed).collect(),
        ..Default::default()
    }
}

fn candidate<'a>(claimant: &'a Claimant, options: &Options, memory: &Memory, now_ms: u64) -> Candidate<'a> {
    let tenant = options.tenants.get(&claimant.tenant);
    let workflow = options.workflows.get(&claimant.workflow);
    let weight = tenant.map_or(1.0, |c| c.weight) * workflow.map_or(1.0, |c| c.weight);
    let said = workflow
        .and_then(|c| c.priority)
        .or(tenant.and_then(|c| c.priority));
    Candidate {
        claimant,
        weight: weight.max(0.001),
        priority: said.unwrap_or(claimant.priority),
        starving: claimant.waited_ms >= options.starvation_ms,
        burden: claimant.running as f64 + memory.of(&claimant.tenant, &claimant.workflow, now_ms),
        given: 0,
        rank: usize::MAX,
    }
}

fn before(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    // A starving one is served once ahead of all, then it stands in line again: else it would take every slot.
    let first = |c: &Candidate| c.starving && c.given == 0;
    let age = |c: &Candidate| std::cmp::Reverse(c.claimant.waited_ms);
    first(b)
        .cmp(&first(a))
        .then_with(|| {
            if first(a) && first(b) {
                age(a).cmp(&age(b))
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .then_with(|| b.priority.cmp(&a.priority))
        .then_with(|| a.share().total_cmp(&b.share()))
        .then_with(|| age(a).cmp(&age(b)))
        .then_with(|| a.claimant.tenant.cmp(&b.claimant.tenant))
        .then_with(|| a.claimant.workflow.cmp(&b.claimant.workflow))
}

fn strategy(candidates: &[Candidate]) -> OrderStrategy {
    if candidates.iter().any(|c| c.starving) {
        return OrderStrategy::Starvation;
    }
    let mut priorities = candidates.iter().map(|c| c.priority);
    let first = priorities.next();
    if priorities.any(|priority| Some(priority) != first) {
        OrderStrategy::Priority
    } else {
        OrderStrategy::FairShare
    }
}

fn placed(candidate: &Candidate) -> Placed {
    let claimant = candidate.claimant;
    let why = if candidate.starving {
        format!("it has waited {} ms, longer than the bound", claimant.waited_ms)
    } else {
        format!(
            "priority {}, it holds {:.1} slots of weight {}",
            candidate.priority, candidate.burden, candidate.weight
        )
    };
    let rationale = match candidate.given {
        0 => format!(
            "{}/{} gets no slot now: {why}",
            claimant.tenant, claimant.workflow
        ),
        n => format!(
            "{}/{} gets {n} of {} asked for: {why}",
            claimant.tenant, claimant.workflow, claimant.waiting
        ),
    };
    let factors = BTreeMap::from([
        ("weight".to_owned(), candidate.weight),
        ("priority".to_owned(), f64::from(candidate.priority)),
        ("burden".to_owned(), candidate.burden),
        ("share".to_owned(), candidate.share()),
        ("waited_ms".to_owned(), claimant.waited_ms as f64),
    ]);
    Placed {
        tenant: claimant.tenant.clone(),
        workflow: claimant.workflow.clone(),
        slots: candidate.given,
        rationale,
        factors,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claimant(tenant: &str, waiting: u64, running: u64) -> Claimant {
        Claimant {
            tenant: tenant.to_owned(),
            workflow: "w".to_owned(),
            waiting,
            running,
            ..Default::default()
        }
    }

    fn ask(slots: u32, claimants: Vec<Claimant>) -> Contend {
        Contend {
            conductor: "c".to_owned(),
            capability: "f".to_owned(),
            slots,
            claimants,
            ..Default::default()
        }
    }

    fn slots(order: &Order) -> BTreeMap<&str, u32> {
        order.order.iter().map(|p| (p.tenant.as_str(), p.slots)).collect()
    }

    fn weighted(weights: &[(&str, f64)]) -> Options {
        let tenants = weights.iter().map(|(name, weight)| {
            (
                (*name).to_owned(),
                crate::options::Claims {
                    weight: *weight,
                    ..Default::default()
                },
            )
        });
        Options {
            tenants: tenants.collect(),
            ..Default::default()
        }
    }

    #[test]
    fn slots_follow_the_weights() {
        let options = weighted(&[("big", 3.0)]);
        let made = order(
            &ask(8, vec![claimant("big", 99, 0), claimant("small", 99, 0)]),
            "1".into(),
            &options,
            &Memory::new(1000),
        );
        assert_eq!(slots(&made), BTreeMap::from([("big", 6), ("small", 2)]));
        assert_eq!(made.strategy, OrderStrategy::FairShare);
        assert!(made.order.iter().all(|p| p.rationale.contains("weight")));
    }

    #[test]
    fn a_higher_priority_goes_first_and_a_starving_one_before_it() {
        let urgent = Claimant {
            priority: 9,
            ..claimant("urgent", 5, 0)
        };
        let starving = Claimant {
            waited_ms: 60_000,
            ..claimant("starving", 5, 9)
        };
        let made = order(
            &ask(3, vec![claimant("idle", 5, 0), urgent, starving]),
            "1".into(),
            &Options::default(),
            &Memory::new(1000),
        );
        assert_eq!(made.strategy, OrderStrategy::Starvation);
        assert_eq!(
            slots(&made),
            BTreeMap::from([("idle", 0), ("urgent", 2), ("starving", 1)])
        );
        assert_eq!(made.order.first().unwrap().tenant, "starving");
    }

    #[test]
    fn who_used_much_lately_waits() {
        let mut memory = Memory::new(10_000);
        memory.add("busy", "w", 50.0, 0);
        let made = order(
            &ask(4, vec![claimant("busy", 9, 0), claimant("quiet", 9, 0)]),
            "1".into(),
            &Options::default(),
            &memory,
        );
        assert_eq!(slots(&made), BTreeMap::from([("busy", 0), ("quiet", 4)]));
    }

    proptest! {
        #[test]
        fn every_claimant_is_answered_once_and_no_slot_is_given_twice(
            slots in 0u32..40,
            wants in proptest::collection::vec((0u64..9, 0u64..9, 0u8..10, 0u64..60_000), 1..8),
        ) {
            let claimants: Vec<Claimant> = wants.iter().enumerate().map(|(i, (waiting, running, priority, waited))| Claimant {
                priority: *priority, waited_ms: *waited, ..claimant(&format!("t{i}"), *waiting, *running)
            }).collect();
            let asked = ask(slots, claimants.clone());
            let made = order(&asked, "1".into(), &Options::default(), &Memory::new(1000));
            prop_assert_eq!(made.order.len(), claimants.len());
            let wanted: u64 = claimants.iter().map(|c| c.waiting).sum();
            let given: u64 = made.order.iter().map(|p| u64::from(p.slots)).sum();
            prop_assert_eq!(given, wanted.min(u64::from(slots)));
            for claimant in &claimants {
                let place = made.order.iter().filter(|p| p.tenant == claimant.tenant).collect::<Vec<_>>();
                prop_assert_eq!(place.len(), 1);
                prop_assert!(u64::from(place[0].slots) <= claimant.waiting);
            }
            let again = order(&asked, "1".into(), &Options::default(), &Memory::new(1000));
            prop_assert_eq!(made, again);
        }
    }
}
