//! What tenants and workflows used lately: the memory of the fair share, which fades by half each half-life.

use std::collections::BTreeMap;

/// Claimants remembered. Beyond it the least recent tenth goes, so that forgetting costs little each time.
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
        if seconds <= 0.0 {
            return;
        }
        let key = (tenant.to_owned(), workflow.to_owned());
        let before = self.used.get(&key).map_or(0.0, |used| self.faded(used, now_ms));
        let now = Used {
            seconds: before + seconds,
            at_ms: now_ms,
        };
        self.used.insert(key, now);
        if self.used.len() > CLAIMANTS_MAX {
            self.forget_the_oldest();
        }
    }

    fn forget_the_oldest(&mut self) {
        let mut moments: Vec<u64> = self.used.values().map(|used| used.at_ms).collect();
        moments.sort_unstable();
        let limit = moments.get(CLAIMANTS_MAX / 10).copied().unwrap_or(0);
        let mut spare = CLAIMANTS_MAX / 10;
        self.used.retain(|_, used| {
            let goes = used.at_ms <= limit && spare > 0;
            spare -= usize::from(goes);
            !goes
        });
    }

    /// Slot seconds of a tenant's workflow, faded to now.
    pub fn of(&self, tenant: &str, workflow: &str, now_ms: u64) -> f64 {
        let key = (tenant.to_owned(), workflow.to_owned());
        self.used.get(&key).map_or(0.0, |used| self.faded(used, now_ms))
    }

    /// Slot seconds of a tenant, over all its workflows.
    pub fn of_tenant(&self, tenant: &str, now_ms: u64) -> f64 {
        let first = (tenant.to_owned(), String::new());
        let its = self
            .used
            .range(first..)
            .take_while(|((name, _), _)| name == tenant);
        its.map(|(_, used)| self.faded(used, now_ms)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_counts_half_after_the_half_life() {
        let mut memory = Memory::new(10_000);
        memory.add("acme", "nightly", 8.0, 0);
        let at_first = memory.of("acme", "nightly", 0);
        assert!((memory.of("acme", "nightly", 10_000) - at_first / 2.0).abs() < 1e-9);
        assert!(memory.of("other", "nightly", 0).abs() < 1e-9);
    }

    #[test]
    fn a_tenant_is_the_sum_of_its_workflows_and_of_no_other_tenants() {
        let mut memory = Memory::new(10_000);
        memory.add("acme", "a", 2.0, 0);
        memory.add("acme", "b", 1.0, 0);
        memory.add("acme2", "a", 9.0, 0);
        assert!((memory.of_tenant("acme", 10_000) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn the_least_recent_are_forgotten_first() {
        let mut memory = Memory::new(1_000_000);
        for at in 0..=CLAIMANTS_MAX {
            memory.add("acme", &format!("w{at}"), 1.0, at as u64);
        }
        assert!(memory.used.len() <= CLAIMANTS_MAX);
        assert!(memory.of("acme", "w0", 20_000).abs() < 1e-9);
        assert!(memory.of("acme", &format!("w{CLAIMANTS_MAX}"), 20_000) > 0.0);
    }
}
