// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! What the conductor sends to workers: `sym.task.<capability>.<worker>`, and `sym.task.<capability>` for plain clients.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_task_tenant() -> String {
    "default".to_owned()
}
fn default_task_try() -> u32 {
    1
}
fn default_task_inputs() -> Payload {
    Payload::from_static(&[128])
}
/// One attempt of one execution.
///
/// `n` numbers the dispatches of (partition, epoch) to this worker. `token` is a keyed BLAKE3 over the identity and the
/// worker; a result without it is not folded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub run: String,
    #[serde(default = "default_task_tenant")]
    pub tenant: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_task_try")]
    pub r#try: u32,
    pub n: u64,
    pub token: Token,
    pub capability: String,
    #[serde(default = "default_task_inputs")]
    pub inputs: Payload,
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    #[serde(default)]
    pub deadline_at_ms: Option<u64>,
    #[serde(default)]
    pub ready_at_ms: u64,
    #[serde(default)]
    pub trace: Option<Trace>,
    #[serde(default)]
    pub fences: BTreeMap<String, u64>,
}

impl Default for Task {
    fn default() -> Self {
        Self {
            run: Default::default(),
            tenant: default_task_tenant(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_task_try(),
            n: Default::default(),
            token: Default::default(),
            capability: Default::default(),
            inputs: default_task_inputs(),
            timeout_ms: Default::default(),
            deadline_at_ms: Default::default(),
            ready_at_ms: Default::default(),
            trace: Default::default(),
            fences: Default::default(),
        }
    }
}

impl Bounded for Task {
    fn check(&self) -> Verdict {
        check::text("run", &self.run, 32, 32)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        check::range("n", self.n, 0, 9223372036854775807)?;
        check::text("capability", &self.capability, 1, 128)?;
        check::bytes("inputs", self.inputs.len(), 4194304)?;
        if let Some(item0) = &self.timeout_ms {
            check::range("timeout_ms", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.deadline_at_ms {
            check::range("deadline_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::range("ready_at_ms", self.ready_at_ms, 0, 9223372036854775807)?;
        check::count("fences", self.fences.len(), 0, 8)?;
        for item0 in self.fences.values() {
            check::range("fences", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

/// The number of an attempt, as heartbeats and cancels name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub partition: u32,
    pub epoch: u64,
    pub n: u64,
}

impl Default for Attempt {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            epoch: Default::default(),
            n: Default::default(),
        }
    }
}

impl Bounded for Attempt {
    fn check(&self) -> Verdict {
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("n", self.n, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_task_batch_v() -> u8 {
    1
}
/// Tasks for one worker and capability, and attempts that it should stop.
///
/// `reply` is the subject to publish the `ResultBatch` to; `echo` is the highest `n` sent so far to this worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskBatch {
    #[serde(default = "default_task_batch_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub conductor: String,
    pub reply: String,
    #[serde(default)]
    pub tasks: Vec<Task>,
    #[serde(default)]
    pub cancel: Vec<Attempt>,
}

impl Default for TaskBatch {
    fn default() -> Self {
        Self {
            v: default_task_batch_v(),
            partition: Default::default(),
            epoch: Default::default(),
            conductor: Default::default(),
            reply: Default::default(),
            tasks: Default::default(),
            cancel: Default::default(),
        }
    }
}

impl Bounded for TaskBatch {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::text("reply", &self.reply, 1, 128)?;
        check::count("tasks", self.tasks.len(), 0, 4096)?;
        for item0 in &self.tasks {
            item0.check()?;
        }
        check::count("cancel", self.cancel.len(), 0, 4096)?;
        for item0 in &self.cancel {
            item0.check()?;
        }
        Ok(())
    }
}
