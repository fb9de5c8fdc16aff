//! The Stale Manager: ended runs are archived, kept as long as a policy says, they are held or others need them, and dropped in
//! two steps; the log is purged below its floor; decisions become trajectories.

pub mod answers;
pub mod archive;
pub mod catalogue;
pub mod core;
pub mod decisions;
pub mod erase;
pub mod keeper;
pub mod looks;
pub mod options;
pub mod policy;
pub mod purge;
pub mod retention;
pub mod segments;
pub mod service;
pub mod surprise;
pub mod tombstones;
pub mod trail;
pub mod traits;
pub mod trajectories;

pub use archive::Archive;
pub use options::Options;
pub use service::Service;

use symphony_sdk::{Error, ErrorKind};

/// The disk, or the catalogue on it, refused.
pub(crate) fn disk(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Io, format!("the archive: {error}"))
}
