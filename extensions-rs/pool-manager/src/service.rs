//! The service: heartbeats and demands in, grants out.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{FutureExt, StreamExt};
use symphony_protocol::{
    Activate, Demand, Heartbeat, PoolShow, Register, Reply, RollCall, Scale, decode, subjects,
};
use symphony_sdk::clock::wall_ms;
use symphony_sdk::metrics::METRICS;
use symphony_sdk::{Bus, Call, Endpoint, Error, ErrorKind, Micro, Shutdown};

use crate::core::Registry;
use crate::core::forecast::Forecast;
use crate::options::Options;
use crate::processes::Processes;
use crate::scaling::Scaling;

const SWEEP_INTERVAL: Duration = Duration::from_millis(125);
/// Grants are repeated, so that a lost one costs no more than this.
const GRANT_INTERVAL: Duration = Duration::from_secs(1);

pub struct Service {
    options: Options,
}

impl Service {
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    pub async fn run(self, bus: Bus, mut shutdown: Shutdown) -> Result<(), Error> {
        let of = |name, request, reply| Endpoint {
            name,
            subject: subjects::pit("pool", name, &[]),
            request,
            reply,
        };
        let endpoints = vec![
            of("activate", "Activate", "Reply"),
            of("register", "Register", "Reply"),
            of("scale", "Scale", "PoolShow"),
            of("show", "Nothing", "PoolShow"),
            of("offers", "Nothing", "Offers"),
        ];
        let description = "Pool Manager: workers, slots, leases and processes";
        let (micro, mut calls) = Micro::start(&bus, "pool", description, HashMap::new(), endpoints).await?;
        let mut heartbeats = bus.subscribe(subjects::HEARTBEATS.to_owned()).await?;
        let mut demands = bus.subscribe(subjects::pit("pool", "demand", &[])).await?;
        bus.flush().await?;
        let issuer = format!("pool-{}", std::process::id());
        let roll = RollCall {
            by: issuer.clone(),
            ..Default::default()
        };
        bus.publish(subjects::ROLL_CALL.to_owned(), &roll).await?;
        let mut processes = Processes::new(self.options);
        let scaling = Scaling::load(&bus, &mut processes).await?;
        let mut state = State {
            registry: Registry::new(&issuer),
            forecast: Forecast::default(),
            processes,
            scaling,
            bus,
            granted: Instant::now(),
            measured: Instant::now(),
            epoch: Instant::now(),
        };
        state.tend();
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            let mut changed = false;
            tokio::select! {
                () = shutdown.requested() => break,
                Some(message) = heartbeats.next() => {
                    changed |= state.heartbeat(&message.payload);
                    while let Some(Some(message)) = heartbeats.next().now_or_never() {
                        changed |= state.heartbeat(&message.payload);
                    }
                }
                Some(message) = demands.next() => {
                    if let Ok(demand) = decode::<Demand>(&message.payload) {
                        let now = state.now_ms();
                        changed |= state.registry.demand(&demand, now);
                        state.foresee(&demand);
                    }
                }
                Some(call) = calls.recv() => changed |= state.answer(call).await,
                _ = sweep.tick() => {
                    let now = state.now_ms();
                    for worker in state.registry.sweep(now) {
                        tracing::warn!(worker, "a worker is dead: it has been silent for too long");
                        changed = true;
                    }
                    let (out, leases) = state.registry.judge(now);
                    for worker in out {
                        tracing::warn!(worker, "a worker is out for a time: its errors or deaths stand out");
                    }
                    changed |= leases;
                    state.tend();
                    changed |= state.granted.elapsed() >= GRANT_INTERVAL;
                    if state.measured.elapsed() >= GRANT_INTERVAL {
                        state.measured = Instant::now();
                        state.measure();
                    }
                }
            }
            if changed {
                state.grant().await;
            }
        }
        micro.stop().await;
        state.processes.stop_all().await;
        Ok(())
    }
}

struct State {
    registry: Registry,
    forecast: Forecast,
    scaling: Scaling,
    processes: Processes,
    bus: Bus,
    granted: Instant,
    measured: Instant,
    epoch: Instant,
}

impl State {
    /// Monotonic milliseconds: a clock that jumps must not kill workers.
    fn now_ms(&self) -> u64 {
        1 + u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    fn heartbeat(&mut self, data: &[u8]) -> bool {
        match decode::<Heartbeat>(data) {
            Ok(beat) => {
                let now = self.now_ms();
                self.registry.heartbeat(&beat, now)
            }
            Err(error) => {
                tracing::warn!(%error, "a heartbeat is passed over");
                false
            }
        }
    }

    fn tend(&mut self) {
        let chance = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.subsec_nanos());
        self.processes.tend(
            &self.registry,
            &mut self.forecast,
            f64::from(chance % 1000) / 1000.0,
            wall_ms(),
        );
    }

    /// What came is what the forecast learns from.
    fn foresee(&mut self, demand: &Demand) {
        let now = wall_ms();
        for (capability, count) in &demand.started {
            let of = |values: &std::collections::BTreeMap<String, i64>| {
                values.get(capability).copied().unwrap_or_default()
            };
            let (waiting, work_us) = (of(&demand.backlog), of(&demand.work_us));
            let seconds = (waiting > 0 && work_us > 0).then(|| work_us as f64 / 1e6 / waiting as f64);
            self.forecast
                .came(capability, (*count).max(0).unsigned_abs(), seconds, now);
        }
    }

    fn show(&self, now_ms: u64) -> PoolShow {
        let mut workers = self.registry.views(now_ms);
        for view in &mut workers {
            view.restarts = self.processes.restarts(&view.worker);
        }
        PoolShow {
            workers,
            pools: self.processes.views(),
            ..Default::default()
        }
    }

    /// What is measured once a second, however often grants change.
    fn measure(&self) {
        let now = self.now_ms();
        let of = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        METRICS.workers.reset();
        METRICS.worker_states.reset();
        METRICS.waiting.reset();
        METRICS.waiting_work.reset();
        for (capability, (count, work_ms)) in self.registry.backlog() {
            let label = [capability.as_str()];
            METRICS.waiting.with_label_values(&label).set(of(count));
            METRICS.waiting_work.with_label_values(&label).set(of(work_ms));
        }
        for (worker, life) in self.registry.lives() {
            METRICS.workers.with_label_values(&[life.state().word()]).inc();
            for state in crate::core::State::ALL {
                let label = [worker.as_str(), state.word()];
                METRICS
                    .worker_states
                    .with_label_values(&label)
                    .set(of(life.spent_ms(state, now)));
            }
        }
    }

    async fn grant(&mut self) {
        self.granted = Instant::now();
        let now = self.now_ms();
        for grant in self.registry.grants(now) {
            let subject = subjects::grant(&grant.conductor);
            if let Err(error) = self
                .bus
                .publish(subject, &symphony_protocol::Grant::PoolGrant(grant))
                .await
            {
                tracing::warn!(%error, "a grant was not sent; the next one says the same");
            }
        }
    }

    /// Answer a call. True: grants change by it.
    async fn answer(&mut self, call: Call) -> bool {
        let now = self.now_ms();
        match call.name {
            "activate" => match call.decode::<Activate>() {
                Ok(activate) => {
                    let changed = self.registry.activate(&activate, now);
                    if changed {
                        self.grant().await; // before the answer: whoever activates waits to dispatch
                    }
                    call.reply(&Reply {
                        ok: true,
                        ..Default::default()
                    })
                    .await;
                    false
                }
                Err(error) => {
                    call.fail(&error).await;
                    false
                }
            },
            "register" => match call.decode::<Register>() {
                Ok(register) => {
                    self.registry.register(&register, now);
                    call.reply(&Reply {
                        ok: true,
                        ..Default::default()
                    })
                    .await;
                    true
                }
                Err(error) => {
                    call.fail(&error).await;
                    false
                }
            },
            "scale" => {
                let answer = match call.decode::<Scale>() {
                    Ok(scale) => self.scaling.apply(&scale, &mut self.processes).await,
                    Err(error) => Err(error),
                };
                self.tend();
                let shown = answer.map(|()| self.show(now));
                call.finish(shown).await;
                false
            }
            "show" => {
                call.reply(&self.show(now)).await;
                false
            }
            "offers" => {
                call.reply(&self.registry.offers()).await;
                false
            }
            _ => {
                call.fail(&Error::new(ErrorKind::NotFound, "no such operation"))
                    .await;
                false
            }
        }
    }
}
