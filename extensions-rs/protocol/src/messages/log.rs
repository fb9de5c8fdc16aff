// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! The events of the log, `sym.log.<partition>.<event>`: the only durable write on the path of a step.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_succeeded_output() -> Payload {
    Payload::from_static(&[192])
}
/// The function returned; `output` is its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Succeeded {
    #[serde(default = "default_succeeded_output")]
    pub output: Payload,
}

impl Default for Succeeded {
    fn default() -> Self {
        Self {
            output: default_succeeded_output(),
        }
    }
}

impl Bounded for Succeeded {
    fn check(&self) -> Verdict {
        check::bytes("output", self.output.len(), 4194304)?;
        Ok(())
    }
}

/// The function, or the worker around it, gave up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub error: ErrorValue,
}

impl Default for Failed {
    fn default() -> Self {
        Self {
            error: Default::default(),
        }
    }
}

impl Bounded for Failed {
    fn check(&self) -> Verdict {
        self.error.check()?;
        Ok(())
    }
}

/// The attempt was told to stop, and did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {}

impl Default for Cancelled {
    fn default() -> Self {
        Self {}
    }
}

impl Bounded for Cancelled {
    fn check(&self) -> Verdict {
        Ok(())
    }
}

fn default_task_result_try() -> u32 {
    1
}
/// The end of one attempt. Identity and token are echoed from the task as they came.
///
/// `received_at_us` and `started_at_us` are the worker's wall clock in microseconds since the Unix epoch, `run_us` its
/// monotonic measure of the function alone. `version` is the function's; absent it is `FIRST_VERSION`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    pub run: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_task_result_try")]
    pub r#try: u32,
    pub epoch: u64,
    pub n: u64,
    pub token: Token,
    pub outcome: Outcome,
    #[serde(default)]
    pub received_at_us: u64,
    #[serde(default)]
    pub started_at_us: u64,
    #[serde(default)]
    pub run_us: u64,
    #[serde(default)]
    pub version: Option<String>,
}

impl Default for TaskResult {
    fn default() -> Self {
        Self {
            run: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_task_result_try(),
            epoch: Default::default(),
            n: Default::default(),
            token: Default::default(),
            outcome: Default::default(),
            received_at_us: Default::default(),
            started_at_us: Default::default(),
            run_us: Default::default(),
            version: Default::default(),
        }
    }
}

impl Bounded for TaskResult {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("n", self.n, 0, 9223372036854775807)?;
        self.outcome.check()?;
        check::range("received_at_us", self.received_at_us, 0, 9223372036854775807)?;
        check::range("started_at_us", self.started_at_us, 0, 9223372036854775807)?;
        check::range("run_us", self.run_us, 0, 9223372036854775807)?;
        if let Some(item0) = &self.version {
            check::text("version", item0, 1, 128)?;
        }
        Ok(())
    }
}

fn default_result_batch_v() -> u8 {
    1
}
/// Every result of one partition that a worker had when it published: group commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultBatch {
    #[serde(default = "default_result_batch_v")]
    pub v: u8,
    pub worker: String,
    pub results: Vec<TaskResult>,
}

impl Default for ResultBatch {
    fn default() -> Self {
        Self {
            v: default_result_batch_v(),
            worker: Default::default(),
            results: Default::default(),
        }
    }
}

impl Bounded for ResultBatch {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("worker", &self.worker, 1, 128)?;
        check::count("results", self.results.len(), 0, 4096)?;
        for item0 in &self.results {
            item0.check()?;
        }
        Ok(())
    }
}

/// Try again, `delay_ms` after the fold time of this event. The jitter is already in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    #[serde(default)]
    pub delay_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            delay_ms: Default::default(),
        }
    }
}

impl Bounded for Retry {
    fn check(&self) -> Verdict {
        check::range("delay_ms", self.delay_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}

/// Go on with the `index`-th fallback of the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fallback {
    pub index: u32,
}

impl Default for Fallback {
    fn default() -> Self {
        Self {
            index: Default::default(),
        }
    }
}

impl Bounded for Fallback {
    fn check(&self) -> Verdict {
        check::range("index", self.index, 0, 255)?;
        Ok(())
    }
}

/// The task is skipped, and what hangs on it by hard edges with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skip {}

impl Default for Skip {
    fn default() -> Self {
        Self {}
    }
}

impl Bounded for Skip {
    fn check(&self) -> Verdict {
        Ok(())
    }
}

/// The task has failed; what hangs on it goes on with null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Continue {}

impl Default for Continue {
    fn default() -> Self {
        Self {}
    }
}

impl Bounded for Continue {
    fn check(&self) -> Verdict {
        Ok(())
    }
}

/// The task has failed, and the run with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fail {}

impl Default for Fail {
    fn default() -> Self {
        Self {}
    }
}

impl Bounded for Fail {
    fn check(&self) -> Verdict {
        Ok(())
    }
}

fn default_lost_begun() -> bool {
    true
}
fn default_lost_attempts() -> u32 {
    1
}
/// The attempt will never answer (its worker is gone, or never told): a failure of kind `lost`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lost {
    #[serde(default)]
    pub message: String,
    #[serde(default = "default_lost_begun")]
    pub begun: bool,
    #[serde(default = "default_lost_attempts")]
    pub attempts: u32,
}

impl Default for Lost {
    fn default() -> Self {
        Self {
            message: Default::default(),
            begun: default_lost_begun(),
            attempts: default_lost_attempts(),
        }
    }
}

impl Bounded for Lost {
    fn check(&self) -> Verdict {
        check::text("message", &self.message, 0, 4096)?;
        check::range("attempts", self.attempts, 1, 1000)?;
        Ok(())
    }
}

/// The ledger granted what a run waited for: it holds over several tasks, which may begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acquired {
    pub token: u64,
}

impl Default for Acquired {
    fn default() -> Self {
        Self {
            token: Default::default(),
        }
    }
}

impl Bounded for Acquired {
    fn check(&self) -> Verdict {
        check::range("token", self.token, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_decided_try() -> u32 {
    1
}
fn default_decided_policy() -> String {
    "rules".to_owned()
}
fn default_decided_probability() -> f64 {
    1.0
}
/// A choice that the fold must see again at replay. The first of a try wins.
///
/// `policy` names the policy and its version, `probability` is what it gave the choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    pub run: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_decided_try")]
    pub r#try: u32,
    pub action: Action,
    #[serde(default = "default_decided_policy")]
    pub policy: String,
    #[serde(default = "default_decided_probability")]
    pub probability: f64,
    #[serde(default)]
    pub reason: String,
}

impl Default for Decided {
    fn default() -> Self {
        Self {
            run: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_decided_try(),
            action: Default::default(),
            policy: default_decided_policy(),
            probability: default_decided_probability(),
            reason: Default::default(),
        }
    }
}

impl Bounded for Decided {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        self.action.check()?;
        check::text("policy", &self.policy, 1, 128)?;
        check::finite("probability", self.probability)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_decided_batch_v() -> u8 {
    1
}
/// Decisions of one beat. An `epoch` below the partition's owner's is ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecidedBatch {
    #[serde(default = "default_decided_batch_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub decisions: Vec<Decided>,
}

impl Default for DecidedBatch {
    fn default() -> Self {
        Self {
            v: default_decided_batch_v(),
            partition: Default::default(),
            epoch: Default::default(),
            decisions: Default::default(),
        }
    }
}

impl Bounded for DecidedBatch {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::count("decisions", self.decisions.len(), 0, 4096)?;
        for item0 in &self.decisions {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_due_v() -> u8 {
    1
}
/// Time came: the fold releases every timer due at or before the broker's time stamp of this event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Due {
    #[serde(default = "default_due_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub at_ms: u64,
}

impl Default for Due {
    fn default() -> Self {
        Self {
            v: default_due_v(),
            partition: Default::default(),
            epoch: Default::default(),
            at_ms: Default::default(),
        }
    }
}

impl Bounded for Due {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("at_ms", self.at_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_supplied_v() -> u8 {
    1
}
fn default_supplied_count() -> u32 {
    1
}
/// A piece of an artifact that a map goes over. It stands in the log, so that replay needs no other store.
///
/// `missing`, with no data, says that the artifact cannot be had: the maps that wait for it fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Supplied {
    #[serde(default = "default_supplied_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub digest: String,
    #[serde(default)]
    pub index: u64,
    #[serde(default = "default_supplied_count")]
    pub count: u32,
    #[serde(default)]
    pub data: Payload,
    #[serde(default)]
    pub missing: bool,
}

impl Default for Supplied {
    fn default() -> Self {
        Self {
            v: default_supplied_v(),
            partition: Default::default(),
            epoch: Default::default(),
            digest: Default::default(),
            index: Default::default(),
            count: default_supplied_count(),
            data: Default::default(),
            missing: Default::default(),
        }
    }
}

impl Bounded for Supplied {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::digest("digest", &self.digest)?;
        check::range("index", self.index, 0, 9223372036854775807)?;
        check::range("count", self.count, 1, 64)?;
        check::bytes("data", self.data.len(), 1048576)?;
        Ok(())
    }
}

fn default_resolved_v() -> u8 {
    1
}
fn default_resolved_version() -> String {
    "0.0.0".to_owned()
}
/// The registered workflow that a task named by a name and a range of versions: it stands in the log, so that a replay
/// sees the same. With `missing` there is none that fits, and `why` says so.
///
/// `document` is canonical JSON, zstd-compressed, as in a submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    #[serde(default = "default_resolved_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub tenant: String,
    pub name: String,
    #[serde(default)]
    pub range: String,
    #[serde(default = "default_resolved_version")]
    pub version: String,
    #[serde(default)]
    pub document: Payload,
    #[serde(default)]
    pub missing: bool,
    #[serde(default)]
    pub why: String,
}

impl Default for Resolved {
    fn default() -> Self {
        Self {
            v: default_resolved_v(),
            partition: Default::default(),
            epoch: Default::default(),
            tenant: Default::default(),
            name: Default::default(),
            range: Default::default(),
            version: default_resolved_version(),
            document: Default::default(),
            missing: Default::default(),
            why: Default::default(),
        }
    }
}

impl Bounded for Resolved {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("name", &self.name, 1, 128)?;
        check::text("range", &self.range, 0, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::bytes("document", self.document.len(), 786432)?;
        check::text("why", &self.why, 0, 4096)?;
        Ok(())
    }
}

/// A version of a function that a worker serves, and what a second of it costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    pub capability: String,
    pub version: String,
    #[serde(default)]
    pub cost_per_second: f64,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            capability: Default::default(),
            version: Default::default(),
            cost_per_second: Default::default(),
        }
    }
}

impl Bounded for Serving {
    fn check(&self) -> Verdict {
        check::text("capability", &self.capability, 1, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::finite("cost_per_second", self.cost_per_second)?;
        Ok(())
    }
}

fn default_served_v() -> u8 {
    1
}
/// The versions of functions that workers serve, all of them, whenever they have changed: by the newest that fits is
/// told whether an earlier result can be used again, and by the cost what a run has spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Served {
    #[serde(default = "default_served_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    #[serde(default)]
    pub functions: Vec<Serving>,
}

impl Default for Served {
    fn default() -> Self {
        Self {
            v: default_served_v(),
            partition: Default::default(),
            epoch: Default::default(),
            functions: Default::default(),
        }
    }
}

impl Bounded for Served {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::count("functions", self.functions.len(), 0, 4096)?;
        for item0 in &self.functions {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_recalled_v() -> u8 {
    1
}
/// A run that was archived, for a client who asked it to go on: as its tracker kept it when it was archived. It stands
/// in the log, so that a replay needs no archive. Without a `state` it cannot go on, and `why` says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recalled {
    #[serde(default = "default_recalled_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub run: String,
    #[serde(default)]
    pub state: Payload,
    #[serde(default)]
    pub why: String,
}

impl Default for Recalled {
    fn default() -> Self {
        Self {
            v: default_recalled_v(),
            partition: Default::default(),
            epoch: Default::default(),
            run: Default::default(),
            state: Default::default(),
            why: Default::default(),
        }
    }
}

impl Bounded for Recalled {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::run_id("run", &self.run)?;
        check::bytes("state", self.state.len(), 2097152)?;
        check::text("why", &self.why, 0, 4096)?;
        Ok(())
    }
}

fn default_happened_v() -> u8 {
    1
}
fn default_happened_value() -> Payload {
    Payload::from_static(&[192])
}
/// An event of `SYM_EVENTS` that runs of the partition wait for. `sequence` and `at_ms` are that stream's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    #[serde(default = "default_happened_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub name: String,
    pub sequence: u64,
    pub at_ms: u64,
    #[serde(default = "default_happened_value")]
    pub value: Payload,
}

impl Default for Happened {
    fn default() -> Self {
        Self {
            v: default_happened_v(),
            partition: Default::default(),
            epoch: Default::default(),
            name: Default::default(),
            sequence: Default::default(),
            at_ms: Default::default(),
            value: default_happened_value(),
        }
    }
}

impl Bounded for Happened {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::text("name", &self.name, 1, 128)?;
        check::range("sequence", self.sequence, 0, 9223372036854775807)?;
        check::range("at_ms", self.at_ms, 0, 9223372036854775807)?;
        check::bytes("value", self.value.len(), 4194304)?;
        Ok(())
    }
}

/// A run that the fold failed on, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quarantine {
    pub run: String,
    #[serde(default)]
    pub reason: String,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            run: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for Quarantine {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_quarantined_batch_v() -> u8 {
    1
}
/// Runs end as failed, with kind `internal`: the fold cannot go on with them, and says so in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuarantinedBatch {
    #[serde(default = "default_quarantined_batch_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub runs: Vec<Quarantine>,
}

impl Default for QuarantinedBatch {
    fn default() -> Self {
        Self {
            v: default_quarantined_batch_v(),
            partition: Default::default(),
            epoch: Default::default(),
            runs: Default::default(),
        }
    }
}

impl Bounded for QuarantinedBatch {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::count("runs", self.runs.len(), 0, 4096)?;
        for item0 in &self.runs {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_fold_version_v() -> u8 {
    1
}
/// From this event on the partition is folded by rules of this version (rule 12). Its owner writes it once every tracker
/// that lives has announced that it knows them; a tracker that does not know them folds no further.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldVersion {
    #[serde(default = "default_fold_version_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub version: u32,
}

impl Default for FoldVersion {
    fn default() -> Self {
        Self {
            v: default_fold_version_v(),
            partition: Default::default(),
            epoch: Default::default(),
            version: 1,
        }
    }
}

impl Bounded for FoldVersion {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("version", self.version, 1, 65535)?;
        Ok(())
    }
}

fn default_owner_v() -> u8 {
    1
}
/// A conductor took the partition. Every later write of it expects this event's sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    #[serde(default = "default_owner_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub conductor: String,
}

impl Default for Owner {
    fn default() -> Self {
        Self {
            v: default_owner_v(),
            partition: Default::default(),
            epoch: Default::default(),
            conductor: Default::default(),
        }
    }
}

impl Bounded for Owner {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        Ok(())
    }
}

/// Tagged by `is`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", try_from = "RawOutcome")]
pub enum Outcome {
    #[serde(rename = "succeeded")]
    Succeeded(Succeeded),
    #[serde(rename = "failed")]
    Failed(Failed),
    #[serde(rename = "cancelled")]
    Cancelled(Cancelled),
}

#[derive(Deserialize)]
struct RawOutcome {
    is: String,
    #[serde(default)]
    output: Option<Payload>,
    #[serde(default)]
    error: Option<ErrorValue>,
}

impl TryFrom<RawOutcome> for Outcome {
    type Error = &'static str;

    fn try_from(raw: RawOutcome) -> Result<Self, Self::Error> {
        match raw.is.as_str() {
            "succeeded" => Ok(Outcome::Succeeded(Succeeded {
                output: raw.output.unwrap_or_else(|| Succeeded::default().output),
            })),
            "failed" => Ok(Outcome::Failed(Failed {
                error: raw.error.ok_or("missing field `error`")?,
            })),
            "cancelled" => Ok(Outcome::Cancelled(Cancelled {})),
            _ => Err("unknown tag"),
        }
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Outcome::Succeeded(Succeeded::default())
    }
}

impl Bounded for Outcome {
    fn check(&self) -> Verdict {
        match self {
            Outcome::Succeeded(inner) => inner.check(),
            Outcome::Failed(inner) => inner.check(),
            Outcome::Cancelled(inner) => inner.check(),
        }
    }
}

/// Tagged by `is`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", try_from = "RawAction")]
pub enum Action {
    #[serde(rename = "retry")]
    Retry(Retry),
    #[serde(rename = "fallback")]
    Fallback(Fallback),
    #[serde(rename = "skip")]
    Skip(Skip),
    #[serde(rename = "continue")]
    Continue(Continue),
    #[serde(rename = "fail")]
    Fail(Fail),
    #[serde(rename = "lost")]
    Lost(Lost),
    #[serde(rename = "acquired")]
    Acquired(Acquired),
}

#[derive(Deserialize)]
struct RawAction {
    is: String,
    #[serde(default)]
    delay_ms: Option<u64>,
    #[serde(default)]
    index: Option<u32>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    begun: Option<bool>,
    #[serde(default)]
    attempts: Option<u32>,
    #[serde(default)]
    token: Option<u64>,
}

impl TryFrom<RawAction> for Action {
    type Error = &'static str;

    fn try_from(raw: RawAction) -> Result<Self, Self::Error> {
        match raw.is.as_str() {
            "retry" => Ok(Action::Retry(Retry {
                delay_ms: raw.delay_ms.unwrap_or_else(|| Retry::default().delay_ms),
            })),
            "fallback" => Ok(Action::Fallback(Fallback {
                index: raw.index.ok_or("missing field `index`")?,
            })),
            "skip" => Ok(Action::Skip(Skip {})),
            "continue" => Ok(Action::Continue(Continue {})),
            "fail" => Ok(Action::Fail(Fail {})),
            "lost" => Ok(Action::Lost(Lost {
                message: raw.message.unwrap_or_else(|| Lost::default().message),
                begun: raw.begun.unwrap_or_else(|| Lost::default().begun),
                attempts: raw.attempts.unwrap_or_else(|| Lost::default().attempts),
            })),
            "acquired" => Ok(Action::Acquired(Acquired {
                token: raw.token.ok_or("missing field `token`")?,
            })),
            _ => Err("unknown tag"),
        }
    }
}

impl Default for Action {
    fn default() -> Self {
        Action::Retry(Retry::default())
    }
}

impl Bounded for Action {
    fn check(&self) -> Verdict {
        match self {
            Action::Retry(inner) => inner.check(),
            Action::Fallback(inner) => inner.check(),
            Action::Skip(inner) => inner.check(),
            Action::Continue(inner) => inner.check(),
            Action::Fail(inner) => inner.check(),
            Action::Lost(inner) => inner.check(),
            Action::Acquired(inner) => inner.check(),
        }
    }
}
