//! Whether a silent worker is dead, from how it used to beat: a failure detector by accrual.
//!
//! Hayashibara, Defago, Yared, Katayama, "The phi accrual failure detector" (SRDS 2004): the suspicion phi is -log10 of the
//! chance that a beat comes later than this, with intervals taken as normal. Phi grows with the silence alone, so instead of
//! phi at a moment the moment is worked out at which it crosses the threshold.

/// Beats are 250 ms apart. Three missed are never less than a sign of death, whatever came before.
pub const DEAD_AFTER_MS: u64 = 750;
/// However irregular a worker was, its tasks are given to others after this.
pub const DEAD_AFTER_MAX_MS: u64 = 3_000;
/// Phi 8 is a chance of one in a hundred million: 5.61 standard deviations of a normal distribution.
const DEVIATIONS: f64 = 5.61;
/// Intervals that the memory goes back over.
const INTERVALS: f64 = 100.0;
/// Before so many intervals nothing is known.
const KNOWN_FROM: f64 = 10.0;

/// How a worker beats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rhythm {
    last_ms: u64,
    count: f64,
    mean: f64,
    squares: f64,
}

impl Rhythm {
    /// A beat. Those that were asked for in between only make it look livelier than it is, by a little.
    pub fn beat(&mut self, now_ms: u64) {
        if self.last_ms > 0 {
            let interval = now_ms.saturating_sub(self.last_ms) as f64;
            self.count = (self.count + 1.0).min(INTERVALS);
            let off = interval - self.mean;
            self.mean += off / self.count;
            self.squares += (off * (interval - self.mean) - self.squares) / self.count;
        }
        self.last_ms = now_ms;
    }

    pub fn last_ms(&self) -> u64 {
        self.last_ms
    }

    /// Silence up to now says nothing: nobody listened.
    pub fn forgive(&mut self, gap_ms: u64, now_ms: u64) {
        self.last_ms = self.last_ms.saturating_add(gap_ms).min(now_ms);
    }

    /// The silence after which it counts as dead.
    pub fn patience_ms(&self) -> u64 {
        if self.count < KNOWN_FROM {
            return DEAD_AFTER_MS;
        }
        let late = self.mean + DEVIATIONS * self.squares.max(0.0).sqrt();
        (late as u64).clamp(DEAD_AFTER_MS, DEAD_AFTER_MAX_MS)
    }

    pub fn is_dead(&self, now_ms: u64) -> bool {
        self.last_ms + self.patience_ms() < now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(intervals: impl IntoIterator<Item = u64>) -> (Rhythm, u64) {
        let (mut rhythm, mut now) = (Rhythm::default(), 1_000);
        rhythm.beat(now);
        for interval in intervals {
            now += interval;
            rhythm.beat(now);
        }
        (rhythm, now)
    }

    #[test]
    fn a_steady_worker_is_dead_after_three_beats() {
        for count in [0, 5, 500] {
            let (rhythm, last) = rhythm(std::iter::repeat_n(250, count));
            assert!(!rhythm.is_dead(last + DEAD_AFTER_MS));
            assert!(rhythm.is_dead(last + DEAD_AFTER_MS + 1));
        }
    }

    #[test]
    fn an_irregular_one_is_waited_for_within_a_bound() {
        let (uneven, last) = rhythm((0..100).map(|number| if number % 4 == 0 { 700 } else { 150 }));
        assert!(!uneven.is_dead(last + 1_000));
        assert!(uneven.is_dead(last + 2_000));
        let (wild, last) = rhythm((0..100).map(|number| if number % 2 == 0 { 2_900 } else { 100 }));
        assert!(wild.is_dead(last + DEAD_AFTER_MAX_MS + 1));
    }

    #[test]
    fn one_that_became_steady_is_trusted_less_again() {
        let (rhythm, _) = rhythm((0..60).map(|_| 700).chain((0..1_000).map(|_| 250)));
        assert_eq!(rhythm.patience_ms(), DEAD_AFTER_MS);
    }
}
