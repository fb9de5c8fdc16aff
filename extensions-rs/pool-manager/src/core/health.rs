//! Whether a worker may be given work: its errors and deaths, against a bound and against those that do the same.
//!
//! A breaker: closed while all is well; open for a time that doubles with each trip, while it is leased to nobody; then half
//! open: one slot, until a few executions went well or one did not. Whether one that stands out may be taken out at all the
//! registry says, since somebody has to do the work.

/// Errors beyond this part of the executions are too many.
pub const ERROR_RATE_MAX: f64 = 0.02;
/// Nothing is judged by fewer executions.
const EXECUTIONS_MIN: f64 = 20.0;
/// As many times the rate of the others: what fails everywhere is no fault of one worker.
const TIMES_OTHERS: f64 = 3.0;
/// What happened counts half after this.
const HALF_LIFE_MS: f64 = 30_000.0;
/// Executions that have to go well in a row, with one slot.
const PROBES: u64 = 5;
/// Out for so long the first time, doubled with each further one.
pub const OUT_MS: u64 = 10_000;
pub const OUT_MAX_MS: u64 = 60_000;
/// Trips are forgotten one by one, each after so long without another: so one that goes up and down stays out longer.
const FORGIVEN_MS: u64 = 120_000;
/// Deaths within the half-life, as faded, from which on a worker's name stands out.
const DEATHS_MAX: f64 = 2.5;
/// Two-sided 95 %.
const Z: f64 = 1.96;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breaker {
    #[default]
    Closed,
    Open {
        until_ms: u64,
    },
    HalfOpen {
        good: u64,
    },
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Health {
    breaker: Breaker,
    done: f64,
    failed: f64,
    deaths: f64,
    at_ms: u64,
    trips: u32,
    tripped_ms: u64,
}

impl Health {
    fn fade(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.at_ms);
        if passed == 0 {
            return;
        }
        let factor = (-(passed as f64) / HALF_LIFE_MS).exp2();
        self.done *= factor;
        self.failed *= factor;
        self.deaths *= factor;
        self.at_ms = now_ms;
    }

    /// Executions that ended. True: a probe went wrong or enough of them well, so that leases change.
    pub fn note(&mut self, done: u64, failed: u64, now_ms: u64) -> bool {
        self.fade(now_ms);
        self.done += done as f64;
        self.failed += failed as f64;
        if let Breaker::HalfOpen { good } = self.breaker {
            if failed > 0 {
                self.trip(now_ms);
                return true;
            }
            let good = good.saturating_add(done);
            if good >= PROBES {
                self.breaker = Breaker::Closed;
                (self.done, self.failed, self.deaths) = (0.0, 0.0, 0.0);
                return true;
            }
            self.breaker = Breaker::HalfOpen { good };
        }
        false
    }

    /// It died with work in its hands, or without.
    pub fn died(&mut self, now_ms: u64) {
        self.fade(now_ms);
        self.deaths += 1.0;
        if matches!(self.breaker, Breaker::HalfOpen { .. }) {
            self.trip(now_ms);
        }
    }

    /// Errors by executions, of late.
    pub fn error_rate(&self) -> f64 {
        let all = self.done + self.failed;
        if all > 0.0 { self.failed / all } else { 0.0 }
    }

    pub fn counts(&self) -> (f64, f64) {
        (self.done, self.failed)
    }

    /// Whether it is worse than is allowed, and than the others are: `others` is their error rate.
    pub fn stands_out(&self, others: f64) -> bool {
        if self.breaker != Breaker::Closed {
            return false;
        }
        let all = self.done + self.failed;
        let bad = all >= EXECUTIONS_MIN
            && lower_bound(self.failed, all) > ERROR_RATE_MAX.max(others * TIMES_OTHERS);
        bad || self.deaths > DEATHS_MAX
    }

    /// Take it out.
    pub fn trip(&mut self, now_ms: u64) {
        let times = self.trips.min(10);
        let out_ms = OUT_MS.saturating_mul(1 << times).min(OUT_MAX_MS);
        self.breaker = Breaker::Open {
            until_ms: now_ms + out_ms,
        };
        self.trips = self.trips.saturating_add(1);
        self.tripped_ms = now_ms;
    }

    /// Nobody else is left who does the same: it is tried now, whatever it has done. True: leases change.
    pub fn needed(&mut self) -> bool {
        let is_out = self.is_out();
        if is_out {
            self.breaker = Breaker::HalfOpen { good: 0 };
        }
        is_out
    }

    /// Time passes. True: leases change.
    pub fn tick(&mut self, now_ms: u64) -> bool {
        match self.breaker {
            Breaker::Open { until_ms } if until_ms <= now_ms => {
                self.breaker = Breaker::HalfOpen { good: 0 };
                true
            }
            Breaker::Closed if self.trips > 0 && self.tripped_ms + FORGIVEN_MS <= now_ms => {
                self.trips -= 1;
                self.tripped_ms = now_ms;
                false
            }
            _ => false,
        }
    }

    /// It is leased to nobody.
    pub fn is_out(&self) -> bool {
        matches!(self.breaker, Breaker::Open { .. })
    }

    /// It is neither out nor on trial.
    pub fn is_trusted(&self) -> bool {
        self.breaker == Breaker::Closed
    }

    /// Of its slots, those that may be leased.
    pub fn slots(&self, slots: u32) -> u32 {
        match self.breaker {
            Breaker::Closed => slots,
            Breaker::Open { .. } => 0,
            Breaker::HalfOpen { .. } => slots.min(1),
        }
    }

    pub fn breaker(&self) -> Breaker {
        self.breaker
    }

    pub fn trips(&self) -> u32 {
        self.trips
    }

    /// Nothing of it would be missed.
    pub fn is_forgettable(&self, now_ms: u64) -> bool {
        self.breaker == Breaker::Closed && self.trips == 0 && now_ms.saturating_sub(self.at_ms) > FORGIVEN_MS
    }
}

/// The lower end of the interval for a rate of `failed` of `all` (E. B. Wilson, JASA 22, 1927).
fn lower_bound(failed: f64, all: f64) -> f64 {
    let rate = failed / all;
    let z2 = Z * Z;
    let middle = rate + z2 / (2.0 * all);
    let spread = Z * (rate * (1.0 - rate) / all + z2 / (4.0 * all * all)).sqrt();
    (middle - spread) / (1.0 + z2 / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_percent_are_allowed_and_few_executions_say_nothing() {
        let with = |done, failed| {
            let mut health = Health::default();
            health.note(done, failed, 0);
            health
        };
        assert!(!with(980, 20).stands_out(0.0));
        assert!(with(900, 100).stands_out(0.0));
        assert!(!with(3, 3).stands_out(0.0), "six executions are too few");
        assert!(!with(900, 100).stands_out(0.05), "the others are nearly as bad");
    }

    #[test]
    fn out_then_one_slot_and_back_after_some_that_went_well() {
        let mut health = Health::default();
        health.note(50, 50, 0);
        health.trip(0);
        assert_eq!(health.slots(8), 0);
        assert!(!health.tick(OUT_MS - 1));
        assert!(health.tick(OUT_MS));
        assert_eq!(health.slots(8), 1);
        assert!(!health.note(PROBES - 1, 0, OUT_MS));
        assert!(health.note(1, 0, OUT_MS));
        assert_eq!(health.slots(8), 8);
        assert!(!health.stands_out(0.0), "what was before is over");
    }

    #[test]
    fn one_that_goes_up_and_down_stays_out_longer_each_time_and_is_forgiven_slowly() {
        let mut health = Health::default();
        let mut now = 0;
        let mut outs = Vec::new();
        for _ in 0..8 {
            health.trip(now);
            let Breaker::Open { until_ms } = health.breaker() else {
                panic!("it was tripped")
            };
            outs.push(until_ms - now);
            now = until_ms;
            assert!(health.tick(now));
            assert!(
                health.note(0, 1, now) && health.slots(4) == 0,
                "a probe went wrong"
            );
            let Breaker::Open { until_ms } = health.breaker() else {
                panic!("a probe went wrong")
            };
            now = until_ms;
            health.tick(now);
            health.note(PROBES, 0, now);
        }
        assert!(
            outs.is_sorted() && outs[1] > outs[0] && outs[7] == OUT_MAX_MS,
            "{outs:?}"
        );
        let trips = health.trips();
        health.tick(now + FORGIVEN_MS);
        assert_eq!(health.trips(), trips - 1);
    }

    #[test]
    fn who_dies_again_and_again_stands_out_and_who_died_long_ago_does_not() {
        let mut health = Health::default();
        for at in [1, 2, 3] {
            health.died(at);
        }
        assert!(health.stands_out(0.0));
        let mut health = Health::default();
        for at in [0, 200_000, 400_000] {
            health.died(at);
        }
        assert!(!health.stands_out(0.0));
    }
}
