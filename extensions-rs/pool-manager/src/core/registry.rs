//! What is known of workers and conductors, and the grants that follow from it.

use std::collections::{BTreeMap, BTreeSet};

use symphony_protocol::{
    Activate, Demand, Heartbeat, HeartbeatState, Lease, PoolGrant, Register, WorkerView, WorkerViewState,
};

use super::leases::{LEASE_MS, Leases, Number, shares};
use super::state::{Change, State};

/// Three heartbeats: a worker that has said nothing for so long is dead.
pub const DEAD_AFTER_MS: u64 = 750;
/// Sweeps are a fraction of this apart. After a longer gap this process was stopped, and heard nobody.
const SLEPT_MS: u64 = 500;
/// A conductor that has not stated its demand for so long holds nothing.
const CONDUCTOR_GONE_MS: u64 = 3_500;
/// Dead workers are told of for so long.
const DEAD_TOLD_MS: u64 = 10_000;
/// Workers of one mesh; the broker has other bounds before this one.
const WORKERS_MAX: usize = 10_000;

#[derive(Clone, Debug, Default)]
struct Worker {
    state: State,
    pool: Option<String>,
    slots: u32,
    busy: u32,
    version: String,
    language: String,
    host: String,
    pid: u64,
    memory_bytes: u64,
    ready_us: u64,
    capabilities: Vec<String>,
    last_beat_ms: u64,
    serving: bool,
    leases: Leases,
    /// A plain client: it sends no heartbeats.
    queue_timeout_ms: Option<u64>,
    expires_at_ms: Option<u64>,
}

impl Worker {
    fn change(&mut self, change: Change) {
        if let Some(next) = self.state.next(change) {
            self.state = next;
        }
    }

    fn leasable(&self) -> bool {
        self.serving && matches!(self.state, State::Warm | State::Active) && !self.capabilities.is_empty()
    }
}

#[derive(Clone, Debug, Default)]
struct Conductor {
    number: Number,
    last_ms: u64,
    epoch: u64,
    backlog: BTreeMap<String, i64>,
}

/// The registry.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    issuer: String,
    sequence: u64,
    workers: BTreeMap<String, Worker>,
    conductors: BTreeMap<String, Conductor>,
    /// Conductors that there were so far: the number of the last one.
    counted: Number,
    dead: BTreeMap<String, u64>,
    swept_ms: u64,
}

impl Registry {
    pub fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            ..Self::default()
        }
    }

    /// A heartbeat. True: grants change by it.
    pub fn heartbeat(&mut self, beat: &Heartbeat, now_ms: u64) -> bool {
        if beat.state == HeartbeatState::Stopped {
            return self.remove(&beat.worker, now_ms, false);
        }
        if !self.workers.contains_key(&beat.worker) && self.workers.len() >= WORKERS_MAX {
            return false;
        }
        self.dead.remove(&beat.worker);
        let worker = self.workers.entry(beat.worker.clone()).or_default();
        let before = (worker.leasable(), worker.slots);
        worker.change(Change::Started);
        worker.pool.clone_from(&beat.pool);
        worker.slots = beat.slots;
        worker.busy = beat.busy;
        worker.version.clone_from(&beat.version);
        worker.language.clone_from(&beat.language);
        worker.host.clone_from(&beat.host);
        worker.pid = beat.pid;
        worker.memory_bytes = beat.memory_bytes;
        worker.ready_us = beat.ready_us;
        worker.last_beat_ms = now_ms;
        worker.serving = beat.state == HeartbeatState::Serving;
        if beat.state == HeartbeatState::Draining {
            worker.change(Change::Draining);
        }
        worker.change(if beat.busy > 0 { Change::Busy } else { Change::Free });
        before != (worker.leasable(), worker.slots)
    }

    /// The conductor has validated a worker's manifest, or has taken that back.
    pub fn activate(&mut self, activate: &Activate, now_ms: u64) -> bool {
        let Some(worker) = self.workers.get_mut(&activate.worker) else {
            return false;
        };
        if !activate.active {
            worker.capabilities.clear();
            return true;
        }
        let mut offered: Vec<String> = activate
            .manifest
            .functions
            .iter()
            .map(|f| f.capability.clone())
            .collect();
        offered.sort();
        let changed = worker.capabilities != offered;
        worker.capabilities = offered;
        worker.change(Change::Activated);
        if worker.last_beat_ms == 0 {
            worker.last_beat_ms = now_ms;
        }
        changed
    }

    /// A plain client offers slots.
    pub fn register(&mut self, register: &Register, now_ms: u64) {
        let worker = self.workers.entry(register.worker.clone()).or_default();
        worker.change(Change::Started);
        worker.change(Change::Activated);
        worker.slots = register.slots;
        worker.serving = true;
        worker.language = "plain".to_owned();
        worker.version = "0.0.0".to_owned();
        worker.capabilities.clone_from(&register.capabilities);
        worker.queue_timeout_ms = Some(register.timeout_ms.max(1));
        worker.last_beat_ms = now_ms;
        worker.expires_at_ms = (register.expires_ms > 0).then(|| now_ms + register.expires_ms);
    }

    pub fn demand(&mut self, demand: &Demand, now_ms: u64) -> bool {
        let known = self.conductors.entry(demand.conductor.clone()).or_default();
        let changed = known.last_ms == 0 || known.epoch != demand.epoch;
        if known.number == 0 {
            self.counted += 1;
            known.number = self.counted;
        }
        *known = Conductor {
            number: known.number,
            last_ms: now_ms,
            epoch: demand.epoch,
            backlog: demand.backlog.clone(),
        };
        changed
    }

    fn remove(&mut self, name: &str, now_ms: u64, died: bool) -> bool {
        let known = self.workers.remove(name).is_some();
        if known && died {
            self.dead.insert(name.to_owned(), now_ms);
        }
        known
    }

    /// Find the dead and the gone. Returns the workers that died.
    pub fn sweep(&mut self, now_ms: u64) -> Vec<String> {
        self.slept(now_ms);
        let silent = |w: &Worker| match (w.queue_timeout_ms, w.expires_at_ms) {
            (Some(_), Some(at)) => at <= now_ms,
            (Some(_), None) => false,
            (None, _) => w.last_beat_ms + DEAD_AFTER_MS < now_ms,
        };
        let found: Vec<String> = self
            .workers
            .iter()
            .filter(|(_, w)| silent(w))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &found {
            self.remove(name, now_ms, true);
        }
        self.conductors
            .retain(|_, known| known.last_ms + CONDUCTOR_GONE_MS > now_ms);
        self.dead.retain(|_, at| *at + DEAD_TOLD_MS > now_ms);
        found
    }

    /// Silence while this process slept is no sign of anybody's death.
    fn slept(&mut self, now_ms: u64) {
        let gap_ms = now_ms.saturating_sub(self.swept_ms);
        self.swept_ms = now_ms;
        if gap_ms <= SLEPT_MS {
            return;
        }
        let later = |at_ms: u64| at_ms.saturating_add(gap_ms).min(now_ms);
        for worker in self.workers.values_mut() {
            worker.last_beat_ms = later(worker.last_beat_ms);
        }
        for conductor in self.conductors.values_mut() {
            conductor.last_ms = later(conductor.last_ms);
        }
    }

    /// The grant of every conductor: absolute, all that it holds.
    pub fn grants(&mut self, now_ms: u64) -> Vec<PoolGrant> {
        self.sequence += 1;
        // By the names of the conductors, as everything below.
        let mut leases: Vec<Vec<Lease>> = self.conductors.values().map(|_| Vec::new()).collect();
        let (mut demand, mut wanted) = (Vec::new(), Vec::new());
        for (number, (name, worker)) in self.workers.iter_mut().enumerate() {
            if !worker.leasable() {
                continue;
            }
            let wants = |known: &Conductor| {
                let of = |(function, count): (&String, &i64)| {
                    if worker.capabilities.contains(function) {
                        (*count).max(0)
                    } else {
                        0
                    }
                };
                known.backlog.iter().map(of).sum::<i64>().unsigned_abs()
            };
            demand.clear();
            demand.extend(self.conductors.values().map(|known| (known.number, wants(known))));
            shares(worker.slots, &demand, &mut wanted);
            worker.leases.divide(worker.slots, &wanted, now_ms);
            for (list, (_, slots)) in leases.iter_mut().zip(worker.leases.held()) {
                list.push(Lease {
                    lease: u64::try_from(number).unwrap_or_default(),
                    worker: name.clone(),
                    slots,
                    capabilities: worker.capabilities.clone(),
                    expires_in_ms: LEASE_MS,
                    version: worker.version.clone(),
                    queue: worker.queue_timeout_ms.is_some(),
                    timeout_ms: worker.queue_timeout_ms,
                });
            }
        }
        let dead: Vec<String> = self.dead.keys().take(4096).cloned().collect();
        self.conductors
            .keys()
            .zip(leases)
            .map(|(conductor, leases)| PoolGrant {
                v: 1,
                conductor: conductor.clone(),
                issuer: self.issuer.clone(),
                sequence: self.sequence,
                leases,
                dead: dead.clone(),
            })
            .collect()
    }

    /// Backlog and free slots of the capabilities that a pool's workers offer.
    pub fn pressure(&self, pool: &str) -> (u64, u64) {
        let of_pool: Vec<&Worker> = self
            .workers
            .values()
            .filter(|w| w.pool.as_deref() == Some(pool))
            .collect();
        let offered: BTreeSet<&String> = of_pool.iter().flat_map(|w| &w.capabilities).collect();
        let waiting: i64 = self
            .conductors
            .values()
            .flat_map(|known| known.backlog.iter())
            .filter(|(function, _)| offered.contains(function))
            .map(|(_, count)| (*count).max(0))
            .sum();
        let free = of_pool
            .iter()
            .map(|w| u64::from(w.slots.saturating_sub(w.busy)))
            .sum();
        (waiting.unsigned_abs(), free)
    }

    /// Whether a worker has nothing under way; None where it is not known.
    pub fn is_idle(&self, worker: &str) -> Option<bool> {
        self.workers.get(worker).map(|worker| worker.busy == 0)
    }

    pub fn is_ready(&self, worker: &str) -> bool {
        self.workers.get(worker).is_some_and(Worker::leasable)
    }

    pub fn views(&self, now_ms: u64) -> Vec<WorkerView> {
        let view = |(name, worker): (&String, &Worker)| WorkerView {
            worker: name.clone(),
            pool: worker.pool.clone(),
            state: match worker.state {
                State::Idle => WorkerViewState::Idle,
                State::Loading => WorkerViewState::Loading,
                State::Warm => WorkerViewState::Warm,
                State::Active => WorkerViewState::Active,
                State::Cooldown => WorkerViewState::Cooldown,
            },
            healthy: worker.queue_timeout_ms.is_some() || worker.last_beat_ms + DEAD_AFTER_MS >= now_ms,
            slots: worker.slots,
            busy: worker.busy,
            capabilities: worker.capabilities.clone(),
            version: named(&worker.version, "0.0.0"),
            language: named(&worker.language, "rust"),
            host: named(&worker.host, "localhost"),
            pid: worker.pid,
            ready_ms: worker.ready_us as f64 / 1000.0,
            last_beat_ms: now_ms.saturating_sub(worker.last_beat_ms),
            memory_bytes: worker.memory_bytes,
            restarts: 0,
        };
        self.workers.iter().take(4096).map(view).collect()
    }
}

fn named(text: &str, default: &str) -> String {
    if text.is_empty() {
        default.to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphony_protocol::{Function, Manifest};

    fn beat(worker: &str, busy: u32) -> Heartbeat {
        Heartbeat {
            worker: worker.to_owned(),
            slots: 4,
            busy,
            state: HeartbeatState::Serving,
            ..Default::default()
        }
    }

    fn activate(worker: &str) -> Activate {
        let function = Function {
            capability: "text.count".to_owned(),
            ..Default::default()
        };
        let manifest = Manifest {
            name: "m".to_owned(),
            functions: vec![function],
            ..Default::default()
        };
        Activate {
            worker: worker.to_owned(),
            manifest,
            active: true,
            ..Default::default()
        }
    }

    fn demand(conductor: &str) -> Demand {
        Demand {
            conductor: conductor.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn a_worker_is_leased_once_it_is_activated() {
        let mut registry = Registry::new("pool");
        registry.demand(&demand("c"), 0);
        registry.heartbeat(&beat("w", 0), 0);
        assert!(registry.grants(0).first().unwrap().leases.is_empty());
        assert!(registry.activate(&activate("w"), 0));
        let grants = registry.grants(0);
        let lease = grants.first().and_then(|grant| grant.leases.first()).unwrap();
        assert_eq!((lease.worker.as_str(), lease.slots), ("w", 4));
        assert!(!registry.heartbeat(&beat("w", 2), 10));
        assert_eq!(registry.views(10).first().unwrap().busy, 2);
    }

    #[test]
    fn a_silent_worker_is_dead_within_three_heartbeats() {
        let mut registry = Registry::new("pool");
        registry.demand(&demand("c"), 0);
        registry.heartbeat(&beat("w", 0), 0);
        registry.activate(&activate("w"), 0);
        assert!(registry.sweep(SLEPT_MS).is_empty());
        assert!(registry.sweep(DEAD_AFTER_MS).is_empty());
        assert_eq!(registry.sweep(DEAD_AFTER_MS + 1), ["w"]);
        let grants = registry.grants(DEAD_AFTER_MS + 2);
        let grant = grants.first().unwrap();
        assert!(grant.leases.is_empty());
        assert_eq!(grant.dead, ["w"]);
    }

    #[test]
    fn who_slept_calls_nobody_dead_that_it_did_not_hear_meanwhile() {
        let mut registry = Registry::new("pool");
        registry.demand(&demand("c"), 0);
        registry.heartbeat(&beat("w", 0), 0);
        registry.activate(&activate("w"), 0);
        assert!(registry.sweep(100).is_empty());
        assert!(registry.sweep(9_000).is_empty());
        assert_eq!(registry.grants(9_000).len(), 1, "nor is the conductor gone");
        assert!(registry.sweep(9_500).is_empty());
        assert_eq!(
            registry.sweep(9_700),
            ["w"],
            "it was silent for 800 ms of our waking time"
        );
    }

    #[test]
    fn a_draining_worker_is_leased_no_more() {
        let mut registry = Registry::new("pool");
        registry.demand(&demand("c"), 0);
        registry.heartbeat(&beat("w", 0), 0);
        registry.activate(&activate("w"), 0);
        let draining = Heartbeat {
            state: HeartbeatState::Draining,
            ..beat("w", 1)
        };
        assert!(registry.heartbeat(&draining, 10));
        assert!(registry.grants(20).first().unwrap().leases.is_empty());
    }

    #[test]
    fn rule_15_a_plain_client_has_fixed_slots_and_a_deadline() {
        let mut registry = Registry::new("pool");
        registry.demand(&demand("c"), 0);
        let register = Register {
            worker: "plain".to_owned(),
            slots: 3,
            capabilities: vec!["plain.reverse".to_owned()],
            timeout_ms: 5000,
            ..Default::default()
        };
        registry.register(&register, 0);
        registry.sweep(60_000);
        registry.demand(&demand("c"), 60_000);
        let grants = registry.grants(60_000);
        let lease = grants.first().and_then(|grant| grant.leases.first()).unwrap();
        assert!(lease.queue);
        assert_eq!((lease.slots, lease.timeout_ms), (3, Some(5000)));
    }
}
