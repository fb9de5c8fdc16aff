//! Decisions without I/O, clock or randomness: time is an argument.

pub mod arbiter;
pub mod concurrency;
pub mod division;
pub mod key;
pub mod memory;
pub mod order;
pub mod starts;

pub use arbiter::Arbiter;

/// How long an allowance lasts for a conductor; it is renewed every second.
pub const LEASE_MS: u64 = 3_000;
/// A conductor counts from receipt: what it holds is given to nobody else until this much later.
pub const SLACK_MS: u64 = 1_000;
