//! What an operator may choose: the section `[store]` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Blobs lie in `<data>/artifacts`.
    pub data: PathBuf,
    /// The largest blob that is taken.
    pub blob_bytes_max: u64,
    /// The file of the master keys; without it nothing is encrypted.
    pub keys_file: Option<PathBuf>,
    /// Where packs go that nothing was added to for `cold_after_hours`: `folder:PATH`, `s3://BUCKET/PREFIX`. Without it they stay.
    pub cold: Option<String>,
    pub cold_after_hours: u64,
    /// What the slow check reads of the disk; 0: it does not run.
    pub scrub_kib_per_second: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: PathBuf::from(".symphony"),
            blob_bytes_max: 64 << 30,
            keys_file: None,
            cold: None,
            cold_after_hours: 24 * 30,
            scrub_kib_per_second: 1024,
        }
    }
}
