// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! The Stale Manager's operations: `sym.pit.stale.<operation>`, and the decisions that it exports.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_find_runs_v() -> u8 {
    1
}
fn default_find_runs_limit() -> u32 {
    100
}
/// `sym.pit.stale.list.<tenant>`: archived runs, newest first; `-` as tenant is all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindRuns {
    #[serde(default = "default_find_runs_v")]
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
    #[serde(default = "default_find_runs_limit")]
    pub limit: u32,
    #[serde(default)]
    pub cursor: u64,
}

impl Default for FindRuns {
    fn default() -> Self {
        Self {
            v: default_find_runs_v(),
            workflow: Default::default(),
            status: Default::default(),
            tag: Default::default(),
            text: Default::default(),
            since_ms: Default::default(),
            until_ms: Default::default(),
            limit: default_find_runs_limit(),
            cursor: Default::default(),
        }
    }
}

impl Bounded for FindRuns {
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

fn default_read_run_v() -> u8 {
    1
}
/// `sym.pit.stale.read.<tenant>`: one archived run; with `state` what it can go on by, too.
/// `sym.pit.stale.decisions.<tenant>`: its logged choices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadRun {
    #[serde(default = "default_read_run_v")]
    pub v: u8,
    pub run: String,
    #[serde(default)]
    pub state: bool,
}

impl Default for ReadRun {
    fn default() -> Self {
        Self {
            v: default_read_run_v(),
            run: Default::default(),
            state: Default::default(),
        }
    }
}

impl Bounded for ReadRun {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        Ok(())
    }
}

fn default_archived_run_v() -> u8 {
    1
}
fn default_archived_run_found() -> bool {
    true
}
/// The archived run: `view` is an encoded `RunView`, `history` an encoded list of `HistoryEntry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchivedRun {
    #[serde(default = "default_archived_run_v")]
    pub v: u8,
    #[serde(default = "default_archived_run_found")]
    pub found: bool,
    #[serde(default)]
    pub summary: Option<RunSummary>,
    #[serde(default)]
    pub view: Option<Payload>,
    #[serde(default)]
    pub history: Option<Payload>,
    #[serde(default)]
    pub held: bool,
    #[serde(default)]
    pub expires_at_ms: Option<u64>,
    #[serde(default)]
    pub state: Payload,
}

impl Default for ArchivedRun {
    fn default() -> Self {
        Self {
            v: default_archived_run_v(),
            found: default_archived_run_found(),
            summary: Default::default(),
            view: Default::default(),
            history: Default::default(),
            held: Default::default(),
            expires_at_ms: Default::default(),
            state: Default::default(),
        }
    }
}

impl Bounded for ArchivedRun {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.summary {
            item0.check()?;
        }
        if let Some(item0) = &self.view {
            check::bytes("view", item0.len(), 4194304)?;
        }
        if let Some(item0) = &self.history {
            check::bytes("history", item0.len(), 4194304)?;
        }
        if let Some(item0) = &self.expires_at_ms {
            check::range("expires_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::bytes("state", self.state.len(), 2097152)?;
        Ok(())
    }
}

fn default_hold_v() -> u8 {
    1
}
fn default_hold_held() -> bool {
    true
}
/// `sym.pit.stale.hold`: a legal hold on a run, set or lifted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    #[serde(default = "default_hold_v")]
    pub v: u8,
    pub run: String,
    #[serde(default = "default_hold_held")]
    pub held: bool,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub by: String,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            v: default_hold_v(),
            run: Default::default(),
            held: default_hold_held(),
            reason: Default::default(),
            by: Default::default(),
        }
    }
}

impl Bounded for Hold {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::text("reason", &self.reason, 0, 4096)?;
        check::text("by", &self.by, 0, 4096)?;
        Ok(())
    }
}

fn default_purge_v() -> u8 {
    1
}
/// `sym.pit.stale.purge`: the log of a partition below `floor` is no longer needed.
///
/// The floor is the older of two verified snapshots; `owner` events are never purged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Purge {
    #[serde(default = "default_purge_v")]
    pub v: u8,
    pub partition: u32,
    pub floor: u64,
}

impl Default for Purge {
    fn default() -> Self {
        Self {
            v: default_purge_v(),
            partition: Default::default(),
            floor: Default::default(),
        }
    }
}

impl Bounded for Purge {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("floor", self.floor, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_purged_v() -> u8 {
    1
}
/// How many messages went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Purged {
    #[serde(default = "default_purged_v")]
    pub v: u8,
    #[serde(default)]
    pub messages: u64,
}

impl Default for Purged {
    fn default() -> Self {
        Self {
            v: default_purged_v(),
            messages: Default::default(),
        }
    }
}

impl Bounded for Purged {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("messages", self.messages, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_collect_v() -> u8 {
    1
}
/// `sym.pit.stale.collect`: which of these artifacts may go? `live` are digests that live runs refer to.
///
/// The conductor gathers the list from the store and the live digests from the trackers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collect {
    #[serde(default = "default_collect_v")]
    pub v: u8,
    pub candidates: Vec<String>,
    #[serde(default)]
    pub live: Vec<String>,
    pub now_ms: u64,
}

impl Default for Collect {
    fn default() -> Self {
        Self {
            v: default_collect_v(),
            candidates: Default::default(),
            live: Default::default(),
            now_ms: Default::default(),
        }
    }
}

impl Bounded for Collect {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("candidates", self.candidates.len(), 0, 4096)?;
        for item0 in &self.candidates {
            check::digest("candidates", item0)?;
        }
        check::count("live", self.live.len(), 0, 4096)?;
        for item0 in &self.live {
            check::digest("live", item0)?;
        }
        check::range("now_ms", self.now_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_collected_v() -> u8 {
    1
}
/// Those that nothing needs: no live run, no kept record, no hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collected {
    #[serde(default = "default_collected_v")]
    pub v: u8,
    #[serde(default)]
    pub unreferenced: Vec<String>,
}

impl Default for Collected {
    fn default() -> Self {
        Self {
            v: default_collected_v(),
            unreferenced: Default::default(),
        }
    }
}

impl Bounded for Collected {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("unreferenced", self.unreferenced.len(), 0, 4096)?;
        for item0 in &self.unreferenced {
            check::digest("unreferenced", item0)?;
        }
        Ok(())
    }
}

/// One of the choices a decision had, with its features in the order of the encoder's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub label: String,
    #[serde(default)]
    pub probability: f64,
    #[serde(default)]
    pub features: Vec<f64>,
}

impl Default for Candidate {
    fn default() -> Self {
        Self {
            label: Default::default(),
            probability: Default::default(),
            features: Default::default(),
        }
    }
}

impl Bounded for Candidate {
    fn check(&self) -> Verdict {
        check::text("label", &self.label, 0, 4096)?;
        check::finite("probability", self.probability)?;
        check::count("features", self.features.len(), 0, 256)?;
        for item0 in &self.features {
            check::finite("features", *item0)?;
        }
        Ok(())
    }
}

fn default_decision_try() -> u32 {
    1
}
fn default_decision_policy() -> String {
    "rules".to_owned()
}
/// One choice of the policy, with its alternatives.
///
/// `rationale` says why its tenant and workflow had this turn, where others wanted the same slots: in Arbitration's words
/// where `order` names its decision, else by the shares that the conductor knows itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub at_us: u64,
    pub kind: String,
    #[serde(default)]
    pub run: Option<String>,
    #[serde(default)]
    pub tenant: Option<String>,
    #[serde(default)]
    pub workflow: Option<String>,
    #[serde(default)]
    pub task: Option<String>,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_decision_try")]
    pub r#try: u32,
    #[serde(default)]
    pub capability: Option<String>,
    #[serde(default)]
    pub worker: Option<String>,
    #[serde(default = "default_decision_policy")]
    pub policy: String,
    #[serde(default)]
    pub chosen: u64,
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub order: Option<String>,
    #[serde(default)]
    pub rationale: String,
    #[serde(default)]
    pub waiting: u64,
    #[serde(default)]
    pub free: u64,
}

impl Default for Decision {
    fn default() -> Self {
        Self {
            at_us: Default::default(),
            kind: Default::default(),
            run: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_decision_try(),
            capability: Default::default(),
            worker: Default::default(),
            policy: default_decision_policy(),
            chosen: Default::default(),
            candidates: Default::default(),
            reason: Default::default(),
            order: Default::default(),
            rationale: Default::default(),
            waiting: Default::default(),
            free: Default::default(),
        }
    }
}

impl Bounded for Decision {
    fn check(&self) -> Verdict {
        check::range("at_us", self.at_us, 0, 9223372036854775807)?;
        check::text("kind", &self.kind, 1, 128)?;
        if let Some(item0) = &self.run {
            check::run_id("run", item0)?;
        }
        if let Some(item0) = &self.tenant {
            check::text("tenant", item0, 1, 128)?;
        }
        if let Some(item0) = &self.workflow {
            check::text("workflow", item0, 1, 128)?;
        }
        if let Some(item0) = &self.task {
            check::text("task", item0, 1, 512)?;
        }
        check::range("try", self.r#try, 1, 4294967295)?;
        if let Some(item0) = &self.capability {
            check::text("capability", item0, 1, 128)?;
        }
        if let Some(item0) = &self.worker {
            check::text("worker", item0, 1, 128)?;
        }
        check::text("policy", &self.policy, 1, 128)?;
        check::range("chosen", self.chosen, 0, 9223372036854775807)?;
        check::count("candidates", self.candidates.len(), 0, 64)?;
        for item0 in &self.candidates {
            item0.check()?;
        }
        check::text("reason", &self.reason, 0, 4096)?;
        if let Some(item0) = &self.order {
            check::text("order", item0, 1, 128)?;
        }
        check::text("rationale", &self.rationale, 0, 4096)?;
        check::range("waiting", self.waiting, 0, 9223372036854775807)?;
        check::range("free", self.free, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_decision_batch_v() -> u8 {
    1
}
/// `sym.decision.<partition>`, written off the path; old ones are dropped by the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionBatch {
    #[serde(default = "default_decision_batch_v")]
    pub v: u8,
    pub partition: u32,
    pub epoch: u64,
    pub conductor: String,
    pub decisions: Vec<Decision>,
}

impl Default for DecisionBatch {
    fn default() -> Self {
        Self {
            v: default_decision_batch_v(),
            partition: Default::default(),
            epoch: Default::default(),
            conductor: Default::default(),
            decisions: Default::default(),
        }
    }
}

impl Bounded for DecisionBatch {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::count("decisions", self.decisions.len(), 0, 4096)?;
        for item0 in &self.decisions {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_run_decisions_v() -> u8 {
    1
}
/// `sym.pit.stale.decisions.<tenant>`, asked with a `ReadRun`: logged choices in which a run went first, oldest first.
///
/// `cut`: there are more, older than what was looked through or above the count of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDecisions {
    #[serde(default = "default_run_decisions_v")]
    pub v: u8,
    #[serde(default)]
    pub decisions: Vec<Decision>,
    #[serde(default)]
    pub cut: bool,
}

impl Default for RunDecisions {
    fn default() -> Self {
        Self {
            v: default_run_decisions_v(),
            decisions: Default::default(),
            cut: Default::default(),
        }
    }
}

impl Bounded for RunDecisions {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("decisions", self.decisions.len(), 0, 256)?;
        for item0 in &self.decisions {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_stale_show_v() -> u8 {
    1
}
/// `sym.pit.stale.show`: what is archived, held and due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StaleShow {
    #[serde(default = "default_stale_show_v")]
    pub v: u8,
    #[serde(default)]
    pub archived: u64,
    #[serde(default)]
    pub held: u64,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub decisions: u64,
    #[serde(default)]
    pub purged: u64,
    #[serde(default)]
    pub collected: u64,
    #[serde(default)]
    pub policy: u64,
    #[serde(default)]
    pub tombstones: u64,
    #[serde(default)]
    pub deleted: u64,
    #[serde(default)]
    pub trail: u64,
}

impl Default for StaleShow {
    fn default() -> Self {
        Self {
            v: default_stale_show_v(),
            archived: Default::default(),
            held: Default::default(),
            bytes: Default::default(),
            decisions: Default::default(),
            purged: Default::default(),
            collected: Default::default(),
            policy: Default::default(),
            tombstones: Default::default(),
            deleted: Default::default(),
            trail: Default::default(),
        }
    }
}

impl Bounded for StaleShow {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("archived", self.archived, 0, 9223372036854775807)?;
        check::range("held", self.held, 0, 9223372036854775807)?;
        check::range("bytes", self.bytes, 0, 9223372036854775807)?;
        check::range("decisions", self.decisions, 0, 9223372036854775807)?;
        check::range("purged", self.purged, 0, 9223372036854775807)?;
        check::range("collected", self.collected, 0, 9223372036854775807)?;
        check::range("policy", self.policy, 0, 9223372036854775807)?;
        check::range("tombstones", self.tombstones, 0, 9223372036854775807)?;
        check::range("deleted", self.deleted, 0, 9223372036854775807)?;
        check::range("trail", self.trail, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_export_trajectories_v() -> u8 {
    1
}
/// `sym.pit.stale.export`: decisions of a time span as JSON lines in the archive's folder, each with the outcome and the
/// worth of its run where that is archived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportTrajectories {
    #[serde(default = "default_export_trajectories_v")]
    pub v: u8,
    #[serde(default)]
    pub since_ms: Option<u64>,
    #[serde(default)]
    pub until_ms: Option<u64>,
}

impl Default for ExportTrajectories {
    fn default() -> Self {
        Self {
            v: default_export_trajectories_v(),
            since_ms: Default::default(),
            until_ms: Default::default(),
        }
    }
}

impl Bounded for ExportTrajectories {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.since_ms {
            check::range("since_ms", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.until_ms {
            check::range("until_ms", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_exported_v() -> u8 {
    1
}
/// Where the trajectories lie, as a path relative to the data folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    #[serde(default = "default_exported_v")]
    pub v: u8,
    pub path: String,
    #[serde(default)]
    pub decisions: u64,
    #[serde(default)]
    pub bytes: u64,
}

impl Default for Exported {
    fn default() -> Self {
        Self {
            v: default_exported_v(),
            path: Default::default(),
            decisions: Default::default(),
            bytes: Default::default(),
        }
    }
}

impl Bounded for Exported {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("path", &self.path, 0, 4096)?;
        check::range("decisions", self.decisions, 0, 9223372036854775807)?;
        check::range("bytes", self.bytes, 0, 9223372036854775807)?;
        Ok(())
    }
}
