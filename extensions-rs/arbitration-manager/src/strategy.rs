//! How slots are divided, and what a claimant is worth: the words of the policy.

use std::fmt;

use serde::Deserialize;
use symphony_protocol::OrderBy;

/// Preferred claimants of one capability.
const PREFERRED_MAX: usize = 64;

/// In each of them whoever waited past the bound goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The highest priority first, shares among equals.
    #[default]
    Prioritised,
    /// Shares among tenants whatever their priorities; a priority counts among a tenant's own workflows.
    Collaborative,
    /// One slot each in turn, the longest wait first: nothing that was used counts, and no weight.
    RoundRobin,
    /// Those that are named first, in their order; the others get what is left, as with `prioritised`.
    Specialised,
}

impl Strategy {
    pub fn word(self) -> &'static str {
        match self {
            Self::Prioritised => "prioritised",
            Self::Collaborative => "collaborative",
            Self::RoundRobin => "round_robin",
            Self::Specialised => "specialised",
        }
    }
}

impl From<Strategy> for OrderBy {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Prioritised => Self::Prioritised,
            Strategy::Collaborative => Self::Collaborative,
            Strategy::RoundRobin => Self::RoundRobin,
            Strategy::Specialised => Self::Specialised,
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The strategy of one capability.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chosen {
    pub by: Strategy,
    /// `tenant:NAME` or `workflow:NAME`, the first first; for `specialised`.
    pub prefer: Vec<String>,
}

impl Chosen {
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        if (self.by == Strategy::Specialised) == self.prefer.is_empty() {
            return Err("`prefer` names somebody where `by` is `specialised`, and nowhere else");
        }
        if self.prefer.len() > PREFERRED_MAX {
            return Err("at most 64 are preferred");
        }
        let named = |name: &String| {
            let rest = name
                .strip_prefix("tenant:")
                .or_else(|| name.strip_prefix("workflow:"));
            rest.is_some_and(|rest| !rest.is_empty())
        };
        if !self.prefer.iter().all(named) {
            return Err("`prefer` has `tenant:NAME` and `workflow:NAME`");
        }
        Ok(())
    }
}

/// What an operator says that a tenant or a workflow is worth: parts from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Worth {
    pub business: f64,
    pub impact: f64,
    pub learning: f64,
}

impl Worth {
    pub fn all(&self) -> [f64; 3] {
        [self.business, self.impact, self.learning]
    }
}

/// What each part counts. With all of them 0 a claimant's weight is the stated one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    pub business: f64,
    pub impact: f64,
    pub learning: f64,
    pub urgency: f64,
    pub cost: f64,
}

/// What is left of a deadline at which urgency is a half.
const URGENT_MS: f64 = 60_000.0;

impl Weights {
    pub fn all(&self) -> [f64; 5] {
        [self.business, self.impact, self.learning, self.urgency, self.cost]
    }

    /// What a claimant's weight is multiplied by.
    ///
    /// `(1 + business*b + impact*i + learning*l + urgency*u) / (1 + cost*c)`: b, i, l as stated; u goes from 0 to 1 as what
    /// is left of the deadline beside the rest of the run shrinks (a half at a minute; 0 without a deadline); c is the
    /// seconds that an execution is expected to hold its slot.
    pub fn multiply(&self, worth: &Worth, left_ms: Option<i64>, seconds: f64) -> f64 {
        let urgency = left_ms.map_or(0.0, |left| URGENT_MS / (URGENT_MS + left.max(0) as f64));
        let gain = self.business * worth.business
            + self.impact * worth.impact
            + self.learning * worth.learning
            + self.urgency * urgency;
        (1.0 + gain) / (1.0 + self.cost * seconds.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_weights_everybody_is_worth_one() {
        let worth = Worth {
            business: 1.0,
            impact: 1.0,
            learning: 1.0,
        };
        let none = Weights::default();
        assert!((none.multiply(&worth, Some(-5), 900.0) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn each_part_counts_by_its_weight_and_cost_divides() {
        let weights = Weights {
            business: 2.0,
            urgency: 1.0,
            cost: 0.5,
            ..Default::default()
        };
        let worth = Worth {
            business: 0.5,
            ..Default::default()
        };
        let none = Worth::default();
        assert!((weights.multiply(&worth, None, 0.0) - 2.0).abs() < 1e-9);
        assert!((weights.multiply(&none, Some(60_000), 0.0) - 1.5).abs() < 1e-9);
        assert!((weights.multiply(&none, Some(-1), 0.0) - 2.0).abs() < 1e-9);
        assert!((weights.multiply(&none, None, 2.0) - 0.5).abs() < 1e-9);
    }
}
