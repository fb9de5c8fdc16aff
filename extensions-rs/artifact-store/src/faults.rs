//! Fault points: places where a test has the process die, as by `kill -9`, at the step that is about to be taken.
//!
//! Compiled in by the feature `faults` alone. `SYMPHONY_FAULT=name:count` ends the process when the point `name` is passed
//! for the `count`-th time.

/// Every point, in the order of the steps: a test goes through all of them.
pub const POINTS: [&str; 14] = [
    "pack.created",
    "pack.appended",
    "pack.torn",
    "pack.synced",
    "put.indexed",
    "delete.removed",
    "compact.copied",
    "compact.synced",
    "compact.moved",
    "compact.renamed",
    "compact.removed",
    "key.written",
    "tier.copied",
    "erase.destroyed",
];

#[cfg(feature = "faults")]
pub fn at(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("SYMPHONY_FAULT").ok()?;
        let (name, count) = text.rsplit_once(':')?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    let Some((wanted, count)) = wanted else { return };
    if wanted == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        std::process::abort(); // no destructor runs, nothing is flushed
    }
}

#[cfg(not(feature = "faults"))]
#[inline]
pub fn at(_name: &str) {}
