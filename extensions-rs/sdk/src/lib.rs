//! What every Rust process of the mesh is made of: the bus, the life of a component, and the worker runtime.

pub mod artifacts;
pub mod bus;
pub mod chain;
pub mod clock;
pub mod component;
pub mod config;
pub mod current;
pub mod error;
pub mod lease;
pub mod logs;
pub mod metrics;
pub mod micro;
pub mod policies;
pub mod streams;
pub mod telemetry;
pub mod testing;
pub mod worker;

pub use bus::{Bus, BusOptions};
pub use component::Shutdown;
pub use error::{Error, ErrorKind};
pub use lease::Lease;
pub use micro::{Call, Endpoint, Micro};

/// The version that every service of this build reports.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
