//! What tenants and workflows used lately: the memory of the fair share, which fades by half each half-life.
//!
//! Everything fades alike. So amounts are kept in units that grow while time passes, instead of being faded one by one:
//! one factor turns them into seconds (forward decay: Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009).

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Claimants remembered. Beyond it the least recent tenth goes, so that forgetting costs little each time.
const CLAIMANTS_MAX: usize = 10_000;
/// Half-lives after which the unit is made anew: long before amounts leave the range in which floats are exact enough.
const HALF_LIVES_MAX: f64 = 64.0;

/// Names come from users, so the hash is seeded; nothing below depends on the order of a map.
type Map<T> = HashMap<String, T, RandomState>;

#[derive(Clone, Debug, Default)]
struct Used {
    amount: f64,
    at_ms: u64,
}

#[derive(Clone, Debug, Default)]
struct Tenant {
    amount: f64,
    workflows: Map<Used>,
}

#[derive(Clone, Debug)]
pub struct Memory {
    half_life_ms: u64,
    /// When a unit was a second.
    since_ms: u64,
    tenants: Map<Tenant>,
    claimants: usize,
}

/// The memory at a moment.
#[derive(Clone, Copy)]
pub struct View<'a> {
    memory: &'a Memory,
    seconds: f64,
}

/// What a tenant used lately; nobody remembers one who used nothing.
#[derive(Clone, Copy)]
pub struct TenantView<'a> {
    tenant: Option<&'a Tenant>,
    seconds: f64,
}

impl Memory {
    pub fn new(half_life_ms: u64) -> Self {
        Self {
            half_life_ms: half_life_ms.max(1),
            since_ms: 0,
            tenants: Map::default(),
            claimants: 0,
        }
    }

    fn half_lives(&self, now_ms: u64) -> f64 {
        now_ms.saturating_sub(self.since_ms) as f64 / self.half_life_ms as f64
    }

    /// Note slot seconds that were used up to now.
    pub fn add(&mut self, tenant: &str, workflow: &str, seconds: f64, now_ms: u64) {
        if seconds <= 0.0 {
            return;
        }
        if self.half_lives(now_ms) > HALF_LIVES_MAX {
            self.rescale(now_ms);
        }
        let amount = seconds * self.half_lives(now_ms).exp2();
        let its = self.tenants.entry(tenant.to_owned()).or_default();
        its.amount += amount;
        let before = its.workflows.len();
        let used = its.workflows.entry(workflow.to_owned()).or_default();
        used.amount += amount;
        used.at_ms = now_ms;
        self.claimants += its.workflows.len() - before;
        if self.claimants > CLAIMANTS_MAX {
            self.forget_the_oldest();
        }
    }

    /// Fade at another pace from now on.
    pub fn change(&mut self, half_life_ms: u64, now_ms: u64) {
        self.rescale(now_ms);
        self.half_life_ms = half_life_ms.max(1);
    }

    /// A second is a unit from now on.
    fn rescale(&mut self, now_ms: u64) {
        let factor = (-self.half_lives(now_ms)).exp2();
        for tenant in self.tenants.values_mut() {
            tenant.amount *= factor;
            for used in tenant.workflows.values_mut() {
                used.amount *= factor;
            }
        }
        self.since_ms = now_ms;
    }

    fn forget_the_oldest(&mut self) {
        let of = |tenant: &Tenant| {
            tenant
                .workflows
                .values()
                .map(|used| used.at_ms)
                .collect::<Vec<_>>()
        };
        let mut moments: Vec<u64> = self.tenants.values().flat_map(of).collect();
        moments.sort_unstable();
        let Some(limit) = moments.get(CLAIMANTS_MAX / 10).copied() else {
            return;
        };
        // Those of the last moment stay, where anything is older: else the whole of it goes.
        let limit = if moments.first() == Some(&limit) {
            limit + 1
        } else {
            limit
        };
        self.tenants.retain(|_, tenant| {
            tenant.workflows.retain(|_, used| used.at_ms >= limit);
            tenant.amount = tenant.workflows.values().map(|used| used.amount).sum();
            !tenant.workflows.is_empty()
        });
        self.claimants = self.tenants.values().map(|tenant| tenant.workflows.len()).sum();
    }

    pub fn at(&self, now_ms: u64) -> View<'_> {
        View {
            memory: self,
            seconds: (-self.half_lives(now_ms)).exp2(),
        }
    }
}

impl<'a> View<'a> {
    pub fn tenant(&self, name: &str) -> TenantView<'a> {
        TenantView {
            tenant: self.memory.tenants.get(name),
            seconds: self.seconds,
        }
    }
}

impl TenantView<'_> {
    /// Slot seconds over all its workflows.
    pub fn total(&self) -> f64 {
        self.tenant.map_or(0.0, |tenant| tenant.amount * self.seconds)
    }

    /// Slot seconds of one of its workflows.
    pub fn of(&self, workflow: &str) -> f64 {
        let used = self.tenant.and_then(|tenant| tenant.workflows.get(workflow));
        used.map_or(0.0, |used| used.amount * self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(memory: &Memory, tenant: &str, workflow: &str, now_ms: u64) -> f64 {
        memory.at(now_ms).tenant(tenant).of(workflow)
    }

    #[test]
    fn what_was_used_counts_half_after_the_half_life() {
        let mut memory = Memory::new(10_000);
        memory.add("acme", "nightly", 8.0, 0);
        assert!((of(&memory, "acme", "nightly", 0) - 8.0).abs() < 1e-9);
        assert!((of(&memory, "acme", "nightly", 10_000) - 4.0).abs() < 1e-9);
        assert!(of(&memory, "other", "nightly", 0).abs() < 1e-9);
    }

    #[test]
    fn a_tenant_is_the_sum_of_its_workflows_and_of_no_other_tenants() {
        let mut memory = Memory::new(10_000);
        memory.add("acme", "a", 2.0, 0);
        memory.add("acme", "b", 1.0, 0);
        memory.add("acme2", "a", 9.0, 0);
        assert!((memory.at(10_000).tenant("acme").total() - 1.5).abs() < 1e-9);
    }

    #[test]
    fn a_year_of_half_lives_leaves_what_is_recent_as_it_was() {
        let mut memory = Memory::new(1_000);
        let mut expected = 0.0;
        for hour in 0..1_000 {
            memory.add("acme", "a", 3.0, hour * 3_600_000 / 100);
            expected = expected * 0.5_f64.powf(36.0) + 3.0;
        }
        let now_ms = 999 * 36_000;
        assert!((of(&memory, "acme", "a", now_ms) - expected).abs() < 1e-9);
        assert!((memory.at(now_ms).tenant("acme").total() - expected).abs() < 1e-9);
    }

    #[test]
    fn the_least_recent_are_forgotten_first() {
        let mut memory = Memory::new(1_000_000);
        for at in 0..=CLAIMANTS_MAX {
            memory.add("acme", &format!("w{at}"), 1.0, at as u64);
        }
        assert_eq!(memory.claimants, CLAIMANTS_MAX + 1 - CLAIMANTS_MAX / 10);
        assert!(of(&memory, "acme", "w0", 20_000).abs() < 1e-9);
        assert!(of(&memory, "acme", &format!("w{CLAIMANTS_MAX}"), 20_000) > 0.0);
        let sum: f64 = (0..=CLAIMANTS_MAX)
            .map(|at| of(&memory, "acme", &format!("w{at}"), 20_000))
            .sum();
        assert!((memory.at(20_000).tenant("acme").total() - sum).abs() < 1e-6);
    }

    #[test]
    fn of_many_of_one_moment_not_more_are_kept_than_there_is_room_for() {
        let mut memory = Memory::new(1_000_000);
        for number in 0..3 * CLAIMANTS_MAX {
            memory.add(&format!("t{}", number % 7), &format!("w{number}"), 1.0, 5);
            assert!(memory.claimants <= CLAIMANTS_MAX);
        }
    }
}
