//! The Stale Manager: ended runs are archived, kept as long as they are wanted or held, and dropped; the log is purged below
//! its floor; decisions become trajectories.

pub mod archive;
pub mod catalogue;
pub mod decisions;
pub mod options;
pub mod purge;
pub mod segments;
pub mod service;

pub use archive::Archive;
pub use options::Options;
pub use service::Service;

use symphony_sdk::{Error, ErrorKind};

/// The disk, or the catalogue on it, refused.
pub(crate) fn disk(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Io, format!("the archive: {error}"))
}
