//! What a player sees of an action: when it would end, what it costs, and how it stands beside the others.

use super::bots::release_ms;
use super::estimate::{Estimate, estimate};
use super::game::Game;
use super::observe::{ACTION_WIDTH, CAP_MS, capped, flag};
use super::state::{NOWHERE, State};
use super::step::Action;

/// Actions whose plan is worked out each: beyond, time would grow with their square. They are shown as if the plan stayed.
pub const LOOKED_AT_MAX: usize = 64;

pub fn action_row(
    game: &Game,
    state: &State,
    plans: &[Estimate; 3],
    action: Action,
    legal: &[Action],
) -> [f64; ACTION_WIDTH] {
    let mut row = [0.0; ACTION_WIDTH];
    let kind = match action {
        Action::Start { .. } => 0,
        Action::Wait => 1,
        Action::RetryNow => 2,
        Action::RetryLater => 3,
        Action::Reroute => 4,
        Action::Fallback => 5,
        Action::Reconstruct => 6,
        Action::Compensate => 7,
        Action::Skip => 8,
        Action::Halt => 9,
    };
    row[21 + kind] = 1.0;
    match action {
        Action::Start { function, pool } => {
            let one = &game.functions[function];
            let (ms, cost) = state.expected(game, one, pool);
            let (soonest, cheapest, later) = beside(game, state, function, legal);
            row[0] = ms;
            row[1] = ms - soonest;
            row[2] = capped(later - ms);
            row[3] = capped(plans[0].latest_ms[function] - ms);
            row[4] = capped(plans[1].latest_ms[function] - ms);
            row[5] = capped(plans[2].latest_ms[function] - ms);
            row[6] = state.warming_ms(game, pool) as f64;
            row[7] = state.moving_ms(game, one, pool) as f64;
            row[9] = row[3];
            let mut after = state.clone();
            if legal.len() <= LOOKED_AT_MAX && after.apply(game, action).is_ok() {
                let fast = estimate(game, &after, 1.0);
                row[8] = capped(fast.end_ms - plans[0].end_ms);
                row[9] = capped(fast.slack_ms);
                row[12] = capped(after.reserved - state.reserved + fast.cost - plans[0].cost);
            }
            row[10] = cost;
            row[11] = cost - cheapest;
            row[13] = flag(plans[0].needed[function]);
            row[14] = flag(plans[1].needed[function]);
            row[15] = flag(plans[2].needed[function]);
            row[16] = flag(ms <= soonest);
            row[17] = flag(cost <= cheapest);
            row[18] = waits(game, plans, function);
            (row[19], row[20]) = company(game, state, plans, function, pool);
        }
        Action::Wait => {
            row[0] = state.next_expected_ms();
        }
        Action::RetryLater => {
            if let Some(trouble) = state.troubles.first() {
                row[0] = trouble
                    .retry_after_ms
                    .max(game.functions[trouble.function].backoff_ms) as f64;
            }
        }
        Action::Fallback => {
            let mut copy = state.clone();
            if let Some(trouble) = state.troubles.first() {
                copy.functions[trouble.function].given_up = true;
                let e = estimate(game, &copy, 1.0);
                row[0] = capped(e.end_ms);
                row[1] = capped(e.end_ms - plans[0].end_ms);
                row[8] = row[1];
                row[9] = capped(e.slack_ms);
                row[10] = capped(e.cost);
                row[12] = capped(e.cost - plans[0].cost);
                row[13] = flag(e.possible);
            }
        }
        _ => {}
    }
    row
}

/// Of a function's legal pools the soonest end and the least cost, and when the best busy pool would end it.
fn beside(game: &Game, state: &State, function: usize, legal: &[Action]) -> (f64, f64, f64) {
    let one = &game.functions[function];
    let (mut soonest, mut cheapest, mut later) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    for pool in 0..game.pools.len() {
        if (one.pools & !state.functions[function].banned_pools) >> pool & 1 == 0 {
            continue;
        }
        let (ms, cost) = state.expected(game, one, pool);
        if legal.contains(&Action::Start { function, pool }) {
            soonest = soonest.min(ms);
            cheapest = cheapest.min(cost);
        } else if state.busy[pool] >= game.pools[pool].slots {
            later = later.min(ms + release_ms(state, pool));
        }
    }
    (soonest, cheapest, if later.is_finite() { later } else { CAP_MS })
}

/// Of the other inputs of what uses a result: how many lie, or are being made, in a pool, and how many elsewhere.
fn company(game: &Game, state: &State, plans: &[Estimate; 3], function: usize, pool: usize) -> (f64, f64) {
    let (mut near, mut far) = (0.0, 0.0);
    for (from, to) in &game.edges {
        let user = *to as usize;
        if *from as usize != function || !plans.iter().any(|e| e.needed[user]) {
            continue;
        }
        for need in &game.functions[user].inputs {
            if need.accepts.contains(&game.functions[function].output) {
                continue;
            }
            let lies = state.choose(&need.accepts).map(|kind| state.held[kind].pool);
            let made = state
                .running
                .iter()
                .find(|one| need.accepts.contains(&game.functions[one.function].output));
            match lies.or(made.map(|one| one.pool as u8)) {
                Some(NOWHERE) | None => {}
                Some(there) if there as usize == pool => near += 1.0,
                Some(_) => far += 1.0,
            }
        }
    }
    (near, far)
}

/// How much of a result's shelf life would pass before what uses it has its other inputs; 0 where it keeps.
fn waits(game: &Game, plans: &[Estimate; 3], function: usize) -> f64 {
    let fresh = game.functions[function].fresh_ms;
    if fresh == u64::MAX {
        return 0.0;
    }
    let e = &plans[0];
    let mut least = f64::INFINITY;
    for (from, to) in &game.edges {
        let to = *to as usize;
        if *from as usize == function && e.needed[to] {
            least = least.min(e.ready_ms[to] - e.own_ms[to] - e.ready_ms[function]);
        }
    }
    if least.is_finite() {
        (least / fresh as f64).clamp(0.0, 4.0)
    } else {
        0.0
    }
}
