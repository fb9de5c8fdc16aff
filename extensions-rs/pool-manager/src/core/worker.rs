//! One worker as the Pool Manager knows it.

use std::collections::BTreeMap;

use symphony_protocol::{Offer, WorkerView, WorkerViewBreaker, WorkerViewState};

use super::health::{Breaker, Health};
use super::leases::Leases;
use super::liveness::Rhythm;
use super::state::{Life, State};

#[derive(Clone, Debug, Default)]
pub struct Worker {
    pub life: Life,
    pub rhythm: Rhythm,
    pub pool: Option<String>,
    pub slots: u32,
    pub busy: u32,
    pub version: String,
    pub language: String,
    pub host: String,
    pub pid: u64,
    pub memory_bytes: u64,
    pub ready_us: u64,
    pub capabilities: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub resources: BTreeMap<String, f64>,
    pub serving: bool,
    pub leases: Leases,
    /// A plain client: it sends no heartbeats.
    pub queue_timeout_ms: Option<u64>,
    pub expires_at_ms: Option<u64>,
}

impl Worker {
    /// It could work, for all that it says itself.
    pub fn leasable(&self) -> bool {
        self.serving
            && matches!(self.life.state(), State::Warm | State::Active)
            && !self.capabilities.is_empty()
    }

    pub fn is_silent(&self, now_ms: u64) -> bool {
        match (self.queue_timeout_ms, self.expires_at_ms) {
            (Some(_), Some(at)) => at <= now_ms,
            (Some(_), None) => false,
            (None, _) => self.rhythm.is_dead(now_ms),
        }
    }

    /// Why it is leased, or is not.
    fn why(&self, health: &Health, now_ms: u64) -> String {
        let rate = health.error_rate() * 100.0;
        match (health.breaker(), self.life.state()) {
            (Breaker::Open { until_ms }, _) => format!(
                "out for {:.1} s more: {rate:.1} % of what it did lately failed by its own fault, or it died too often (time {} out)",
                until_ms.saturating_sub(now_ms) as f64 / 1000.0,
                health.trips(),
            ),
            (Breaker::HalfOpen { good }, _) => {
                format!("on trial with one slot: {good} executions went well since it was out")
            }
            (_, State::Loading) => {
                "its process is there; the conductor has not validated its manifest yet".to_owned()
            }
            (_, State::Cooldown) => "it finishes what it has, and takes nothing new".to_owned(),
            (_, State::Idle) => "nothing was heard of it yet".to_owned(),
            (_, State::Warm | State::Active) if !self.serving => "it says that it does not serve".to_owned(),
            (_, State::Warm | State::Active) if self.capabilities.is_empty() => {
                "no function of it is active".to_owned()
            }
            (_, State::Warm | State::Active) => {
                format!("leased: {} of {} slots are taken", self.busy, self.slots)
            }
        }
    }

    pub fn offer(&self) -> Offer {
        Offer {
            capabilities: self.capabilities.clone(),
            pool: self.pool.clone(),
            labels: self.labels.clone(),
            resources: self.resources.clone(),
        }
    }

    pub fn view(&self, name: &str, health: &Health, now_ms: u64) -> WorkerView {
        let spent = State::ALL.iter().map(|state| {
            let spent = i64::try_from(self.life.spent_ms(*state, now_ms)).unwrap_or(i64::MAX);
            (state.word().to_owned(), spent)
        });
        WorkerView {
            worker: name.to_owned(),
            pool: self.pool.clone(),
            state: match self.life.state() {
                State::Idle => WorkerViewState::Idle,
                State::Loading => WorkerViewState::Loading,
                State::Warm => WorkerViewState::Warm,
                State::Active => WorkerViewState::Active,
                State::Cooldown => WorkerViewState::Cooldown,
            },
            healthy: !self.is_silent(now_ms) && health.breaker() == Breaker::Closed,
            slots: self.slots,
            busy: self.busy,
            capabilities: self.capabilities.clone(),
            version: named(&self.version, "0.0.0"),
            language: named(&self.language, "rust"),
            host: named(&self.host, "localhost"),
            pid: self.pid,
            ready_ms: self.ready_us as f64 / 1000.0,
            last_beat_ms: now_ms.saturating_sub(self.rhythm.last_ms()),
            memory_bytes: self.memory_bytes,
            restarts: 0,
            breaker: match health.breaker() {
                Breaker::Closed => WorkerViewBreaker::Closed,
                Breaker::Open { .. } => WorkerViewBreaker::Open,
                Breaker::HalfOpen { .. } => WorkerViewBreaker::HalfOpen,
            },
            error_rate: health.error_rate(),
            ejections: u64::from(health.trips()),
            state_ms: spent.collect::<BTreeMap<_, _>>(),
            why: self.why(health, now_ms),
            labels: self.labels.clone(),
            resources: self.resources.clone(),
        }
    }
}

fn named(text: &str, default: &str) -> String {
    if text.is_empty() {
        default.to_owned()
    } else {
        text.to_owned()
    }
}
