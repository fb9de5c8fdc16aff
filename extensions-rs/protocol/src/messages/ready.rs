// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! What the tracker tells the conductor that owns a partition: `sym.ready.<partition>`, and the answers to `dag.resync`.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

/// Where an execution may run: a pool, workers with these labels, and with so much of these resources left (`cpu` and
/// `gpu` in units, `memory` in bytes, others by name).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requires {
    #[serde(default)]
    pub pool: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub resources: BTreeMap<String, f64>,
}

impl Default for Requires {
    fn default() -> Self {
        Self {
            pool: Default::default(),
            labels: Default::default(),
            resources: Default::default(),
        }
    }
}

impl Bounded for Requires {
    fn check(&self) -> Verdict {
        if let Some(item0) = &self.pool {
            check::text("pool", item0, 1, 128)?;
        }
        check::count("labels", self.labels.len(), 0, 64)?;
        check::count("resources", self.resources.len(), 0, 64)?;
        for item0 in self.resources.values() {
            check::finite("resources", *item0)?;
        }
        Ok(())
    }
}

fn default_ready_task_try() -> u32 {
    1
}
fn default_ready_task_inputs() -> Payload {
    Payload::from_static(&[128])
}
fn default_ready_task_priority() -> u8 {
    5
}
fn default_ready_task_retry_safe() -> bool {
    true
}
/// An execution that may start now.
///
/// `rest_us` is the estimated time from its start to the end of its run along the longest path. `frames` are digests of
/// parts of `inputs` that the tracker composed and that travel as frames, to be stored before dispatch.
/// `timeout_ms` is per attempt, on the worker's clock; `deadline_at_ms` the earliest of the task's and the run's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadyTask {
    pub run: String,
    pub tenant: String,
    pub workflow: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_ready_task_try")]
    pub r#try: u32,
    pub capability: String,
    #[serde(default)]
    pub range: Option<String>,
    #[serde(default = "default_ready_task_inputs")]
    pub inputs: Payload,
    #[serde(default = "default_ready_task_priority")]
    pub priority: u8,
    #[serde(default)]
    pub rest_us: u64,
    #[serde(default)]
    pub ready_at_ms: u64,
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    #[serde(default)]
    pub deadline_at_ms: Option<u64>,
    #[serde(default = "default_ready_task_retry_safe")]
    pub retry_safe: bool,
    #[serde(default)]
    pub watch: bool,
    #[serde(default)]
    pub trace: Option<Trace>,
    #[serde(default)]
    pub frames: Vec<String>,
    #[serde(default)]
    pub wants: Option<Wants>,
    #[serde(default)]
    pub fences: BTreeMap<String, u64>,
    #[serde(default)]
    pub requires: Option<Requires>,
}

impl Default for ReadyTask {
    fn default() -> Self {
        Self {
            run: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_ready_task_try(),
            capability: Default::default(),
            range: Default::default(),
            inputs: default_ready_task_inputs(),
            priority: default_ready_task_priority(),
            rest_us: Default::default(),
            ready_at_ms: Default::default(),
            timeout_ms: Default::default(),
            deadline_at_ms: Default::default(),
            retry_safe: default_ready_task_retry_safe(),
            watch: Default::default(),
            trace: Default::default(),
            frames: Default::default(),
            wants: Default::default(),
            fences: Default::default(),
            requires: Default::default(),
        }
    }
}

impl Bounded for ReadyTask {
    fn check(&self) -> Verdict {
        check::text("run", &self.run, 32, 32)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        check::text("capability", &self.capability, 1, 128)?;
        if let Some(item0) = &self.range {
            check::text("range", item0, 1, 128)?;
        }
        check::bytes("inputs", self.inputs.len(), 4194304)?;
        check::range("priority", self.priority, 0, 9)?;
        check::range("rest_us", self.rest_us, 0, 9223372036854775807)?;
        check::range("ready_at_ms", self.ready_at_ms, 0, 9223372036854775807)?;
        if let Some(item0) = &self.timeout_ms {
            check::range("timeout_ms", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.deadline_at_ms {
            check::range("deadline_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::count("frames", self.frames.len(), 0, 4096)?;
        for item0 in &self.frames {
            check::digest("frames", item0)?;
        }
        if let Some(item0) = &self.wants {
            item0.check()?;
        }
        check::count("fences", self.fences.len(), 0, 8)?;
        for item0 in self.fences.values() {
            check::range("fences", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.requires {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_failure_try() -> u32 {
    1
}
fn default_failure_jitter() -> bool {
    true
}
/// A failed try that needs a decision. `actions` are those the document allows, in its order.
///
/// A `retry` among them carries the backoff before jitter; `jitter` says whether to spread it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub run: String,
    pub tenant: String,
    pub workflow: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_failure_try")]
    pub r#try: u32,
    pub capability: String,
    pub error: ErrorValue,
    pub actions: Vec<Action>,
    #[serde(default = "default_failure_jitter")]
    pub jitter: bool,
    #[serde(default)]
    pub rest_us: u64,
    #[serde(default)]
    pub watch: bool,
    #[serde(default)]
    pub trace: Option<Trace>,
}

impl Default for Failure {
    fn default() -> Self {
        Self {
            run: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_failure_try(),
            capability: Default::default(),
            error: Default::default(),
            actions: Default::default(),
            jitter: default_failure_jitter(),
            rest_us: Default::default(),
            watch: Default::default(),
            trace: Default::default(),
        }
    }
}

impl Bounded for Failure {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        check::text("capability", &self.capability, 1, 128)?;
        self.error.check()?;
        check::count("actions", self.actions.len(), 1, 64)?;
        for item0 in &self.actions {
            item0.check()?;
        }
        check::range("rest_us", self.rest_us, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_settled_accepted() -> bool {
    true
}
fn default_settled_status() -> String {
    "succeeded".to_owned()
}
/// An attempt whose result was folded, accepted or not: its slot is free.
///
/// `accepted` tells whether this attempt's outcome became the task's; `status` is then the task's new status. `kind` is
/// that of the attempt's own error, none where it gave a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    pub worker: String,
    pub epoch: u64,
    pub n: u64,
    pub run: String,
    pub task: String,
    #[serde(default = "default_settled_accepted")]
    pub accepted: bool,
    #[serde(default = "default_settled_status")]
    pub status: String,
    #[serde(default)]
    pub run_us: u64,
    #[serde(default)]
    pub kind: Option<String>,
}

impl Default for Settled {
    fn default() -> Self {
        Self {
            worker: Default::default(),
            epoch: Default::default(),
            n: Default::default(),
            run: Default::default(),
            task: Default::default(),
            accepted: default_settled_accepted(),
            status: default_settled_status(),
            run_us: Default::default(),
            kind: Default::default(),
        }
    }
}

impl Bounded for Settled {
    fn check(&self) -> Verdict {
        check::text("worker", &self.worker, 1, 128)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("n", self.n, 0, 9223372036854775807)?;
        check::text("run", &self.run, 32, 32)?;
        check::text("task", &self.task, 1, 512)?;
        check::text("status", &self.status, 1, 128)?;
        check::range("run_us", self.run_us, 0, 9223372036854775807)?;
        if let Some(item0) = &self.kind {
            check::text("kind", item0, 1, 128)?;
        }
        Ok(())
    }
}

fn default_unwanted_try() -> u32 {
    1
}
/// An execution that was given out and is wanted no more (cancelled, timed out, overtaken).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unwanted {
    pub run: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_unwanted_try")]
    pub r#try: u32,
}

impl Default for Unwanted {
    fn default() -> Self {
        Self {
            run: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_unwanted_try(),
        }
    }
}

impl Bounded for Unwanted {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        Ok(())
    }
}

/// A run that was accepted, told once so that its watchers and the policy can know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    pub run: String,
    pub tenant: String,
    pub workflow: String,
    pub version: String,
    #[serde(default)]
    pub watch: bool,
    #[serde(default)]
    pub trace: Option<Trace>,
    #[serde(default)]
    pub submitted_at_ms: u64,
}

impl Default for Started {
    fn default() -> Self {
        Self {
            run: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            version: Default::default(),
            watch: Default::default(),
            trace: Default::default(),
            submitted_at_ms: Default::default(),
        }
    }
}

impl Bounded for Started {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::range("submitted_at_ms", self.submitted_at_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}

/// An artifact that a map goes over, and the run that came upon it first: what the reading of it is told below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactNeed {
    pub digest: String,
    pub run: String,
    #[serde(default)]
    pub trace: Option<Trace>,
}

impl Default for ArtifactNeed {
    fn default() -> Self {
        Self {
            digest: Default::default(),
            run: Default::default(),
            trace: Default::default(),
        }
    }
}

impl Bounded for ArtifactNeed {
    fn check(&self) -> Verdict {
        check::digest("digest", &self.digest)?;
        check::run_id("run", &self.run)?;
        Ok(())
    }
}

/// A registered workflow that tasks wait for: the newest version in `range` (empty: the newest of all).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkflowNeed {
    pub tenant: String,
    pub name: String,
    #[serde(default)]
    pub range: String,
}

impl Default for WorkflowNeed {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            name: Default::default(),
            range: Default::default(),
        }
    }
}

impl Bounded for WorkflowNeed {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("name", &self.name, 1, 128)?;
        check::text("range", &self.range, 0, 128)?;
        Ok(())
    }
}

fn default_ready_v() -> u8 {
    1
}
/// One beat of the tracker, or (all lists empty) the level.
///
/// `folded` is the stream sequence folded so far, `open` the executions given out and not ended, `next_due_at_ms` the
/// earliest timer, `floor` the sequence below which the log may be purged (0: not at all).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    #[serde(default = "default_ready_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub sequence: u64,
    pub folded: u64,
    #[serde(default)]
    pub open: u64,
    #[serde(default)]
    pub next_due_at_ms: Option<u64>,
    #[serde(default)]
    pub floor: u64,
    #[serde(default)]
    pub owner_epoch: u64,
    #[serde(default)]
    pub live: u64,
    #[serde(default)]
    pub backlog: BTreeMap<String, i64>,
    #[serde(default)]
    pub settled: Vec<Settled>,
    #[serde(default)]
    pub started: Vec<Started>,
    #[serde(default)]
    pub tasks: Vec<ReadyTask>,
    #[serde(default)]
    pub failures: Vec<Failure>,
    #[serde(default)]
    pub unwanted: Vec<Unwanted>,
    #[serde(default)]
    pub needs: Vec<ArtifactNeed>,
    #[serde(default)]
    pub needs_workflows: Vec<WorkflowNeed>,
    #[serde(default)]
    pub needs_runs: Vec<String>,
    #[serde(default)]
    pub listens: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    pub ended: Vec<RunEnded>,
    #[serde(default)]
    pub quarantined: Vec<Quarantine>,
    #[serde(default)]
    pub fold_version: u32,
}

impl Default for Ready {
    fn default() -> Self {
        Self {
            v: default_ready_v(),
            partition: Default::default(),
            epoch: Default::default(),
            sequence: Default::default(),
            folded: Default::default(),
            open: Default::default(),
            next_due_at_ms: Default::default(),
            floor: Default::default(),
            owner_epoch: Default::default(),
            live: Default::default(),
            backlog: Default::default(),
            settled: Default::default(),
            started: Default::default(),
            tasks: Default::default(),
            failures: Default::default(),
            unwanted: Default::default(),
            needs: Default::default(),
            needs_workflows: Default::default(),
            needs_runs: Default::default(),
            listens: Default::default(),
            ended: Default::default(),
            quarantined: Default::default(),
            fold_version: Default::default(),
        }
    }
}

impl Bounded for Ready {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("sequence", self.sequence, 0, 9223372036854775807)?;
        check::range("folded", self.folded, 0, 9223372036854775807)?;
        check::range("open", self.open, 0, 9223372036854775807)?;
        if let Some(item0) = &self.next_due_at_ms {
            check::range("next_due_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::range("floor", self.floor, 0, 9223372036854775807)?;
        check::range("owner_epoch", self.owner_epoch, 0, 9223372036854775807)?;
        check::range("live", self.live, 0, 9223372036854775807)?;
        check::count("backlog", self.backlog.len(), 0, 1024)?;
        check::count("settled", self.settled.len(), 0, 4096)?;
        for item0 in &self.settled {
            item0.check()?;
        }
        check::count("started", self.started.len(), 0, 4096)?;
        for item0 in &self.started {
            item0.check()?;
        }
        check::count("tasks", self.tasks.len(), 0, 4096)?;
        for item0 in &self.tasks {
            item0.check()?;
        }
        check::count("failures", self.failures.len(), 0, 4096)?;
        for item0 in &self.failures {
            item0.check()?;
        }
        check::count("unwanted", self.unwanted.len(), 0, 4096)?;
        for item0 in &self.unwanted {
            item0.check()?;
        }
        check::count("needs", self.needs.len(), 0, 4096)?;
        for item0 in &self.needs {
            item0.check()?;
        }
        check::count("needs_workflows", self.needs_workflows.len(), 0, 4096)?;
        for item0 in &self.needs_workflows {
            item0.check()?;
        }
        check::count("needs_runs", self.needs_runs.len(), 0, 4096)?;
        for item0 in &self.needs_runs {
            check::run_id("needs_runs", item0)?;
        }
        if let Some(item0) = &self.listens {
            check::count("listens", item0.len(), 0, 1024)?;
            for item1 in item0.values() {
                check::range("listens", *item1, 0, 9223372036854775807)?;
            }
        }
        check::count("ended", self.ended.len(), 0, 4096)?;
        for item0 in &self.ended {
            item0.check()?;
        }
        check::count("quarantined", self.quarantined.len(), 0, 4096)?;
        for item0 in &self.quarantined {
            item0.check()?;
        }
        check::range("fold_version", self.fold_version, 0, 65535)?;
        Ok(())
    }
}

fn default_frame_v() -> u8 {
    1
}
fn default_frame_media_type() -> String {
    "application/msgpack".to_owned()
}
/// A piece of a composed value, on `sym.ready.<partition>.frame`, sent before the message that names its digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    #[serde(default = "default_frame_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub digest: String,
    pub index: u64,
    pub count: u32,
    pub size_bytes: u64,
    #[serde(default = "default_frame_media_type")]
    pub media_type: String,
    pub data: Payload,
}

impl Default for Frame {
    fn default() -> Self {
        Self {
            v: default_frame_v(),
            partition: Default::default(),
            epoch: Default::default(),
            digest: Default::default(),
            index: Default::default(),
            count: 1,
            size_bytes: Default::default(),
            media_type: default_frame_media_type(),
            data: Default::default(),
        }
    }
}

impl Bounded for Frame {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::digest("digest", &self.digest)?;
        check::range("index", self.index, 0, 9223372036854775807)?;
        check::range("count", self.count, 1, 4096)?;
        check::range("size_bytes", self.size_bytes, 0, 9223372036854775807)?;
        check::text("media_type", &self.media_type, 1, 128)?;
        check::bytes("data", self.data.len(), 1048576)?;
        Ok(())
    }
}

fn default_weight_weight() -> f64 {
    1.0
}
/// What a tenant's, or one of its workflows', part of a window is held against; 1 for whoever is not named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    pub tenant: String,
    #[serde(default)]
    pub workflow: Option<String>,
    #[serde(default = "default_weight_weight")]
    pub weight: f64,
}

impl Default for Weight {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            workflow: Default::default(),
            weight: default_weight_weight(),
        }
    }
}

impl Bounded for Weight {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        if let Some(item0) = &self.workflow {
            check::text("workflow", item0, 1, 128)?;
        }
        check::finite("weight", self.weight)?;
        Ok(())
    }
}

fn default_credit_v() -> u8 {
    1
}
fn default_credit_default() -> u64 {
    256
}
/// How many executions a conductor will hold, by capability: an absolute window, told again every second.
///
/// Claimants share it by their weights: one whose executions were not given out could not have its share of the slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    #[serde(default = "default_credit_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub conductor: String,
    #[serde(default)]
    pub windows: BTreeMap<String, i64>,
    #[serde(default = "default_credit_default")]
    pub default: u64,
    #[serde(default)]
    pub weights: Vec<Weight>,
}

impl Default for Credit {
    fn default() -> Self {
        Self {
            v: default_credit_v(),
            partition: Default::default(),
            epoch: Default::default(),
            conductor: Default::default(),
            windows: Default::default(),
            default: default_credit_default(),
            weights: Default::default(),
        }
    }
}

impl Bounded for Credit {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::count("windows", self.windows.len(), 0, 1024)?;
        check::range("default", self.default, 0, 9223372036854775807)?;
        check::count("weights", self.weights.len(), 0, 4096)?;
        for item0 in &self.weights {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_claimed_try() -> u32 {
    1
}
/// An execution that a worker is at for the conductor that asks, or for the owner before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claimed {
    pub run: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_claimed_try")]
    pub r#try: u32,
}

impl Default for Claimed {
    fn default() -> Self {
        Self {
            run: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_claimed_try(),
        }
    }
}

impl Bounded for Claimed {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        Ok(())
    }
}

fn default_resync_v() -> u8 {
    1
}
/// Tell me everything again. `cursor` is the `next` of the page before.
///
/// What is `claimed` in the first question counts as given out, whatever the credit: a tracker that has just begun to emit
/// does not know what the one before gave out, and what a worker is at must not be taken for ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resync {
    #[serde(default = "default_resync_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub conductor: String,
    #[serde(default)]
    pub cursor: u64,
    #[serde(default)]
    pub claimed: Vec<Claimed>,
}

impl Default for Resync {
    fn default() -> Self {
        Self {
            v: default_resync_v(),
            partition: Default::default(),
            epoch: Default::default(),
            conductor: Default::default(),
            cursor: Default::default(),
            claimed: Default::default(),
        }
    }
}

impl Bounded for Resync {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::range("cursor", self.cursor, 0, 9223372036854775807)?;
        check::count("claimed", self.claimed.len(), 0, 4096)?;
        for item0 in &self.claimed {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_resync_page_v() -> u8 {
    1
}
/// A page of all that is open: executions given out, failures undecided, runs ended and not yet archived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResyncPage {
    #[serde(default = "default_resync_page_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub sequence: u64,
    pub folded: u64,
    #[serde(default)]
    pub open: u64,
    #[serde(default)]
    pub next_due_at_ms: Option<u64>,
    #[serde(default)]
    pub tasks: Vec<ReadyTask>,
    #[serde(default)]
    pub failures: Vec<Failure>,
    #[serde(default)]
    pub needs: Vec<ArtifactNeed>,
    #[serde(default)]
    pub needs_workflows: Vec<WorkflowNeed>,
    #[serde(default)]
    pub needs_runs: Vec<String>,
    #[serde(default)]
    pub listens: BTreeMap<String, u64>,
    #[serde(default)]
    pub ended: Vec<RunEnded>,
    #[serde(default)]
    pub quarantined: Vec<Quarantine>,
    #[serde(default)]
    pub next: Option<u64>,
}

impl Default for ResyncPage {
    fn default() -> Self {
        Self {
            v: default_resync_page_v(),
            partition: Default::default(),
            epoch: Default::default(),
            sequence: Default::default(),
            folded: Default::default(),
            open: Default::default(),
            next_due_at_ms: Default::default(),
            tasks: Default::default(),
            failures: Default::default(),
            needs: Default::default(),
            needs_workflows: Default::default(),
            needs_runs: Default::default(),
            listens: Default::default(),
            ended: Default::default(),
            quarantined: Default::default(),
            next: Default::default(),
        }
    }
}

impl Bounded for ResyncPage {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("sequence", self.sequence, 0, 9223372036854775807)?;
        check::range("folded", self.folded, 0, 9223372036854775807)?;
        check::range("open", self.open, 0, 9223372036854775807)?;
        if let Some(item0) = &self.next_due_at_ms {
            check::range("next_due_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::count("tasks", self.tasks.len(), 0, 4096)?;
        for item0 in &self.tasks {
            item0.check()?;
        }
        check::count("failures", self.failures.len(), 0, 4096)?;
        for item0 in &self.failures {
            item0.check()?;
        }
        check::count("needs", self.needs.len(), 0, 4096)?;
        for item0 in &self.needs {
            item0.check()?;
        }
        check::count("needs_workflows", self.needs_workflows.len(), 0, 4096)?;
        for item0 in &self.needs_workflows {
            item0.check()?;
        }
        check::count("needs_runs", self.needs_runs.len(), 0, 4096)?;
        for item0 in &self.needs_runs {
            check::run_id("needs_runs", item0)?;
        }
        check::count("listens", self.listens.len(), 0, 1024)?;
        for item0 in self.listens.values() {
            check::range("listens", *item0, 0, 9223372036854775807)?;
        }
        check::count("ended", self.ended.len(), 0, 4096)?;
        for item0 in &self.ended {
            item0.check()?;
        }
        check::count("quarantined", self.quarantined.len(), 0, 4096)?;
        for item0 in &self.quarantined {
            item0.check()?;
        }
        if let Some(item0) = &self.next {
            check::range("next", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}
