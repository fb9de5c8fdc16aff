//! The pure core: the registry of workers and the division of their slots. Time is an argument.

pub mod leases;
pub mod registry;
pub mod scale;
pub mod state;

pub use registry::{DEAD_AFTER_MS, Registry};
pub use state::State;
