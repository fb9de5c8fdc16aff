// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! What may be asked of a run under way or ended: `sym.in.<event>.<tenant>.<run>`, in the bounded stream `SYM_CONTROL`.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_pause_run_v() -> u8 {
    1
}
/// Begin nothing new: what runs goes on, timers of the run's waits and deadlines go on, no task is given out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PauseRun {
    #[serde(default = "default_pause_run_v")]
    pub v: u8,
    pub run: String,
    #[serde(default)]
    pub reason: String,
}

impl Default for PauseRun {
    fn default() -> Self {
        Self {
            v: default_pause_run_v(),
            run: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for PauseRun {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_resume_run_v() -> u8 {
    1
}
/// Go on after a pause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResumeRun {
    #[serde(default = "default_resume_run_v")]
    pub v: u8,
    pub run: String,
    #[serde(default)]
    pub reason: String,
}

impl Default for ResumeRun {
    fn default() -> Self {
        Self {
            v: default_resume_run_v(),
            run: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for ResumeRun {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_retry_run_v() -> u8 {
    1
}
/// Run again what failed, was cancelled or was skipped for it, and keep what succeeded.
///
/// With `from` that task and all that hangs on it are run again, whatever became of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryRun {
    #[serde(default = "default_retry_run_v")]
    pub v: u8,
    pub run: String,
    #[serde(default)]
    pub from: Option<String>,
    #[serde(default)]
    pub reason: String,
}

impl Default for RetryRun {
    fn default() -> Self {
        Self {
            v: default_retry_run_v(),
            run: Default::default(),
            from: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for RetryRun {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        if let Some(item0) = &self.from {
            check::text("from", item0, 1, 512)?;
        }
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_rollback_run_v() -> u8 {
    1
}
/// Go back to a named checkpoint: what came after it is compensated where it can be, and run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollbackRun {
    #[serde(default = "default_rollback_run_v")]
    pub v: u8,
    pub run: String,
    pub checkpoint: String,
    #[serde(default)]
    pub reason: String,
}

impl Default for RollbackRun {
    fn default() -> Self {
        Self {
            v: default_rollback_run_v(),
            run: Default::default(),
            checkpoint: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for RollbackRun {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::text("checkpoint", &self.checkpoint, 1, 128)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

fn default_move_run_v() -> u8 {
    1
}
/// Go on by another version of the document, where the tasks that are done still stand in it, unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoveRun {
    #[serde(default = "default_move_run_v")]
    pub v: u8,
    pub run: String,
    pub document: Payload,
    #[serde(default)]
    pub reason: String,
}

impl Default for MoveRun {
    fn default() -> Self {
        Self {
            v: default_move_run_v(),
            run: Default::default(),
            document: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for MoveRun {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::run_id("run", &self.run)?;
        check::bytes("document", self.document.len(), 786432)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}
