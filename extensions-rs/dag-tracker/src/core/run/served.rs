//! Versions of functions that workers serve, as the log says.

use std::collections::BTreeMap;

use symphony_protocol::Serving;
use symphony_protocol::bounds::FIRST_VERSION;
use symphony_workflow::{Function, VersionRange, compare_versions};

use super::Context;
use super::budget::millionths;

/// Functions whose versions are known, as many as have an estimate; of others every result counts as the first version's.
const FUNCTIONS_MAX: usize = 4096;

/// By function and version, what a second of it costs in millionths.
pub type Serves = BTreeMap<String, BTreeMap<String, u64>>;

impl Context {
    /// What is served from here on. A function that nobody serves now keeps what it had: what was made by it still counts.
    pub fn serve(&mut self, functions: &[Serving]) {
        for serving in functions {
            self.served.remove(&serving.capability);
        }
        for serving in functions {
            if self.served.len() >= FUNCTIONS_MAX && !self.served.contains_key(&serving.capability) {
                continue;
            }
            let versions = self.served.entry(serving.capability.clone()).or_default();
            versions.insert(serving.version.clone(), millionths(serving.cost_per_second));
        }
    }

    /// The newest version of a function that fits a call, by what was told.
    pub fn version<'a>(&'a self, called: &Function) -> &'a str {
        let range = called.range.as_deref().and_then(VersionRange::parse);
        let fits = |version: &&String| range.as_ref().is_none_or(|range| range.holds(version));
        let known = self.served.get(&called.capability);
        let versions = known.iter().flat_map(|versions| versions.keys()).filter(fits);
        versions
            .max_by(|one, other| compare_versions(one, other))
            .map_or(FIRST_VERSION, String::as_str)
    }

    /// What a second of a version of a function costs, in millionths.
    pub fn cost(&self, called: &Function, version: Option<&str>) -> u64 {
        let versions = self.served.get(&called.capability);
        let cost = versions.and_then(|versions| versions.get(version.unwrap_or(FIRST_VERSION)));
        cost.copied().unwrap_or_default()
    }
}
