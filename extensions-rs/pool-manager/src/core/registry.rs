//! What is known of workers and conductors, and the grants that follow from it.

use std::collections::BTreeMap;

use symphony_protocol::{
    Activate, Demand, Heartbeat, HeartbeatState, Lease, Offers, PoolGrant, Register, WorkerView,
};

use super::health::Health;
use super::leases::{LEASE_MS, Number, shares};
use super::pressure::Work;
use super::state::{Change, Life};
use super::worker::Worker;

/// Sweeps are a fraction of this apart. After a longer gap this process was stopped, and heard nobody.
const SLEPT_MS: u64 = 500;
/// A conductor that has not stated its demand for so long holds nothing.
const CONDUCTOR_GONE_MS: u64 = 3_500;
/// Dead workers are told of for so long.
const DEAD_TOLD_MS: u64 = 10_000;
/// Workers of one mesh; the broker has other bounds before this one.
const WORKERS_MAX: usize = 10_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Conductor {
    number: Number,
    last_ms: u64,
    epoch: u64,
    pub(super) work: Work,
}

/// The registry.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    issuer: String,
    sequence: u64,
    pub(super) workers: BTreeMap<String, Worker>,
    /// By the name of the worker: it outlives a process of that name, so that who dies again and again is known by it.
    pub(super) healths: BTreeMap<String, Health>,
    pub(super) conductors: BTreeMap<String, Conductor>,
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
        worker.life.change(Change::Started, now_ms);
        worker.pool.clone_from(&beat.pool);
        worker.slots = beat.slots;
        worker.busy = beat.busy;
        worker.version.clone_from(&beat.version);
        worker.language.clone_from(&beat.language);
        worker.labels.clone_from(&beat.labels);
        worker.resources.clone_from(&beat.resources);
        worker.host.clone_from(&beat.host);
        worker.pid = beat.pid;
        worker.memory_bytes = beat.memory_bytes;
        worker.ready_us = beat.ready_us;
        worker.rhythm.beat(now_ms);
        worker.serving = beat.state == HeartbeatState::Serving;
        if beat.state == HeartbeatState::Draining {
            worker.life.change(Change::Draining, now_ms);
        }
        let change = if beat.busy > 0 { Change::Busy } else { Change::Free };
        worker.life.change(change, now_ms);
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
        worker.life.change(Change::Activated, now_ms);
        if worker.rhythm.last_ms() == 0 {
            worker.rhythm.beat(now_ms);
        }
        changed
    }

    /// A plain client offers slots.
    pub fn register(&mut self, register: &Register, now_ms: u64) {
        let worker = self.workers.entry(register.worker.clone()).or_default();
        worker.life.change(Change::Started, now_ms);
        worker.life.change(Change::Activated, now_ms);
        worker.slots = register.slots;
        worker.serving = true;
        worker.language = "plain".to_owned();
        worker.version = "0.0.0".to_owned();
        worker.capabilities.clone_from(&register.capabilities);
        worker.queue_timeout_ms = Some(register.timeout_ms.max(1));
        worker.rhythm.beat(now_ms);
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
            work: Work::of(demand),
        };
        let mut tripped = false;
        for ended in &demand.ended {
            let health = self.health_of(&ended.worker);
            tripped |= health.is_some_and(|health| health.note(ended.done, ended.failed, now_ms));
        }
        changed || tripped
    }

    /// To write down what a worker did; none where too many are known.
    fn health_of(&mut self, worker: &str) -> Option<&mut Health> {
        if self.healths.len() >= WORKERS_MAX && !self.healths.contains_key(worker) {
            return None;
        }
        Some(self.healths.entry(worker.to_owned()).or_default())
    }

    /// As it stands; nothing is held against one that is not known.
    pub(super) fn health(&self, worker: &str) -> Health {
        self.healths.get(worker).copied().unwrap_or_default()
    }

    fn remove(&mut self, name: &str, now_ms: u64, died: bool) -> bool {
        let known = self.workers.remove(name).is_some();
        if known && died {
            self.dead.insert(name.to_owned(), now_ms);
            if let Some(health) = self.health_of(name) {
                health.died(now_ms);
            }
        }
        known
    }

    /// Find the dead and the gone. Returns the workers that died.
    pub fn sweep(&mut self, now_ms: u64) -> Vec<String> {
        self.slept(now_ms);
        let silent = self.workers.iter().filter(|(_, worker)| worker.is_silent(now_ms));
        let found: Vec<String> = silent.map(|(name, _)| name.clone()).collect();
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
            worker.rhythm.forgive(gap_ms, now_ms);
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
            let health = self.healths.get(name).copied().unwrap_or_default();
            if !worker.leasable() || health.is_out() {
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
                known.work.backlog.iter().map(of).sum::<i64>().unsigned_abs()
            };
            demand.clear();
            demand.extend(self.conductors.values().map(|known| (known.number, wants(known))));
            let slots = health.slots(worker.slots);
            shares(slots, &demand, &mut wanted);
            worker.leases.divide(slots, &wanted, now_ms);
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

    /// Take out who stands out, as far as others can do its work, and let time pass for those that are out. Returns who was
    /// taken out, and whether leases change.
    pub fn judge(&mut self, now_ms: u64) -> (Vec<String>, bool) {
        let mut changed = false;
        for health in self.healths.values_mut() {
            changed |= health.tick(now_ms);
        }
        self.healths
            .retain(|name, health| self.workers.contains_key(name) || !health.is_forgettable(now_ms));
        let suspects: Vec<String> = self
            .healths
            .iter()
            .filter(|(name, health)| self.workers.contains_key(*name) && health.stands_out(0.0))
            .map(|(name, _)| name.clone())
            .collect();
        let mut out = Vec::new();
        for name in suspects {
            if self.may_go(&name) {
                if let Some(health) = self.healths.get_mut(&name) {
                    health.trip(now_ms);
                }
                out.push(name);
            }
        }
        changed |= !out.is_empty();
        changed |= self.call_back();
        (out, changed)
    }

    /// Others that could do what a worker does with a capability, and how they stand.
    fn others<'a>(&'a self, name: &'a str, capability: &'a String) -> impl Iterator<Item = Health> + 'a {
        let others = self.workers.iter().filter(move |(other, _)| *other != name);
        let able = others.filter(move |(_, its)| its.leasable() && its.capabilities.contains(capability));
        able.map(|(other, _)| self.health(other))
    }

    /// Who is out is tried at once where nobody else is left who can do what it does.
    fn call_back(&mut self) -> bool {
        let missed = |(name, worker): &(&String, &Worker)| {
            let alone = |capability| self.others(name, capability).all(|other| other.is_out());
            worker.leasable() && self.health(name).is_out() && worker.capabilities.iter().any(alone)
        };
        let missed: Vec<String> = self
            .workers
            .iter()
            .filter(missed)
            .map(|(name, _)| name.clone())
            .collect();
        let mut changed = false;
        for name in missed {
            changed |= self.healths.get_mut(&name).is_some_and(Health::needed);
        }
        changed
    }

    /// Whether a worker is worse than those that do the same, and enough of these are left: at least half, and one.
    fn may_go(&self, name: &str) -> bool {
        let Some(worker) = self.workers.get(name) else {
            return false;
        };
        let (mut done, mut failed) = (0.0, 0.0);
        for capability in &worker.capabilities {
            let (mut good, mut out) = (0_u32, 1_u32);
            for other in self.others(name, capability) {
                if other.is_trusted() {
                    good += 1;
                    done += other.counts().0;
                    failed += other.counts().1;
                } else {
                    out += 1;
                }
            }
            if good < out {
                return false;
            }
        }
        let all: f64 = done + failed;
        let others = if all > 0.0 { failed / all } else { 0.0 };
        self.health(name).stands_out(others)
    }

    /// Every worker's life, by name.
    pub fn lives(&self) -> impl Iterator<Item = (&String, &Life)> {
        self.workers.iter().map(|(name, worker)| (name, &worker.life))
    }

    /// Whether a worker has nothing under way; None where it is not known.
    pub fn is_idle(&self, worker: &str) -> Option<bool> {
        self.workers.get(worker).map(|worker| worker.busy == 0)
    }

    pub fn is_ready(&self, worker: &str) -> bool {
        self.workers.get(worker).is_some_and(Worker::leasable)
    }

    /// What could be given to whom, without who that is.
    pub fn offers(&self) -> Offers {
        let able = self.workers.values().filter(|worker| worker.leasable());
        Offers {
            v: 1,
            offers: able.take(4096).map(Worker::offer).collect(),
        }
    }

    pub fn views(&self, now_ms: u64) -> Vec<WorkerView> {
        let view = |(name, worker): (&String, &Worker)| worker.view(name, &self.health(name), now_ms);
        self.workers.iter().take(4096).map(view).collect()
    }
}
