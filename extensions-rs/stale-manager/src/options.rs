//! What an operator may choose: the section `[stale]` of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

const DAY_MS: u64 = 86_400_000;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The archive lies in `<data>/archive`, trajectories in `<data>/decisions`.
    pub data: PathBuf,
    /// How long ended runs are kept, in days; 0: for ever.
    pub retention_days: f64,
    /// The same for workflows by name.
    pub workflows: BTreeMap<String, f64>,
    /// Of decisions kept on disk; the oldest days go first.
    pub decisions_bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: PathBuf::from(".symphony"),
            retention_days: 30.0,
            workflows: BTreeMap::new(),
            decisions_bytes_max: 1 << 30,
        }
    }
}

impl Options {
    /// How long runs of a workflow are kept, in milliseconds; None: for ever.
    pub fn retention_ms(&self, workflow: &str) -> Option<u64> {
        let days = self
            .workflows
            .get(workflow)
            .copied()
            .unwrap_or(self.retention_days);
        (days > 0.0).then_some((days * DAY_MS as f64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_has_its_own_retention_and_zero_is_for_ever() {
        let options = Options {
            retention_days: 2.0,
            workflows: BTreeMap::from([("audit".to_owned(), 0.0), ("noise".to_owned(), 0.5)]),
            ..Default::default()
        };
        assert_eq!(options.retention_ms("any"), Some(2 * DAY_MS));
        assert_eq!(options.retention_ms("audit"), None);
        assert_eq!(options.retention_ms("noise"), Some(DAY_MS / 2));
    }
}
