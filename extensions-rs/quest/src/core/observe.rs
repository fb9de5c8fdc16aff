//! What a player sees: tables of numbers in natural units, by token. `conductor/policy/encoder.py` turns them into what
//! the network takes; the columns are named in `conductor/policy/observation.py`.

use super::bots::release_ms;
use super::document::Visible;
use super::estimate::{Estimate, estimate, risk};
use super::game::Game;
use super::offer::action_row;
use super::state::{GoalState, Kind, State};
use super::step::Action;

pub const GLOBAL_WIDTH: usize = 28;
pub const NODE_WIDTH: usize = 32;
pub const POOL_WIDTH: usize = 10;
pub const ACTION_WIDTH: usize = 31;
/// Nodes that are shown: those of the plans and those that could start, the most urgent first.
pub const NODES_MAX: usize = 128;

/// Rows of the widths above; `edges` are pairs of node rows, `actions` name a node row and a pool row (or -1).
#[derive(Debug, Default)]
pub struct Observation {
    pub globals: Vec<f32>,
    pub nodes: Vec<f32>,
    pub pools: Vec<f32>,
    pub actions: Vec<f32>,
    pub places: Vec<(i32, i32)>,
    pub edges: Vec<(i32, i32)>,
    pub legal: Vec<Action>,
}

pub const CAP_MS: f64 = 1e9;

/// # Panics
/// Never; rows have the widths that are declared above by construction.
pub fn observe(game: &Game, state: &State) -> Observation {
    let legal = state.legal(game);
    let plans = [
        estimate(game, state, 1.0),
        estimate(game, state, 0.5),
        estimate(game, state, 0.0),
    ];
    let mut o = Observation {
        legal,
        ..Observation::default()
    };
    let rows = shown(game, state, &plans, &o.legal);
    let mut row_of = vec![-1i32; game.functions.len()];
    for (row, index) in rows.iter().enumerate() {
        row_of[*index] = row as i32;
        o.nodes.extend(
            node(game, state, &plans, *index)
                .iter()
                .map(|value| *value as f32),
        );
    }
    o.globals
        .extend(globals(game, state, &plans).iter().map(|value| *value as f32));
    for pool in 0..game.pools.len() {
        o.pools
            .extend(pool_row(game, state, pool).iter().map(|value| *value as f32));
    }
    for at in 0..o.legal.len() {
        let action = o.legal[at];
        o.actions.extend(
            action_row(game, state, &plans, action, &o.legal)
                .iter()
                .map(|value| *value as f32),
        );
        o.places.push(match action {
            Action::Start { function, pool } => (row_of[function], pool as i32),
            Action::Wait => (-1, -1),
            _ => state
                .troubles
                .first()
                .map_or((-1, -1), |t| (row_of[t.function], t.pool as i32)),
        });
    }
    for (from, to) in &game.edges {
        let (from, to) = (row_of[*from as usize], row_of[*to as usize]);
        if from >= 0 && to >= 0 {
            o.edges.push((from, to));
        }
    }
    o
}

fn shown(game: &Game, state: &State, plans: &[Estimate; 3], legal: &[Action]) -> Vec<usize> {
    let mut keep = vec![false; game.functions.len()];
    for action in legal {
        if let Action::Start { function, .. } = action {
            keep[*function] = true;
        }
    }
    for trouble in &state.troubles {
        keep[trouble.function] = true;
    }
    let must: usize = keep.iter().filter(|one| **one).count();
    let mut rest: Vec<usize> = (0..keep.len())
        .filter(|index| !keep[*index] && (plans.iter().any(|e| e.needed[*index]) || keep.len() <= NODES_MAX))
        .collect();
    rest.sort_by(|a, b| plans[0].ready_ms[*a].total_cmp(&plans[0].ready_ms[*b]));
    for index in rest.into_iter().take(NODES_MAX.saturating_sub(must)) {
        keep[index] = true;
    }
    (0..keep.len()).filter(|index| keep[*index]).collect()
}

pub fn capped(value: f64) -> f64 {
    value.clamp(-CAP_MS, CAP_MS)
}

pub fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn globals(game: &Game, state: &State, plans: &[Estimate; 3]) -> [f64; GLOBAL_WIDTH] {
    let open = |optional: bool| {
        let all = game.goals.iter().zip(&state.goals);
        all.filter(|(goal, now)| goal.optional == optional && **now == GoalState::Open)
            .count() as f64
    };
    let horizon = game
        .goals
        .iter()
        .zip(&state.goals)
        .filter(|(_, now)| **now == GoalState::Open);
    let left = horizon
        .map(|(goal, _)| goal.deadline_ms)
        .max()
        .unwrap_or(game.limits.deadline_ms);
    let left_ms = left.saturating_sub(state.now_ms) as f64;
    let slots: u32 = game.pools.iter().map(|pool| pool.slots).sum();
    let busy: u32 = state.busy.iter().sum();
    let kind = state.troubles.first().map(|trouble| trouble.kind);
    let is = |one: Kind| flag(kind == Some(one));
    let trouble = state
        .troubles
        .first()
        .map(|t| state.functions[t.function])
        .unwrap_or_default();
    [
        left_ms,
        capped(plans[0].end_ms),
        capped(plans[1].end_ms),
        capped(plans[2].end_ms),
        capped(plans[0].slack_ms),
        capped(plans[1].slack_ms),
        capped(plans[2].slack_ms),
        plans[0].work_ms / f64::from(slots),
        (game.limits.budget - state.spent - state.reserved).max(0.0),
        capped(plans[0].cost),
        capped(plans[1].cost),
        capped(plans[2].cost),
        open(false),
        open(true),
        f64::from(slots),
        f64::from(busy),
        state.running.len() as f64,
        f64::from(game.limits.calls - state.calls.min(game.limits.calls)),
        flag(kind.is_some()),
        is(Kind::Transient),
        is(Kind::Permanent),
        is(Kind::Garbage),
        is(Kind::RateLimited),
        is(Kind::LostInput),
        is(Kind::Infrastructure),
        f64::from(trouble.failures),
        flag(plans[0].possible),
        f64::from(state.wasted),
    ]
}

fn node(game: &Game, state: &State, plans: &[Estimate; 3], index: usize) -> [f64; NODE_WIDTH] {
    let (function, seen) = (&game.functions[index], &state.functions[index]);
    let [fast, even, cheap] = plans;
    let kind = function.output;
    let missing = function
        .inputs
        .iter()
        .filter(|need| state.choose(&need.accepts).is_none())
        .count();
    let running = state.running.iter().find(|one| one.function == index);
    let left = running.map_or(0.0, |one| {
        (one.started_ms as f64 + one.expected_ms - state.now_ms as f64).max(0.0)
    });
    let held = if state.has(kind) {
        state.held[kind].until_ms.saturating_sub(state.now_ms) as f64
    } else {
        0.0
    };
    let full = game.visible == Visible::Full;
    let quota = function.rate.filter(|_| full).map_or(1.0, |rate| {
        let current = state.now_ms / rate.window_ms.max(1) == seen.window;
        f64::from(rate.calls)
            - if current {
                f64::from(seen.window_calls)
            } else {
                0.0
            }
    });
    [
        capped(fast.own_ms[index]),
        capped(cheap.own_ms[index]),
        capped(fast.ready_ms[index]),
        capped(even.ready_ms[index]),
        capped(cheap.ready_ms[index]),
        capped(fast.tail_ms[index]),
        capped(even.tail_ms[index]),
        capped(cheap.tail_ms[index]),
        capped(fast.latest_ms[index]),
        capped(even.latest_ms[index]),
        capped(cheap.latest_ms[index]),
        left,
        seen.ready_at_ms.saturating_sub(state.now_ms) as f64,
        capped(held),
        if function.fresh_ms == u64::MAX {
            0.0
        } else {
            function.fresh_ms as f64
        },
        capped(fast.own_cost[index]),
        capped(cheap.own_cost[index]),
        capped(fast.total_cost[index]),
        capped(cheap.total_cost[index]),
        flag(fast.needed[index]),
        flag(even.needed[index]),
        flag(cheap.needed[index]),
        risk(game, state, index),
        function.spread,
        f64::from(seen.tries),
        f64::from(seen.failures),
        flag(seen.running),
        flag(seen.given_up || seen.known_broken),
        missing as f64,
        quota,
        flag(function.inputs.iter().any(|need| need.consume)),
        function.rivals.len() as f64,
    ]
}

fn pool_row(game: &Game, state: &State, index: usize) -> [f64; POOL_WIDTH] {
    let (pool, seen) = (&game.pools[index], &state.pools[index]);
    if game.visible == Visible::Hidden {
        return [0.0; POOL_WIDTH];
    }
    let full = state.busy[index] >= pool.slots;
    [
        if state.warm_at_ms[index].is_none() {
            pool.warm_up_ms as f64
        } else {
            0.0
        },
        if full {
            capped(release_ms(state, index))
        } else {
            0.0
        },
        f64::from(pool.slots),
        f64::from(pool.slots - state.busy[index].min(pool.slots)),
        pool.speed / seen.ratio,
        seen.ratio,
        pool.price,
        f64::from(seen.good),
        f64::from(seen.bad),
        1.0,
    ]
}

impl State {
    /// When the next event is expected, from now, without hindsight.
    pub fn next_expected_ms(&self) -> f64 {
        let left = |one: &super::state::Running| one.started_ms as f64 + one.expected_ms - self.now_ms as f64;
        let ends = self
            .running
            .iter()
            .map(|one| left(one).max(one.expected_ms * 0.1));
        let waits = self
            .functions
            .iter()
            .filter(|f| f.ready_at_ms > self.now_ms && !f.given_up && !f.running);
        let all = ends.chain(waits.map(|f| (f.ready_at_ms - self.now_ms) as f64));
        capped(all.fold(CAP_MS, f64::min))
    }
}
