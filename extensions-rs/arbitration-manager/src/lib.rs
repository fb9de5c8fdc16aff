//! Arbitration: shares, limits and budgets, each decision with a rationale. It never places work.

pub mod core;
mod holds;
mod ledger;
pub mod options;
pub mod policy;
pub mod service;
mod spending;
pub mod strategy;

pub use options::Options;
pub use service::Service;
