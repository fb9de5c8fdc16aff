// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! Retention as operators see it: the policy and what it would do, what a run is worth and why it stays or goes, and the

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_ask_retention_v() -> u8 {
    1
}
/// The values of `AskRetention.action`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AskRetentionAction {
    #[default]
    #[serde(rename = "apply")]
    Apply,

    #[serde(rename = "plan")]
    Plan,

    #[serde(rename = "reset")]
    Reset,

    #[serde(rename = "show")]
    Show,

    #[serde(rename = "try")]
    Try,
}

impl AskRetentionAction {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Plan => "plan",
            Self::Reset => "reset",
            Self::Show => "show",
            Self::Try => "try",
        }
    }
}

fn default_ask_retention_action() -> AskRetentionAction {
    AskRetentionAction::Show
}
fn default_ask_retention_limit() -> u32 {
    100
}
/// `sym.pit.stale.policy`: `show` the policy in force, `plan` what it would do now, `try` what another would
/// do, `apply` another, or `reset` to the configuration's. `expected`: apply only above this version, so that nobody's
/// change is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskRetention {
    #[serde(default = "default_ask_retention_v")]
    pub v: u8,
    #[serde(default = "default_ask_retention_action")]
    pub action: AskRetentionAction,
    #[serde(default)]
    pub document: String,
    #[serde(default)]
    pub expected: Option<u64>,
    #[serde(default)]
    pub reason: String,
    #[serde(default = "default_ask_retention_limit")]
    pub limit: u32,
}

impl Default for AskRetention {
    fn default() -> Self {
        Self {
            v: default_ask_retention_v(),
            action: default_ask_retention_action(),
            document: Default::default(),
            expected: Default::default(),
            reason: Default::default(),
            limit: default_ask_retention_limit(),
        }
    }
}

impl Bounded for AskRetention {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("document", &self.document, 0, 65536)?;
        if let Some(item0) = &self.expected {
            check::range("expected", *item0, 0, 9223372036854775807)?;
        }
        check::text("reason", &self.reason, 0, 4096)?;
        check::range("limit", self.limit, 0, 1000)?;
        Ok(())
    }
}

/// A run that goes: by which rule, and why. `due_at_ms`: until then its tombstone can be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Doomed {
    pub run: String,
    pub tenant: String,
    pub workflow: String,
    pub rule: String,
    pub reason: String,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub value: f64,
    #[serde(default)]
    pub ended_at_ms: u64,
    #[serde(default)]
    pub due_at_ms: Option<u64>,
}

impl Default for Doomed {
    fn default() -> Self {
        Self {
            run: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            rule: Default::default(),
            reason: Default::default(),
            bytes: Default::default(),
            value: Default::default(),
            ended_at_ms: Default::default(),
            due_at_ms: Default::default(),
        }
    }
}

impl Bounded for Doomed {
    fn check(&self) -> Verdict {
        check::run_id("run", &self.run)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::text("rule", &self.rule, 1, 128)?;
        check::text("reason", &self.reason, 0, 4096)?;
        check::range("bytes", self.bytes, 0, 9223372036854775807)?;
        check::finite("value", self.value)?;
        check::range("ended_at_ms", self.ended_at_ms, 0, 9223372036854775807)?;
        if let Some(item0) = &self.due_at_ms {
            check::range("due_at_ms", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

/// What a rule governs, what of it goes, and what it would have go but for a hold, lineage, an undo or value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleEffect {
    pub rule: String,
    #[serde(default)]
    pub runs: u64,
    #[serde(default)]
    pub goes: u64,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub saved: u64,
}

impl Default for RuleEffect {
    fn default() -> Self {
        Self {
            rule: Default::default(),
            runs: Default::default(),
            goes: Default::default(),
            bytes: Default::default(),
            saved: Default::default(),
        }
    }
}

impl Bounded for RuleEffect {
    fn check(&self) -> Verdict {
        check::text("rule", &self.rule, 1, 128)?;
        check::range("runs", self.runs, 0, 9223372036854775807)?;
        check::range("goes", self.goes, 0, 9223372036854775807)?;
        check::range("bytes", self.bytes, 0, 9223372036854775807)?;
        check::range("saved", self.saved, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_retention_show_v() -> u8 {
    1
}
/// The policy in force. After `plan` and `try`: what would go, the first ones by name, and what holds up the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetentionShow {
    #[serde(default = "default_retention_show_v")]
    pub v: u8,
    #[serde(default)]
    pub version: u64,
    #[serde(default)]
    pub document: String,
    #[serde(default)]
    pub applied_at_ms: u64,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub considered: u64,
    #[serde(default)]
    pub going: u64,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub rules: Vec<RuleEffect>,
    #[serde(default)]
    pub goes: Vec<Doomed>,
    #[serde(default)]
    pub saved: BTreeMap<String, i64>,
}

impl Default for RetentionShow {
    fn default() -> Self {
        Self {
            v: default_retention_show_v(),
            version: Default::default(),
            document: Default::default(),
            applied_at_ms: Default::default(),
            reason: Default::default(),
            considered: Default::default(),
            going: Default::default(),
            bytes: Default::default(),
            rules: Default::default(),
            goes: Default::default(),
            saved: Default::default(),
        }
    }
}

impl Bounded for RetentionShow {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("version", self.version, 0, 9223372036854775807)?;
        check::text("document", &self.document, 0, 65536)?;
        check::range("applied_at_ms", self.applied_at_ms, 0, 9223372036854775807)?;
        check::text("reason", &self.reason, 0, 4096)?;
        check::range("considered", self.considered, 0, 9223372036854775807)?;
        check::range("going", self.going, 0, 9223372036854775807)?;
        check::range("bytes", self.bytes, 0, 9223372036854775807)?;
        check::count("rules", self.rules.len(), 0, 258)?;
        for item0 in &self.rules {
            item0.check()?;
        }
        check::count("goes", self.goes.len(), 0, 1000)?;
        for item0 in &self.goes {
            item0.check()?;
        }
        check::count("saved", self.saved.len(), 0, 16)?;
        Ok(())
    }
}

fn default_ask_worth_v() -> u8 {
    1
}
/// `sym.pit.stale.explain`: what an archived run (32 digits) or an artifact (64) is worth, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskWorth {
    #[serde(default = "default_ask_worth_v")]
    pub v: u8,
    pub subject: String,
}

impl Default for AskWorth {
    fn default() -> Self {
        Self {
            v: default_ask_worth_v(),
            subject: Default::default(),
        }
    }
}

impl Bounded for AskWorth {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::capability("subject", &self.subject)?;
        Ok(())
    }
}

fn default_worth_v() -> u8 {
    1
}
fn default_worth_found() -> bool {
    true
}
fn default_worth_alike() -> f64 {
    1.0
}
fn default_worth_verdict() -> String {
    "kept".to_owned()
}
/// The training value of a run, from 0 to 1, with the parts that it is the weighted mean of.
///
/// `parts` and `weights` have `surprise`, `rarity`, `outcome`, `cost`. `verdict`: `kept`, `held`, `lineage`, `undone`,
/// `valued`, `goes` or `tombstoned`. Of an artifact these are the ones of the most valuable run that names it, `run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worth {
    #[serde(default = "default_worth_v")]
    pub v: u8,
    #[serde(default = "default_worth_found")]
    pub found: bool,
    #[serde(default)]
    pub run: Option<String>,
    #[serde(default)]
    pub digest: Option<String>,
    #[serde(default)]
    pub tenant: Option<String>,
    #[serde(default)]
    pub workflow: Option<String>,
    #[serde(default)]
    pub value: f64,
    #[serde(default)]
    pub parts: BTreeMap<String, f64>,
    #[serde(default)]
    pub weights: BTreeMap<String, f64>,
    #[serde(default)]
    pub decisions: u64,
    #[serde(default)]
    pub surprise_bits: f64,
    #[serde(default = "default_worth_alike")]
    pub alike: f64,
    #[serde(default)]
    pub work_us: u64,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub rule: Option<String>,
    #[serde(default = "default_worth_verdict")]
    pub verdict: String,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub due_at_ms: Option<u64>,
    #[serde(default)]
    pub named_by: Vec<String>,
}

impl Default for Worth {
    fn default() -> Self {
        Self {
            v: default_worth_v(),
            found: default_worth_found(),
            run: Default::default(),
            digest: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            value: Default::default(),
            parts: Default::default(),
            weights: Default::default(),
            decisions: Default::default(),
            surprise_bits: Default::default(),
            alike: default_worth_alike(),
            work_us: Default::default(),
            bytes: Default::default(),
            rule: Default::default(),
            verdict: default_worth_verdict(),
            why: Default::default(),
            due_at_ms: Default::default(),
            named_by: Default::default(),
        }
    }
}

impl Bounded for Worth {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.run {
            check::run_id("run", item0)?;
        }
        if let Some(item0) = &self.digest {
            check::digest("digest", item0)?;
        }
        if let Some(item0) = &self.tenant {
            check::text("tenant", item0, 1, 128)?;
        }
        if let Some(item0) = &self.workflow {
            check::text("workflow", item0, 1, 128)?;
        }
        check::finite("value", self.value)?;
        check::count("parts", self.parts.len(), 0, 16)?;
        for item0 in self.parts.values() {
            check::finite("parts", *item0)?;
        }
        check::count("weights", self.weights.len(), 0, 16)?;
        for item0 in self.weights.values() {
            check::finite("weights", *item0)?;
        }
        check::range("decisions", self.decisions, 0, 9223372036854775807)?;
        check::finite("surprise_bits", self.surprise_bits)?;
        check::finite("alike", self.alike)?;
        check::range("work_us", self.work_us, 0, 9223372036854775807)?;
        check::range("bytes", self.bytes, 0, 9223372036854775807)?;
        if let Some(item0) = &self.rule {
            check::text("rule", item0, 1, 128)?;
        }
        check::text("verdict", &self.verdict, 1, 128)?;
        check::text("why", &self.why, 0, 4096)?;
        if let Some(item0) = &self.due_at_ms {
            check::range("due_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::count("named_by", self.named_by.len(), 0, 64)?;
        for item0 in &self.named_by {
            check::run_id("named_by", item0)?;
        }
        Ok(())
    }
}

fn default_ask_tombstones_v() -> u8 {
    1
}
fn default_ask_tombstones_limit() -> u32 {
    100
}
/// `sym.pit.stale.tombstones`: what goes next, the earliest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskTombstones {
    #[serde(default = "default_ask_tombstones_v")]
    pub v: u8,
    #[serde(default = "default_ask_tombstones_limit")]
    pub limit: u32,
}

impl Default for AskTombstones {
    fn default() -> Self {
        Self {
            v: default_ask_tombstones_v(),
            limit: default_ask_tombstones_limit(),
        }
    }
}

impl Bounded for AskTombstones {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("limit", self.limit, 1, 1000)?;
        Ok(())
    }
}

fn default_tombstones_v() -> u8 {
    1
}
/// Tombstones, and how many there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tombstones {
    #[serde(default = "default_tombstones_v")]
    pub v: u8,
    #[serde(default)]
    pub count: u64,
    #[serde(default)]
    pub doomed: Vec<Doomed>,
}

impl Default for Tombstones {
    fn default() -> Self {
        Self {
            v: default_tombstones_v(),
            count: Default::default(),
            doomed: Default::default(),
        }
    }
}

impl Bounded for Tombstones {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("count", self.count, 0, 9223372036854775807)?;
        check::count("doomed", self.doomed.len(), 0, 1000)?;
        for item0 in &self.doomed {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_undo_v() -> u8 {
    1
}
fn default_undo_days() -> f64 {
    7.0
}
/// `sym.pit.stale.undo`: runs whose tombstones are taken back, or `every` one. They stay for `days` whatever the policy
/// says, so that the next look does not doom them again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    #[serde(default = "default_undo_v")]
    pub v: u8,
    #[serde(default)]
    pub runs: Vec<String>,
    #[serde(default)]
    pub every: bool,
    #[serde(default = "default_undo_days")]
    pub days: f64,
}

impl Default for Undo {
    fn default() -> Self {
        Self {
            v: default_undo_v(),
            runs: Default::default(),
            every: Default::default(),
            days: default_undo_days(),
        }
    }
}

impl Bounded for Undo {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("runs", self.runs.len(), 0, 4096)?;
        for item0 in &self.runs {
            check::run_id("runs", item0)?;
        }
        check::finite("days", self.days)?;
        Ok(())
    }
}

fn default_undone_v() -> u8 {
    1
}
/// How many tombstones were taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undone {
    #[serde(default = "default_undone_v")]
    pub v: u8,
    #[serde(default)]
    pub runs: u64,
}

impl Default for Undone {
    fn default() -> Self {
        Self {
            v: default_undone_v(),
            runs: Default::default(),
        }
    }
}

impl Bounded for Undone {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("runs", self.runs, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_erase_tenant_v() -> u8 {
    1
}
/// `sym.pit.stale.erase`: everything that the archive has of a tenant goes now. Refused while one of its runs
/// is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EraseTenant {
    #[serde(default = "default_erase_tenant_v")]
    pub v: u8,
    pub tenant: String,
}

impl Default for EraseTenant {
    fn default() -> Self {
        Self {
            v: default_erase_tenant_v(),
            tenant: Default::default(),
        }
    }
}

impl Bounded for EraseTenant {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        Ok(())
    }
}

fn default_erased_v() -> u8 {
    1
}
/// What went: archived runs, logged decisions, files of exports. `artifacts` no archived run names any more. `entry` is
/// the number of the trail's entry about it, `hash` its hash: the proof, which does not name the tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Erased {
    #[serde(default = "default_erased_v")]
    pub v: u8,
    #[serde(default)]
    pub runs: u64,
    #[serde(default)]
    pub decisions: u64,
    #[serde(default)]
    pub exports: u64,
    #[serde(default)]
    pub artifacts: Vec<String>,
    #[serde(default)]
    pub entry: u64,
    #[serde(default)]
    pub hash: String,
}

impl Default for Erased {
    fn default() -> Self {
        Self {
            v: default_erased_v(),
            runs: Default::default(),
            decisions: Default::default(),
            exports: Default::default(),
            artifacts: Default::default(),
            entry: Default::default(),
            hash: Default::default(),
        }
    }
}

impl Bounded for Erased {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("runs", self.runs, 0, 9223372036854775807)?;
        check::range("decisions", self.decisions, 0, 9223372036854775807)?;
        check::range("exports", self.exports, 0, 9223372036854775807)?;
        check::count("artifacts", self.artifacts.len(), 0, 4096)?;
        for item0 in &self.artifacts {
            check::digest("artifacts", item0)?;
        }
        check::range("entry", self.entry, 0, 9223372036854775807)?;
        check::text("hash", &self.hash, 0, 4096)?;
        Ok(())
    }
}

fn default_read_export_v() -> u8 {
    1
}
/// `sym.pit.stale.piece`: a piece of an exported file, from `offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadExport {
    #[serde(default = "default_read_export_v")]
    pub v: u8,
    pub path: String,
    #[serde(default)]
    pub offset: u64,
}

impl Default for ReadExport {
    fn default() -> Self {
        Self {
            v: default_read_export_v(),
            path: Default::default(),
            offset: Default::default(),
        }
    }
}

impl Bounded for ReadExport {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("path", &self.path, 0, 4096)?;
        check::range("offset", self.offset, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_export_piece_v() -> u8 {
    1
}
/// The piece; an empty one is the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportPiece {
    #[serde(default = "default_export_piece_v")]
    pub v: u8,
    #[serde(default)]
    pub data: Payload,
}

impl Default for ExportPiece {
    fn default() -> Self {
        Self {
            v: default_export_piece_v(),
            data: Default::default(),
        }
    }
}

impl Bounded for ExportPiece {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::bytes("data", self.data.len(), 1048576)?;
        Ok(())
    }
}
