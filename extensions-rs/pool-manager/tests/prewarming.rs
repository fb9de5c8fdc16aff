//! Processes that are there before they are needed, against those that come on demand and those that always are there:
//! executions that find no warm slot, at the same cost of warm processes.
//!
//! `PREWARMING=FILE` writes the figures down (`make prewarming`).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)] // a failure is the message

use std::collections::VecDeque;
use std::fmt::Write;

use symphony_pool_manager::core::forecast::Forecast;
use symphony_pool_manager::core::pressure::Pressure;
use symphony_pool_manager::core::scale::{Bounds, target};

const STEP_MS: u64 = 250;
/// From the start of a process to its first execution.
const LOAD_MS: u64 = 2_000;
const MAX: u32 = 64;
const F: &str = "f";

const PAGE: &str = "# Prewarming

Made by `make prewarming`; nothing here is written by hand. Processes of one slot that load for two seconds, by the Pool Manager's own
core (`pool-manager/src/core/forecast.rs`, `scale.rs`): as many as are expected to be needed, against as many as what waits asks for, kept
without work until that costs as much, and against a fixed number at the same cost. *Cold* is an execution that waits for half a second or
longer, since no loaded process was free. Arrivals are drawn by chance, the same every time: `diurnal` is a wave of a day, two days;
`bursts` thirty at once every two to six minutes; `trickle` one in ten seconds. Executions take 1.5 to 1.7 seconds on average.

Nobody can know when such a burst comes. A fixed number finds a few more of its executions a free process, and lets the rest wait four
times as long.

| arrivals | processes | executions | cold | of all | mean wait, ms | process hours |
|---|---|---|---|---|---|---|
";

#[derive(Clone, Copy)]
enum Policy {
    /// As many processes all the time.
    Fixed(u32),
    /// By what waits, and kept for so long without work.
    Reactive(u64),
    /// The same, and as many as are expected to be needed.
    Predictive(u64),
}

#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    executions: usize,
    cold: usize,
    waited_ms: u64,
    /// Of processes that were loaded or loading.
    process_seconds: f64,
}

impl Outcome {
    fn mean_wait_ms(&self) -> f64 {
        self.waited_ms as f64 / self.executions as f64
    }
}

/// Arrivals and durations in milliseconds, sorted.
type Arrivals = Vec<(u64, u64)>;

#[derive(Clone, Copy)]
struct Process {
    ready_ms: u64,
    free_ms: u64,
}

fn played(arrivals: &Arrivals, policy: Policy) -> Outcome {
    let (mut forecast, capability) = (Forecast::default(), F.to_owned());
    let mut processes: Vec<Process> = Vec::new();
    let mut line: VecDeque<(u64, u64)> = VecDeque::new();
    let mut outcome = Outcome {
        executions: arrivals.len(),
        ..Default::default()
    };
    let mut next = arrivals.iter().copied().peekable();
    let last = arrivals.last().map_or(0, |last| last.0);
    let mean_us = arrivals.iter().map(|(_, ms)| ms * 1000).sum::<u64>() / arrivals.len().max(1) as u64;
    let mut came = 0;
    for now in (0..last + STEP_MS).step_by(usize::try_from(STEP_MS).unwrap()) {
        while let Some(arrival) = next.next_if(|(at, _)| *at <= now) {
            line.push_back(arrival);
            came += 1;
        }
        while let Some((at, run_ms)) = line.front().copied() {
            let idle = |one: &Process| one.ready_ms <= now && one.free_ms <= now;
            let Some(process) = processes
                .iter_mut()
                .filter(|one| idle(one))
                .max_by_key(|one| one.free_ms)
            else {
                break;
            };
            process.free_ms = now + run_ms;
            line.pop_front();
            outcome.waited_ms += now.saturating_sub(at);
            outcome.cold += usize::from(now >= at + 2 * STEP_MS);
        }
        if now % 1_000 == 0 {
            forecast.came(F, came, Some(mean_us as f64 / 1e6), now);
            came = 0;
        }
        let busy = processes.iter().filter(|one| one.free_ms > now).count() as u64;
        let longest = processes
            .iter()
            .filter(|one| one.free_ms <= now && one.ready_ms <= now);
        let idle_ms = longest
            .map(|one| now - one.free_ms.max(one.ready_ms))
            .max()
            .unwrap_or(0);
        let (idle_limit_ms, expected) = match policy {
            Policy::Fixed(_) => (u64::MAX, 0),
            Policy::Reactive(keep) => (keep, 0),
            Policy::Predictive(keep) => (keep, forecast.slots([&capability], now)),
        };
        let running = u32::try_from(processes.len()).unwrap();
        let pressure = Pressure {
            waiting: line.len() as u64,
            work_us: line.len() as u64 * mean_us,
            busy,
            slots: 1,
            ..Default::default()
        };
        let bounds = Bounds {
            min: 0,
            max: MAX,
            running,
            idle_ms,
            idle_limit_ms,
            expected,
        };
        let wanted = match policy {
            Policy::Fixed(count) => count,
            Policy::Reactive(_) | Policy::Predictive(_) => target(&bounds, &pressure).wanted,
        };
        for _ in running..wanted {
            processes.push(Process {
                ready_ms: now + LOAD_MS,
                free_ms: 0,
            });
        }
        if wanted < running
            && let Some(at) = (0..processes.len())
                .filter(|at| processes[*at].free_ms <= now && processes[*at].ready_ms <= now)
                .min_by_key(|at| processes[*at].free_ms.max(processes[*at].ready_ms))
        {
            processes.swap_remove(at);
        }
        outcome.process_seconds += processes.len() as f64 * STEP_MS as f64 / 1000.0;
    }
    outcome
}

/// Numbers by chance that are the same every time (splitmix64 by Vigna).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.next()).ln()
    }
}

/// Poisson arrivals at a rate of the moment, each second of which is drawn.
fn poisson(seed: u64, hours: u64, rate: impl Fn(f64) -> f64) -> Arrivals {
    let mut chance = Chance(seed);
    let (mut at, mut made) = (0.0, Vec::new());
    let (end, most) = (hours as f64 * 3600.0, 4.0);
    while at < end {
        at += chance.exponential(1.0 / most);
        if chance.next() < rate(at) / most {
            made.push(((at * 1000.0) as u64, 200 + chance.exponential(1_500.0) as u64));
        }
    }
    made
}

/// Half a rate at night, and a day's wave; two days.
fn diurnal() -> Arrivals {
    poisson(1, 48, |at| {
        0.6 * (1.0 - (at / 86_400.0 * std::f64::consts::TAU).cos()) + 0.05
    })
}

/// Thirty at once, every two to six minutes.
fn bursts() -> Arrivals {
    let mut chance = Chance(2);
    let (mut at, mut made) = (0.0, Vec::new());
    while at < 4.0 * 3600.0 {
        at += 120.0 + 240.0 * chance.next();
        for _ in 0..30 {
            made.push((
                (at * 1000.0 + chance.exponential(400.0)) as u64,
                500 + chance.exponential(1_000.0) as u64,
            ));
        }
    }
    made.sort_unstable();
    made
}

/// A trickle: one in ten seconds.
fn trickle() -> Arrivals {
    poisson(3, 12, |_| 0.1)
}

/// The cheapest of some policies that costs at least as much as `cost`.
fn at_cost(arrivals: &Arrivals, cost: f64, policies: impl Iterator<Item = Policy>) -> Outcome {
    let mut made = Outcome::default();
    for policy in policies {
        made = played(arrivals, policy);
        if made.process_seconds >= cost {
            break;
        }
    }
    made
}

/// A number of processes all the time, at just that cost: between two whole numbers, each for a part of the time.
fn fixed_at(arrivals: &Arrivals, cost: f64) -> Outcome {
    let of = |count: u32| played(arrivals, Policy::Fixed(count));
    let each = of(1).process_seconds;
    let below = (cost / each).floor();
    let (less, more) = (of((below as u32).max(1)), of(below as u32 + 1));
    let part = (cost / each - below).clamp(0.0, 1.0);
    let mixed = |a: f64, b: f64| a + (b - a) * part;
    Outcome {
        executions: arrivals.len(),
        cold: mixed(less.cold as f64, more.cold as f64) as usize,
        waited_ms: mixed(less.waited_ms as f64, more.waited_ms as f64) as u64,
        process_seconds: cost,
    }
}

#[test]
fn what_is_expected_is_there_and_costs_no_more_than_waiting_for_it() {
    let mut table = String::new();
    for (name, arrivals) in [
        ("diurnal", diurnal()),
        ("bursts", bursts()),
        ("trickle", trickle()),
    ] {
        let predictive = played(&arrivals, Policy::Predictive(10_000));
        let keeps = (1..720).map(|keep| Policy::Reactive(keep * 5_000));
        let reactive = at_cost(&arrivals, predictive.process_seconds, keeps);
        let fixed = fixed_at(&arrivals, predictive.process_seconds);
        for (policy, made) in [
            ("predictive", predictive),
            ("reactive", reactive),
            ("fixed", fixed),
        ] {
            let part = made.cold as f64 / made.executions as f64 * 100.0;
            let hours = made.process_seconds / 3600.0;
            let wait = made.mean_wait_ms();
            writeln!(
                table,
                "| {name} | {policy} | {} | {} | {part:.2} % | {wait:.0} | {hours:.2} |",
                made.executions, made.cold
            )
            .unwrap();
        }
        println!("{table}");
        assert!(
            predictive.cold < reactive.cold,
            "{name}: {predictive:?} {reactive:?}"
        );
        assert!(
            predictive.mean_wait_ms() < fixed.mean_wait_ms(),
            "{name}: {predictive:?} {fixed:?}"
        );
        // Bursts of which nobody knows when they come find few processes, however they are kept; those few are the same.
        if name != "bursts" {
            assert!(predictive.cold < fixed.cold, "{name}: {predictive:?} {fixed:?}");
        }
    }
    if let Some(path) = std::env::var_os("PREWARMING") {
        std::fs::write(path, format!("{PAGE}{table}")).unwrap();
    }
}
