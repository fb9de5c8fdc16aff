//! The training value of a run: what a policy would still learn from it.

use super::census::Census;
use super::fact::Fact;
use super::policy::Weights;

/// Bits of surprise that make half of the part.
const HALF_BITS: f64 = 8.0;
/// Work above which a run is as dear as any.
const DEAR_S: f64 = 3600.0;

/// Parts from 0 to 1, and the weighted mean of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worth {
    pub surprise: f64,
    pub rarity: f64,
    pub outcome: f64,
    pub cost: f64,
    pub value: f64,
    pub alike: f64,
}

/// - surprise: `1 - 2^(-bits / 8)`, with bits the sum of `-log2 p` over what the policy chose with probability p. A policy
///   that is sure of itself is taught nothing by its own choices.
/// - rarity: `ln(runs / alike) / ln(runs)`, the self-information of the run's shape, of that of a run that stands alone
///   (C. Shannon, A mathematical theory of communication, 1948).
/// - outcome: `1 - P(status)` among the runs of its workflow: an end that is unlike the others.
/// - cost: `ln(1 + seconds of work) / ln(1 + 3600)`, at most 1: what it takes to obtain it again.
pub fn worth(fact: &Fact, census: &Census, weights: &Weights) -> Worth {
    let runs = census.runs.max(1) as f64;
    let alike = census.alike(fact);
    let rarity = if runs > 1.0 {
        (runs / alike).ln() / runs.ln()
    } else {
        1.0
    };
    let work_s = fact.work_us as f64 / 1e6;
    let part = |value: f64| value.clamp(0.0, 1.0);
    let surprise = part(1.0 - (-fact.bits / HALF_BITS).exp2());
    let (rarity, outcome) = (part(rarity), part(1.0 - census.likelihood(fact)));
    let cost = part(work_s.ln_1p() / DEAR_S.ln_1p());
    let sum = weights.surprise + weights.rarity + weights.outcome + weights.cost;
    let weighted = surprise * weights.surprise
        + rarity * weights.rarity
        + outcome * weights.outcome
        + cost * weights.cost;
    Worth {
        surprise,
        rarity,
        outcome,
        cost,
        value: if sum > 0.0 { part(weighted / sum) } else { 0.0 },
        alike,
    }
}

impl Worth {
    pub fn parts(&self) -> [(&'static str, f64); 4] {
        [
            ("surprise", self.surprise),
            ("rarity", self.rarity),
            ("outcome", self.outcome),
            ("cost", self.cost),
        ]
    }
}

/// What a choice with a probability tells, in bits. One that the policy gave no chance counts as one in a million.
pub fn bits(probability: f64) -> f64 {
    if probability.is_nan() {
        0.0
    } else {
        -probability.clamp(1e-6, 1.0).log2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::tests::fact;
    use proptest::prelude::*;

    #[test]
    fn the_rare_the_surprising_the_odd_and_the_dear_are_worth_more_than_the_hundredth_of_a_kind() {
        let mut facts: Vec<Fact> = (0..100).map(|run| fact(run, "common", run)).collect();
        facts.push(fact(100, "rare", 100));
        facts.push(Fact {
            bits: 20.0,
            ..fact(101, "common", 101)
        });
        facts.push(Fact {
            status: "failed".into(),
            ..fact(102, "common", 102)
        });
        facts.push(Fact {
            work_us: 600_000_000,
            ..fact(103, "common", 103)
        });
        let census = Census::of(&facts);
        let weights = Weights::default();
        let of = |at: usize| worth(&facts[at], &census, &weights);
        let plain = of(0);
        for (at, part) in [(100, 1), (101, 0), (102, 2), (103, 3)] {
            assert!(of(at).value > plain.value + 0.05, "{at}");
            assert!(of(at).parts()[part].1 > plain.parts()[part].1, "{at}");
        }
        assert!(plain.alike > 95.0);
    }

    fn facts() -> impl Strategy<Value = Vec<Fact>> {
        let one = (0..5_u8, 0..3_u8, 0.0..50.0_f64, 0..10_000_000_000_u64);
        prop::collection::vec(one, 1..60).prop_map(|all| {
            let each = all.into_iter().enumerate();
            each.map(|(run, (workflow, status, bits, work_us))| Fact {
                status: format!("s{status}").into(),
                bits,
                work_us,
                ..fact(run as u64, &format!("w{workflow}"), run as u64)
            })
            .collect()
        })
    }

    proptest! {
        #[test]
        fn every_part_and_the_value_lie_between_0_and_1(facts in facts()) {
            let census = Census::of(&facts);
            for fact in &facts {
                let worth = worth(fact, &census, &Weights::default());
                for (name, part) in worth.parts() {
                    prop_assert!((0.0..=1.0).contains(&part), "{} {}", name, part);
                }
                prop_assert!((0.0..=1.0).contains(&worth.value));
                prop_assert!(worth.alike >= 1.0 && worth.alike <= facts.len() as f64);
            }
        }

        #[test]
        fn one_more_of_a_kind_makes_none_of_that_kind_rarer(facts in facts()) {
            let first = facts[0].clone();
            let before = worth(&first, &Census::of(&facts), &Weights::default());
            let mut more = facts;
            let twin = Fact { run: "f".repeat(32), ..first.clone() };
            more.push(twin);
            let after = worth(&first, &Census::of(&more), &Weights::default());
            prop_assert!(after.alike >= before.alike);
        }

        #[test]
        fn more_surprise_and_more_work_never_make_it_less(facts in facts(), bits in 0.0..50.0_f64, work in 0..10_000_000_u64) {
            let census = Census::of(&facts);
            let fact = facts[0].clone();
            let more = Fact { bits: fact.bits + bits, work_us: fact.work_us + work, ..fact.clone() };
            let of = |fact| worth(fact, &census, &Weights::default()).value;
            prop_assert!(of(&more) >= of(&fact));
        }
    }
}
