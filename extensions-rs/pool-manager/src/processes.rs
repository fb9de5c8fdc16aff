//! The processes of declared pools: started, watched, started again, stopped.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use symphony_protocol::PoolView;
use symphony_sdk::metrics::METRICS;
use tokio::process::Child;

use crate::core::Registry;
use crate::core::forecast::Forecast;
use crate::core::pressure::Pressure;
use crate::core::scale::{Bounds, Target, backoff_ms, target};
use crate::options::{Credential, Options, PoolOptions};
use crate::spawn::{memory_bytes, spawn};

/// A child that lived so long did not crash at start.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);
const STOP_GRACE: Duration = Duration::from_secs(12);
/// Processes of one pool that are started at once, eight times a second.
const STARTS_MAX: u32 = 4;
/// Ends that a pool remembers.
const EXITS_MAX: usize = 20;

/// A place in a pool: a user, and perhaps the process that is this user now.
struct Place {
    credential: Credential,
    child: Option<Child>,
    started: Instant,
    stopping: Option<Instant>,
    /// It was killed, and why.
    killed: Option<String>,
    crashes: u32,
    not_before: Option<Instant>,
    load_ms: f64,
    idle_since: Option<Instant>,
}

struct Pool {
    options: PoolOptions,
    places: Vec<Place>,
    last_error: String,
    /// How its last processes ended, the newest first.
    exits: VecDeque<String>,
    /// What its workers offer, or offered while there were any.
    offered: BTreeSet<String>,
    pressure: Pressure,
    target: Target,
}

/// All declared pools.
pub struct Processes {
    pools: Vec<Pool>,
    options: Options,
}

impl Processes {
    pub fn new(options: Options) -> Self {
        let place = |credential: &Credential| Place {
            credential: credential.clone(),
            child: None,
            started: Instant::now(),
            stopping: None,
            killed: None,
            crashes: 0,
            not_before: None,
            load_ms: 0.0,
            idle_since: None,
        };
        let pools = options.pools.iter().map(|pool| Pool {
            places: pool.credentials.iter().map(place).collect(),
            options: pool.clone(),
            last_error: String::new(),
            exits: VecDeque::new(),
            offered: BTreeSet::new(),
            pressure: Pressure::default(),
            target: Target {
                wanted: pool.min,
                why: "nothing waits yet".to_owned(),
            },
        });
        Self {
            pools: pools.collect(),
            options: options.clone(),
        }
    }

    /// Look after every pool once. `spread`, from 0 to 1, is chance; `day_ms` the clock of the forecast.
    pub fn tend(&mut self, registry: &Registry, forecast: &mut Forecast, spread: f64, day_ms: u64) {
        for pool in &mut self.pools {
            pool.bound();
            pool.reap(spread);
            pool.observe(registry);
            pool.pressure = registry.pressure(&pool.options.name, &mut pool.offered);
            let running = pool.running();
            let bounds = Bounds {
                min: pool.options.min,
                max: pool.options.max,
                running,
                idle_ms: pool.idle_ms(),
                idle_limit_ms: pool.options.idle_ms,
                expected: forecast.slots(&pool.offered, day_ms),
            };
            pool.target = target(&bounds, &pool.pressure);
            for _ in running..pool.target.wanted.min(running + STARTS_MAX) {
                pool.start(&self.options);
            }
            if pool.target.wanted < running {
                pool.stop_idle();
            }
            let of = [pool.options.name.as_str()];
            let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
            METRICS.processes.with_label_values(&of).set(i64::from(running));
            METRICS
                .wanted
                .with_label_values(&of)
                .set(i64::from(pool.target.wanted));
            METRICS
                .pool_backlog
                .with_label_values(&of)
                .set(gauge(pool.pressure.work_us / 1000));
        }
    }

    /// The pools of that name, or that offer that capability: name, least and most of processes, and most that it has
    /// users for.
    pub fn meant(&self, target: &str) -> Vec<(String, u32, u32, u32)> {
        let meant = self
            .pools
            .iter()
            .filter(|pool| pool.options.name == target || pool.offered.contains(target));
        let told = meant.map(|pool| {
            let places = u32::try_from(pool.places.len()).unwrap_or(u32::MAX);
            (
                pool.options.name.clone(),
                pool.options.min,
                pool.options.max,
                places,
            )
        });
        told.collect()
    }

    /// Other bounds from now on. The most is never above the number of users that a pool has.
    pub fn scale(&mut self, pool: &str, min: u32, max: u32) {
        if let Some(pool) = self.pools.iter_mut().find(|known| known.options.name == pool) {
            let places = u32::try_from(pool.places.len()).unwrap_or(u32::MAX);
            pool.options.max = max.min(places);
            pool.options.min = min.min(pool.options.max);
        }
    }

    pub fn views(&self) -> Vec<PoolView> {
        let view = |pool: &Pool| PoolView {
            pool: pool.options.name.clone(),
            min: u64::from(pool.options.min),
            max: u64::from(pool.options.max),
            running: u64::from(pool.running()),
            idle_ms: pool.options.idle_ms,
            load_ms: pool.places.iter().map(|place| place.load_ms).fold(0.0, f64::max),
            last_error: pool.last_error.clone(),
            wanted: u64::from(pool.target.wanted),
            backlog_ms: pool.pressure.work_us / 1000,
            why: pool.target.why.clone(),
            exits: pool.exits.iter().cloned().collect(),
        };
        self.pools.iter().map(view).collect()
    }

    /// How often processes of a worker's name were started again.
    pub fn restarts(&self, worker: &str) -> u64 {
        let places = self.pools.iter().flat_map(|pool| &pool.places);
        places
            .filter(|place| place.credential.worker == worker)
            .map(|place| u64::from(place.crashes))
            .sum()
    }

    /// Stop every process: politely, then not.
    pub async fn stop_all(&mut self) {
        for place in self.pools.iter_mut().flat_map(|pool| &mut pool.places) {
            terminate(place);
        }
        let patience = Instant::now() + STOP_GRACE;
        for place in self.pools.iter_mut().flat_map(|pool| &mut pool.places) {
            let Some(child) = place.child.as_mut() else {
                continue;
            };
            let left = patience.saturating_duration_since(Instant::now());
            if tokio::time::timeout(left, child.wait()).await.is_err() {
                let _ = child.kill().await; // it ended in this very moment
            }
        }
    }
}

impl Pool {
    fn running(&self) -> u32 {
        let live = self
            .places
            .iter()
            .filter(|place| place.child.is_some() && place.stopping.is_none());
        u32::try_from(live.count()).unwrap_or(u32::MAX)
    }

    /// Kill those that have taken more memory than they may: the next one starts with a clean sheet.
    fn bound(&mut self) {
        let Some(most) = self.options.memory_mib.map(|mib| mib.saturating_mul(1024 * 1024)) else {
            return;
        };
        for place in self.places.iter_mut().filter(|place| place.killed.is_none()) {
            let Some(child) = place.child.as_mut() else {
                continue;
            };
            if let Some(taken) = memory_bytes(child).filter(|taken| *taken > most) {
                place.killed = Some(format!(
                    "was killed: it had {} MiB, and may have {}",
                    taken / (1024 * 1024),
                    most / (1024 * 1024)
                ));
                let _ = child.start_kill(); // it ended in this very moment
            }
        }
    }

    /// Note which processes have ended.
    fn reap(&mut self, spread: f64) {
        for place in &mut self.places {
            let Some(child) = place.child.as_mut() else {
                continue;
            };
            let Ok(Some(status)) = child.try_wait() else {
                let late = place.stopping.is_some_and(|since| since.elapsed() > STOP_GRACE);
                if late {
                    let _ = child.start_kill(); // it ended in this very moment
                }
                continue;
            };
            place.child = None;
            let killed = place.killed.take();
            let how = killed.unwrap_or_else(|| format!("ended with {status}"));
            let lived = place.started.elapsed().as_secs_f64();
            let asked = if place.stopping.is_some() {
                ", as it was told"
            } else {
                ""
            };
            self.exits.push_front(format!(
                "{} {how}{asked} after {lived:.1} s",
                place.credential.worker
            ));
            self.exits.truncate(EXITS_MAX);
            if place.stopping.take().is_some() {
                place.crashes = 0;
                continue;
            }
            if place.started.elapsed() > HEALTHY_AFTER {
                place.crashes = 0;
            }
            let wait = Duration::from_millis(backoff_ms(place.crashes, spread));
            place.crashes = place.crashes.saturating_add(1);
            place.not_before = Some(Instant::now() + wait);
            self.last_error = format!(
                "{} {how}; started again in {} ms",
                place.credential.worker,
                wait.as_millis()
            );
            tracing::warn!(
                pool = self.options.name,
                error = self.last_error,
                "a worker process ended"
            );
        }
    }

    /// Note when processes became ready, and since when they have had nothing to do.
    fn observe(&mut self, registry: &Registry) {
        for place in &mut self.places {
            let name = &place.credential.worker;
            if place.child.is_some() && place.load_ms == 0.0 && registry.is_ready(name) {
                place.load_ms = place.started.elapsed().as_secs_f64() * 1000.0;
            }
            match registry.is_idle(name) {
                Some(true) if place.child.is_some() => {
                    place.idle_since.get_or_insert_with(Instant::now);
                }
                _ => place.idle_since = None,
            }
        }
    }

    fn idle_ms(&self) -> u64 {
        let longest = self
            .places
            .iter()
            .filter_map(|place| place.idle_since)
            .map(|since| since.elapsed())
            .max();
        longest.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    fn start(&mut self, options: &Options) {
        let now = Instant::now();
        let free = |place: &&mut Place| place.child.is_none() && place.not_before.is_none_or(|at| at <= now);
        let Some(place) = self.places.iter_mut().find(free) else {
            return;
        };
        match spawn(&self.options, &place.credential, options) {
            Ok(child) => {
                place.child = Some(child);
                place.started = now;
                place.load_ms = 0.0;
                place.idle_since = None;
            }
            Err(error) => {
                place.not_before = Some(now + Duration::from_millis(backoff_ms(place.crashes, 0.5)));
                place.crashes = place.crashes.saturating_add(1);
                self.last_error = error.to_string();
                tracing::error!(pool = self.options.name, %error, "a worker process cannot be started");
            }
        }
    }

    /// Stop the process that has been idle longest. It drains by itself, should something have come meanwhile.
    fn stop_idle(&mut self) {
        let idle = self
            .places
            .iter_mut()
            .filter(|place| place.child.is_some() && place.stopping.is_none());
        if let Some(place) = idle
            .filter(|p| p.idle_since.is_some())
            .min_by_key(|place| place.idle_since)
        {
            terminate(place);
        }
    }
}

fn terminate(place: &mut Place) {
    let id = place
        .child
        .as_ref()
        .and_then(Child::id)
        .and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = id.and_then(rustix::process::Pid::from_raw) {
        place.stopping.get_or_insert_with(Instant::now);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM); // it ended in this very moment
    }
}
