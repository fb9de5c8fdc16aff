//! How often and how soon a failed try is followed by another.

/// Retrying; durations in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Counts the first; None: not said, which means once, and three times after `lost`.
    pub max_attempts: Option<u32>,
    pub backoff_ms: u64,
    pub factor: f64,
    pub max_backoff_ms: u64,
    pub jitter: bool,
    pub max_elapsed_ms: Option<u64>,
    pub on: Option<Vec<String>>,
    pub not_on: Vec<String>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: None,
            backoff_ms: 200,
            factor: 2.0,
            max_backoff_ms: 60_000,
            jitter: true,
            max_elapsed_ms: None,
            on: None,
            not_on: Vec::new(),
        }
    }
}

/// Kinds of errors that another try cannot mend.
const NOT_RETRIED: [&str; 4] = ["contract", "expression", "rejected", "cancelled"];
/// Tries after losing an attempt, where nothing is said.
const LOST_ATTEMPTS: u32 = 3;

impl Retry {
    /// Whether try number `tries` (from 1) may be followed by another after a failure of this kind.
    pub fn allows(&self, kind: &str, retryable: bool, tries: u32) -> bool {
        let wanted = match &self.on {
            Some(kinds) => kinds.iter().any(|known| known == kind),
            None => !NOT_RETRIED.contains(&kind),
        };
        let most = self
            .max_attempts
            .unwrap_or(if kind == "lost" { LOST_ATTEMPTS } else { 1 });
        wanted && retryable && !self.not_on.iter().any(|known| known == kind) && tries < most
    }

    /// The wait after try number `tries`, before jitter.
    pub fn delay_ms(&self, tries: u32) -> u64 {
        let growth = self
            .factor
            .powi(i32::try_from(tries.saturating_sub(1)).unwrap_or(i32::MAX));
        let delay = self.backoff_ms as f64 * growth;
        if delay.is_finite() && delay < self.max_backoff_ms as f64 {
            delay as u64
        } else {
            self.max_backoff_ms
        }
    }
}
