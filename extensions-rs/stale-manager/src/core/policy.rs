//! The retention policy: which runs stay how long, how many of them, in how much room.

use serde::Deserialize;

use super::fact::Fact;

const DAY_MS: f64 = 86_400_000.0;
const HOUR_MS: f64 = 3_600_000.0;
/// A look goes through the rules for each run: as many as a person can oversee.
pub const RULES_MAX: usize = 256;
/// A hundred years: beyond it milliseconds of moments overflow what a catalogue can hold.
const DAYS_MAX: f64 = 36_500.0;

/// What operators say: the section `[stale.retention]` of the configuration, or the document that they apply.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How long runs are kept that no rule governs, in days; 0: for ever.
    pub days: f64,
    /// How long a tombstone can be undone.
    pub grace_hours: f64,
    /// How long nothing has needed an artifact before it goes: a run that names it may be on its way.
    pub artifacts_grace_minutes: f64,
    /// How often the archive is looked through.
    pub look_every_minutes: f64,
    /// Runs deleted a second, at most.
    pub deletions_per_second: u32,
    /// Runs of at least this value are told on the bus before they go.
    pub tell_from_value: f64,
    pub pressure: Pressure,
    pub worth: Weights,
    /// The first that fits a run governs it.
    pub rules: Vec<Rule>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            days: 30.0,
            grace_hours: 24.0,
            artifacts_grace_minutes: 60.0,
            look_every_minutes: 10.0,
            deletions_per_second: 100,
            tell_from_value: 0.5,
            pressure: Pressure::default(),
            worth: Weights::default(),
            rules: Vec::new(),
        }
    }
}

/// Where the archive has outgrown its room, those of least training value a byte go, whatever their rule says of their age.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pressure {
    /// Room for records of runs; 0: no bound.
    pub mib: f64,
    /// Of the room, what is filled after deletions.
    pub down_to: f64,
    /// How long a tombstone can be undone that was set for want of room.
    pub grace_hours: f64,
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            mib: 0.0,
            down_to: 0.9,
            grace_hours: 1.0,
        }
    }
}

/// What the parts of training value weigh.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    pub surprise: f64,
    pub rarity: f64,
    pub outcome: f64,
    pub cost: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            surprise: 0.35,
            rarity: 0.3,
            outcome: 0.2,
            cost: 0.15,
        }
    }
}

/// Which runs, and what stays of them. A selector that is not said fits every run, a limit that is not said binds none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    pub tenant: Option<String>,
    /// A name; `*` in it stands for anything.
    pub workflow: Option<String>,
    pub status: Vec<String>,
    /// `name=value`, all of them.
    pub tags: Vec<String>,
    /// These never go.
    pub keep: bool,
    /// Older ones go.
    pub days: Option<f64>,
    /// Of each workflow of a tenant, the newest so many stay.
    pub count: Option<u64>,
    /// Of each workflow of a tenant, the newest stay in so much room.
    pub mib: Option<f64>,
    /// Of runs that are alike, so many stay: those of the greatest value.
    pub alike: Option<u32>,
    /// Runs of at least this value stay, whatever the limits say; but not under pressure.
    pub spare_from_value: Option<f64>,
}

fn within(name: &str, value: f64, low: f64, high: f64) -> Result<(), String> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(format!("{name} is {value}: it has to be from {low} to {high}"))
}

impl Policy {
    /// What is wrong with it, in one sentence that names the place.
    pub fn check(&self) -> Result<(), String> {
        within("days", self.days, 0.0, DAYS_MAX)?;
        within("grace_hours", self.grace_hours, 0.0, 24.0 * DAYS_MAX)?;
        within(
            "artifacts_grace_minutes",
            self.artifacts_grace_minutes,
            0.0,
            1440.0 * DAYS_MAX,
        )?;
        within("look_every_minutes", self.look_every_minutes, 0.01, 1440.0)?;
        within("tell_from_value", self.tell_from_value, 0.0, 2.0)?;
        if !(1..=10_000).contains(&self.deletions_per_second) {
            return Err("deletions_per_second has to be from 1 to 10000".to_owned());
        }
        within("pressure.mib", self.pressure.mib, 0.0, 1e12)?;
        within("pressure.down_to", self.pressure.down_to, 0.1, 1.0)?;
        within(
            "pressure.grace_hours",
            self.pressure.grace_hours,
            0.0,
            24.0 * DAYS_MAX,
        )?;
        let weights = &self.worth;
        let all = [weights.surprise, weights.rarity, weights.outcome, weights.cost];
        for (name, weight) in ["surprise", "rarity", "outcome", "cost"].iter().zip(all) {
            within(&format!("worth.{name}"), weight, 0.0, 1e6)?;
        }
        if all.iter().sum::<f64>() <= 0.0 {
            return Err("worth: one of the weights has to be above 0".to_owned());
        }
        if self.rules.len() > RULES_MAX {
            return Err(format!("{} rules: at most {RULES_MAX}", self.rules.len()));
        }
        let mut names = std::collections::BTreeSet::from(["default", "pressure"]);
        for (place, rule) in self.rules.iter().enumerate() {
            rule.check()
                .map_err(|why| format!("rule {} ({}): {why}", place + 1, rule.name))?;
            if !names.insert(&rule.name) {
                return Err(format!("rule {}: the name `{}` is taken", place + 1, rule.name));
            }
        }
        Ok(())
    }

    /// The place of the rule that governs a run; None: the policy's own `days`.
    pub fn rule(&self, fact: &Fact) -> Option<usize> {
        self.rules.iter().position(|rule| rule.fits(fact))
    }

    /// What a rule is called, or the rest, which no rule governs.
    pub fn name(&self, rule: Option<usize>) -> &str {
        rule.and_then(|place| self.rules.get(place))
            .map_or("default", |rule| rule.name.as_str())
    }

    pub fn grace_ms(&self, pressed: bool) -> u64 {
        let hours = if pressed {
            self.pressure.grace_hours
        } else {
            self.grace_hours
        };
        (hours * HOUR_MS) as u64
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        if self.name.is_empty() || self.name.len() > 100 {
            return Err("it needs a name of at most 100 bytes".to_owned());
        }
        if let Some(days) = self.days {
            within("days", days, 0.0, DAYS_MAX)?;
        }
        if let Some(mib) = self.mib {
            within("mib", mib, 0.0, 1e12)?;
        }
        if let Some(value) = self.spare_from_value {
            within("spare_from_value", value, 0.0, 1.0)?;
        }
        if self.alike == Some(0) {
            return Err("alike has to be at least 1: of runs that are alike one stays".to_owned());
        }
        let limited =
            self.days.is_some() || self.count.is_some() || self.mib.is_some() || self.alike.is_some();
        if self.keep && limited {
            return Err("keep, and a limit as well: say one of the two".to_owned());
        }
        if !self.keep && !limited {
            return Err("it limits nothing: say days, count, mib or alike, or keep = true".to_owned());
        }
        Ok(())
    }

    pub fn fits(&self, fact: &Fact) -> bool {
        self.tenant
            .as_deref()
            .is_none_or(|tenant| tenant == &*fact.tenant)
            && self
                .workflow
                .as_deref()
                .is_none_or(|pattern| like(pattern, &fact.workflow))
            && (self.status.is_empty() || self.status.iter().any(|status| **status == *fact.status))
            && self
                .tags
                .iter()
                .all(|tag| fact.tags.iter().any(|has| **has == **tag))
    }
}

/// The age above which a run goes, in milliseconds; None: none.
pub fn age_ms(policy: &Policy, rule: Option<usize>) -> Option<u64> {
    let days = match rule.and_then(|place| policy.rules.get(place)) {
        Some(rule) => rule.days,
        None => (policy.days > 0.0).then_some(policy.days),
    };
    days.map(|days| (days * DAY_MS) as u64)
}

/// Whether a name fits a pattern, in which `*` stands for anything. Looked at once from the left, with one place to go back
/// to, so that no pattern takes long.
fn like(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            back = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some_and(|have| name.get(n) == Some(have)) {
            p += 1;
            n += 1;
        } else if let Some((star, at)) = back {
            back = Some((star, at + 1));
            p = star + 1;
            n = at + 1;
        } else {
            return false;
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::tests::fact;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, fits) in [
            ("*", "x", true),
            ("*", "", true),
            ("nightly-*", "nightly-7", true),
            ("nightly-*", "nightly", false),
            ("*a*b", "xaab", true),
            ("*a*b", "xaabc", false),
            ("a", "a*", false),
        ] {
            assert_eq!(like(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_governs() {
        let rule = |name: &str| Rule {
            name: name.to_owned(),
            days: Some(1.0),
            ..Default::default()
        };
        let policy = Policy {
            rules: vec![
                Rule {
                    workflow: Some("b*".to_owned()),
                    ..rule("one")
                },
                Rule {
                    tags: vec!["env=test".to_owned()],
                    ..rule("two")
                },
                Rule {
                    status: vec!["failed".to_owned()],
                    ..rule("three")
                },
            ],
            ..Default::default()
        };
        let of = |run: &Fact| policy.name(policy.rule(run)).to_owned();
        let plain = fact(1, "a", 10);
        assert_eq!(of(&plain), "default");
        assert_eq!(of(&fact(1, "bb", 10)), "one");
        let tagged = Fact {
            tags: vec!["env=test".into()],
            status: "failed".into(),
            ..plain
        };
        assert_eq!(of(&tagged), "two");
        assert_eq!(
            of(&Fact {
                tags: vec![],
                ..tagged
            }),
            "three"
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        let with = |rule: Rule| Policy {
            rules: vec![rule],
            ..Default::default()
        };
        let named = || Rule {
            name: "r".to_owned(),
            days: Some(1.0),
            ..Default::default()
        };
        for (policy, said) in [
            (
                with(Rule {
                    days: Some(-1.0),
                    ..named()
                }),
                "rule 1 (r): days is -1",
            ),
            (
                with(Rule {
                    days: Some(f64::NAN),
                    ..named()
                }),
                "rule 1 (r): days is NaN",
            ),
            (
                with(Rule {
                    days: None,
                    ..named()
                }),
                "it limits nothing",
            ),
            (
                with(Rule {
                    keep: true,
                    ..named()
                }),
                "keep, and a limit",
            ),
            (
                with(Rule {
                    name: "pressure".to_owned(),
                    ..named()
                }),
                "is taken",
            ),
            (
                Policy {
                    deletions_per_second: 0,
                    ..Default::default()
                },
                "deletions_per_second",
            ),
        ] {
            let why = policy.check().unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        assert!(with(named()).check().is_ok());
    }
}
