//! The load generator of `symphony bench`: a process of its own, so that what it costs is not the system's.
//!
//! It speaks to a running system as any client does: submissions to `sym.in.submit`, ends from `sym.run.<tenant>.<run>.ended`.
//! Every scenario runs closed loop; the floors are measured on the same broker in the same run.

pub mod clients;
pub mod floors;
pub mod report;
pub mod scenarios;

pub use report::Row;
pub use scenarios::{Options, run};
