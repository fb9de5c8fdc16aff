//! The Pool Manager: workers, slots, leases, and the processes behind them. It never decides who deserves a slot.

pub mod core;
pub mod options;
pub mod processes;
pub mod service;

pub use options::Options;
pub use service::Service;
