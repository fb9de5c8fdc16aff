//! What is going to come, from what came: how many slots a capability will need soon.
//!
//! Arrivals are counted over a short and a long memory, and by the time of day. The rate that is expected is the largest of
//! the three: a burst is answered at once, a pause between bursts does not undo what they taught, and what comes every day at
//! this time is there before it comes. Slots follow by Little's law with the square-root rule of staffing on top (Halfin and
//! Whitt, Operations Research 29, 1981): for `load` slots at work on average, `load + sqrt(load)`.

use std::collections::BTreeMap;

/// Capabilities that are forecast; of others only what waits counts.
const CAPABILITIES_MAX: usize = 1024;
/// Half-lives of the two memories.
const SHORT_MS: f64 = 5_000.0;
const LONG_MS: f64 = 120_000.0;
const DAY_MS: u64 = 86_400_000;
/// Quarters of an hour, and how far ahead the one that is coming is looked at.
const PARTS: u64 = 96;
const AHEAD_MS: u64 = 60_000;
/// What a quarter of an hour of today counts beside the days before it.
const TODAY: f64 = 0.3;
/// Below it nothing is kept warm: fewer than one execution in five minutes.
const RATE_MIN: f64 = 1.0 / 300.0;

#[derive(Clone, Debug, Default)]
struct Arrivals {
    at_ms: u64,
    /// Per second.
    short: f64,
    long: f64,
    /// Of the quarters of a day; and what came in the one under way.
    day: BTreeMap<u64, f64>,
    part: u64,
    counted: f64,
    /// Seconds of a slot that an execution takes.
    seconds: f64,
}

/// Of all capabilities. Time is milliseconds of a clock whose days begin at 0.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    of: BTreeMap<String, Arrivals>,
}

impl Arrivals {
    fn fade(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.at_ms) as f64;
        self.short *= (-passed / SHORT_MS).exp2();
        self.long *= (-passed / LONG_MS).exp2();
        self.at_ms = self.at_ms.max(now_ms);
        let part = now_ms / (DAY_MS / PARTS);
        if part != self.part {
            let before = self.day.entry(self.part % PARTS).or_insert(0.0);
            let rate = self.counted / (DAY_MS as f64 / PARTS as f64 / 1000.0);
            *before += TODAY * (rate - *before);
            // Quarters that went by without anything.
            for silent in (self.part + 1..part).take(96) {
                self.day
                    .entry(silent % PARTS)
                    .and_modify(|rate| *rate *= 1.0 - TODAY);
            }
            (self.part, self.counted) = (part, 0.0);
        }
    }

    fn rate(&self, now_ms: u64) -> f64 {
        let coming = (now_ms + AHEAD_MS) / (DAY_MS / PARTS) % PARTS;
        let daily = self.day.get(&coming).copied().unwrap_or_default();
        self.short.max(self.long).max(daily)
    }
}

impl Forecast {
    /// Executions that came since the last time, and how long one takes where that is known.
    pub fn came(&mut self, capability: &str, count: u64, seconds: Option<f64>, now_ms: u64) {
        if !self.of.contains_key(capability) && (count == 0 || self.of.len() >= CAPABILITIES_MAX) {
            return;
        }
        let arrivals = self.of.entry(capability.to_owned()).or_insert_with(|| Arrivals {
            at_ms: now_ms,
            part: now_ms / (DAY_MS / PARTS),
            ..Default::default()
        });
        arrivals.fade(now_ms);
        let count = count as f64;
        // An amount that fades by half each half-life stands for a rate of `amount * ln 2 / half-life`.
        arrivals.short += count * std::f64::consts::LN_2 / (SHORT_MS / 1000.0);
        arrivals.long += count * std::f64::consts::LN_2 / (LONG_MS / 1000.0);
        arrivals.counted += count;
        if let Some(seconds) = seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0) {
            arrivals.seconds = seconds;
        }
    }

    /// Slots that some capabilities together are expected to need soon.
    pub fn slots<'a>(&mut self, capabilities: impl IntoIterator<Item = &'a String>, now_ms: u64) -> u64 {
        let mut load = 0.0;
        for capability in capabilities {
            let Some(arrivals) = self.of.get_mut(capability) else {
                continue;
            };
            arrivals.fade(now_ms);
            let rate = arrivals.rate(now_ms);
            if rate >= RATE_MIN {
                load += rate * arrivals.seconds.max(0.001);
            }
        }
        if load > 0.0 {
            (load + load.sqrt()).ceil() as u64
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const F: &str = "f";

    fn slots(forecast: &mut Forecast, now_ms: u64) -> u64 {
        forecast.slots([&F.to_owned()], now_ms)
    }

    #[test]
    fn a_steady_stream_needs_its_load_and_a_margin() {
        let mut forecast = Forecast::default();
        for second in 0..600 {
            forecast.came(F, 8, Some(0.5), second * 1000);
        }
        // 8 a second for half a second each: 4 slots at work, and 2 more.
        assert!(
            (6..=7).contains(&slots(&mut forecast, 600_000)),
            "{}",
            slots(&mut forecast, 600_000)
        );
        assert_eq!(slots(&mut forecast, 3_600_000), 0, "long after the last one");
    }

    #[test]
    fn a_pause_between_bursts_does_not_undo_what_they_taught() {
        let mut forecast = Forecast::default();
        for burst in 0..10_u64 {
            forecast.came(F, 60, Some(1.0), burst * 60_000);
        }
        assert!(slots(&mut forecast, 9 * 60_000 + 50_000) >= 1);
    }

    #[test]
    fn what_comes_every_day_is_there_before_it_comes() {
        let mut forecast = Forecast::default();
        let nine = 9 * 3_600_000;
        for day in 0..4 {
            for second in 0..900 {
                forecast.came(F, 10, Some(1.0), day * DAY_MS + nine + second * 1000);
            }
        }
        let before = 4 * DAY_MS + nine - 30_000;
        assert!(
            slots(&mut forecast, before) >= 7,
            "{}",
            slots(&mut forecast, before)
        );
        assert_eq!(slots(&mut forecast, before - 2 * 3_600_000), 0);
    }
}
