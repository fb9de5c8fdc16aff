//! What an operator may choose: the section `[dag]` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

use crate::core::fold::{FIRST, NEWEST};

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
    /// The newest version of the fold to announce; lower than what the program knows, it keeps the way back open: what it
    /// writes until then, the program before can read.
    pub fold_version_max: u32,
    /// Live runs of a partition from which on the conductor has submissions refused; 0: none. What came in stays.
    pub live_runs_max: u64,
    /// Memory of this process from which on the conductor has submissions refused, in MiB; 0: none.
    pub memory_high_mib: u64,
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
            fold_version_max: NEWEST,
            live_runs_max: 1_000_000,
            memory_high_mib: 4096,
        }
    }
}

impl Options {
    /// The newest version of the fold that this process follows.
    pub fn supports(&self) -> u32 {
        self.fold_version_max.clamp(FIRST, NEWEST)
    }

    pub fn held(&self) -> Vec<u32> {
        if self.hold.is_empty() {
            (0..self.partitions.max(1)).collect()
        } else {
            self.hold.clone()
        }
    }
}
