//! What an operator may choose: the section `[pool]` of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub pools: Vec<PoolOptions>,
    /// The folder of the children's logs.
    pub logs: PathBuf,
    /// What children are told of the broker: its address.
    pub url: String,
}

/// A pool of processes that the Pool Manager starts and stops.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolOptions {
    pub name: String,
    pub command: Vec<String>,
    #[serde(default)]
    pub min: u32,
    #[serde(default = "one")]
    pub max: u32,
    #[serde(default = "minute")]
    pub idle_ms: u64,
    /// What a process may have of memory before it is killed and started again; none: it is not looked at.
    #[serde(default)]
    pub memory_mib: Option<u64>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// A user for each process that may run at once: more are never started.
    #[serde(default)]
    pub credentials: Vec<Credential>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub worker: String,
    /// The credentials file; none for a broker without accounts.
    #[serde(default)]
    pub creds: Option<PathBuf>,
    /// The broker's address as this process reaches it, where that is another than the others'.
    #[serde(default)]
    pub url: Option<String>,
}

fn one() -> u32 {
    1
}

fn minute() -> u64 {
    60_000
}
