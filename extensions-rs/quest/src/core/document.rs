//! A quest as it is written in a file: `schemas/quest.schema.json`. Names are for people; the game sees numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How much of the infrastructure a player sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visible {
    /// Neither pools nor failure rates.
    Hidden,
    /// Pools, but no failure rates and no rate limits.
    Partly,
    #[default]
    Full,
}

/// A nominal type with the values that some of its fields must have, or have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeRef {
    #[serde(rename = "type")]
    pub name: String,
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    #[serde(rename = "type")]
    pub name: String,
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// The call uses the value up.
    #[serde(default)]
    pub consume: bool,
}

/// Chances of each call, in 0..1.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Failures {
    /// Down for a while; a later call may succeed.
    pub transient: f64,
    /// Drawn once a game: the function never works.
    pub permanent: f64,
    /// A result that its contract refuses, at the full price.
    pub garbage: f64,
    /// It takes `slow_factor` times as long.
    pub slow: f64,
    /// The call fails and the value of its first input is gone.
    pub lost_input: f64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub calls: u32,
    pub window_ms: u64,
}

/// What a function leaves behind when it fails, and must be undone before anything else is tried.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideEffect {
    pub undo_ms: u64,
    #[serde(default)]
    pub undo_cost: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    pub name: String,
    #[serde(default)]
    pub inputs: Vec<Input>,
    pub output: TypeRef,
    /// The mean, on a pool of speed 1.
    pub duration_ms: f64,
    /// Standard deviation of the duration's logarithm.
    #[serde(default)]
    pub spread: f64,
    #[serde(default)]
    pub cost: f64,
    /// Where it may run; empty: everywhere.
    #[serde(default)]
    pub pools: Vec<String>,
    #[serde(default)]
    pub needs: BTreeMap<String, u32>,
    #[serde(default)]
    pub failures: Failures,
    #[serde(default = "four")]
    pub slow_factor: f64,
    #[serde(default)]
    pub rate: Option<Rate>,
    #[serde(default)]
    pub side_effect: Option<SideEffect>,
    /// How long its result may be used.
    #[serde(default)]
    pub fresh_ms: Option<u64>,
    /// What it costs in time to use its result in another pool.
    #[serde(default)]
    pub transfer_ms: u64,
    #[serde(default = "hundred")]
    pub backoff_ms: u64,
}

fn four() -> f64 {
    4.0
}

fn hundred() -> u64 {
    100
}

fn one() -> f64 {
    1.0
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    pub at_ms: u64,
    /// The speed is multiplied by this from then on.
    pub factor: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    pub name: String,
    pub slots: u32,
    #[serde(default = "one")]
    pub speed: f64,
    /// A second of a slot.
    #[serde(default)]
    pub price: f64,
    #[serde(default)]
    pub warm_up_ms: u64,
    #[serde(default)]
    pub warm: bool,
    /// The chance that nothing works there, drawn once a game.
    #[serde(default)]
    pub broken: f64,
    #[serde(default)]
    pub drift: Option<Drift>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    #[serde(rename = "type")]
    pub name: String,
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    #[serde(default = "single")]
    pub count: u32,
    #[serde(default)]
    pub fresh_ms: Option<u64>,
}

fn single() -> u32 {
    1
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    #[serde(rename = "type")]
    pub name: String,
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// The limits' own where it is absent.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    #[serde(default)]
    pub optional: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub deadline_ms: u64,
    pub budget: f64,
    pub calls: u32,
}

/// A quest: one level, drawn.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub quest: String,
    pub version: u32,
    #[serde(default)]
    pub level: Option<u32>,
    /// What chance is drawn from.
    #[serde(default)]
    pub seed: u64,
    #[serde(default)]
    pub visible: Visible,
    pub types: BTreeMap<String, Vec<String>>,
    pub functions: Vec<Function>,
    pub pools: Vec<Pool>,
    #[serde(default)]
    pub resources: BTreeMap<String, u32>,
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    pub goals: Vec<Goal>,
    pub limits: Limits,
}
