//! What a player sees of an action: when it would end, what it costs, and how it stands beside the others.

use super::bots::release_ms;
use super::estimate::{Estimate, estimate};
use super::game::Game;
use super::observe::{ACTION_WIDTH, CAP_MS, capped, flag};
use super::state::State;
use super::step::Action;

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
    row[14 + kind] = 1.0;
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
            row[6] = cost;
            row[7] = cost - cheapest;
            row[8] = flag(plans[0].needed[function]);
            row[9] = flag(plans[1].needed[function]);
            row[10] = flag(plans[2].needed[function]);
            row[11] = flag(ms <= soonest);
            row[12] = flag(cost <= cheapest);
            row[13] = waits(game, plans, function);
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
                row[3] = capped(e.slack_ms);
                row[6] = capped(e.cost);
                row[8] = flag(e.possible);
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
