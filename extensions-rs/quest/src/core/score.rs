//! What a play is worth: base + efficiency + optimisation + stability, 1 at most.

use super::game::Game;
use super::state::{GoalState, State};

/// For reaching all that must be reached within the limits.
pub const BASE: f64 = 0.6;
/// For time that is left, of what even the relaxation without slots needs not.
pub const EFFICIENCY: f64 = 0.15;
/// For money that is left, in the same way.
pub const OPTIMISATION: f64 = 0.15;
/// For calls that did not fail.
pub const STABILITY: f64 = 0.1;

/// In 0..1; 0 for what was not won. Goals that need not be reached scale the bonuses.
pub fn score(game: &Game, state: &State) -> f64 {
    if !state.has_won(game) {
        return 0.0;
    }
    let mut end_ms = 0;
    let (mut wished, mut had) = (0.0, 0.0);
    for (goal, reached) in game.goals.iter().zip(&state.goals) {
        if let GoalState::Done(at_ms) = reached {
            end_ms = end_ms.max(*at_ms);
        }
        if goal.optional {
            wished += 1.0;
            had += f64::from(matches!(reached, GoalState::Done(_)));
        }
    }
    let share = if wished > 0.0 {
        0.5 + 0.5 * had / wished
    } else {
        1.0
    };
    let efficiency = saved(end_ms as f64, game.least_ms, game.limits.deadline_ms as f64);
    let optimisation = saved(state.spent, game.least_cost, game.limits.budget);
    let stability = 1.0 - f64::from(state.wasted) / f64::from(state.calls.max(1));
    BASE + share * (EFFICIENCY * efficiency + OPTIMISATION * optimisation + STABILITY * stability)
}

/// 1 at the lower bound, 0 at the limit.
fn saved(used: f64, least: f64, limit: f64) -> f64 {
    (1.0 - (used - least) / (limit - least).max(1e-9)).clamp(0.0, 1.0)
}
