//! The load generator of `symphony bench`: a process of its own, so that what it costs is not the system's.
//!
//! It speaks to a running system as any client does: submissions to `sym.in.submit`, ends from `sym.run.<tenant>.<run>.ended`.
//! A row says whether its load was *closed* (the next run waits for an earlier one, so a stall thins the load that would
//! have shown it) or *open* (runs come at their moments, and each is measured from the moment at which it was to come). The
//! floors are measured on the same broker, before and after each scenario.

pub mod asking;
pub mod clients;
pub mod cores;
pub mod documents;
pub mod floors;
pub mod probes;
pub mod processes;
pub mod report;
pub mod scenarios;
pub mod suite;

pub use report::Row;
pub use suite::{Options, run};
