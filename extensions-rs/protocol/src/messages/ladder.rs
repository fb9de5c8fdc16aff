// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! How far a learned policy is trusted: `sym.policy.conductor`, in `SYM_POLICIES`. The last version stands.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_ladder_v() -> u8 {
    1
}
/// The values of `Ladder.stage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LadderStage {
    #[default]
    #[serde(rename = "canary")]
    Canary,

    #[serde(rename = "live")]
    Live,

    #[serde(rename = "rules")]
    Rules,

    #[serde(rename = "shadow")]
    Shadow,
}

impl LadderStage {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Live => "live",
            Self::Rules => "rules",
            Self::Shadow => "shadow",
        }
    }
}

fn default_ladder_policy() -> String {
    "shipped".to_owned()
}
fn default_ladder_by() -> String {
    "operator".to_owned()
}
/// A step. `policy` is `shipped`, or the path of a network's file where the conductors run; a canary decides `percent`
/// of the runs, by hash. `by` is `operator`, or the conductor whose guard rail broke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    #[serde(default = "default_ladder_v")]
    pub v: u8,
    pub stage: LadderStage,
    #[serde(default = "default_ladder_policy")]
    pub policy: String,
    #[serde(default)]
    pub percent: u32,
    #[serde(default = "default_ladder_by")]
    pub by: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub at_ms: u64,
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            v: default_ladder_v(),
            stage: Default::default(),
            policy: default_ladder_policy(),
            percent: Default::default(),
            by: default_ladder_by(),
            reason: Default::default(),
            at_ms: Default::default(),
        }
    }
}

impl Bounded for Ladder {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("policy", &self.policy, 0, 4096)?;
        check::range("percent", self.percent, 0, 100)?;
        check::text("by", &self.by, 1, 128)?;
        check::text("reason", &self.reason, 0, 4096)?;
        check::range("at_ms", self.at_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}
