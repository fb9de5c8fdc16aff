//! A quest made ready to be played: names become numbers, types are matched once.

use std::collections::BTreeMap;

use super::chance::least;
use super::check::check;
use super::document::{Document, Failures, Limits, Rate, SideEffect, Visible};

/// What a quest may have at most: masks of pools are 64 bits, and a state is cloned thousands of times.
pub const FUNCTIONS_MAX: usize = 4096;
pub const POOLS_MAX: usize = 64;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

#[derive(Debug)]
pub struct Need {
    /// Exact types that will do.
    pub accepts: Vec<usize>,
    pub consume: bool,
}

#[derive(Debug)]
pub struct Function {
    pub inputs: Vec<Need>,
    pub output: usize,
    pub duration_ms: f64,
    pub spread: f64,
    pub cost: f64,
    /// A bit a pool.
    pub pools: u64,
    pub needs: Vec<(usize, u32)>,
    pub failures: Failures,
    pub slow_factor: f64,
    pub rate: Option<Rate>,
    pub side_effect: Option<SideEffect>,
    pub fresh_ms: u64,
    pub transfer_ms: u64,
    pub backoff_ms: u64,
    /// Functions whose output does where this one's does.
    pub rivals: Vec<usize>,
    /// Goals that its output leads to.
    pub goals: Vec<usize>,
    /// How many of its output are of use at once.
    pub useful: u32,
}

#[derive(Debug)]
pub struct Pool {
    pub slots: u32,
    pub speed: f64,
    pub price: f64,
    pub warm_up_ms: u64,
    pub warm: bool,
    pub broken: f64,
    pub drift: Option<(u64, f64)>,
}

#[derive(Debug)]
pub struct Goal {
    pub accepts: Vec<usize>,
    pub deadline_ms: u64,
    pub optional: bool,
}

#[derive(Debug)]
pub struct Game {
    pub document: Document,
    pub visible: Visible,
    pub types: usize,
    pub functions: Vec<Function>,
    /// Producers before consumers as far as there is no circle.
    pub order: Vec<usize>,
    /// (producer, consumer) pairs.
    pub edges: Vec<(u32, u32)>,
    /// Of each exact type, who makes it.
    pub makers: Vec<Vec<usize>>,
    pub pools: Vec<Pool>,
    pub resources: Vec<u32>,
    /// (type, count, usable until).
    pub given: Vec<(usize, u32, u64)>,
    pub goals: Vec<Goal>,
    pub limits: Limits,
    /// No play ends earlier, and none is cheaper.
    pub least_ms: f64,
    pub least_cost: f64,
}

type Known = BTreeMap<(String, BTreeMap<String, String>), usize>;

impl Game {
    /// Read a quest's JSON.
    ///
    /// # Errors
    /// It is no quest: the message says what and where.
    pub fn read(json: &[u8]) -> Result<Self, Invalid> {
        let document: Document = serde_json::from_slice(json).map_err(|error| Invalid(error.to_string()))?;
        Self::new(document)
    }

    /// # Errors
    /// A name that is not declared, or a number out of its range.
    pub fn new(document: Document) -> Result<Self, Invalid> {
        check(&document)?;
        let mut known: Known = BTreeMap::new();
        for function in &document.functions {
            intern(&mut known, &function.output.name, &function.output.fields);
        }
        for artifact in &document.artifacts {
            intern(&mut known, &artifact.name, &artifact.fields);
        }
        let accepts = |name: &str, fields: &BTreeMap<String, String>| -> Vec<usize> {
            let does = |(key, _): &(&(String, BTreeMap<String, String>), &usize)| {
                key.0 == name
                    && fields
                        .iter()
                        .all(|(field, value)| key.1.get(field) == Some(value))
            };
            known.iter().filter(does).map(|(_, index)| *index).collect()
        };
        let pool_names: Vec<&str> = document.pools.iter().map(|pool| pool.name.as_str()).collect();
        let resource_names: Vec<&str> = document.resources.keys().map(String::as_str).collect();
        let mut functions = Vec::new();
        for function in &document.functions {
            functions.push(Function {
                inputs: function
                    .inputs
                    .iter()
                    .map(|input| Need {
                        accepts: accepts(&input.name, &input.fields),
                        consume: input.consume,
                    })
                    .collect(),
                output: known[&(function.output.name.clone(), function.output.fields.clone())],
                duration_ms: function.duration_ms,
                spread: function.spread,
                cost: function.cost,
                pools: mask(&function.pools, &pool_names, &function.name)?,
                needs: needs(&function.needs, &resource_names, &function.name)?,
                failures: function.failures,
                slow_factor: function.slow_factor,
                rate: function.rate,
                side_effect: function.side_effect,
                fresh_ms: function.fresh_ms.unwrap_or(u64::MAX),
                transfer_ms: function.transfer_ms,
                backoff_ms: function.backoff_ms,
                rivals: Vec::new(),
                goals: Vec::new(),
                useful: 1,
            });
        }
        let goals = document
            .goals
            .iter()
            .map(|goal| Goal {
                accepts: accepts(&goal.name, &goal.fields),
                deadline_ms: goal
                    .deadline_ms
                    .unwrap_or(u64::MAX)
                    .min(document.limits.deadline_ms),
                optional: goal.optional,
            })
            .collect();
        let pools = document
            .pools
            .iter()
            .map(|pool| Pool {
                slots: pool.slots,
                speed: pool.speed,
                price: pool.price,
                warm_up_ms: pool.warm_up_ms,
                warm: pool.warm || pool.warm_up_ms == 0,
                broken: pool.broken,
                drift: pool.drift.map(|drift| (drift.at_ms, drift.factor)),
            })
            .collect();
        let given = document
            .artifacts
            .iter()
            .map(|one| {
                let key = (one.name.clone(), one.fields.clone());
                (known[&key], one.count, one.fresh_ms.unwrap_or(u64::MAX))
            })
            .collect();
        let mut game = Self {
            visible: document.visible,
            types: known.len(),
            functions,
            order: Vec::new(),
            edges: Vec::new(),
            makers: vec![Vec::new(); known.len()],
            pools,
            resources: document.resources.values().copied().collect(),
            given,
            goals,
            limits: document.limits,
            least_ms: 0.0,
            least_cost: 0.0,
            document,
        };
        game.relate();
        game.bound();
        Ok(game)
    }

    /// The relaxation without slots, locks and failures: the longest of the shortest ways to a goal, and the dearest of the
    /// cheapest single calls that some goal cannot do without.
    fn bound(&mut self) {
        let mut time = vec![f64::INFINITY; self.types];
        let mut cost = vec![f64::INFINITY; self.types];
        for (kind, _, _) in &self.given {
            (time[*kind], cost[*kind]) = (0.0, 0.0);
        }
        for _ in 0..=self.functions.len() {
            let mut changed = false;
            for index in &self.order {
                let function = &self.functions[*index];
                let inputs = |values: &[f64]| {
                    let each = function.inputs.iter().map(|need| lowest(&need.accepts, values));
                    each.fold(0.0, f64::max)
                };
                let (own_ms, own_cost) = self.least_of(function);
                let (ms, money) = (inputs(&time) + own_ms, inputs(&cost) + own_cost);
                if ms < time[function.output] - 1e-9 || money < cost[function.output] - 1e-9 {
                    time[function.output] = time[function.output].min(ms);
                    cost[function.output] = cost[function.output].min(money);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        let must = self.goals.iter().filter(|goal| !goal.optional);
        for goal in must {
            self.least_ms = self.least_ms.max(lowest(&goal.accepts, &time));
            self.least_cost = self.least_cost.max(lowest(&goal.accepts, &cost));
        }
    }

    fn least_of(&self, function: &Function) -> (f64, f64) {
        let mut best = (f64::INFINITY, f64::INFINITY);
        for (index, pool) in self.pools.iter().enumerate() {
            if function.pools >> index & 1 == 1 {
                let speed = pool.speed * pool.drift.map_or(1.0, |(_, factor)| factor.max(1.0));
                let ms = function.duration_ms * least(function.spread) / speed;
                best = (
                    best.0.min(ms),
                    best.1.min(function.cost + ms * pool.price / 1000.0),
                );
            }
        }
        best
    }
}

/// The least of some types' values.
pub fn lowest(accepts: &[usize], values: &[f64]) -> f64 {
    accepts
        .iter()
        .map(|kind| values[*kind])
        .fold(f64::INFINITY, f64::min)
}

fn intern(known: &mut Known, name: &str, fields: &BTreeMap<String, String>) {
    let next = known.len();
    known.entry((name.to_owned(), fields.clone())).or_insert(next);
}

fn mask(names: &[String], pools: &[&str], function: &str) -> Result<u64, Invalid> {
    if names.is_empty() {
        return Ok(u64::MAX >> (64 - pools.len()));
    }
    let mut bits = 0;
    for name in names {
        let found = pools.iter().position(|pool| pool == name);
        let index =
            found.ok_or_else(|| Invalid(format!("functions: {function}: there is no pool {name}")))?;
        bits |= 1 << index;
    }
    Ok(bits)
}

fn needs(
    wanted: &BTreeMap<String, u32>,
    there: &[&str],
    function: &str,
) -> Result<Vec<(usize, u32)>, Invalid> {
    let mut out = Vec::new();
    for (name, amount) in wanted {
        let found = there.iter().position(|one| one == name);
        let index =
            found.ok_or_else(|| Invalid(format!("functions: {function}: there is no resource {name}")))?;
        out.push((index, *amount));
    }
    Ok(out)
}
