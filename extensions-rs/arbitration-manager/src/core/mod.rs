//! Decisions without I/O, clock or randomness: time is an argument.

pub mod arbiter;
pub mod buckets;
pub mod budget;
pub mod candidates;
pub mod concurrency;
pub mod decisions;
pub mod desk;
pub mod division;
pub mod durations;
pub mod key;
pub mod ledger;
pub mod limit;
pub mod memory;
pub mod order;
pub mod rationale;
pub mod shares;
pub mod show;
pub mod starts;
pub mod waiters;

pub use arbiter::Arbiter;
pub use budget::Budget;
pub use concurrency::Concurrency;
pub use desk::{Desk, Now};
pub use starts::Starts;

/// How long an allowance lasts for a conductor; it is renewed every second.
pub const LEASE_MS: u64 = 3_000;
/// A conductor counts from receipt: what it holds is given to nobody else until this much later.
pub const SLACK_MS: u64 = 1_000;
/// A conductor that said nothing for so long is gone: by now another has taken over and tells what runs there. What is
/// told twice until then only makes the limit seem fuller than it is.
pub const GONE_MS: u64 = 10_000;
