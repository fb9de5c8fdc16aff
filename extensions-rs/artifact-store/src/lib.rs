//! The Artifact Store: content-addressed blobs with lineage. It knows of a run no more than a reference.

pub mod blob;
pub mod catalogue;
pub mod error;
pub mod options;
pub mod references;
pub mod service;
pub mod storage;
pub mod uploads;

pub use error::{Error, ErrorKind};
pub use options::Options;
pub use service::Service;
pub use storage::Storage;
