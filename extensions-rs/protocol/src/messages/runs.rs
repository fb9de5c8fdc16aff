// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! What clients say and hear of a run: submissions, cancels, signals, ends, progress.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_submit_inputs() -> Payload {
    Payload::from_static(&[128])
}
/// One run. `document` is the canonical JSON of the workflow, zstd-compressed; `inputs` a msgpack map.
///
/// `key` is the client's idempotency key: with one, `run` is the hash of (tenant, workflow, key). `watch` asks for a
/// message at each change of a task; without it only the end is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submit {
    pub run: String,
    pub workflow: String,
    pub document: Payload,
    #[serde(default = "default_submit_inputs")]
    pub inputs: Payload,
    #[serde(default)]
    pub key: Option<String>,
    #[serde(default)]
    pub priority: Option<u8>,
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    #[serde(default)]
    pub budget_money: Option<f64>,
    #[serde(default)]
    pub trace: Option<Trace>,
    #[serde(default)]
    pub tracestate: Option<String>,
    #[serde(default)]
    pub watch: bool,
    #[serde(default)]
    pub submitted_at_ms: u64,
}

impl Default for Submit {
    fn default() -> Self {
        Self {
            run: Default::default(),
            workflow: Default::default(),
            document: Default::default(),
            inputs: default_submit_inputs(),
            key: Default::default(),
            priority: Default::default(),
            deadline_ms: Default::default(),
            budget_money: Default::default(),
            trace: Default::default(),
            tracestate: Default::default(),
            watch: Default::default(),
            submitted_at_ms: Default::default(),
        }
    }
}

impl Bounded for Submit {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::bytes("document", self.document.len(), 786432)?;
        check::bytes("inputs", self.inputs.len(), 4194304)?;
        if let Some(item0) = &self.key {
            check::text("key", item0, 0, 256)?;
        }
        if let Some(item0) = &self.priority {
            check::range("priority", *item0, 0, 9)?;
        }
        if let Some(item0) = &self.deadline_ms {
            check::range("deadline_ms", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.budget_money {
            check::finite("budget_money", *item0)?;
        }
        if let Some(item0) = &self.tracestate {
            check::text("tracestate", item0, 0, 512)?;
        }
        check::range("submitted_at_ms", self.submitted_at_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_submit_batch_v() -> u8 {
    1
}
/// Submissions of one tenant whose runs hash to one partition; the subject names the first run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubmitBatch {
    #[serde(default = "default_submit_batch_v")]
    pub v: u8,
    pub runs: Vec<Submit>,
}

impl Default for SubmitBatch {
    fn default() -> Self {
        Self {
            v: default_submit_batch_v(),
            runs: Default::default(),
        }
    }
}

impl Bounded for SubmitBatch {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("runs", self.runs.len(), 1, 4096)?;
        for item0 in &self.runs {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_cancel_v() -> u8 {
    1
}
/// The wish that a run end; the log's order decides between it and a completion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancel {
    #[serde(default = "default_cancel_v")]
    pub v: u8,
    pub run: String,
    #[serde(default)]
    pub reason: String,
}

impl Default for Cancel {
    fn default() -> Self {
        Self {
            v: default_cancel_v(),
            run: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for Cancel {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_signal_v() -> u8 {
    1
}
fn default_signal_value() -> Payload {
    Payload::from_static(&[192])
}
/// Word to a run that waits for it, or will: `sym.in.signal.<tenant>.<run>`.
///
/// `name` is that of `wait_for: {signal}`, or the path of an `approve` task. `id` tells a repeated message from a second
/// signal. Who sent it is the tenant of the subject; `said_by` is only what the sender says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    #[serde(default = "default_signal_v")]
    pub v: u8,
    pub run: String,
    pub name: String,
    #[serde(default = "default_signal_value")]
    pub value: Payload,
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub said_by: String,
    #[serde(default)]
    pub comment: String,
}

impl Default for Signal {
    fn default() -> Self {
        Self {
            v: default_signal_v(),
            run: Default::default(),
            name: Default::default(),
            value: default_signal_value(),
            id: Default::default(),
            said_by: Default::default(),
            comment: Default::default(),
        }
    }
}

impl Bounded for Signal {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::text("name", &self.name, 1, 512)?;
        check::bytes("value", self.value.len(), 4194304)?;
        check::text("id", &self.id, 0, 64)?;
        check::text("said_by", &self.said_by, 0, 4096)?;
        check::text("comment", &self.comment, 0, 4096)?;
        Ok(())
    }
}

fn default_occurred_v() -> u8 {
    1
}
fn default_occurred_value() -> Payload {
    Payload::from_static(&[192])
}
/// Something that happened elsewhere: `sym.event.<name>`. Plain JSON is taken there as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occurred {
    #[serde(default = "default_occurred_v")]
    pub v: u8,
    #[serde(default = "default_occurred_value")]
    pub value: Payload,
}

impl Default for Occurred {
    fn default() -> Self {
        Self {
            v: default_occurred_v(),
            value: default_occurred_value(),
        }
    }
}

impl Bounded for Occurred {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::bytes("value", self.value.len(), 4194304)?;
        Ok(())
    }
}

/// Executed tasks: the items of a map count, the map does not; `cached` counts as succeeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskCounts {
    #[serde(default)]
    pub total: u64,
    #[serde(default)]
    pub succeeded: u64,
    #[serde(default)]
    pub failed: u64,
    #[serde(default)]
    pub skipped: u64,
    #[serde(default)]
    pub retried: u64,
}

impl Default for TaskCounts {
    fn default() -> Self {
        Self {
            total: Default::default(),
            succeeded: Default::default(),
            failed: Default::default(),
            skipped: Default::default(),
            retried: Default::default(),
        }
    }
}

impl Bounded for TaskCounts {
    fn check(&self) -> Verdict {
        check::range("total", self.total, 0, 9223372036854775807)?;
        check::range("succeeded", self.succeeded, 0, 9223372036854775807)?;
        check::range("failed", self.failed, 0, 9223372036854775807)?;
        check::range("skipped", self.skipped, 0, 9223372036854775807)?;
        check::range("retried", self.retried, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_run_ended_outputs() -> Payload {
    Payload::from_static(&[128])
}
/// How a run ended. `function_us` is the time its critical path was inside function code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEnded {
    pub run: String,
    pub tenant: String,
    pub workflow: String,
    pub version: String,
    pub status: String,
    #[serde(default = "default_run_ended_outputs")]
    pub outputs: Payload,
    #[serde(default)]
    pub error: Option<ErrorValue>,
    #[serde(default)]
    pub tasks: TaskCounts,
    #[serde(default)]
    pub submitted_at_ms: u64,
    #[serde(default)]
    pub ended_at_ms: u64,
    #[serde(default)]
    pub duration_us: u64,
    #[serde(default)]
    pub function_us: u64,
    #[serde(default)]
    pub trace: Option<Trace>,
    #[serde(default)]
    pub parent: Option<String>,
    #[serde(default)]
    pub link: Option<Trace>,
    #[serde(default)]
    pub frames: Vec<String>,
}

impl Default for RunEnded {
    fn default() -> Self {
        Self {
            run: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            version: Default::default(),
            status: Default::default(),
            outputs: default_run_ended_outputs(),
            error: Default::default(),
            tasks: Default::default(),
            submitted_at_ms: Default::default(),
            ended_at_ms: Default::default(),
            duration_us: Default::default(),
            function_us: Default::default(),
            trace: Default::default(),
            parent: Default::default(),
            link: Default::default(),
            frames: Default::default(),
        }
    }
}

impl Bounded for RunEnded {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::text("status", &self.status, 1, 128)?;
        check::bytes("outputs", self.outputs.len(), 4194304)?;
        if let Some(item0) = &self.error {
            item0.check()?;
        }
        self.tasks.check()?;
        check::range("submitted_at_ms", self.submitted_at_ms, 0, 9223372036854775807)?;
        check::range("ended_at_ms", self.ended_at_ms, 0, 9223372036854775807)?;
        check::range("duration_us", self.duration_us, 0, 9223372036854775807)?;
        check::range("function_us", self.function_us, 0, 9223372036854775807)?;
        if let Some(item0) = &self.parent {
            check::run_id("parent", item0)?;
        }
        check::count("frames", self.frames.len(), 0, 4096)?;
        Ok(())
    }
}

fn default_run_event_v() -> u8 {
    1
}
/// `sym.run.<tenant>.<run>.<event>`, lossy by design: `event` is `started`, `task` or `ended`; `tombstoned`
/// where retention will delete it, with the reason and the moment in `detail`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    #[serde(default = "default_run_event_v")]
    pub v: u8,
    pub run: String,
    pub event: String,
    #[serde(default)]
    pub at_ms: u64,
    #[serde(default)]
    pub task: Option<String>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub worker: Option<String>,
    #[serde(default)]
    pub ended: Option<RunEnded>,
    #[serde(default)]
    pub detail: Option<String>,
}

impl Default for RunEvent {
    fn default() -> Self {
        Self {
            v: default_run_event_v(),
            run: Default::default(),
            event: Default::default(),
            at_ms: Default::default(),
            task: Default::default(),
            status: Default::default(),
            worker: Default::default(),
            ended: Default::default(),
            detail: Default::default(),
        }
    }
}

impl Bounded for RunEvent {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::text("event", &self.event, 1, 128)?;
        check::range("at_ms", self.at_ms, 0, 9223372036854775807)?;
        if let Some(item0) = &self.task {
            check::text("task", item0, 1, 512)?;
        }
        if let Some(item0) = &self.status {
            check::text("status", item0, 1, 128)?;
        }
        if let Some(item0) = &self.worker {
            check::text("worker", item0, 1, 128)?;
        }
        if let Some(item0) = &self.ended {
            item0.check()?;
        }
        if let Some(item0) = &self.detail {
            check::text("detail", item0, 0, 4096)?;
        }
        Ok(())
    }
}
