//! What waits for a pool's workers, and what they have free.

use std::collections::{BTreeMap, BTreeSet};

use symphony_protocol::Demand;

use super::registry::Registry;

/// What a conductor said of its work, by capability.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub backlog: BTreeMap<String, i64>,
    pub work_us: BTreeMap<String, i64>,
    pub late: BTreeMap<String, i64>,
}

impl Work {
    pub fn of(demand: &Demand) -> Self {
        Self {
            backlog: demand.backlog.clone(),
            work_us: demand.work_us.clone(),
            late: demand.late.clone(),
        }
    }
}

/// What presses on a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Executions that wait for functions that its workers offer.
    pub waiting: u64,
    /// How long these are going to hold slots, as estimated; 0 where nobody knows.
    pub work_us: u64,
    /// Of them, those that miss their deadlines unless they start soon.
    pub late: u64,
    /// Slots of its workers that are taken, and that may be leased besides.
    pub busy: u64,
    pub free: u64,
    /// Of one worker of it, the most that any has; 0 where none was seen.
    pub slots: u64,
}

impl Registry {
    /// Of what a pool offers. `offered` is added to: a pool without a process is known by what it offered before.
    pub fn pressure(&self, pool: &str, offered: &mut BTreeSet<String>) -> Pressure {
        let mut pressure = Pressure::default();
        for (name, worker) in &self.workers {
            if worker.pool.as_deref() != Some(pool) {
                continue;
            }
            // Asked eight times a second, and nearly always known already.
            for capability in &worker.capabilities {
                if !offered.contains(capability) {
                    offered.insert(capability.clone());
                }
            }
            let slots = self.health(name).slots(worker.slots);
            pressure.busy += u64::from(worker.busy);
            pressure.free += u64::from(slots.saturating_sub(worker.busy));
            pressure.slots = pressure.slots.max(u64::from(worker.slots));
        }
        let sum = |of: &BTreeMap<String, i64>| {
            let its = offered.iter().filter_map(|capability| of.get(capability));
            its.map(|count| (*count).max(0).unsigned_abs()).sum::<u64>()
        };
        for conductor in self.conductors.values() {
            pressure.waiting += sum(&conductor.work.backlog);
            pressure.work_us = pressure.work_us.saturating_add(sum(&conductor.work.work_us));
            pressure.late += sum(&conductor.work.late);
        }
        pressure
    }

    /// What waits over all conductors, by capability: executions, and milliseconds of slots for them.
    pub fn backlog(&self) -> BTreeMap<String, (u64, u64)> {
        let mut all: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for conductor in self.conductors.values() {
            for (capability, count) in &conductor.work.backlog {
                let work_us = conductor
                    .work
                    .work_us
                    .get(capability)
                    .copied()
                    .unwrap_or_default();
                let entry = all.entry(capability.clone()).or_default();
                entry.0 += (*count).max(0).unsigned_abs();
                entry.1 += work_us.max(0).unsigned_abs() / 1000;
            }
        }
        all
    }
}
