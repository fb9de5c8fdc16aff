// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! Locks, semaphores and rates: what a conductor asks of Arbitration for its tries, what it is granted, and the ledger.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_hold_key_permits() -> u32 {
    1
}
fn default_hold_key_of() -> u32 {
    1
}
/// `permits` of the `of` that a key has; a lock is one of one. Keys are each tenant's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldKey {
    pub key: String,
    #[serde(default = "default_hold_key_permits")]
    pub permits: u32,
    #[serde(default = "default_hold_key_of")]
    pub of: u32,
}

impl Default for HoldKey {
    fn default() -> Self {
        Self {
            key: Default::default(),
            permits: default_hold_key_permits(),
            of: default_hold_key_of(),
        }
    }
}

impl Bounded for HoldKey {
    fn check(&self) -> Verdict {
        check::text("key", &self.key, 1, 128)?;
        check::range("permits", self.permits, 1, 1000000)?;
        check::range("of", self.of, 1, 1000000)?;
        Ok(())
    }
}

fn default_hold_rate_per_second() -> f64 {
    1.0
}
fn default_hold_rate_burst() -> u32 {
    1
}
/// So many tries a second start under the key, `burst` of them at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldRate {
    pub key: String,
    #[serde(default = "default_hold_rate_per_second")]
    pub per_second: f64,
    #[serde(default = "default_hold_rate_burst")]
    pub burst: u32,
}

impl Default for HoldRate {
    fn default() -> Self {
        Self {
            key: Default::default(),
            per_second: default_hold_rate_per_second(),
            burst: default_hold_rate_burst(),
        }
    }
}

impl Bounded for HoldRate {
    fn check(&self) -> Verdict {
        check::text("key", &self.key, 1, 128)?;
        check::finite("per_second", self.per_second)?;
        check::range("burst", self.burst, 1, 1000000)?;
        Ok(())
    }
}

/// What a try has to be granted before it starts: all of it at once, or none.
///
/// `scope`: it is no task but a run, which holds over several of its tasks. Its own tasks are not kept out by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wants {
    #[serde(default)]
    pub keys: Vec<HoldKey>,
    #[serde(default)]
    pub rate: Option<HoldRate>,
    #[serde(default)]
    pub scope: bool,
}

impl Default for Wants {
    fn default() -> Self {
        Self {
            keys: Default::default(),
            rate: Default::default(),
            scope: Default::default(),
        }
    }
}

impl Bounded for Wants {
    fn check(&self) -> Verdict {
        check::count("keys", self.keys.len(), 0, 4)?;
        for item0 in &self.keys {
            item0.check()?;
        }
        if let Some(item0) = &self.rate {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_hold_ref_try() -> u32 {
    1
}
/// Whose hold: the identity of rule 1, so that asking again is the same request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldRef {
    pub run: String,
    pub task: String,
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "default_hold_ref_try")]
    pub r#try: u32,
}

impl Default for HoldRef {
    fn default() -> Self {
        Self {
            run: Default::default(),
            task: Default::default(),
            generation: Default::default(),
            r#try: default_hold_ref_try(),
        }
    }
}

impl Bounded for HoldRef {
    fn check(&self) -> Verdict {
        check::text("run", &self.run, 32, 32)?;
        check::text("task", &self.task, 1, 512)?;
        check::range("try", self.r#try, 1, 4294967295)?;
        Ok(())
    }
}

fn default_hold_want_priority() -> u8 {
    5
}
/// A try that waits. `since_ms` is the log's time: the order does not change with who asks.
///
/// A higher `renewal` asks for a new token under the same hold: an attempt was lost, and may still be about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldWant {
    pub tenant: String,
    pub hold: HoldRef,
    pub wants: Wants,
    #[serde(default = "default_hold_want_priority")]
    pub priority: u8,
    #[serde(default)]
    pub since_ms: u64,
    #[serde(default)]
    pub renewal: u64,
}

impl Default for HoldWant {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            hold: Default::default(),
            wants: Default::default(),
            priority: default_hold_want_priority(),
            since_ms: Default::default(),
            renewal: Default::default(),
        }
    }
}

impl Bounded for HoldWant {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        self.hold.check()?;
        self.wants.check()?;
        check::range("priority", self.priority, 0, 9)?;
        check::range("since_ms", self.since_ms, 0, 9223372036854775807)?;
        check::range("renewal", self.renewal, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_hold_ask_v() -> u8 {
    1
}
/// `sym.pit.arbitration.hold`: what waits and what is over, in bulk.
///
/// A `level` repeats all that waits, every second, with the number of holds that this owner knows of in its partition;
/// where Arbitration counts others it tells all. An `epoch` below the highest one seen is ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldAsk {
    #[serde(default = "default_hold_ask_v")]
    pub v: u8,
    pub conductor: String,
    pub partition: u32,
    pub epoch: u64,
    #[serde(default)]
    pub wants: Vec<HoldWant>,
    #[serde(default)]
    pub released: Vec<HoldRef>,
    #[serde(default)]
    pub level: bool,
    #[serde(default)]
    pub held: u64,
}

impl Default for HoldAsk {
    fn default() -> Self {
        Self {
            v: default_hold_ask_v(),
            conductor: Default::default(),
            partition: Default::default(),
            epoch: Default::default(),
            wants: Default::default(),
            released: Default::default(),
            level: Default::default(),
            held: Default::default(),
        }
    }
}

impl Bounded for HoldAsk {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::count("wants", self.wants.len(), 0, 4096)?;
        for item0 in &self.wants {
            item0.check()?;
        }
        check::count("released", self.released.len(), 0, 4096)?;
        for item0 in &self.released {
            item0.check()?;
        }
        check::range("held", self.held, 0, 9223372036854775807)?;
        Ok(())
    }
}

/// A hold that was granted. `token` 0: of a rate alone, which guards nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Granted {
    pub hold: HoldRef,
    #[serde(default)]
    pub token: u64,
    #[serde(default)]
    pub renewal: u64,
}

impl Default for Granted {
    fn default() -> Self {
        Self {
            hold: Default::default(),
            token: Default::default(),
            renewal: Default::default(),
        }
    }
}

impl Bounded for Granted {
    fn check(&self) -> Verdict {
        self.hold.check()?;
        check::range("token", self.token, 0, 9223372036854775807)?;
        check::range("renewal", self.renewal, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_hold_grant_v() -> u8 {
    1
}
/// `sym.grant.<conductor>.holds`: what was granted; with `whole`, all that the ledger has of the partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldGrant {
    #[serde(default = "default_hold_grant_v")]
    pub v: u8,
    pub conductor: String,
    pub partition: u32,
    pub epoch: u64,
    #[serde(default)]
    pub held: Vec<Granted>,
    #[serde(default)]
    pub whole: bool,
}

impl Default for HoldGrant {
    fn default() -> Self {
        Self {
            v: default_hold_grant_v(),
            conductor: Default::default(),
            partition: Default::default(),
            epoch: Default::default(),
            held: Default::default(),
            whole: Default::default(),
        }
    }
}

impl Bounded for HoldGrant {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("conductor", &self.conductor, 1, 128)?;
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::count("held", self.held.len(), 0, 4096)?;
        for item0 in &self.held {
            item0.check()?;
        }
        Ok(())
    }
}

/// A hold as the ledger has it. `token` 0: the sequence of the message that it stands in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerHold {
    pub partition: u32,
    pub epoch: u64,
    pub tenant: String,
    pub hold: HoldRef,
    pub keys: Vec<HoldKey>,
    #[serde(default)]
    pub scope: bool,
    #[serde(default)]
    pub renewal: u64,
    #[serde(default)]
    pub token: u64,
}

impl Default for LedgerHold {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            epoch: Default::default(),
            tenant: Default::default(),
            hold: Default::default(),
            keys: Default::default(),
            scope: Default::default(),
            renewal: Default::default(),
            token: Default::default(),
        }
    }
}

impl Bounded for LedgerHold {
    fn check(&self) -> Verdict {
        check::range("partition", self.partition, 0, 1023)?;
        check::range("epoch", self.epoch, 0, 9223372036854775807)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        self.hold.check()?;
        check::count("keys", self.keys.len(), 0, 4)?;
        for item0 in &self.keys {
            item0.check()?;
        }
        check::range("renewal", self.renewal, 0, 9223372036854775807)?;
        check::range("token", self.token, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_ledger_batch_v() -> u8 {
    1
}
/// `sym.ledger.changed`: what one beat of Arbitration released, and then what it granted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerBatch {
    #[serde(default = "default_ledger_batch_v")]
    pub v: u8,
    pub arbiter: String,
    #[serde(default)]
    pub released: Vec<HoldRef>,
    #[serde(default)]
    pub acquired: Vec<LedgerHold>,
}

impl Default for LedgerBatch {
    fn default() -> Self {
        Self {
            v: default_ledger_batch_v(),
            arbiter: Default::default(),
            released: Default::default(),
            acquired: Default::default(),
        }
    }
}

impl Bounded for LedgerBatch {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("arbiter", &self.arbiter, 1, 128)?;
        check::count("released", self.released.len(), 0, 4096)?;
        for item0 in &self.released {
            item0.check()?;
        }
        check::count("acquired", self.acquired.len(), 0, 4096)?;
        for item0 in &self.acquired {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_ledger_state_v() -> u8 {
    1
}
/// `sym.ledger.state`: every hold there is; what the ledger had before may be purged once two of these stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerState {
    #[serde(default = "default_ledger_state_v")]
    pub v: u8,
    pub arbiter: String,
    #[serde(default)]
    pub holds: Vec<LedgerHold>,
}

impl Default for LedgerState {
    fn default() -> Self {
        Self {
            v: default_ledger_state_v(),
            arbiter: Default::default(),
            holds: Default::default(),
        }
    }
}

impl Bounded for LedgerState {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("arbiter", &self.arbiter, 1, 128)?;
        check::count("holds", self.holds.len(), 0, 4096)?;
        for item0 in &self.holds {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_ask_holds_v() -> u8 {
    1
}
/// `sym.pit.arbitration.holds.<tenant>`: who holds what, and who waits; of one run, where one is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskHolds {
    #[serde(default = "default_ask_holds_v")]
    pub v: u8,
    #[serde(default)]
    pub run: Option<String>,
}

impl Default for AskHolds {
    fn default() -> Self {
        Self {
            v: default_ask_holds_v(),
            run: Default::default(),
        }
    }
}

impl Bounded for AskHolds {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.run {
            check::run_id("run", item0)?;
        }
        Ok(())
    }
}

/// A key that a try holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldView {
    pub tenant: String,
    pub hold: HoldRef,
    pub key: HoldKey,
    pub token: u64,
}

impl Default for HeldView {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            hold: Default::default(),
            key: Default::default(),
            token: Default::default(),
        }
    }
}

impl Bounded for HeldView {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        self.hold.check()?;
        self.key.check()?;
        check::range("token", self.token, 0, 9223372036854775807)?;
        Ok(())
    }
}

/// A try that waits: for the first of its keys that is taken, behind `ahead` others, while `holder` has it.
///
/// No `holder`: it waits for the rate of the key, or for the ledger to have room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitView {
    pub tenant: String,
    pub hold: HoldRef,
    pub key: String,
    #[serde(default)]
    pub ahead: u64,
    #[serde(default)]
    pub since_ms: u64,
    #[serde(default)]
    pub holder: Option<HoldRef>,
}

impl Default for WaitView {
    fn default() -> Self {
        Self {
            tenant: Default::default(),
            hold: Default::default(),
            key: Default::default(),
            ahead: Default::default(),
            since_ms: Default::default(),
            holder: Default::default(),
        }
    }
}

impl Bounded for WaitView {
    fn check(&self) -> Verdict {
        check::text("tenant", &self.tenant, 1, 128)?;
        self.hold.check()?;
        check::text("key", &self.key, 1, 128)?;
        check::range("ahead", self.ahead, 0, 9223372036854775807)?;
        check::range("since_ms", self.since_ms, 0, 9223372036854775807)?;
        if let Some(item0) = &self.holder {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_holds_show_v() -> u8 {
    1
}
/// The answer to `AskHolds`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldsShow {
    #[serde(default = "default_holds_show_v")]
    pub v: u8,
    #[serde(default)]
    pub held: Vec<HeldView>,
    #[serde(default)]
    pub waiting: Vec<WaitView>,
}

impl Default for HoldsShow {
    fn default() -> Self {
        Self {
            v: default_holds_show_v(),
            held: Default::default(),
            waiting: Default::default(),
        }
    }
}

impl Bounded for HoldsShow {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("held", self.held.len(), 0, 4096)?;
        for item0 in &self.held {
            item0.check()?;
        }
        check::count("waiting", self.waiting.len(), 0, 4096)?;
        for item0 in &self.waiting {
            item0.check()?;
        }
        Ok(())
    }
}
