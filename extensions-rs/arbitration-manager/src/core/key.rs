//! What a limit is on: a tenant, a workflow by name, or a capability.

use std::collections::BTreeMap;
use std::fmt;

use crate::options::{Limits, Options};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Tenant(String),
    Workflow(String),
    Capability(String),
}

impl Key {
    /// Whether what a tenant's workflow does with a capability counts here.
    pub fn covers(&self, tenant: &str, workflow: &str, capability: &str) -> bool {
        match self {
            Self::Tenant(name) => name == tenant,
            Self::Workflow(name) => name == workflow,
            Self::Capability(name) => name == capability,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(name) => write!(f, "tenant:{name}"),
            Self::Workflow(name) => write!(f, "workflow:{name}"),
            Self::Capability(name) => write!(f, "capability:{name}"),
        }
    }
}

/// All keys that have a limit.
pub fn limited(options: &Options) -> BTreeMap<Key, Limits> {
    let tenants = options
        .tenants
        .iter()
        .map(|(name, c)| (Key::Tenant(name.clone()), c.limits()));
    let workflows = options
        .workflows
        .iter()
        .map(|(name, c)| (Key::Workflow(name.clone()), c.limits()));
    let capabilities = options
        .capabilities
        .iter()
        .map(|(name, limits)| (Key::Capability(name.clone()), *limits));
    tenants
        .chain(workflows)
        .chain(capabilities)
        .filter(|(_, limits)| *limits != Limits::default())
        .collect()
}
