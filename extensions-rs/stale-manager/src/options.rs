//! What an operator may choose: the section `[stale]` of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::core::Policy;
use crate::core::policy::Rule;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The archive lies in `<data>/archive`, trajectories in `<data>/decisions`.
    pub data: PathBuf,
    /// How long ended runs are kept, in days; 0: for ever. Where `retention` says nothing.
    pub retention_days: f64,
    /// The same for workflows by name.
    pub workflows: BTreeMap<String, f64>,
    /// Of decisions kept on disk; the oldest days go first.
    pub decisions_bytes_max: u64,
    /// The policy, until operators apply another.
    pub retention: Option<Policy>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: PathBuf::from(".symphony"),
            retention_days: 30.0,
            workflows: BTreeMap::new(),
            decisions_bytes_max: 1 << 30,
            retention: None,
        }
    }
}

impl Options {
    /// The configuration's policy.
    pub fn policy(&self) -> Policy {
        if let Some(policy) = &self.retention {
            return policy.clone();
        }
        let rule = |(name, days): (&String, &f64)| Rule {
            name: name.clone(),
            workflow: Some(name.clone()),
            keep: *days <= 0.0,
            days: (*days > 0.0).then_some(*days),
            ..Default::default()
        };
        Policy {
            days: self.retention_days,
            rules: self.workflows.iter().map(rule).collect(),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::tests::fact;
    use crate::core::policy::age_ms;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn a_workflow_has_its_own_retention_and_zero_is_for_ever() {
        let options = Options {
            retention_days: 2.0,
            workflows: BTreeMap::from([("audit".to_owned(), 0.0), ("noise".to_owned(), 0.5)]),
            ..Default::default()
        };
        let policy = options.policy();
        policy.check().unwrap();
        let age = |workflow| age_ms(&policy, policy.rule(&fact(1, workflow, 0)));
        assert_eq!(age("any"), Some(2 * DAY_MS));
        assert_eq!(age("audit"), None);
        assert_eq!(age("noise"), Some(DAY_MS / 2));
    }
}
