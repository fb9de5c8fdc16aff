//! What reaching the goals would take from here, by expectation and without contention: the same figures that a tracker
//! gives as `rest`, for functions that are still to be chosen. One estimate for each weight between time and money.

use super::document::Visible;
use super::game::Game;
use super::state::{GoalState, State};

const PASSES_MAX: usize = 8;
const NEVER: f64 = 1e12;

/// By function and by exact type; times in milliseconds from now.
#[derive(Debug, Clone, Default)]
pub struct Estimate {
    /// The expected time of the function itself, on the pool that the weight prefers, failures counted in.
    pub own_ms: Vec<f64>,
    pub own_cost: Vec<f64>,
    pub pool: Vec<usize>,
    /// When its output could be there, and what all that it takes would cost.
    pub ready_ms: Vec<f64>,
    pub total_cost: Vec<f64>,
    pub total: Vec<f64>,
    /// It belongs to the plan.
    pub needed: Vec<bool>,
    /// From its end to the end of the plan.
    pub tail_ms: Vec<f64>,
    /// The latest moment for its end, from now.
    pub latest_ms: Vec<f64>,
    pub type_ms: Vec<f64>,
    pub type_cost: Vec<f64>,
    pub type_total: Vec<f64>,
    maker: Vec<Option<usize>>,
    /// The whole plan.
    pub end_ms: f64,
    pub cost: f64,
    /// Work of the plan in milliseconds of slots.
    pub work_ms: f64,
    /// Of all goals, the least time to spare.
    pub slack_ms: f64,
    pub possible: bool,
}

/// The chance that a call fails, as far as a player may know.
pub fn risk(game: &Game, state: &State, index: usize) -> f64 {
    let (f, seen) = (&game.functions[index].failures, &state.functions[index]);
    if game.visible == Visible::Full {
        let broken = if seen.successes > 0 { 0.0 } else { f.permanent };
        return (f.transient + f.garbage + f.lost_input + broken).min(0.95);
    }
    let bad = f64::from(seen.tries - seen.successes - u32::from(seen.running));
    (bad + 0.1) / (f64::from(seen.tries) + 2.0)
}

/// Estimate with `weight` for time, and 1 - weight for money.
pub fn estimate(game: &Game, state: &State, weight: f64) -> Estimate {
    let (count, kinds) = (game.functions.len(), game.types);
    let mut e = Estimate {
        own_ms: vec![NEVER; count],
        own_cost: vec![0.0; count],
        pool: vec![0; count],
        ready_ms: vec![NEVER; count],
        total_cost: vec![NEVER; count],
        total: vec![NEVER; count],
        needed: vec![false; count],
        tail_ms: vec![0.0; count],
        latest_ms: vec![NEVER; count],
        type_ms: vec![NEVER; kinds],
        type_cost: vec![NEVER; kinds],
        type_total: vec![NEVER; kinds],
        maker: vec![None; kinds],
        ..Estimate::default()
    };
    let per_ms = weight / (game.limits.deadline_ms as f64).max(1.0);
    let per_cost = (1.0 - weight) / game.limits.budget.max(1e-9);
    e.own(game, state, per_ms, per_cost);
    for kind in 0..kinds {
        if state.has(kind) {
            (e.type_ms[kind], e.type_cost[kind], e.type_total[kind]) = (0.0, 0.0, 0.0);
        }
    }
    for one in &state.running {
        let kind = game.functions[one.function].output;
        if e.type_ms[kind] > 0.0 {
            let left =
                (one.started_ms as f64 + one.expected_ms - state.now_ms as f64).max(one.expected_ms * 0.1);
            (e.type_ms[kind], e.type_cost[kind], e.type_total[kind]) = (left, 0.0, left * per_ms);
        }
    }
    e.forward(game, state, per_ms, per_cost);
    e.backward(game, state);
    e
}

impl Estimate {
    fn own(&mut self, game: &Game, state: &State, per_ms: f64, per_cost: f64) {
        for (index, function) in game.functions.iter().enumerate() {
            let seen = &state.functions[index];
            if seen.given_up || seen.known_broken {
                continue;
            }
            let tries = 1.0 / (1.0 - risk(game, state, index));
            let mut best = NEVER;
            let mut pools = function.pools & !seen.banned_pools;
            while pools != 0 {
                let pool = pools.trailing_zeros() as usize;
                pools &= pools - 1;
                if state.pools[pool].bad > 0 && state.pools[pool].good == 0 {
                    continue;
                }
                let (ms, cost) = state.expected(game, function, pool);
                let worth = ms * per_ms + cost * per_cost + ms * 1e-12;
                if worth < best {
                    best = worth;
                    (self.own_ms[index], self.own_cost[index], self.pool[index]) =
                        (ms * tries, cost * tries, pool);
                }
            }
        }
    }

    fn forward(&mut self, game: &Game, state: &State, per_ms: f64, per_cost: f64) {
        for _ in 0..PASSES_MAX {
            let mut changed = false;
            for index in &game.order {
                let index = *index;
                if self.own_ms[index] >= NEVER {
                    continue;
                }
                let function = &game.functions[index];
                let (mut ready, mut cost) = (0.0f64, 0.0);
                for need in &function.inputs {
                    let kind = self.best(&need.accepts);
                    let Some(kind) = kind else {
                        ready = NEVER;
                        break;
                    };
                    ready = ready.max(self.type_ms[kind]);
                    cost += self.type_cost[kind];
                }
                if ready >= NEVER {
                    continue;
                }
                let wait = state.functions[index].ready_at_ms.saturating_sub(state.now_ms) as f64;
                let ready = ready.max(wait) + self.own_ms[index];
                let cost = cost + self.own_cost[index];
                let total = ready * per_ms + cost * per_cost;
                (self.ready_ms[index], self.total_cost[index], self.total[index]) = (ready, cost, total);
                let kind = function.output;
                if state.making[kind] == 0 && total < self.type_total[kind] - 1e-12 {
                    self.type_total[kind] = total;
                    (self.type_ms[kind], self.type_cost[kind]) = (ready, cost);
                    self.maker[kind] = Some(index);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
    }

    fn best(&self, accepts: &[usize]) -> Option<usize> {
        let mut best: Option<usize> = None;
        for kind in accepts {
            if self.type_ms[*kind] < NEVER && best.is_none_or(|b| self.type_total[*kind] < self.type_total[b])
            {
                best = Some(*kind);
            }
        }
        best
    }

    fn backward(&mut self, game: &Game, state: &State) {
        self.possible = true;
        self.slack_ms = NEVER;
        let mut plan: Vec<usize> = Vec::new();
        for (index, goal) in game.goals.iter().enumerate() {
            if state.goals[index] != GoalState::Open {
                continue;
            }
            let left = goal.deadline_ms as f64 - state.now_ms as f64;
            let Some(kind) = self.best(&goal.accepts) else {
                self.possible &= goal.optional;
                continue;
            };
            self.end_ms = self.end_ms.max(self.type_ms[kind]);
            self.slack_ms = self.slack_ms.min(left - self.type_ms[kind]);
            if let Some(maker) = self.maker[kind] {
                self.latest_ms[maker] = self.latest_ms[maker].min(left);
                self.enlist(maker, &mut plan);
            }
        }
        let mut at = 0;
        while at < plan.len() {
            let index = plan[at];
            at += 1;
            for need in &game.functions[index].inputs {
                if let Some(maker) = self.best(&need.accepts).and_then(|kind| self.maker[kind]) {
                    self.enlist(maker, &mut plan);
                }
            }
        }
        plan.sort_by(|a, b| self.ready_ms[*b].total_cmp(&self.ready_ms[*a]));
        for index in plan {
            self.cost += self.own_cost[index];
            self.work_ms += self.own_ms[index];
            let before = self.tail_ms[index] + self.own_ms[index];
            let latest = self.latest_ms[index] - self.own_ms[index];
            for need in &game.functions[index].inputs {
                if let Some(maker) = self.best(&need.accepts).and_then(|kind| self.maker[kind]) {
                    self.tail_ms[maker] = self.tail_ms[maker].max(before);
                    self.latest_ms[maker] = self.latest_ms[maker].min(latest);
                }
            }
        }
    }

    fn enlist(&mut self, index: usize, plan: &mut Vec<usize>) {
        if !std::mem::replace(&mut self.needed[index], true) {
            plan.push(index);
        }
    }
}
