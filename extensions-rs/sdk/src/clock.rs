//! The time of the world.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970. For what is told and kept; intervals are measured by a clock that does not jump.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
