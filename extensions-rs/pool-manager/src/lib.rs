//! The Pool Manager: workers, slots, leases, and the processes behind them. It never decides who deserves a slot.

pub mod core;
pub mod options;
pub mod processes;
mod scaling;
pub mod service;
mod spawn;

pub use options::Options;
pub use service::Service;
