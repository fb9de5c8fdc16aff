//! Versions of functions that workers serve, as the log says.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use symphony_protocol::Serving;
use symphony_protocol::bounds::FIRST_VERSION;
use symphony_workflow::{Function, VersionRange};

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
            .max_by(|a, b| newer(a, b))
            .map_or(FIRST_VERSION, String::as_str)
    }

    /// What a second of a version of a function costs, in millionths.
    pub fn cost(&self, called: &Function, version: Option<&str>) -> u64 {
        let versions = self.served.get(&called.capability);
        let cost = versions.and_then(|versions| versions.get(version.unwrap_or(FIRST_VERSION)));
        cost.copied().unwrap_or_default()
    }
}

/// By their numbers; a release is newer than what comes before it, and the rest is told apart as text.
fn newer(one: &str, other: &str) -> Ordering {
    let parts = |version: &str| {
        let (core, rest) = version.split_once(['-', '+']).unwrap_or((version, ""));
        let numbers: Vec<u64> = core
            .split('.')
            .map(|part| part.parse().unwrap_or_default())
            .collect();
        (numbers, rest.is_empty(), rest.to_owned())
    };
    parts(one).cmp(&parts(other))
}

#[cfg(test)]
mod tests {
    use super::newer;
    use std::cmp::Ordering;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        for (older, later) in [("1.9.0", "1.10.0"), ("2.0.0-rc.1", "2.0.0"), ("0.9.9", "1.0.0")] {
            assert_eq!(newer(older, later), Ordering::Less, "{older} {later}");
        }
    }
}
