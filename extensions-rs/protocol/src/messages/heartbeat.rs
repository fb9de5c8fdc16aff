// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! What workers say of themselves: `sym.heartbeat.<worker>`, every 250 ms, and when `sym.heartbeat` calls the roll.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

/// An attempt whose result the broker acknowledged, listed for three beats more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    pub partition: u32,
    pub epoch: u64,
    pub n: u64,
    pub sequence: u64,
}

impl Default for Stored {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            epoch: Default::default(),
            n: Default::default(),
            sequence: Default::default(),
        }
    }
}

impl Bounded for Stored {
    fn check(&self) -> Verdict {
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("n", self.n, 0, 9223372036854775807)?;
        check::range("sequence", self.sequence, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_holding_try() -> u32 {
    1
}
/// An attempt that is held, with the execution it is of: what a new owner of its partition takes it over by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    pub partition: u32,
    pub epoch: u64,
    pub n: u64,
    pub run: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_holding_try")]
    pub r#try: u32,
}

impl Default for Holding {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            epoch: Default::default(),
            n: Default::default(),
            run: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_holding_try(),
        }
    }
}

impl Bounded for Holding {
    fn check(&self) -> Verdict {
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("n", self.n, 0, 9223372036854775807)?;
        check::run_id("run", &self.run)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        Ok(())
    }
}

fn default_heartbeat_v() -> u8 {
    1
}
/// The values of `Heartbeat.state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HeartbeatState {
    #[default]
    #[serde(rename = "draining")]
    Draining,

    #[serde(rename = "serving")]
    Serving,

    #[serde(rename = "starting")]
    Starting,

    #[serde(rename = "stopped")]
    Stopped,
}

impl HeartbeatState {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Serving => "serving",
            Self::Starting => "starting",
            Self::Stopped => "stopped",
        }
    }
}

fn default_heartbeat_state() -> HeartbeatState {
    HeartbeatState::Serving
}
fn default_heartbeat_version() -> String {
    "0.1.0".to_owned()
}
fn default_heartbeat_host() -> String {
    "localhost".to_owned()
}
fn default_heartbeat_language() -> String {
    "rust".to_owned()
}
fn default_heartbeat_slots() -> u32 {
    1
}
/// The state of one worker.
///
/// `seen` holds, for each (partition, epoch), the highest dispatch number received: a dispatch above it may still be on
/// its way. `held` are attempts under way or whose result is not acknowledged yet. `manifest` comes with the first beat
/// and when the roll is called. `refused` are attempts turned away because every slot was taken or they are unknown here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    #[serde(default = "default_heartbeat_v")]
    pub v: u8,
    pub worker: String,
    pub beat: u64,
    #[serde(default = "default_heartbeat_state")]
    pub state: HeartbeatState,
    #[serde(default = "default_heartbeat_version")]
    pub version: String,
    #[serde(default = "default_heartbeat_host")]
    pub host: String,
    #[serde(default)]
    pub pid: u64,
    #[serde(default = "default_heartbeat_language")]
    pub language: String,
    #[serde(default)]
    pub pool: Option<String>,
    #[serde(default = "default_heartbeat_slots")]
    pub slots: u32,
    #[serde(default)]
    pub busy: u32,
    #[serde(default)]
    pub ready_us: u64,
    #[serde(default)]
    pub seen: Vec<Attempt>,
    #[serde(default)]
    pub held: Vec<Attempt>,
    #[serde(default)]
    pub stored: Vec<Stored>,
    #[serde(default)]
    pub refused: Vec<Attempt>,
    #[serde(default)]
    pub truncated: bool,
    #[serde(default)]
    pub memory_bytes: u64,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub resources: BTreeMap<String, f64>,
    #[serde(default)]
    pub manifest: Option<Manifest>,
    #[serde(default)]
    pub holding: Option<Vec<Holding>>,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            v: default_heartbeat_v(),
            worker: Default::default(),
            beat: Default::default(),
            state: default_heartbeat_state(),
            version: default_heartbeat_version(),
            host: default_heartbeat_host(),
            pid: Default::default(),
            language: default_heartbeat_language(),
            pool: Default::default(),
            slots: default_heartbeat_slots(),
            busy: Default::default(),
            ready_us: Default::default(),
            seen: Default::default(),
            held: Default::default(),
            stored: Default::default(),
            refused: Default::default(),
            truncated: Default::default(),
            memory_bytes: Default::default(),
            labels: Default::default(),
            resources: Default::default(),
            manifest: Default::default(),
            holding: Default::default(),
        }
    }
}

impl Bounded for Heartbeat {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("worker", &self.worker, 1, 128)?;
        check::range("beat", self.beat, 0, 9223372036854775807)?;
        check::text("version", &self.version, 1, 128)?;
        check::text("host", &self.host, 1, 128)?;
        check::range("pid", self.pid, 0, 9223372036854775807)?;
        check::text("language", &self.language, 1, 128)?;
        if let Some(item0) = &self.pool {
            check::text("pool", item0, 1, 128)?;
        }
        check::range("slots", self.slots, 0, 65536)?;
        check::range("busy", self.busy, 0, 65536)?;
        check::range("ready_us", self.ready_us, 0, 9223372036854775807)?;
        check::count("seen", self.seen.len(), 0, 4096)?;
        for item0 in &self.seen {
            item0.check()?;
        }
        check::count("held", self.held.len(), 0, 4096)?;
        for item0 in &self.held {
            item0.check()?;
        }
        check::count("stored", self.stored.len(), 0, 4096)?;
        for item0 in &self.stored {
            item0.check()?;
        }
        check::count("refused", self.refused.len(), 0, 4096)?;
        for item0 in &self.refused {
            item0.check()?;
        }
        check::range("memory_bytes", self.memory_bytes, 0, 9223372036854775807)?;
        check::count("labels", self.labels.len(), 0, 64)?;
        check::count("resources", self.resources.len(), 0, 64)?;
        for item0 in self.resources.values() {
            check::finite("resources", *item0)?;
        }
        if let Some(item0) = &self.manifest {
            item0.check()?;
        }
        if let Some(item0) = &self.holding {
            check::count("holding", item0.len(), 0, 4096)?;
            for item1 in item0 {
                item1.check()?;
            }
        }
        Ok(())
    }
}

fn default_roll_call_v() -> u8 {
    1
}
/// `sym.heartbeat`: every worker beats at once, with its manifest and what it holds when asked.
///
/// With `partition`, `by` owns it since `epoch`: what an earlier owner sent, and comes late, is not begun any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollCall {
    #[serde(default = "default_roll_call_v")]
    pub v: u8,
    pub by: String,
    #[serde(default)]
    pub manifests: bool,
    #[serde(default)]
    pub attempts: bool,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub partition: Option<u32>,
    #[serde(default)]
    pub epoch: u64,
    #[serde(default)]
    pub at_ms: u64,
}

impl Default for RollCall {
    fn default() -> Self {
        Self {
            v: default_roll_call_v(),
            by: Default::default(),
            manifests: Default::default(),
            attempts: Default::default(),
            reason: Default::default(),
            partition: Default::default(),
            epoch: Default::default(),
            at_ms: Default::default(),
        }
    }
}

impl Bounded for RollCall {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("by", &self.by, 1, 128)?;
        check::text("reason", &self.reason, 0, 4096)?;
        if let Some(item0) = &self.partition {
            check::range("partition", *item0, 0, 1023)?;
        }
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("at_ms", self.at_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}
