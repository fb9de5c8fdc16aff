//! What an operator may choose: the section `[dag]` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How many partitions the mesh has.
    pub partitions: u32,
    /// Those that this process follows; empty: all.
    pub hold: Vec<u32>,
    /// The folder of snapshots: `<data>/snapshots/<partition>`.
    pub data: PathBuf,
    /// The file of the mesh's secret.
    pub secret_file: PathBuf,
    /// Messages of the log between two snapshots.
    pub snapshot_messages: u64,
    /// The shortest time between two snapshots, in seconds.
    pub snapshot_seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            partitions: 1,
            hold: Vec::new(),
            data: PathBuf::from(".symphony"),
            secret_file: PathBuf::from(".symphony/keys/mesh.secret"),
            snapshot_messages: 20_000,
            snapshot_seconds: 30,
        }
    }
}

impl Options {
    pub fn held(&self) -> Vec<u32> {
        if self.hold.is_empty() {
            (0..self.partitions.max(1)).collect()
        } else {
            self.hold.clone()
        }
    }
}
