//! The DAG Tracker: run state as a fold of the log.

pub mod check;
pub mod core;
pub mod follow;
pub mod options;
pub mod partition;
pub mod past;
pub mod registry;
pub mod service;
pub mod snapshot;
pub mod tenure;

pub use options::Options;
pub use service::Service;
