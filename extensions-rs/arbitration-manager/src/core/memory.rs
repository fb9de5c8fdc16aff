//! What tenants and workflows used lately: the memory of the fair share, which fades by half each half-life.

use std::collections::BTreeMap;

/// Claimants remembered; the least recent go first.
const CLAIMANTS_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    seconds: f64,
    at_ms: u64,
}

#[derive(Clone, Debug)]
pub struct Memory {
    half_life_ms: u64,
    used: BTreeMap<(String, String), Used>,
}

impl Memory {
    pub fn new(half_life_ms: u64) -> Self {
        Self {
            half_life_ms: half_life_ms.max(1),
            used: BTreeMap::new(),
        }
    }

    fn faded(&self, used: &Used, now_ms: u64) -> f64 {
        let passed = now_ms.saturating_sub(used.at_ms) as f64;
        used.seconds * 0.5_f64.powf(passed / self.half_life_ms as f64)
    }

    /// Note slot seconds that were used up to now.
    pub fn add(&mut self, tenant: &str, workflow: &str, seconds: f64, now_ms: u64) {
        let key = (tenant.to_owned(), workflow.to_owned());
        let before = self.used.get(&key).map_or(0.0, |used| self.faded(used, now_ms));
        let now = Used {
            seconds: before + seconds.max(0.0),
            at_ms: now_ms,
        };
        self.used.insert(key, now);
        if self.used.len() > CLAIMANTS_MAX {
            let oldest = self
                .used
                .iter()
                .min_by_key(|(_, used)| used.at_ms)
                .map(|(key, _)| key.clone());
            if let Some(key) = oldest {
                self.used.remove(&key);
            }
        }
    }

    /// Slot seconds of a tenant's workflow, faded to now.
    pub fn of(&self, tenant: &str, workflow: &str, now_ms: u64) -> f64 {
        let key = (tenant.to_owned(), workflow.to_owned());
        self.used.get(&key).map_or(0.0, |used| self.faded(used, now_ms))
    }

    /// Slot seconds of a tenant, over all its workflows.
    pub fn of_tenant(&self, tenant: &str, now_ms: u64) -> f64 {
        self.used
            .iter()
            .filter(|((name, _), _)| name == tenant)
            .map(|(_, used)| self.faded(used, now_ms))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_counts_half_after_the_half_life() {
        let mut memory = Memory::new(10_000);
        memory.add("acme", "nightly", 8.0, 0);
        assert!((memory.of("acme", "nightly", 10_000) - 4.0).abs() < 1e-9);
        memory.add("acme", "nightly", 1.0, 20_000);
        assert!((memory.of_tenant("acme", 20_000) - 3.0).abs() < 1e-9);
        assert!(memory.of("other", "nightly", 0).abs() < 1e-9);
    }
}
