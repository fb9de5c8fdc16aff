//! All archived runs taken together: what one of them is measured against.

use std::collections::HashMap;
use std::sync::Arc;

use super::fact::Fact;
use super::sketch::Sketch;

/// A workflow of a tenant.
type Workflow = (Arc<str>, Arc<str>);

#[derive(Default)]
pub struct Census {
    pub runs: u64,
    sketch: Sketch,
    workflows: HashMap<Workflow, u64>,
    statuses: HashMap<(Workflow, Arc<str>), u64>,
}

impl Census {
    pub fn of(facts: &[Fact]) -> Self {
        let mut census = Self::default();
        for fact in facts {
            census.runs += 1;
            census.sketch.add(&fact.shape);
            let workflow = (fact.tenant.clone(), fact.workflow.clone());
            *census.workflows.entry(workflow.clone()).or_default() += 1;
            let status = (workflow, fact.status.clone());
            *census.statuses.entry(status).or_default() += 1;
        }
        census
    }

    /// About how many runs are like this one, itself among them.
    pub fn alike(&self, fact: &Fact) -> f64 {
        self.sketch.alike(&fact.shape).clamp(1.0, self.runs.max(1) as f64)
    }

    /// How often runs of the workflow end as this one did, with one added to each side (Laplace's rule of succession).
    pub fn likelihood(&self, fact: &Fact) -> f64 {
        let workflow = (fact.tenant.clone(), fact.workflow.clone());
        let of = self.workflows.get(&workflow).copied().unwrap_or_default();
        let status = (workflow, fact.status.clone());
        let same = self.statuses.get(&status).copied().unwrap_or_default();
        (same as f64 + 1.0) / (of as f64 + 2.0)
    }
}
