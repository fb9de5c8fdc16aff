// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! The policy of Arbitration as operators change it, and the reasons of one decision.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_policy_v() -> u8 {
    1
}
/// `sym.policy.arbitration`: a version. An empty document is that of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    #[serde(default = "default_policy_v")]
    pub v: u8,
    pub version: u64,
    #[serde(default)]
    pub document: String,
    #[serde(default)]
    pub applied_at_ms: u64,
    #[serde(default)]
    pub reason: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            v: default_policy_v(),
            version: 1,
            document: Default::default(),
            applied_at_ms: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for Policy {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("version", self.version, 1, 9223372036854775807)?;
        check::text("document", &self.document, 0, 65536)?;
        check::range("applied_at_ms", self.applied_at_ms, 0, 9223372036854775807)?;
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

/// Of a budget in a period of the calendar (its number from 1970): what has to be taken for spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    pub key: String,
    #[serde(default)]
    pub period: u64,
    #[serde(default)]
    pub calls: u64,
    #[serde(default)]
    pub seconds: f64,
}

impl Default for Spent {
    fn default() -> Self {
        Self {
            key: Default::default(),
            period: Default::default(),
            calls: Default::default(),
            seconds: Default::default(),
        }
    }
}

impl Bounded for Spent {
    fn check(&self) -> Verdict {
        check::text("key", &self.key, 1, 128)?;
        check::range("period", self.period, 0, 9223372036854775807)?;
        check::range("calls", self.calls, 0, 9223372036854775807)?;
        check::finite("seconds", self.seconds)?;
        Ok(())
    }
}

fn default_spending_v() -> u8 {
    1
}
/// `sym.policy.spent`: all budgets, written before what they count is told to a conductor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spending {
    #[serde(default = "default_spending_v")]
    pub v: u8,
    #[serde(default)]
    pub spent: Vec<Spent>,
}

impl Default for Spending {
    fn default() -> Self {
        Self {
            v: default_spending_v(),
            spent: Default::default(),
        }
    }
}

impl Bounded for Spending {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("spent", self.spent.len(), 0, 4096)?;
        for item0 in &self.spent {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_ask_policy_v() -> u8 {
    1
}
/// The values of `AskPolicy.action`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AskPolicyAction {
    #[default]
    #[serde(rename = "apply")]
    Apply,

    #[serde(rename = "reset")]
    Reset,

    #[serde(rename = "show")]
    Show,

    #[serde(rename = "try")]
    Try,
}

impl AskPolicyAction {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Reset => "reset",
            Self::Show => "show",
            Self::Try => "try",
        }
    }
}

fn default_ask_policy_action() -> AskPolicyAction {
    AskPolicyAction::Show
}
/// `sym.pit.arbitration.policy`: `show` the one in force, `try` another against the last decisions, `apply` it, or
/// `reset` to the configuration's. `expected`: apply only above this version, so that nobody's change is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskPolicy {
    #[serde(default = "default_ask_policy_v")]
    pub v: u8,
    #[serde(default = "default_ask_policy_action")]
    pub action: AskPolicyAction,
    #[serde(default)]
    pub document: String,
    #[serde(default)]
    pub expected: Option<u64>,
    #[serde(default)]
    pub reason: String,
}

impl Default for AskPolicy {
    fn default() -> Self {
        Self {
            v: default_ask_policy_v(),
            action: default_ask_policy_action(),
            document: Default::default(),
            expected: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Bounded for AskPolicy {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("document", &self.document, 0, 65536)?;
        if let Some(item0) = &self.expected {
            check::range("expected", *item0, 0, 9223372036854775807)?;
        }
        check::text("reason", &self.reason, 0, 4096)?;
        Ok(())
    }
}

/// A claimant of a past decision that another policy would have given more or less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    pub decision: String,
    pub capability: String,
    pub tenant: String,
    pub workflow: String,
    pub before: u32,
    pub after: u32,
    #[serde(default)]
    pub rationale: String,
}

impl Default for Changed {
    fn default() -> Self {
        Self {
            decision: Default::default(),
            capability: Default::default(),
            tenant: Default::default(),
            workflow: Default::default(),
            before: Default::default(),
            after: Default::default(),
            rationale: Default::default(),
        }
    }
}

impl Bounded for Changed {
    fn check(&self) -> Verdict {
        check::text("decision", &self.decision, 1, 128)?;
        check::text("capability", &self.capability, 1, 128)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        check::text("workflow", &self.workflow, 1, 128)?;
        check::range("before", self.before, 0, 65536)?;
        check::range("after", self.after, 0, 65536)?;
        check::text("rationale", &self.rationale, 0, 4096)?;
        Ok(())
    }
}

fn default_policy_show_v() -> u8 {
    1
}
/// The policy in force. After `try`: what of the last `decisions` would have been decided otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyShow {
    #[serde(default = "default_policy_show_v")]
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
    pub decisions: u64,
    #[serde(default)]
    pub changed: Vec<Changed>,
}

impl Default for PolicyShow {
    fn default() -> Self {
        Self {
            v: default_policy_show_v(),
            version: Default::default(),
            document: Default::default(),
            applied_at_ms: Default::default(),
            reason: Default::default(),
            decisions: Default::default(),
            changed: Default::default(),
        }
    }
}

impl Bounded for PolicyShow {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("version", self.version, 0, 9223372036854775807)?;
        check::text("document", &self.document, 0, 65536)?;
        check::range("applied_at_ms", self.applied_at_ms, 0, 9223372036854775807)?;
        check::text("reason", &self.reason, 0, 4096)?;
        check::range("decisions", self.decisions, 0, 9223372036854775807)?;
        check::count("changed", self.changed.len(), 0, 4096)?;
        for item0 in &self.changed {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_ask_decision_v() -> u8 {
    1
}
/// `sym.pit.arbitration.explain`: one of the last decisions, by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskDecision {
    #[serde(default = "default_ask_decision_v")]
    pub v: u8,
    pub decision: String,
}

impl Default for AskDecision {
    fn default() -> Self {
        Self {
            v: default_ask_decision_v(),
            decision: Default::default(),
        }
    }
}

impl Bounded for AskDecision {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("decision", &self.decision, 1, 128)?;
        Ok(())
    }
}

fn default_explained_v() -> u8 {
    1
}
/// A decision with everybody in it, the question that it answers, and the policy's version then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    #[serde(default = "default_explained_v")]
    pub v: u8,
    pub order: Order,
    pub question: Contend,
    #[serde(default)]
    pub version: u64,
    #[serde(default)]
    pub seconds: f64,
}

impl Default for Explained {
    fn default() -> Self {
        Self {
            v: default_explained_v(),
            order: Default::default(),
            question: Default::default(),
            version: Default::default(),
            seconds: Default::default(),
        }
    }
}

impl Bounded for Explained {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        self.order.check()?;
        self.question.check()?;
        check::range("version", self.version, 0, 9223372036854775807)?;
        check::finite("seconds", self.seconds)?;
        Ok(())
    }
}
