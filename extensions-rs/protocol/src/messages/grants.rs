// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! Permission ahead: what the conductor asks of Pool Manager and Arbitration, and what they push to `sym.grant.<conductor>`.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

/// Attempts of a worker that ended since the last demand. `failed`: in a way that speaks against the worker, not against
/// what it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub worker: String,
    #[serde(default)]
    pub done: u64,
    #[serde(default)]
    pub failed: u64,
}

impl Default for Ended {
    fn default() -> Self {
        Self {
            worker: Default::default(),
            done: Default::default(),
            failed: Default::default(),
        }
    }
}

impl Bounded for Ended {
    fn check(&self) -> Verdict {
        check::text("worker", &self.worker, 1, 128)?;
        check::range("done", self.done, 0, 9223372036854775807)?;
        check::range("failed", self.failed, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_demand_v() -> u8 {
    1
}
/// `sym.pit.pool.demand`: a conductor says that it lives, what it owns and what waits, every second and on change.
///
/// `work_us` is how long what waits is going to hold slots, as estimated; `late` how many of it will miss their deadlines
/// unless they start within `PRESSING_MS`; `started` how many began since the last demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    #[serde(default = "default_demand_v")]
    pub v: u8,
    pub conductor: String,
    #[serde(default)]
    pub partitions: Vec<u32>,
    #[serde(default)]
    pub epoch: u64,
    #[serde(default)]
    pub backlog: BTreeMap<String, i64>,
    #[serde(default)]
    pub work_us: BTreeMap<String, i64>,
    #[serde(default)]
    pub late: BTreeMap<String, i64>,
    #[serde(default)]
    pub started: BTreeMap<String, i64>,
    #[serde(default)]
    pub ended: Vec<Ended>,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            v: default_demand_v(),
            conductor: Default::default(),
            partitions: Default::default(),
            epoch: Default::default(),
            backlog: Default::default(),
            work_us: Default::default(),
            late: Default::default(),
            started: Default::default(),
            ended: Default::default(),
        }
    }
}

impl Bounded for Demand {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::count("partitions", self.partitions.len(), 0, 1024)?;
        for item0 in &self.partitions {
            check::range("partitions", *item0, 0, 1023)?;
        }
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::count("backlog", self.backlog.len(), 0, 1024)?;
        check::count("work_us", self.work_us.len(), 0, 1024)?;
        check::count("late", self.late.len(), 0, 1024)?;
        check::count("started", self.started.len(), 0, 1024)?;
        check::count("ended", self.ended.len(), 0, 4096)?;
        for item0 in &self.ended {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_scale_v() -> u8 {
    1
}
/// `sym.pit.pool.scale`: other bounds for the processes of a pool, or of every pool that offers a capability; kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    #[serde(default = "default_scale_v")]
    pub v: u8,
    pub target: String,
    #[serde(default)]
    pub min: Option<u64>,
    #[serde(default)]
    pub max: Option<u64>,
    #[serde(default)]
    pub reason: String,
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            v: default_scale_v(),
            target: Default::default(),
            min: Default::default(),
            max: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for Scale {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("target", &self.target, 1, 128)?;
        if let Some(item0) = &self.min {
            check::range("min", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.max {
            check::range("max", *item0, 0, 9223372036854775807)?;
        }
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_activate_v() -> u8 {
    1
}
fn default_activate_active() -> bool {
    true
}
/// `sym.pit.pool.activate`: the conductor has validated a worker's manifest; its slots may be leased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activate {
    #[serde(default = "default_activate_v")]
    pub v: u8,
    pub worker: String,
    pub manifest: Manifest,
    #[serde(default = "default_activate_active")]
    pub active: bool,
    #[serde(default)]
    pub reason: String,
}

impl Default for Activate {
    fn default() -> Self {
        Self {
            v: default_activate_v(),
            worker: Default::default(),
            manifest: Default::default(),
            active: default_activate_active(),
            reason: Default::default(),
        }
    }
}

impl Bounded for Activate {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("worker", &self.worker, 1, 128)?;
        self.manifest.check()?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_register_v() -> u8 {
    1
}
fn default_register_timeout_ms() -> u64 {
    60000
}
/// `sym.pit.pool.register`: a plain NATS client that sends no heartbeats offers a fixed number of slots.
///
/// It takes tasks from the queue group of `sym.task.<capability>`; every task sent there carries a deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Register {
    #[serde(default = "default_register_v")]
    pub v: u8,
    pub worker: String,
    pub slots: u32,
    pub capabilities: Vec<String>,
    #[serde(default = "default_register_timeout_ms")]
    pub timeout_ms: u64,
    #[serde(default)]
    pub expires_ms: u64,
}

impl Default for Register {
    fn default() -> Self {
        Self {
            v: default_register_v(),
            worker: Default::default(),
            slots: 1,
            capabilities: Default::default(),
            timeout_ms: default_register_timeout_ms(),
            expires_ms: Default::default(),
        }
    }
}

impl Bounded for Register {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("worker", &self.worker, 1, 128)?;
        check::range("slots", self.slots, 1, 65536)?;
        check::count("capabilities", self.capabilities.len(), 1, 64)?;
        for item0 in &self.capabilities {
            check::text("capabilities", item0, 1, 128)?;
        }
        check::range("timeout_ms", self.timeout_ms, 1, 9223372036854775807)?;
        check::range("expires_ms", self.expires_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_reply_v() -> u8 {
    1
}
fn default_reply_ok() -> bool {
    true
}
/// The plain answer of an operation: done, or an error's kind and sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    #[serde(default = "default_reply_v")]
    pub v: u8,
    #[serde(default = "default_reply_ok")]
    pub ok: bool,
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            v: default_reply_v(),
            ok: default_reply_ok(),
            kind: Default::default(),
            message: Default::default(),
            retry_after_ms: Default::default(),
        }
    }
}

impl Bounded for Reply {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.kind {
            check::text("kind", item0, 1, 128)?;
        }
        check::text("message", &self.message, 0, 4096)?;
        if let Some(item0) = &self.retry_after_ms {
            check::range("retry_after_ms", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_lease_version() -> String {
    "0.0.0".to_owned()
}
/// Slots of one worker, for one conductor, until `expires_in_ms` from receipt.
///
/// `queue` marks a plain client: tasks go to `sym.task.<capability>` and carry a deadline of `timeout_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    pub lease: u64,
    pub worker: String,
    pub slots: u32,
    pub capabilities: Vec<String>,
    pub expires_in_ms: u64,
    #[serde(default = "default_lease_version")]
    pub version: String,
    #[serde(default)]
    pub queue: bool,
    #[serde(default)]
    pub timeout_ms: Option<u64>,
}

impl Default for Lease {
    fn default() -> Self {
        Self {
            lease: Default::default(),
            worker: Default::default(),
            slots: Default::default(),
            capabilities: Default::default(),
            expires_in_ms: Default::default(),
            version: default_lease_version(),
            queue: Default::default(),
            timeout_ms: Default::default(),
        }
    }
}

impl Bounded for Lease {
    fn check(&self) -> Verdict {
        check::range("lease", self.lease, 0, 9223372036854775807)?;
        check::text("worker", &self.worker, 1, 128)?;
        check::range("slots", self.slots, 0, 65536)?;
        check::count("capabilities", self.capabilities.len(), 0, 1024)?;
        for item0 in &self.capabilities {
            check::text("capabilities", item0, 1, 128)?;
        }
        check::range("expires_in_ms", self.expires_in_ms, 0, 9223372036854775807)?;
        check::text("version", &self.version, 1, 128)?;
        if let Some(item0) = &self.timeout_ms {
            check::range("timeout_ms", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_pool_grant_v() -> u8 {
    1
}
/// All leases that a conductor holds. Workers that are missing here are revoked; `dead` ones have been lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolGrant {
    #[serde(default = "default_pool_grant_v")]
    pub v: u8,
    pub conductor: String,
    pub issuer: String,
    pub sequence: u64,
    #[serde(default)]
    pub leases: Vec<Lease>,
    #[serde(default)]
    pub dead: Vec<String>,
}

impl Default for PoolGrant {
    fn default() -> Self {
        Self {
            v: default_pool_grant_v(),
            conductor: Default::default(),
            issuer: Default::default(),
            sequence: Default::default(),
            leases: Default::default(),
            dead: Default::default(),
        }
    }
}

impl Bounded for PoolGrant {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::text("issuer", &self.issuer, 1, 128)?;
        check::range("sequence", self.sequence, 0, 9223372036854775807)?;
        check::count("leases", self.leases.len(), 0, 4096)?;
        for item0 in &self.leases {
            item0.check()?;
        }
        check::count("dead", self.dead.len(), 0, 4096)?;
        for item0 in &self.dead {
            check::text("dead", item0, 1, 128)?;
        }
        Ok(())
    }
}

fn default_share_weight() -> f64 {
    1.0
}
/// The weight of a claimant in contention, and what it may hold at once (null: unlimited).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub tenant: String,
    #[serde(default)]
    pub workflow: Option<String>,
    #[serde(default = "default_share_weight")]
    pub weight: f64,
    #[serde(default)]
    pub priority: Option<u8>,
    #[serde(default)]
    pub concurrency: Option<u64>,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            workflow: Default::default(),
            weight: default_share_weight(),
            priority: Default::default(),
            concurrency: Default::default(),
        }
    }
}

impl Bounded for Share {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        if let Some(item0) = &self.workflow {
            check::text("workflow", item0, 1, 128)?;
        }
        check::finite("weight", self.weight)?;
        if let Some(item0) = &self.priority {
            check::range("priority", *item0, 0, 9)?;
        }
        if let Some(item0) = &self.concurrency {
            check::range("concurrency", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_allowance_expires_in_ms() -> u64 {
    1000
}
/// Starts that may be spent on a limited key (`tenant:NAME`, `workflow:NAME`, `capability:NAME`) until it expires.
///
/// `starts` tokens of a rate or budget remain to this conductor; `concurrency` bounds what runs at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allowance {
    pub key: String,
    #[serde(default)]
    pub starts: Option<u64>,
    #[serde(default)]
    pub concurrency: Option<u64>,
    #[serde(default = "default_allowance_expires_in_ms")]
    pub expires_in_ms: u64,
    #[serde(default)]
    pub reason: String,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            key: Default::default(),
            starts: Default::default(),
            concurrency: Default::default(),
            expires_in_ms: default_allowance_expires_in_ms(),
            reason: Default::default(),
        }
    }
}

impl Bounded for Allowance {
    fn check(&self) -> Verdict {
        check::text("key", &self.key, 1, 128)?;
        if let Some(item0) = &self.starts {
            check::range("starts", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.concurrency {
            check::range("concurrency", *item0, 0, 9223372036854775807)?;
        }
        check::range("expires_in_ms", self.expires_in_ms, 0, 9223372036854775807)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_share_grant_v() -> u8 {
    1
}
fn default_share_grant_starvation_ms() -> u64 {
    30000
}
/// The current shares and allowances. Claimants that are not listed have weight 1 and no limit.
///
/// `starvation_ms` is the bound: whoever waited longer goes first, whatever the shares say. `counted` is the number of
/// the last claim that the allowances count: what was started after it comes off their `starts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareGrant {
    #[serde(default = "default_share_grant_v")]
    pub v: u8,
    pub conductor: String,
    pub issuer: String,
    pub sequence: u64,
    #[serde(default)]
    pub shares: Vec<Share>,
    #[serde(default)]
    pub allowances: Vec<Allowance>,
    #[serde(default = "default_share_grant_starvation_ms")]
    pub starvation_ms: u64,
    #[serde(default)]
    pub counted: u64,
}

impl Default for ShareGrant {
    fn default() -> Self {
        Self {
            v: default_share_grant_v(),
            conductor: Default::default(),
            issuer: Default::default(),
            sequence: Default::default(),
            shares: Default::default(),
            allowances: Default::default(),
            starvation_ms: default_share_grant_starvation_ms(),
            counted: Default::default(),
        }
    }
}

impl Bounded for ShareGrant {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::text("issuer", &self.issuer, 1, 128)?;
        check::range("sequence", self.sequence, 0, 9223372036854775807)?;
        check::count("shares", self.shares.len(), 0, 4096)?;
        for item0 in &self.shares {
            item0.check()?;
        }
        check::count("allowances", self.allowances.len(), 0, 4096)?;
        for item0 in &self.allowances {
            item0.check()?;
        }
        check::range("starvation_ms", self.starvation_ms, 0, 9223372036854775807)?;
        check::range("counted", self.counted, 0, 9223372036854775807)?;
        Ok(())
    }
}

/// What a tenant's workflow used of a capability since the last claim, and what waits now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub tenant: String,
    pub workflow: String,
    pub capability: String,
    #[serde(default)]
    pub started: u64,
    #[serde(default)]
    pub running: u64,
    #[serde(default)]
    pub waiting: u64,
    #[serde(default)]
    pub run_us: u64,
    #[serde(default)]
    pub share_us: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            workflow: Default::default(),
            capability: Default::default(),
            started: Default::default(),
            running: Default::default(),
            waiting: Default::default(),
            run_us: Default::default(),
            share_us: Default::default(),
        }
    }
}

impl Bounded for Usage {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::text("capability", &self.capability, 1, 128)?;
        check::range("started", self.started, 0, 9223372036854775807)?;
        check::range("running", self.running, 0, 9223372036854775807)?;
        check::range("waiting", self.waiting, 0, 9223372036854775807)?;
        check::range("run_us", self.run_us, 0, 9223372036854775807)?;
        check::range("share_us", self.share_us, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_claim_v() -> u8 {
    1
}
/// `sym.pit.arbitration.claim`: usage settled and demand stated, every second and when an allowance runs low.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    #[serde(default = "default_claim_v")]
    pub v: u8,
    pub conductor: String,
    #[serde(default)]
    pub usage: Vec<Usage>,
    #[serde(default)]
    pub heard: u64,
    #[serde(default)]
    pub number: u64,
}

impl Default for Claim {
    fn default() -> Self {
        Self {
            v: default_claim_v(),
            conductor: Default::default(),
            usage: Default::default(),
            heard: Default::default(),
            number: Default::default(),
        }
    }
}

impl Bounded for Claim {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::count("usage", self.usage.len(), 0, 4096)?;
        for item0 in &self.usage {
            item0.check()?;
        }
        check::range("heard", self.heard, 0, 9223372036854775807)?;
        check::range("number", self.number, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_claimant_priority() -> u8 {
    5
}
fn default_claimant_waiting() -> u64 {
    1
}
fn default_claimant_share() -> f64 {
    1.0
}
/// One of those who want the same slots: `waiting` executions of `priority`, the highest that it has.
///
/// `waited_ms` is how long it has wanted a slot and got none: since its last start, or since its oldest ready task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claimant {
    pub tenant: String,
    pub workflow: String,
    #[serde(default = "default_claimant_priority")]
    pub priority: u8,
    #[serde(default = "default_claimant_waiting")]
    pub waiting: u64,
    #[serde(default)]
    pub running: u64,
    #[serde(default)]
    pub waited_ms: u64,
    #[serde(default)]
    pub rest_us: u64,
    #[serde(default)]
    pub deadline_at_ms: Option<u64>,
    #[serde(default)]
    pub held: f64,
    #[serde(default = "default_claimant_share")]
    pub share: f64,
}

impl Default for Claimant {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            workflow: Default::default(),
            priority: default_claimant_priority(),
            waiting: default_claimant_waiting(),
            running: Default::default(),
            waited_ms: Default::default(),
            rest_us: Default::default(),
            deadline_at_ms: Default::default(),
            held: Default::default(),
            share: default_claimant_share(),
        }
    }
}

impl Bounded for Claimant {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::range("priority", self.priority, 0, 9)?;
        check::range("waiting", self.waiting, 0, 9223372036854775807)?;
        check::range("running", self.running, 0, 9223372036854775807)?;
        check::range("waited_ms", self.waited_ms, 0, 9223372036854775807)?;
        check::range("rest_us", self.rest_us, 0, 9223372036854775807)?;
        if let Some(item0) = &self.deadline_at_ms {
            check::range("deadline_at_ms", *item0, 0, 9223372036854775807)?;
        }
        check::finite("held", self.held)?;
        check::finite("share", self.share)?;
        Ok(())
    }
}

fn default_contend_v() -> u8 {
    1
}
/// `sym.pit.arbitration.order`: more claimants than slots. `now_ms` is the asker's clock.
///
/// `slots` are free now, or are going to be while the answer is of use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contend {
    #[serde(default = "default_contend_v")]
    pub v: u8,
    pub conductor: String,
    pub capability: String,
    pub slots: u32,
    pub now_ms: u64,
    pub claimants: Vec<Claimant>,
}

impl Default for Contend {
    fn default() -> Self {
        Self {
            v: default_contend_v(),
            conductor: Default::default(),
            capability: Default::default(),
            slots: Default::default(),
            now_ms: Default::default(),
            claimants: Default::default(),
        }
    }
}

impl Bounded for Contend {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::text("capability", &self.capability, 1, 128)?;
        check::range("slots", self.slots, 0, 65536)?;
        check::range("now_ms", self.now_ms, 0, 9223372036854775807)?;
        check::count("claimants", self.claimants.len(), 0, 4096)?;
        for item0 in &self.claimants {
            item0.check()?;
        }
        Ok(())
    }
}

/// A claimant's place: how many of the slots, and why, in one sentence with its factors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    pub tenant: String,
    pub workflow: String,
    pub slots: u32,
    pub rationale: String,
    #[serde(default)]
    pub factors: BTreeMap<String, f64>,
}

impl Default for Placed {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            workflow: Default::default(),
            slots: Default::default(),
            rationale: Default::default(),
            factors: Default::default(),
        }
    }
}

impl Bounded for Placed {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::range("slots", self.slots, 0, 65536)?;
        check::text("rationale", &self.rationale, 0, 4096)?;
        check::count("factors", self.factors.len(), 0, 32)?;
        for item0 in self.factors.values() {
            check::finite("factors", *item0)?;
        }
        Ok(())
    }
}

fn default_order_v() -> u8 {
    1
}
/// The values of `Order.strategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderStrategy {
    #[default]
    #[serde(rename = "deadline")]
    Deadline,

    #[serde(rename = "fair_share")]
    FairShare,

    #[serde(rename = "priority")]
    Priority,

    #[serde(rename = "starvation")]
    Starvation,
}

impl OrderStrategy {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::FairShare => "fair_share",
            Self::Priority => "priority",
            Self::Starvation => "starvation",
        }
    }
}

fn default_order_strategy() -> OrderStrategy {
    OrderStrategy::FairShare
}
/// The values of `Order.by`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderBy {
    #[default]
    #[serde(rename = "collaborative")]
    Collaborative,

    #[serde(rename = "prioritised")]
    Prioritised,

    #[serde(rename = "round_robin")]
    RoundRobin,

    #[serde(rename = "specialised")]
    Specialised,
}

impl OrderBy {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collaborative => "collaborative",
            Self::Prioritised => "prioritised",
            Self::RoundRobin => "round_robin",
            Self::Specialised => "specialised",
        }
    }
}

fn default_order_by() -> OrderBy {
    OrderBy::Prioritised
}
/// The answer to `Contend`, first served first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    #[serde(default = "default_order_v")]
    pub v: u8,
    pub decision: String,
    #[serde(default = "default_order_strategy")]
    pub strategy: OrderStrategy,
    #[serde(default = "default_order_by")]
    pub by: OrderBy,
    #[serde(default)]
    pub order: Vec<Placed>,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            v: default_order_v(),
            decision: Default::default(),
            strategy: default_order_strategy(),
            by: default_order_by(),
            order: Default::default(),
        }
    }
}

impl Bounded for Order {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("decision", &self.decision, 1, 128)?;
        check::count("order", self.order.len(), 0, 4096)?;
        for item0 in &self.order {
            item0.check()?;
        }
        Ok(())
    }
}

/// The values of `WorkerView.state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WorkerViewState {
    #[default]
    #[serde(rename = "active")]
    Active,

    #[serde(rename = "cooldown")]
    Cooldown,

    #[serde(rename = "dead")]
    Dead,

    #[serde(rename = "idle")]
    Idle,

    #[serde(rename = "loading")]
    Loading,

    #[serde(rename = "warm")]
    Warm,
}

impl WorkerViewState {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cooldown => "cooldown",
            Self::Dead => "dead",
            Self::Idle => "idle",
            Self::Loading => "loading",
            Self::Warm => "warm",
        }
    }
}

fn default_worker_view_state() -> WorkerViewState {
    WorkerViewState::Idle
}
fn default_worker_view_healthy() -> bool {
    true
}
fn default_worker_view_version() -> String {
    "0.0.0".to_owned()
}
fn default_worker_view_language() -> String {
    "rust".to_owned()
}
fn default_worker_view_host() -> String {
    "localhost".to_owned()
}
/// The values of `WorkerView.breaker`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WorkerViewBreaker {
    #[default]
    #[serde(rename = "closed")]
    Closed,

    #[serde(rename = "half_open")]
    HalfOpen,

    #[serde(rename = "open")]
    Open,
}

impl WorkerViewBreaker {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

fn default_worker_view_breaker() -> WorkerViewBreaker {
    WorkerViewBreaker::Closed
}
/// One worker as the Pool Manager sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerView {
    pub worker: String,
    #[serde(default)]
    pub pool: Option<String>,
    #[serde(default = "default_worker_view_state")]
    pub state: WorkerViewState,
    #[serde(default = "default_worker_view_healthy")]
    pub healthy: bool,
    #[serde(default)]
    pub slots: u32,
    #[serde(default)]
    pub busy: u32,
    #[serde(default)]
    pub capabilities: Vec<String>,
    #[serde(default = "default_worker_view_version")]
    pub version: String,
    #[serde(default = "default_worker_view_language")]
    pub language: String,
    #[serde(default = "default_worker_view_host")]
    pub host: String,
    #[serde(default)]
    pub pid: u64,
    #[serde(default)]
    pub ready_ms: f64,
    #[serde(default)]
    pub last_beat_ms: u64,
    #[serde(default)]
    pub memory_bytes: u64,
    #[serde(default)]
    pub restarts: u64,
    #[serde(default = "default_worker_view_breaker")]
    pub breaker: WorkerViewBreaker,
    #[serde(default)]
    pub error_rate: f64,
    #[serde(default)]
    pub ejections: u64,
    #[serde(default)]
    pub state_ms: BTreeMap<String, i64>,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub resources: BTreeMap<String, f64>,
}

impl Default for WorkerView {
    fn default() -> Self {
        Self {
            worker: Default::default(),
            pool: Default::default(),
            state: default_worker_view_state(),
            healthy: default_worker_view_healthy(),
            slots: Default::default(),
            busy: Default::default(),
            capabilities: Default::default(),
            version: default_worker_view_version(),
            language: default_worker_view_language(),
            host: default_worker_view_host(),
            pid: Default::default(),
            ready_ms: Default::default(),
            last_beat_ms: Default::default(),
            memory_bytes: Default::default(),
            restarts: Default::default(),
            breaker: default_worker_view_breaker(),
            error_rate: Default::default(),
            ejections: Default::default(),
            state_ms: Default::default(),
            why: Default::default(),
            labels: Default::default(),
            resources: Default::default(),
        }
    }
}

impl Bounded for WorkerView {
    fn check(&self) -> Verdict {
        check::text("worker", &self.worker, 1, 128)?;
        if let Some(item0) = &self.pool {
            check::text("pool", item0, 1, 128)?;
        }
        check::range("slots", self.slots, 0, 65536)?;
        check::range("busy", self.busy, 0, 65536)?;
        check::count("capabilities", self.capabilities.len(), 0, 1024)?;
        for item0 in &self.capabilities {
            check::text("capabilities", item0, 1, 128)?;
        }
        check::text("version", &self.version, 1, 128)?;
        check::text("language", &self.language, 1, 128)?;
        check::text("host", &self.host, 1, 128)?;
        check::range("pid", self.pid, 0, 9223372036854775807)?;
        check::finite("ready_ms", self.ready_ms)?;
        check::range("last_beat_ms", self.last_beat_ms, 0, 9223372036854775807)?;
        check::range("memory_bytes", self.memory_bytes, 0, 9223372036854775807)?;
        check::range("restarts", self.restarts, 0, 9223372036854775807)?;
        check::finite("error_rate", self.error_rate)?;
        check::range("ejections", self.ejections, 0, 9223372036854775807)?;
        check::count("state_ms", self.state_ms.len(), 0, 8)?;
        check::text("why", &self.why, 0, 4096)?;
        check::count("labels", self.labels.len(), 0, 64)?;
        check::count("resources", self.resources.len(), 0, 64)?;
        for item0 in self.resources.values() {
            check::finite("resources", *item0)?;
        }
        Ok(())
    }
}

/// A declared pool: processes that the Pool Manager starts and stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolView {
    pub pool: String,
    #[serde(default)]
    pub min: u64,
    #[serde(default)]
    pub max: u64,
    #[serde(default)]
    pub running: u64,
    #[serde(default)]
    pub idle_ms: u64,
    #[serde(default)]
    pub load_ms: f64,
    #[serde(default)]
    pub last_error: String,
    #[serde(default)]
    pub wanted: u64,
    #[serde(default)]
    pub backlog_ms: u64,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub exits: Vec<String>,
}

impl Default for PoolView {
    fn default() -> Self {
        Self {
            pool: Default::default(),
            min: Default::default(),
            max: Default::default(),
            running: Default::default(),
            idle_ms: Default::default(),
            load_ms: Default::default(),
            last_error: Default::default(),
            wanted: Default::default(),
            backlog_ms: Default::default(),
            why: Default::default(),
            exits: Default::default(),
        }
    }
}

impl Bounded for PoolView {
    fn check(&self) -> Verdict {
        check::text("pool", &self.pool, 1, 128)?;
        check::range("min", self.min, 0, 9223372036854775807)?;
        check::range("max", self.max, 0, 9223372036854775807)?;
        check::range("running", self.running, 0, 9223372036854775807)?;
        check::range("idle_ms", self.idle_ms, 0, 9223372036854775807)?;
        check::finite("load_ms", self.load_ms)?;
        check::text("last_error", &self.last_error, 0, 4096)?;
        check::range("wanted", self.wanted, 0, 9223372036854775807)?;
        check::range("backlog_ms", self.backlog_ms, 0, 9223372036854775807)?;
        check::text("why", &self.why, 0, 4096)?;
        check::count("exits", self.exits.len(), 0, 20)?;
        for item0 in &self.exits {
            check::text("exits", item0, 0, 4096)?;
        }
        Ok(())
    }
}

fn default_pool_show_v() -> u8 {
    1
}
/// `sym.pit.pool.show`: the request is an empty map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolShow {
    #[serde(default = "default_pool_show_v")]
    pub v: u8,
    #[serde(default)]
    pub workers: Vec<WorkerView>,
    #[serde(default)]
    pub pools: Vec<PoolView>,
}

impl Default for PoolShow {
    fn default() -> Self {
        Self {
            v: default_pool_show_v(),
            workers: Default::default(),
            pools: Default::default(),
        }
    }
}

impl Bounded for PoolShow {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("workers", self.workers.len(), 0, 4096)?;
        for item0 in &self.workers {
            item0.check()?;
        }
        check::count("pools", self.pools.len(), 0, 4096)?;
        for item0 in &self.pools {
            item0.check()?;
        }
        Ok(())
    }
}

/// What a worker could be given, and where it is: all that tenants are told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    #[serde(default)]
    pub capabilities: Vec<String>,
    #[serde(default)]
    pub pool: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub resources: BTreeMap<String, f64>,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            capabilities: Default::default(),
            pool: Default::default(),
            labels: Default::default(),
            resources: Default::default(),
        }
    }
}

impl Bounded for Offer {
    fn check(&self) -> Verdict {
        check::count("capabilities", self.capabilities.len(), 0, 1024)?;
        for item0 in &self.capabilities {
            check::text("capabilities", item0, 1, 128)?;
        }
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

fn default_offers_v() -> u8 {
    1
}
/// `sym.pit.pool.offers`: what the living workers offer; the request is an empty map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offers {
    #[serde(default = "default_offers_v")]
    pub v: u8,
    #[serde(default)]
    pub offers: Vec<Offer>,
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            v: default_offers_v(),
            offers: Default::default(),
        }
    }
}

impl Bounded for Offers {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("offers", self.offers.len(), 0, 4096)?;
        for item0 in &self.offers {
            item0.check()?;
        }
        Ok(())
    }
}

/// What was learned of a capability, or of one workflow's calls of it: how long an execution holds its slot.
///
/// `error` is the standard error of the mean, none from fewer than two settlements; `starts` how many it goes back over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub capability: String,
    #[serde(default)]
    pub workflow: Option<String>,
    pub seconds: f64,
    #[serde(default)]
    pub error: Option<f64>,
    #[serde(default)]
    pub starts: f64,
}

impl Default for Estimate {
    fn default() -> Self {
        Self {
            capability: Default::default(),
            workflow: Default::default(),
            seconds: Default::default(),
            error: Default::default(),
            starts: Default::default(),
        }
    }
}

impl Bounded for Estimate {
    fn check(&self) -> Verdict {
        check::text("capability", &self.capability, 1, 128)?;
        if let Some(item0) = &self.workflow {
            check::text("workflow", item0, 1, 128)?;
        }
        check::finite("seconds", self.seconds)?;
        if let Some(item0) = &self.error {
            check::finite("error", *item0)?;
        }
        check::finite("starts", self.starts)?;
        Ok(())
    }
}

fn default_arbitration_show_v() -> u8 {
    1
}
/// `sym.pit.arbitration.show`: shares, allowances and the last decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArbitrationShow {
    #[serde(default = "default_arbitration_show_v")]
    pub v: u8,
    #[serde(default)]
    pub shares: Vec<Share>,
    #[serde(default)]
    pub allowances: Vec<Allowance>,
    #[serde(default)]
    pub usage: Vec<Usage>,
    #[serde(default)]
    pub decisions: Vec<Order>,
    #[serde(default)]
    pub estimates: Vec<Estimate>,
    #[serde(default)]
    pub version: u64,
}

impl Default for ArbitrationShow {
    fn default() -> Self {
        Self {
            v: default_arbitration_show_v(),
            shares: Default::default(),
            allowances: Default::default(),
            usage: Default::default(),
            decisions: Default::default(),
            estimates: Default::default(),
            version: Default::default(),
        }
    }
}

impl Bounded for ArbitrationShow {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("shares", self.shares.len(), 0, 4096)?;
        for item0 in &self.shares {
            item0.check()?;
        }
        check::count("allowances", self.allowances.len(), 0, 4096)?;
        for item0 in &self.allowances {
            item0.check()?;
        }
        check::count("usage", self.usage.len(), 0, 4096)?;
        for item0 in &self.usage {
            item0.check()?;
        }
        check::count("decisions", self.decisions.len(), 0, 4096)?;
        for item0 in &self.decisions {
            item0.check()?;
        }
        check::count("estimates", self.estimates.len(), 0, 4096)?;
        for item0 in &self.estimates {
            item0.check()?;
        }
        check::range("version", self.version, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_nothing_v() -> u8 {
    1
}
/// A request that says no more than its subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nothing {
    #[serde(default = "default_nothing_v")]
    pub v: u8,
}

impl Default for Nothing {
    fn default() -> Self {
        Self {
            v: default_nothing_v(),
        }
    }
}

impl Bounded for Nothing {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        Ok(())
    }
}

/// Tagged by `is`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", try_from = "RawGrant")]
pub enum Grant {
    #[serde(rename = "pool")]
    PoolGrant(PoolGrant),
    #[serde(rename = "shares")]
    ShareGrant(ShareGrant),
}

#[derive(Deserialize)]
struct RawGrant {
    is: String,
    #[serde(default)]
    v: Option<u8>,
    #[serde(default)]
    conductor: Option<String>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    sequence: Option<u64>,
    #[serde(default)]
    leases: Option<Vec<Lease>>,
    #[serde(default)]
    dead: Option<Vec<String>>,
    #[serde(default)]
    shares: Option<Vec<Share>>,
    #[serde(default)]
    allowances: Option<Vec<Allowance>>,
    #[serde(default)]
    starvation_ms: Option<u64>,
    #[serde(default)]
    counted: Option<u64>,
}

impl TryFrom<RawGrant> for Grant {
    type Error = &'static str;

    fn try_from(raw: RawGrant) -> Result<Self, Self::Error> {
        match raw.is.as_str() {
            "pool" => Ok(Grant::PoolGrant(PoolGrant {
                v: raw.v.unwrap_or_else(|| PoolGrant::default().v),
                conductor: raw.conductor.ok_or("missing field `conductor`")?,
                issuer: raw.issuer.ok_or("missing field `issuer`")?,
                sequence: raw.sequence.ok_or("missing field `sequence`")?,
                leases: raw.leases.unwrap_or_else(|| PoolGrant::default().leases),
                dead: raw.dead.unwrap_or_else(|| PoolGrant::default().dead),
            })),
            "shares" => Ok(Grant::ShareGrant(ShareGrant {
                v: raw.v.unwrap_or_else(|| ShareGrant::default().v),
                conductor: raw.conductor.ok_or("missing field `conductor`")?,
                issuer: raw.issuer.ok_or("missing field `issuer`")?,
                sequence: raw.sequence.ok_or("missing field `sequence`")?,
                shares: raw.shares.unwrap_or_else(|| ShareGrant::default().shares),
                allowances: raw.allowances.unwrap_or_else(|| ShareGrant::default().allowances),
                starvation_ms: raw
                    .starvation_ms
                    .unwrap_or_else(|| ShareGrant::default().starvation_ms),
                counted: raw.counted.unwrap_or_else(|| ShareGrant::default().counted),
            })),
            _ => Err("unknown tag"),
        }
    }
}

impl Default for Grant {
    fn default() -> Self {
        Grant::PoolGrant(PoolGrant::default())
    }
}

impl Bounded for Grant {
    fn check(&self) -> Verdict {
        match self {
            Grant::PoolGrant(inner) => inner.check(),
            Grant::ShareGrant(inner) => inner.check(),
        }
    }
}
