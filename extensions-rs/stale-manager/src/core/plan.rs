//! A look through the archive: what becomes of each run, and why.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::census::Census;
use super::fact::Fact;
use super::lineage::{Needs, saved};
use super::policy::{Policy, Rule, age_ms};
use super::sketch::Sketch;
use super::worth::{Worth, worth};

const MIB: f64 = 1024.0 * 1024.0;
/// Where lineage saves some of those that were to make room, others are looked for: so often.
const PRESSURE_ROUNDS: usize = 4;

/// What becomes of a run. Each but `Kept` and `Goes` is said only of runs that a rule would have go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Kept,
    Held,
    Lineage,
    Undone,
    Valued,
    Goes,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Held => "held",
            Self::Lineage => "lineage",
            Self::Undone => "undone",
            Self::Valued => "valued",
            Self::Goes => "goes",
        }
    }
}

/// Runs that limits bind together: those of one workflow of a tenant, under one rule.
type Group = (Option<usize>, Arc<str>, Arc<str>);

/// One run as it was judged.
#[derive(Clone, Debug)]
pub struct Judged {
    pub worth: Worth,
    /// The rule that governs it.
    pub rule: Option<usize>,
    /// It goes, or would go, for want of room.
    pub pressed: bool,
    pub verdict: Verdict,
    /// Why its rule would have it go; empty where it would not.
    pub reason: String,
}

/// Verdicts in the order of the facts.
pub struct Plan {
    pub judged: Vec<Judged>,
}

impl Plan {
    /// Those that go, in the order of the facts.
    pub fn going<'a>(&'a self, facts: &'a [Fact]) -> impl Iterator<Item = (&'a Fact, &'a Judged)> {
        let all = facts.iter().zip(&self.judged);
        all.filter(|(_, judged)| judged.verdict == Verdict::Goes)
    }
}

/// Judge all runs of the archive.
pub fn plan(facts: &[Fact], policy: &Policy, now_ms: u64, mut needs: impl FnMut(&str) -> Needs) -> Plan {
    let census = Census::of(facts);
    let mut plan = Plan {
        judged: facts
            .iter()
            .map(|fact| Judged {
                worth: worth(fact, &census, &policy.worth),
                rule: policy.rule(fact),
                pressed: false,
                verdict: Verdict::Kept,
                reason: String::new(),
            })
            .collect(),
    };
    plan.by_rules(facts, policy, now_ms);
    let mut asked = HashMap::new();
    plan.by_lineage(facts, &mut asked, &mut needs);
    for _ in 0..PRESSURE_ROUNDS {
        if !plan.by_pressure(facts, policy, now_ms) {
            break;
        }
        plan.by_lineage(facts, &mut asked, &mut needs);
    }
    plan
}

impl Plan {
    fn by_rules(&mut self, facts: &[Fact], policy: &Policy, now_ms: u64) {
        let mut groups: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
        for (at, fact) in facts.iter().enumerate() {
            let rule = self.judged.get(at).and_then(|judged| judged.rule);
            let group = groups.entry((rule, fact.tenant.clone(), fact.workflow.clone()));
            group.or_default().push(at);
        }
        for ((rule, _, _), mut members) in groups {
            let said = rule.and_then(|place| policy.rules.get(place));
            if said.is_some_and(|rule| rule.keep) {
                continue;
            }
            members.sort_by_key(|at| {
                facts
                    .get(*at)
                    .map(|fact| (std::cmp::Reverse(fact.ended_ms), fact.run.clone()))
            });
            self.by_age(facts, &members, age_ms(policy, rule), now_ms);
            if let Some(said) = said {
                self.by_room(facts, &members, said);
                self.by_likeness(facts, &mut members, said);
                self.spare(&members, said);
            }
        }
        for (fact, judged) in facts.iter().zip(&mut self.judged) {
            if judged.verdict == Verdict::Goes {
                judged.verdict = protected(fact, now_ms).unwrap_or(Verdict::Goes);
            }
        }
    }

    fn doom(&mut self, at: usize, reason: impl FnOnce() -> String) {
        if let Some(judged) = self
            .judged
            .get_mut(at)
            .filter(|judged| judged.verdict == Verdict::Kept)
        {
            judged.verdict = Verdict::Goes;
            judged.reason = reason();
        }
    }

    fn by_age(&mut self, facts: &[Fact], members: &[usize], age_ms: Option<u64>, now_ms: u64) {
        let Some(most) = age_ms else { return };
        for at in members {
            let age = facts
                .get(*at)
                .map_or(0, |fact| now_ms.saturating_sub(fact.ended_ms));
            if age > most {
                self.doom(*at, || {
                    format!("it ended {} ago, above {}", days(age), days(most))
                });
            }
        }
    }

    /// Of the newest first: beyond the count, and beyond the room.
    fn by_room(&mut self, facts: &[Fact], members: &[usize], rule: &Rule) {
        let mut bytes = 0.0;
        for (place, at) in (1_u64..).zip(members) {
            bytes += facts.get(*at).map_or(0.0, |fact| fact.bytes as f64);
            if let Some(count) = rule.count.filter(|count| place > *count) {
                self.doom(*at, || {
                    format!("{} runs of its workflow are newer, and {count} stay", place - 1)
                });
            }
            if let Some(mib) = rule.mib.filter(|mib| bytes > mib * MIB) {
                self.doom(*at, || {
                    format!("the newer ones of its workflow fill the {mib} MiB that they have")
                });
            }
        }
    }

    /// The most valuable first; of what is alike to enough that stay, the rest goes.
    /// Source: B. Coleman et al., One-pass diversified sampling with application to terabyte-scale genomic sequence
    /// streams, ICML 2022: keep what falls where the sketch of what was kept is thin.
    fn by_likeness(&mut self, facts: &[Fact], members: &mut [usize], rule: &Rule) {
        let Some(most) = rule.alike else { return };
        let value = |at: usize| self.judged.get(at).map_or(0.0, |judged| judged.worth.value);
        // The order was by age: of equal value the newest stays.
        members.sort_by(|one, other| value(*other).total_cmp(&value(*one)));
        let mut kept = Sketch::default();
        for at in members {
            let stays = self
                .judged
                .get(*at)
                .is_some_and(|judged| judged.verdict == Verdict::Kept);
            let Some(fact) = facts.get(*at).filter(|_| stays) else {
                continue;
            };
            if kept.alike(&fact.shape) > f64::from(most) - 0.5 {
                self.doom(*at, || {
                    format!("of runs that are alike {most} stay, and those are worth more")
                });
            } else {
                kept.add(&fact.shape);
            }
        }
    }

    fn spare(&mut self, members: &[usize], rule: &Rule) {
        let Some(least) = rule.spare_from_value else {
            return;
        };
        for at in members {
            let judged = self.judged.get_mut(*at);
            if let Some(judged) = judged.filter(|j| j.verdict == Verdict::Goes && j.worth.value >= least) {
                judged.verdict = Verdict::Valued;
            }
        }
    }

    /// Where more stays than there is room for: the least value a byte first. Whether any was found.
    fn by_pressure(&mut self, facts: &[Fact], policy: &Policy, now_ms: u64) -> bool {
        let room = policy.pressure.mib * MIB;
        let staying = |plan: &Self| -> f64 {
            let all = facts.iter().zip(&plan.judged);
            all.filter(|(_, judged)| judged.verdict != Verdict::Goes)
                .map(|(fact, _)| fact.bytes as f64)
                .sum()
        };
        let mut bytes = staying(self);
        if room <= 0.0 || bytes <= room {
            return false;
        }
        let density = |at: usize| match (facts.get(at), self.judged.get(at)) {
            (Some(fact), Some(judged)) => judged.worth.value / fact.bytes.max(1) as f64,
            _ => 0.0,
        };
        let may = |(at, judged): (usize, &Judged)| {
            let kept = judged
                .rule
                .and_then(|place| policy.rules.get(place))
                .is_some_and(|rule| rule.keep);
            let open = matches!(judged.verdict, Verdict::Kept | Verdict::Valued);
            let free = facts
                .get(at)
                .is_some_and(|fact| protected(fact, now_ms).is_none());
            (open && !kept && free).then_some(at)
        };
        let mut order: Vec<(f64, usize)> = self
            .judged
            .iter()
            .enumerate()
            .filter_map(may)
            .map(|at| (density(at), at))
            .collect();
        order.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let mut found = false;
        for (_, at) in order {
            if bytes <= room * policy.pressure.down_to {
                break;
            }
            let (Some(fact), Some(judged)) = (facts.get(at), self.judged.get_mut(at)) else {
                continue;
            };
            judged.verdict = Verdict::Goes;
            judged.pressed = true;
            judged.reason = format!(
                "the archive is above its {} MiB, and this is worth least a byte: {:.3} in {} bytes",
                policy.pressure.mib, judged.worth.value, fact.bytes
            );
            bytes -= fact.bytes as f64;
            found = true;
        }
        found
    }

    fn by_lineage(
        &mut self,
        facts: &[Fact],
        asked: &mut HashMap<String, Needs>,
        needs: &mut impl FnMut(&str) -> Needs,
    ) {
        let goes: HashSet<String> = self.going(facts).map(|(fact, _)| fact.run.clone()).collect();
        let kept = saved(&goes, |run| {
            let found = asked.entry(run.to_owned()).or_insert_with(|| needs(run));
            found.clone()
        });
        for (fact, judged) in facts.iter().zip(&mut self.judged) {
            if kept.contains(&fact.run) {
                judged.verdict = Verdict::Lineage;
            }
        }
    }
}

/// What keeps a run whatever any rule says.
pub fn protected(fact: &Fact, now_ms: u64) -> Option<Verdict> {
    if fact.held {
        Some(Verdict::Held)
    } else if fact.spared_until_ms > now_ms {
        Some(Verdict::Undone)
    } else {
        None
    }
}

fn days(ms: u64) -> String {
    let hours = ms as f64 / 3_600_000.0;
    if hours < 48.0 {
        format!("{hours:.1} hours")
    } else {
        format!("{:.1} days", hours / 24.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::tests::fact;
    use crate::core::policy::Pressure;
    use crate::core::shape::Shape;
    use proptest::prelude::*;

    const DAY: u64 = 86_400_000;

    fn one(rule: Rule) -> Policy {
        let rule = Rule {
            name: "r".to_owned(),
            ..rule
        };
        let policy = Policy {
            days: 0.0,
            rules: vec![rule],
            ..Default::default()
        };
        policy.check().unwrap();
        policy
    }

    fn verdicts(facts: &[Fact], policy: &Policy) -> Vec<&'static str> {
        let plan = plan(facts, policy, 10 * DAY, |_| Needs::default());
        plan.judged.iter().map(|judged| judged.verdict.word()).collect()
    }

    #[test]
    fn age_count_and_size_bind_each_workflow_by_itself() {
        let facts = [fact(1, "a", DAY), fact(2, "a", 9 * DAY), fact(3, "b", 2 * DAY)];
        let of = |rule| verdicts(&facts, &one(rule));
        assert_eq!(
            of(Rule {
                days: Some(2.0),
                ..Default::default()
            }),
            ["goes", "kept", "goes"]
        );
        assert_eq!(
            of(Rule {
                count: Some(1),
                ..Default::default()
            }),
            ["goes", "kept", "kept"]
        );
        assert_eq!(
            of(Rule {
                mib: Some(1500.0 / MIB),
                ..Default::default()
            }),
            ["goes", "kept", "kept"]
        );
        let held = [
            Fact {
                held: true,
                ..facts[0].clone()
            },
            Fact {
                spared_until_ms: 11 * DAY,
                ..facts[2].clone()
            },
        ];
        let rule = Rule {
            days: Some(2.0),
            ..Default::default()
        };
        assert_eq!(verdicts(&held, &one(rule)), ["held", "undone"]);
        let rule = Rule {
            keep: true,
            ..Default::default()
        };
        assert_eq!(verdicts(&facts, &one(rule)), ["kept"; 3]);
    }

    #[test]
    fn of_what_is_alike_some_stay_and_the_rare_one_stays() {
        let mut facts: Vec<Fact> = (0..40).map(|run| fact(run, "a", run)).collect();
        facts.push(Fact {
            shape: Shape::of(["something", "else"]),
            ..fact(40, "a", 0)
        });
        let found = verdicts(
            &facts,
            &one(Rule {
                alike: Some(3),
                ..Default::default()
            }),
        );
        assert_eq!(found.iter().filter(|verdict| **verdict == "kept").count(), 4);
        assert_eq!(found[40], "kept");
        assert_eq!(found[37..40], ["kept"; 3], "of equal value the newest stay");
    }

    #[test]
    fn value_spares_from_a_rule_and_not_from_pressure() {
        let facts = [
            Fact {
                bits: 100.0,
                ..fact(1, "a", DAY)
            },
            fact(2, "a", DAY),
            fact(3, "a", DAY),
        ];
        let mut policy = one(Rule {
            days: Some(1.0),
            spare_from_value: Some(0.3),
            ..Default::default()
        });
        assert_eq!(verdicts(&facts, &policy), ["valued", "goes", "goes"]);
        policy.pressure = Pressure {
            mib: 500.0 / MIB,
            ..Default::default()
        };
        assert_eq!(verdicts(&facts, &policy), ["goes"; 3]);
    }

    #[test]
    fn pressure_takes_the_least_value_a_byte_until_there_is_room() {
        let large = Fact {
            bytes: 50_000,
            ..fact(1, "a", DAY)
        };
        let small = Fact {
            bytes: 500,
            ..fact(2, "a", DAY)
        };
        let dear = Fact {
            bytes: 50_000,
            bits: 60.0,
            work_us: 3_600_000_000,
            ..fact(3, "a", DAY)
        };
        let policy = Policy {
            days: 0.0,
            pressure: Pressure {
                mib: 60_000.0 / MIB,
                ..Default::default()
            },
            ..Default::default()
        };
        assert_eq!(verdicts(&[large, small, dear], &policy), ["goes", "kept", "kept"]);
    }

    prop_compose! {
        fn any_fact()(run in 0..40_u64, workflow in 0..4_u8, age in 0..20_u64, bytes in 1..5000_u64, bits in 0.0..30.0_f64,
                      held in prop::bool::weighted(0.1), spared in prop::bool::weighted(0.1)) -> Fact {
            Fact {
                bytes, bits, held,
                spared_until_ms: if spared { 11 * DAY } else { 0 },
                ..fact(run, &format!("w{workflow}"), (10 * DAY).saturating_sub(age * DAY))
            }
        }
    }

    prop_compose! {
        fn any_policy()(days in prop::option::of(0.0..20.0_f64), count in prop::option::of(0..10_u64),
                        alike in prop::option::of(1..5_u32), spare in prop::option::of(0.0..1.0_f64),
                        keep in prop::option::of(0..4_u8), room in 0.0..60_000.0_f64) -> Policy {
            let mut rules = Vec::new();
            if let Some(kept) = keep {
                rules.push(Rule { name: "k".to_owned(), keep: true, workflow: Some(format!("w{kept}")), ..Default::default() });
            }
            if days.is_some() || count.is_some() || alike.is_some() {
                rules.push(Rule { name: "r".to_owned(), days, count, alike, spare_from_value: spare, ..Default::default() });
            }
            Policy { days: 5.0, rules, pressure: Pressure { mib: room / MIB, ..Default::default() }, ..Default::default() }
        }
    }

    proptest! {
        #[test]
        fn hold_undo_keep_and_lineage_always_win(
            facts in prop::collection::vec(any_fact(), 1..40),
            policy in any_policy(),
            edges in prop::collection::vec((0..40_u64, 0..40_u64), 0..30),
        ) {
            prop_assert!(policy.check().is_ok());
            let mut facts = facts;
            facts.sort_by(|one, other| one.run.cmp(&other.run));
            facts.dedup_by(|one, other| one.run == other.run);
            let there: HashSet<String> = facts.iter().map(|fact| fact.run.clone()).collect();
            let name = |run: u64| format!("{run:032x}");
            let needs = |run: &str| Needs {
                runs: edges.iter().filter(|(of, _)| name(*of) == run).map(|(_, by)| name(*by)).filter(|by| there.contains(by)).collect(),
                more: false,
            };
            let plan = plan(&facts, &policy, 10 * DAY, needs);
            let gone: HashSet<&String> = plan.going(&facts).map(|(fact, _)| &fact.run).collect();
            for (fact, judged) in facts.iter().zip(&plan.judged) {
                let kept = judged.rule.and_then(|rule| policy.rules.get(rule)).is_some_and(|rule| rule.keep);
                if gone.contains(&fact.run) {
                    prop_assert!(!fact.held && fact.spared_until_ms <= 10 * DAY && !kept, "{:?} {:?}", fact, judged);
                    prop_assert!(!judged.reason.is_empty());
                }
            }
            for (of, by) in &edges {
                if gone.contains(&name(*of)) && there.contains(&name(*by)) {
                    prop_assert!(gone.contains(&name(*by)), "{} goes, and {} needs it", of, by);
                }
            }
        }
    }
}
