//! Rates by key: token buckets. They are soft: a restart forgets them, and then gives no more than has accrued since.

use std::collections::BTreeMap;

use symphony_protocol::HoldRate;

use super::ledger::Key;

/// Keys that are not full again. Beyond it a new key waits until one is.
const BUCKETS_MAX: usize = 16_384;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at_ms: u64,
    /// When it is full again, and like one that was never used.
    full_at_ms: u64,
}

#[derive(Debug, Default)]
pub struct Buckets {
    known: BTreeMap<Key, Bucket>,
}

impl Buckets {
    /// Milliseconds until a start is allowed: 0 now. `now_ms` counts from the start of this service.
    pub fn wait_ms(&self, key: &Key, rate: &HoldRate, now_ms: u64) -> u64 {
        if !self.known.contains_key(key) && self.known.len() >= BUCKETS_MAX {
            return 1000;
        }
        let missing = 1.0 - self.tokens(key, rate, now_ms);
        if missing <= 1e-9 {
            return 0;
        }
        // A rate of nearly nothing waits long, and not for ever by an overflow.
        (missing * 1000.0 / rate.per_second.max(1e-6))
            .ceil()
            .clamp(1.0, 3.6e6) as u64
    }

    pub fn spend(&mut self, key: Key, rate: &HoldRate, now_ms: u64) {
        let tokens = (self.tokens(&key, rate, now_ms) - 1.0).max(0.0);
        let missing = f64::from(rate.burst) - tokens;
        let bucket = Bucket {
            tokens,
            at_ms: now_ms,
            full_at_ms: now_ms.saturating_add((missing * 1000.0 / rate.per_second.max(1e-6)).ceil() as u64),
        };
        self.known.insert(key, bucket);
    }

    /// Forget those that are full again.
    pub fn sweep(&mut self, now_ms: u64) {
        self.known.retain(|_, bucket| bucket.full_at_ms > now_ms);
    }

    fn tokens(&self, key: &Key, rate: &HoldRate, now_ms: u64) -> f64 {
        // What an earlier service gave out lately is not known: a new bucket has what accrued since this one began.
        let (tokens, at_ms) = self
            .known
            .get(key)
            .map_or((0.0, 0), |bucket| (bucket.tokens, bucket.at_ms));
        let accrued = now_ms.saturating_sub(at_ms) as f64 / 1000.0 * rate.per_second;
        (tokens + accrued).min(f64::from(rate.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        ("acme".to_owned(), "service".to_owned())
    }

    #[test]
    fn a_burst_goes_at_once_and_then_the_rate_holds() {
        let (mut buckets, rate) = (
            Buckets::default(),
            HoldRate {
                per_second: 2.0,
                burst: 3,
                ..Default::default()
            },
        );
        for _ in 0..3 {
            assert_eq!(buckets.wait_ms(&key(), &rate, 10_000), 0);
            buckets.spend(key(), &rate, 10_000);
        }
        assert_eq!(buckets.wait_ms(&key(), &rate, 10_000), 500);
        assert_eq!(buckets.wait_ms(&key(), &rate, 10_500), 0);
    }

    #[test]
    fn a_service_that_has_just_begun_gives_only_what_accrued_since() {
        let (buckets, rate) = (
            Buckets::default(),
            HoldRate {
                per_second: 1.0,
                burst: 5,
                ..Default::default()
            },
        );
        assert_eq!(buckets.wait_ms(&key(), &rate, 0), 1000);
        assert_eq!(buckets.wait_ms(&key(), &rate, 1000), 0);
    }
}
