//! The weights that conductors are told.

use symphony_protocol::{Share, Usage};

use crate::options::{Claims, Options};

/// Of every tenant that is named, and of the named workflows for those tenants that use them; `most` in all.
pub fn of(options: &Options, usage: &[Usage], most: usize) -> Vec<Share> {
    let tenants = options
        .tenants
        .iter()
        .map(|(name, claims)| share(name, None, claims));
    let mut pairs: Vec<(&str, &str)> = usage
        .iter()
        .map(|used| (used.tenant.as_str(), used.workflow.as_str()))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let workflows = pairs.into_iter().filter_map(|(tenant, workflow)| {
        let claims = options.workflows.get(workflow)?;
        Some(share(tenant, Some(workflow), claims))
    });
    tenants.chain(workflows).take(most).collect()
}

fn share(tenant: &str, workflow: Option<&str>, claims: &Claims) -> Share {
    Share {
        tenant: tenant.to_owned(),
        workflow: workflow.map(str::to_owned),
        weight: claims.weight,
        priority: claims.priority,
        concurrency: claims.concurrency,
    }
}
