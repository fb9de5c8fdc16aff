//! What an operator may choose: the section `[arbitration]` of the configuration.

use std::collections::BTreeMap;

use serde::Deserialize;
use symphony_sdk::{Error, ErrorKind};

pub use crate::strategy::{Chosen, Strategy, Weights, Worth};

/// A name with its kind before it (`capability:NAME`) still has to fit a message's 128 characters.
const NAME_LENGTH_MAX: usize = 116;
/// Limits of one kind: every one of them is told to every conductor each second.
const LIMITS_MAX: usize = 1000;

/// The policy. Whatever is not named has weight 1 and no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whoever waited longer goes first, whatever shares and priorities say.
    pub starvation_ms: u64,
    /// What was used counts half after this time: the memory of the fair share.
    pub half_life_ms: u64,
    /// Messages of the ledger of locks between two that state all of it; below the one before, it is purged.
    pub ledger_state_every: u64,
    /// A claimant's priority rises by one for each of these that it has waited; 0: it does not.
    pub ageing_ms: u64,
    /// A deadline binds once less than this is left beside the estimated rest of the run; 0: deadlines decide nothing here.
    pub deadline_slack_ms: u64,
    /// What the parts of a claimant's worth count.
    pub value: Weights,
    /// How slots are divided where nothing else is said for a capability.
    pub strategy: Strategy,
    /// By capability.
    pub strategies: BTreeMap<String, Chosen>,
    pub tenants: BTreeMap<String, Claims>,
    /// By name, over all tenants.
    pub workflows: BTreeMap<String, Claims>,
    pub capabilities: BTreeMap<String, Limits>,
}

/// What a tenant or a workflow may claim.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    pub weight: f64,
    /// 0 to 9, 9 first; it overrides what the runs themselves say.
    pub priority: Option<u8>,
    pub worth: Worth,
    pub concurrency: Option<u64>,
    pub rate: Option<Rate>,
    pub budget_starts: Option<u64>,
    pub budget: Option<Budget>,
}

/// What bounds a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Executions that run at once.
    pub concurrency: Option<u64>,
    pub rate: Option<Rate>,
    /// Starts in this service's life. One that must outlive it is a `budget`.
    pub budget_starts: Option<u64>,
    pub budget: Option<Budget>,
}

/// What may be spent in a period of the calendar, of UTC. It outlives this service.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    pub calls: Option<u64>,
    /// Of slots.
    pub seconds: Option<f64>,
    /// At `price_per_second`.
    pub money: Option<f64>,
    pub price_per_second: f64,
    pub per: Period,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Hour,
    #[default]
    Day,
    Week,
    Month,
    Ever,
}

impl Period {
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "an hour",
            Self::Day => "a day",
            Self::Week => "a week",
            Self::Month => "a month",
            Self::Ever => "in all",
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            calls: None,
            seconds: None,
            money: None,
            price_per_second: 1.0,
            per: Period::Day,
        }
    }
}

impl Budget {
    fn check(&self) -> Result<(), &'static str> {
        if self.calls.is_none() && self.seconds.is_none() && self.money.is_none() {
            return Err("budget has calls, seconds or money");
        }
        let amounts = [self.seconds, self.money, Some(self.price_per_second)];
        if amounts
            .iter()
            .flatten()
            .any(|amount| !amount.is_finite() || *amount < 0.0)
            || self.price_per_second <= 0.0
        {
            return Err("amounts of a budget are not negative, and a price is more than 0");
        }
        Ok(())
    }
}

/// Starts per second in the long run, and as many at once after a pause.
///
/// What conductors hold counts against the burst until they settle, once a second; so a burst of less than two seconds'
/// worth keeps them below the rate. Above it they never come.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub per_second: f64,
    pub burst: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            starvation_ms: 30_000,
            half_life_ms: 10_000,
            ledger_state_every: 4096,
            ageing_ms: 0,
            deadline_slack_ms: 1_000,
            value: Weights::default(),
            strategy: Strategy::default(),
            strategies: BTreeMap::new(),
            tenants: BTreeMap::new(),
            workflows: BTreeMap::new(),
            capabilities: BTreeMap::new(),
        }
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            weight: 1.0,
            priority: None,
            worth: Worth::default(),
            concurrency: None,
            rate: None,
            budget_starts: None,
            budget: None,
        }
    }
}

impl Claims {
    pub fn limits(&self) -> Limits {
        Limits {
            concurrency: self.concurrency,
            rate: self.rate,
            budget_starts: self.budget_starts,
            budget: self.budget,
        }
    }
}

impl Options {
    /// Kind `Config`: a number or a name that cannot be meant, and where it stands.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |place: &str, what: &str| {
            Err(Error::new(
                ErrorKind::Config,
                format!("[arbitration] {place}: {what}"),
            ))
        };
        if self.half_life_ms == 0 {
            return wrong("half_life_ms", "at least 1");
        }
        if self.ledger_state_every == 0 {
            return wrong("ledger_state_every", "at least 1");
        }
        let claims = self.tenants.iter().map(|(name, c)| ("tenants", name, c));
        let claims = claims.chain(self.workflows.iter().map(|(name, c)| ("workflows", name, c)));
        for (kind, name, claims) in claims {
            let place = format!("{kind}.{name}");
            if !(claims.weight.is_finite() && (0.001..=1_000_000.0).contains(&claims.weight)) {
                return wrong(&place, "weight is from 0.001 to 1000000");
            }
            if claims.priority.is_some_and(|priority| priority > 9) {
                return wrong(&place, "priority is from 0 to 9");
            }
            if !claims.worth.all().iter().all(|part| (0.0..=1.0).contains(part)) {
                return wrong(&place, "the parts of a worth are from 0 to 1");
            }
        }
        if !self
            .value
            .all()
            .iter()
            .all(|weight| (0.0..=1000.0).contains(weight))
        {
            return wrong("value", "a weight is from 0 to 1000");
        }
        for (name, chosen) in &self.strategies {
            if let Err(problem) = chosen.check() {
                return wrong(&format!("strategies.{name}"), problem);
            }
        }
        for (kind, count) in [
            ("tenants", self.tenants.len()),
            ("workflows", self.workflows.len()),
            ("capabilities", self.capabilities.len()),
            ("strategies", self.strategies.len()),
        ] {
            if count > LIMITS_MAX {
                return wrong(kind, "at most 1000 entries");
            }
        }
        for (kind, name, limits) in self.limited() {
            let place = format!("{kind}.{name}");
            if name.is_empty() || name.len() > NAME_LENGTH_MAX {
                return wrong(&place, "a name has 1 to 116 characters");
            }
            if let Some(Err(problem)) = limits.budget.map(|budget| budget.check()) {
                return wrong(&place, problem);
            }
            let Some(rate) = limits.rate else { continue };
            if !(rate.per_second.is_finite() && (0.001..=1_000_000_000.0).contains(&rate.per_second)) {
                return wrong(&place, "rate.per_second is from 0.001 to 1000000000");
            }
            if rate.burst == 0 || rate.burst > 1_000_000_000 {
                return wrong(&place, "rate.burst is from 1 to 1000000000");
            }
        }
        Ok(())
    }

    /// How the slots of a capability are divided.
    pub fn chosen(&self, capability: &str) -> (Strategy, &[String]) {
        match self.strategies.get(capability) {
            Some(chosen) => (chosen.by, &chosen.prefer),
            None => (self.strategy, &[]),
        }
    }

    /// Every named thing with its limits: kind, name, limits.
    fn limited(&self) -> impl Iterator<Item = (&'static str, &String, Limits)> {
        let tenants = self.tenants.iter().map(|(name, c)| ("tenants", name, c.limits()));
        let workflows = self
            .workflows
            .iter()
            .map(|(name, c)| ("workflows", name, c.limits()));
        let capabilities = self
            .capabilities
            .iter()
            .map(|(name, l)| ("capabilities", name, *l));
        tenants.chain(workflows).chain(capabilities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Options {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_policy_is_read_from_its_section() {
        let options = read(
            "starvation_ms = 5000\n\
             [tenants.acme]\nweight = 2.0\nrate = {per_second = 5.0, burst = 10}\n\
             [workflows.nightly]\npriority = 2\n\
             [capabilities.\"http.request\"]\nconcurrency = 4\n",
        );
        options.check().unwrap();
        let acme = options.tenants.get("acme").unwrap();
        assert_eq!(
            (acme.weight, acme.rate),
            (
                2.0,
                Some(Rate {
                    per_second: 5.0,
                    burst: 10
                })
            )
        );
        assert_eq!(
            options.capabilities.get("http.request").unwrap().concurrency,
            Some(4)
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_place() {
        for (text, place) in [
            ("[tenants.a]\nweight = 0.0", "tenants.a"),
            ("[tenants.a]\nweight = nan", "tenants.a"),
            ("[workflows.w]\npriority = 12", "workflows.w"),
            (
                "[capabilities.c]\nrate = {per_second = -1.0, burst = 1}",
                "capabilities.c",
            ),
            (
                "[capabilities.c]\nrate = {per_second = 1.0, burst = 0}",
                "capabilities.c",
            ),
            ("half_life_ms = 0", "half_life_ms"),
            ("[tenants.a]\nbudget = {per = \"week\"}", "tenants.a"),
            (
                "[tenants.a]\nbudget = {money = 5.0, price_per_second = 0.0}",
                "tenants.a",
            ),
            ("[value]\nurgency = -1.0", "value"),
            ("[workflows.w.worth]\nimpact = 1.5", "workflows.w"),
            ("[strategies.f]\nby = \"specialised\"", "strategies.f"),
            (
                "[strategies.f]\nby = \"collaborative\"\nprefer = [\"tenant:a\"]",
                "strategies.f",
            ),
            (
                "[strategies.f]\nby = \"specialised\"\nprefer = [\"a\"]",
                "strategies.f",
            ),
        ] {
            let error = read(text).check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert!(error.to_string().contains(place), "{text}");
        }
    }

    #[test]
    fn an_unknown_word_is_not_passed_over() {
        assert!(toml::from_str::<Options>("[tenants.a]\nwieght = 2.0").is_err());
    }
}
