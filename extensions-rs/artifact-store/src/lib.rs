//! The Artifact Store: content-addressed blobs with lineage. It knows of a run no more than a reference.

mod answers;
pub mod blob;
mod care;
pub mod catalogue;
pub mod error;
mod explore;
pub mod keyring;
pub mod options;
pub mod references;
mod scrub;
pub mod service;
pub mod storage;
mod trail;
pub mod uploads;

pub use error::{Error, ErrorKind};
pub use keyring::Keyring;
pub use options::Options;
pub use service::Service;
pub use storage::Storage;
