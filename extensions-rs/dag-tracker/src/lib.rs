//! The DAG Tracker: run state as a fold of the log.

pub mod core;
