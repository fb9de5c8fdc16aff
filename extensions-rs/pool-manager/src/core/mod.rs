//! The pure core: the registry of workers and the division of their slots. Time is an argument.

pub mod forecast;
pub mod health;
pub mod leases;
pub mod liveness;
pub mod pressure;
pub mod registry;
pub mod scale;
pub mod state;
pub mod worker;

pub use liveness::DEAD_AFTER_MS;
pub use registry::Registry;
pub use state::State;
