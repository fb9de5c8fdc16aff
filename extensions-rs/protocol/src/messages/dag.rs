// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! What is asked of the DAG Tracker: `sym.pit.dag.<operation>...`. None of it is on the path of a step.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_check_v() -> u8 {
    1
}
fn default_check_functions_known() -> bool {
    true
}
/// Is this document (zstd of canonical JSON) one that can run? With `inputs`, are they what it declares?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    #[serde(default = "default_check_v")]
    pub v: u8,
    pub document: Payload,
    #[serde(default)]
    pub inputs: Option<Payload>,
    #[serde(default = "default_check_functions_known")]
    pub functions_known: bool,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            v: default_check_v(),
            document: Default::default(),
            inputs: Default::default(),
            functions_known: default_check_functions_known(),
        }
    }
}

impl Bounded for Check {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::bytes("document", self.document.len(), 786432)?;
        if let Some(item0) = &self.inputs {
            check::bytes("inputs", item0.len(), 4194304)?;
        }
        Ok(())
    }
}

fn default_problem_kind() -> String {
    "invalid_workflow".to_owned()
}
/// What is wrong, where (a JSON pointer into the document, and a column inside its text), and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    pub at: String,
    pub message: String,
    #[serde(default)]
    pub remedy: String,
    #[serde(default)]
    pub column: Option<u64>,
    #[serde(default = "default_problem_kind")]
    pub kind: String,
}

impl Default for Problem {
    fn default() -> Self {
        Self {
            at: Default::default(),
            message: Default::default(),
            remedy: Default::default(),
            column: Default::default(),
            kind: default_problem_kind(),
        }
    }
}

impl Bounded for Problem {
    fn check(&self) -> Verdict {
        check::text("at", &self.at, 0, 4096)?;
        check::text("message", &self.message, 0, 4096)?;
        check::text("remedy", &self.remedy, 0, 4096)?;
        if let Some(item0) = &self.column {
            check::range("column", *item0, 0, 9223372036854775807)?;
        }
        check::text("kind", &self.kind, 1, 128)?;
        Ok(())
    }
}

fn default_checked_v() -> u8 {
    1
}
/// The answer to `Check`. No problems: it can run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    #[serde(default = "default_checked_v")]
    pub v: u8,
    #[serde(default)]
    pub workflow: Option<String>,
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default)]
    pub digest: Option<String>,
    #[serde(default)]
    pub tasks: u64,
    #[serde(default)]
    pub inputs: BTreeMap<String, Parameter>,
    #[serde(default)]
    pub problems: Vec<Problem>,
}

impl Default for Checked {
    fn default() -> Self {
        Self {
            v: default_checked_v(),
            workflow: Default::default(),
            version: Default::default(),
            digest: Default::default(),
            tasks: Default::default(),
            inputs: Default::default(),
            problems: Default::default(),
        }
    }
}

impl Bounded for Checked {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.workflow {
            check::text("workflow", item0, 1, 128)?;
        }
        if let Some(item0) = &self.version {
            check::text("version", item0, 1, 128)?;
        }
        if let Some(item0) = &self.digest {
            check::text("digest", item0, 1, 128)?;
        }
        check::range("tasks", self.tasks, 0, 9223372036854775807)?;
        check::count("inputs", self.inputs.len(), 0, 256)?;
        for item0 in self.inputs.values() {
            item0.check()?;
        }
        check::count("problems", self.problems.len(), 0, 4096)?;
        for item0 in &self.problems {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_show_v() -> u8 {
    1
}
/// The state of a run; its nodes from `cursor` on where `nodes` is set. With `at` as it was once the event of the log
/// with that sequence was folded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Show {
    #[serde(default = "default_show_v")]
    pub v: u8,
    pub run: String,
    #[serde(default)]
    pub nodes: bool,
    #[serde(default)]
    pub values: bool,
    #[serde(default)]
    pub cursor: u64,
    #[serde(default)]
    pub at: Option<u64>,
}

impl Default for Show {
    fn default() -> Self {
        Self {
            v: default_show_v(),
            run: Default::default(),
            nodes: Default::default(),
            values: Default::default(),
            cursor: Default::default(),
            at: Default::default(),
        }
    }
}

impl Bounded for Show {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::range("cursor", self.cursor, 0, 9223372036854775807)?;
        if let Some(item0) = &self.at {
            check::range("at", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

/// One executed task; a map's items are nodes of their own. Inputs and outputs only when asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    pub task: String,
    #[serde(default)]
    pub capability: Option<String>,
    pub status: String,
    #[serde(default)]
    pub attempts: u64,
    #[serde(default)]
    pub worker: Option<String>,
    #[serde(default)]
    pub queued_us: u64,
    #[serde(default)]
    pub run_us: u64,
    #[serde(default)]
    pub ready_at_ms: Option<u64>,
    #[serde(default)]
    pub ended_at_ms: Option<u64>,
    #[serde(default)]
    pub error: Option<ErrorValue>,
    #[serde(default)]
    pub child: Option<String>,
    #[serde(default)]
    pub inputs: Option<Payload>,
    #[serde(default)]
    pub outputs: Option<Payload>,
    #[serde(default)]
    pub keys: Vec<String>,
    #[serde(default)]
    pub requires: Option<Requires>,
}

impl Default for NodeView {
    fn default() -> Self {
        Self {
            task: Default::default(),
            capability: Default::default(),
            status: Default::default(),
            attempts: Default::default(),
            worker: Default::default(),
            queued_us: Default::default(),
            run_us: Default::default(),
            ready_at_ms: Default::default(),
            ended_at_ms: Default::default(),
            error: Default::default(),
            child: Default::default(),
            inputs: Default::default(),
            outputs: Default::default(),
            keys: Default::default(),
            requires: Default::default(),
        }
    }
}

impl Bounded for NodeView {
    fn check(&self) -> Verdict {
        check::text("task", &self.task, 1, 512)?;
        if let Some(item0) = &self.capability {
            check::text("capability", item0, 1, 128)?;
        }
        check::text("status", &self.status, 1, 128)?;
        check::range("attempts", self.attempts, 0, 9223372036854775807)?;
        if let Some(item0) = &self.worker {
            check::text("worker", item0, 1, 128)?;
        }
        check::range("queued_us", self.queued_us, 0, 9223372036854775807)?;
        check::range("run_us", self.run_us, 0, 9223372036854775807)?;
        if let Some(item0) = &self.ready_at_ms {
            check::range("ready_at_ms", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.ended_at_ms {
            check::range("ended_at_ms", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.error {
            item0.check()?;
        }
        if let Some(item0) = &self.child {
            check::run_id("child", item0)?;
        }
        if let Some(item0) = &self.inputs {
            check::bytes("inputs", item0.len(), 4194304)?;
        }
        if let Some(item0) = &self.outputs {
            check::bytes("outputs", item0.len(), 4194304)?;
        }
        check::count("keys", self.keys.len(), 0, 8)?;
        for item0 in &self.keys {
            check::text("keys", item0, 1, 128)?;
        }
        if let Some(item0) = &self.requires {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_run_view_v() -> u8 {
    1
}
fn default_run_view_found() -> bool {
    true
}
fn default_run_view_status() -> String {
    "queued".to_owned()
}
/// A run, live or ended but not yet archived. `found` false: the tracker does not know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    #[serde(default = "default_run_view_v")]
    pub v: u8,
    #[serde(default = "default_run_view_found")]
    pub found: bool,
    pub run: String,
    #[serde(default)]
    pub tenant: Option<String>,
    #[serde(default)]
    pub workflow: Option<String>,
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default = "default_run_view_status")]
    pub status: String,
    #[serde(default)]
    pub inputs: Option<Payload>,
    #[serde(default)]
    pub outputs: Option<Payload>,
    #[serde(default)]
    pub error: Option<ErrorValue>,
    #[serde(default)]
    pub tasks: TaskCounts,
    #[serde(default)]
    pub submitted_at_ms: u64,
    #[serde(default)]
    pub ended_at_ms: Option<u64>,
    #[serde(default)]
    pub duration_us: u64,
    #[serde(default)]
    pub function_us: u64,
    #[serde(default)]
    pub trace: Option<Trace>,
    #[serde(default)]
    pub parent: Option<String>,
    #[serde(default)]
    pub nodes: Vec<NodeView>,
    #[serde(default)]
    pub next: Option<u64>,
}

impl Default for RunView {
    fn default() -> Self {
        Self {
            v: default_run_view_v(),
            found: default_run_view_found(),
            run: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            version: Default::default(),
            status: default_run_view_status(),
            inputs: Default::default(),
            outputs: Default::default(),
            error: Default::default(),
            tasks: Default::default(),
            submitted_at_ms: Default::default(),
            ended_at_ms: Default::default(),
            duration_us: Default::default(),
            function_us: Default::default(),
            trace: Default::default(),
            parent: Default::default(),
            nodes: Default::default(),
            next: Default::default(),
        }
    }
}

impl Bounded for RunView {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        if let Some(item0) = &self.tenant {
            check::text("tenant", item0, 1, 128)?;
        }
        if let Some(item0) = &self.workflow {
            check::text("workflow", item0, 1, 128)?;
        }
        if let Some(item0) = &self.version {
            check::text("version", item0, 1, 128)?;
        }
        check::text("status", &self.status, 1, 128)?;
        if let Some(item0) = &self.inputs {
            check::bytes("inputs", item0.len(), 4194304)?;
        }
        if let Some(item0) = &self.outputs {
            check::bytes("outputs", item0.len(), 4194304)?;
        }
        if let Some(item0) = &self.error {
            item0.check()?;
        }
        self.tasks.check()?;
        check::range("submitted_at_ms", self.submitted_at_ms, 0, 9223372036854775807)?;
        if let Some(item0) = &self.ended_at_ms {
            check::range("ended_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::range("duration_us", self.duration_us, 0, 9223372036854775807)?;
        check::range("function_us", self.function_us, 0, 9223372036854775807)?;
        if let Some(item0) = &self.parent {
            check::run_id("parent", item0)?;
        }
        check::count("nodes", self.nodes.len(), 0, 4096)?;
        for item0 in &self.nodes {
            item0.check()?;
        }
        if let Some(item0) = &self.next {
            check::range("next", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_list_runs_v() -> u8 {
    1
}
fn default_list_runs_limit() -> u32 {
    100
}
/// Live runs, newest first. `tag` is `name=value`; `text` is looked for in identifier, workflow and error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListRuns {
    #[serde(default = "default_list_runs_v")]
    pub v: u8,
    #[serde(default)]
    pub workflow: Option<String>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub tag: Option<String>,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub since_ms: Option<u64>,
    #[serde(default)]
    pub until_ms: Option<u64>,
    #[serde(default = "default_list_runs_limit")]
    pub limit: u32,
    #[serde(default)]
    pub cursor: u64,
}

impl Default for ListRuns {
    fn default() -> Self {
        Self {
            v: default_list_runs_v(),
            workflow: Default::default(),
            status: Default::default(),
            tag: Default::default(),
            text: Default::default(),
            since_ms: Default::default(),
            until_ms: Default::default(),
            limit: default_list_runs_limit(),
            cursor: Default::default(),
        }
    }
}

impl Bounded for ListRuns {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.workflow {
            check::text("workflow", item0, 1, 128)?;
        }
        if let Some(item0) = &self.status {
            check::text("status", item0, 1, 128)?;
        }
        if let Some(item0) = &self.tag {
            check::text("tag", item0, 0, 4096)?;
        }
        if let Some(item0) = &self.text {
            check::text("text", item0, 0, 4096)?;
        }
        if let Some(item0) = &self.since_ms {
            check::range("since_ms", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.until_ms {
            check::range("until_ms", *item0, 0, 9223372036854775807)?;
        }
        check::range("limit", self.limit, 1, 1000)?;
        check::range("cursor", self.cursor, 0, 9223372036854775807)?;
        Ok(())
    }
}

/// A line of a list of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    pub run: String,
    pub tenant: String,
    pub workflow: String,
    pub version: String,
    pub status: String,
    #[serde(default)]
    pub tasks: TaskCounts,
    #[serde(default)]
    pub submitted_at_ms: u64,
    #[serde(default)]
    pub ended_at_ms: Option<u64>,
    #[serde(default)]
    pub duration_us: u64,
    #[serde(default)]
    pub parent: Option<String>,
}

impl Default for RunSummary {
    fn default() -> Self {
        Self {
            run: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            version: Default::default(),
            status: Default::default(),
            tasks: Default::default(),
            submitted_at_ms: Default::default(),
            ended_at_ms: Default::default(),
            duration_us: Default::default(),
            parent: Default::default(),
        }
    }
}

impl Bounded for RunSummary {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::text("status", &self.status, 1, 128)?;
        self.tasks.check()?;
        check::range("submitted_at_ms", self.submitted_at_ms, 0, 9223372036854775807)?;
        if let Some(item0) = &self.ended_at_ms {
            check::range("ended_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::range("duration_us", self.duration_us, 0, 9223372036854775807)?;
        if let Some(item0) = &self.parent {
            check::run_id("parent", item0)?;
        }
        Ok(())
    }
}

fn default_run_list_v() -> u8 {
    1
}
/// A page of runs; `next` is the cursor of the page that follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunList {
    #[serde(default = "default_run_list_v")]
    pub v: u8,
    #[serde(default)]
    pub runs: Vec<RunSummary>,
    #[serde(default)]
    pub next: Option<u64>,
}

impl Default for RunList {
    fn default() -> Self {
        Self {
            v: default_run_list_v(),
            runs: Default::default(),
            next: Default::default(),
        }
    }
}

impl Bounded for RunList {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("runs", self.runs.len(), 0, 4096)?;
        for item0 in &self.runs {
            item0.check()?;
        }
        if let Some(item0) = &self.next {
            check::range("next", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_history_v() -> u8 {
    1
}
/// What happened to a run, event by event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    #[serde(default = "default_history_v")]
    pub v: u8,
    pub run: String,
    #[serde(default)]
    pub cursor: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            v: default_history_v(),
            run: Default::default(),
            cursor: Default::default(),
        }
    }
}

impl Bounded for History {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::range("cursor", self.cursor, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_history_entry_accepted() -> bool {
    true
}
/// One event as the fold took it. `sequence` is the log's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub sequence: u64,
    pub at_ms: u64,
    pub event: String,
    #[serde(default)]
    pub task: Option<String>,
    #[serde(default)]
    pub attempt: Option<u64>,
    #[serde(default = "default_history_entry_accepted")]
    pub accepted: bool,
    #[serde(default)]
    pub by: String,
    #[serde(default)]
    pub detail: String,
}

impl Default for HistoryEntry {
    fn default() -> Self {
        Self {
            sequence: Default::default(),
            at_ms: Default::default(),
            event: Default::default(),
            task: Default::default(),
            attempt: Default::default(),
            accepted: default_history_entry_accepted(),
            by: Default::default(),
            detail: Default::default(),
        }
    }
}

impl Bounded for HistoryEntry {
    fn check(&self) -> Verdict {
        check::range("sequence", self.sequence, 0, 9223372036854775807)?;
        check::range("at_ms", self.at_ms, 0, 9223372036854775807)?;
        check::text("event", &self.event, 1, 128)?;
        if let Some(item0) = &self.task {
            check::text("task", item0, 1, 512)?;
        }
        if let Some(item0) = &self.attempt {
            check::range("attempt", *item0, 0, 9223372036854775807)?;
        }
        check::text("by", &self.by, 0, 4096)?;
        check::text("detail", &self.detail, 0, 4096)?;
        Ok(())
    }
}

fn default_history_page_v() -> u8 {
    1
}
fn default_history_page_found() -> bool {
    true
}
/// A page of a run's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    #[serde(default = "default_history_page_v")]
    pub v: u8,
    #[serde(default = "default_history_page_found")]
    pub found: bool,
    #[serde(default)]
    pub entries: Vec<HistoryEntry>,
    #[serde(default)]
    pub next: Option<u64>,
}

impl Default for HistoryPage {
    fn default() -> Self {
        Self {
            v: default_history_page_v(),
            found: default_history_page_found(),
            entries: Default::default(),
            next: Default::default(),
        }
    }
}

impl Bounded for HistoryPage {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("entries", self.entries.len(), 0, 4096)?;
        for item0 in &self.entries {
            item0.check()?;
        }
        if let Some(item0) = &self.next {
            check::range("next", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_export_v() -> u8 {
    1
}
/// `sym.pit.dag.export.<partition>`: the records of ended runs, for the archive. The reply holds what fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Export {
    #[serde(default = "default_export_v")]
    pub v: u8,
    pub partition: u32,
    pub runs: Vec<String>,
}

impl Default for Export {
    fn default() -> Self {
        Self {
            v: default_export_v(),
            partition: Default::default(),
            runs: Default::default(),
        }
    }
}

impl Bounded for Export {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::count("runs", self.runs.len(), 0, 4096)?;
        for item0 in &self.runs {
            check::run_id("runs", item0)?;
        }
        Ok(())
    }
}

fn default_archive_record_history() -> Payload {
    Payload::from_static(&[144])
}
/// All that is kept of an ended run: enough to show it, to trace it and to learn from it.
///
/// `view` is the encoded `RunView` with nodes and values, `history` the encoded list of `HistoryEntry`. `artifacts` are the
/// digests that the run names, or `*` alone where they are more than fit. `state` is a run that did not succeed as its
/// tracker keeps it, by which it can go on; empty where it is over `RUN_STATE_BYTES_MAX`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchiveRecord {
    pub summary: RunSummary,
    #[serde(default)]
    pub error_kind: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub artifacts: Vec<String>,
    #[serde(default)]
    pub document_digest: String,
    pub view: Payload,
    #[serde(default = "default_archive_record_history")]
    pub history: Payload,
    #[serde(default)]
    pub state: Payload,
}

impl Default for ArchiveRecord {
    fn default() -> Self {
        Self {
            summary: Default::default(),
            error_kind: Default::default(),
            tags: Default::default(),
            artifacts: Default::default(),
            document_digest: Default::default(),
            view: Default::default(),
            history: default_archive_record_history(),
            state: Default::default(),
        }
    }
}

impl Bounded for ArchiveRecord {
    fn check(&self) -> Verdict {
        self.summary.check()?;
        if let Some(item0) = &self.error_kind {
            check::text("error_kind", item0, 1, 128)?;
        }
        check::count("tags", self.tags.len(), 0, 64)?;
        check::count("artifacts", self.artifacts.len(), 0, 4096)?;
        check::text("document_digest", &self.document_digest, 0, 4096)?;
        check::bytes("view", self.view.len(), 4194304)?;
        check::bytes("history", self.history.len(), 4194304)?;
        check::bytes("state", self.state.len(), 2097152)?;
        Ok(())
    }
}

fn default_archive_batch_v() -> u8 {
    1
}
/// Records for `sym.pit.stale.archive`, and the answer to `Export`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchiveBatch {
    #[serde(default = "default_archive_batch_v")]
    pub v: u8,
    pub partition: u32,
    #[serde(default)]
    pub records: Vec<ArchiveRecord>,
    #[serde(default)]
    pub unknown: Vec<String>,
}

impl Default for ArchiveBatch {
    fn default() -> Self {
        Self {
            v: default_archive_batch_v(),
            partition: Default::default(),
            records: Default::default(),
            unknown: Default::default(),
        }
    }
}

impl Bounded for ArchiveBatch {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::count("records", self.records.len(), 0, 4096)?;
        for item0 in &self.records {
            item0.check()?;
        }
        check::count("unknown", self.unknown.len(), 0, 4096)?;
        for item0 in &self.unknown {
            check::run_id("unknown", item0)?;
        }
        Ok(())
    }
}

fn default_archived_v() -> u8 {
    1
}
/// `sym.log.<partition>.archived`: these are safe elsewhere, and trackers keep tombstones only. An event of the log,
/// so that a standby, a snapshot and a full replay forget the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Archived {
    #[serde(default = "default_archived_v")]
    pub v: u8,
    pub partition: u32,
    #[serde(default)]
    pub epoch: u64,
    pub runs: Vec<String>,
}

impl Default for Archived {
    fn default() -> Self {
        Self {
            v: default_archived_v(),
            partition: Default::default(),
            epoch: Default::default(),
            runs: Default::default(),
        }
    }
}

impl Bounded for Archived {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::count("runs", self.runs.len(), 0, 4096)?;
        for item0 in &self.runs {
            check::run_id("runs", item0)?;
        }
        Ok(())
    }
}

fn default_refers_v() -> u8 {
    1
}
/// `sym.pit.dag.refers.<partition>`: which of these artifacts does a run that is not archived yet refer to?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refers {
    #[serde(default = "default_refers_v")]
    pub v: u8,
    pub partition: u32,
    pub digests: Vec<String>,
}

impl Default for Refers {
    fn default() -> Self {
        Self {
            v: default_refers_v(),
            partition: Default::default(),
            digests: Default::default(),
        }
    }
}

impl Bounded for Refers {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::count("digests", self.digests.len(), 0, 4096)?;
        for item0 in &self.digests {
            check::digest("digests", item0)?;
        }
        Ok(())
    }
}

fn default_referred_v() -> u8 {
    1
}
/// Those that must stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Referred {
    #[serde(default = "default_referred_v")]
    pub v: u8,
    #[serde(default)]
    pub digests: Vec<String>,
}

impl Default for Referred {
    fn default() -> Self {
        Self {
            v: default_referred_v(),
            digests: Default::default(),
        }
    }
}

impl Bounded for Referred {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("digests", self.digests.len(), 0, 4096)?;
        for item0 in &self.digests {
            check::digest("digests", item0)?;
        }
        Ok(())
    }
}

fn default_dag_show_v() -> u8 {
    1
}
fn default_dag_show_emitter() -> bool {
    true
}
fn default_dag_show_fold_version() -> u64 {
    1
}
fn default_dag_show_fold_supports() -> u64 {
    1
}
/// `sym.pit.dag.status.<partition>`: the tracker's own state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DagShow {
    #[serde(default = "default_dag_show_v")]
    pub v: u8,
    pub partition: u32,
    #[serde(default)]
    pub epoch: u64,
    #[serde(default = "default_dag_show_emitter")]
    pub emitter: bool,
    #[serde(default)]
    pub folded: u64,
    #[serde(default)]
    pub live: u64,
    #[serde(default)]
    pub ended: u64,
    #[serde(default)]
    pub open: u64,
    #[serde(default)]
    pub backlog: BTreeMap<String, i64>,
    #[serde(default)]
    pub snapshot_sequence: u64,
    #[serde(default)]
    pub floor: u64,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub owner_epoch: u64,
    #[serde(default = "default_dag_show_fold_version")]
    pub fold_version: u64,
    #[serde(default = "default_dag_show_fold_supports")]
    pub fold_supports: u64,
    #[serde(default)]
    pub live_max: u64,
    #[serde(default)]
    pub memory_bytes: u64,
    #[serde(default)]
    pub memory_high_bytes: u64,
}

impl Default for DagShow {
    fn default() -> Self {
        Self {
            v: default_dag_show_v(),
            partition: Default::default(),
            epoch: Default::default(),
            emitter: default_dag_show_emitter(),
            folded: Default::default(),
            live: Default::default(),
            ended: Default::default(),
            open: Default::default(),
            backlog: Default::default(),
            snapshot_sequence: Default::default(),
            floor: Default::default(),
            owner: Default::default(),
            owner_epoch: Default::default(),
            fold_version: default_dag_show_fold_version(),
            fold_supports: default_dag_show_fold_supports(),
            live_max: Default::default(),
            memory_bytes: Default::default(),
            memory_high_bytes: Default::default(),
        }
    }
}

impl Bounded for DagShow {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::range("folded", self.folded, 0, 9223372036854775807)?;
        check::range("live", self.live, 0, 9223372036854775807)?;
        check::range("ended", self.ended, 0, 9223372036854775807)?;
        check::range("open", self.open, 0, 9223372036854775807)?;
        check::count("backlog", self.backlog.len(), 0, 1024)?;
        check::range(
            "snapshot_sequence",
            self.snapshot_sequence,
            0,
            9223372036854775807,
        )?;
        check::range("floor", self.floor, 0, 9223372036854775807)?;
        if let Some(item0) = &self.owner {
            check::text("owner", item0, 1, 128)?;
        }
        check::range("owner_epoch", self.owner_epoch, 0, 9223372036854775807)?;
        check::range("fold_version", self.fold_version, 0, 9223372036854775807)?;
        check::range("fold_supports", self.fold_supports, 0, 9223372036854775807)?;
        check::range("live_max", self.live_max, 0, 9223372036854775807)?;
        check::range("memory_bytes", self.memory_bytes, 0, 9223372036854775807)?;
        check::range(
            "memory_high_bytes",
            self.memory_high_bytes,
            0,
            9223372036854775807,
        )?;
        Ok(())
    }
}
