//! What may be done after a failure: of the oldest one that waits for a decision.

use super::game::Game;
use super::state::{End, GoalState, Kind, State};
use super::step::{Action, Refused};

/// The longest backoff in units of the first.
const BACKOFF_GROWTH_MAX: u64 = 8;

/// # Errors
/// Nothing failed, or this failure does not allow the action.
pub fn check(state: &State, game: &Game, action: Action) -> Result<(), Refused> {
    let Some(trouble) = state.troubles.first() else {
        return Err(Refused::NoTrouble);
    };
    let seen = &state.functions[trouble.function];
    let function = &game.functions[trouble.function];
    let lost = trouble.kind == Kind::LostInput;
    let allowed = match action {
        Action::Halt => true,
        Action::Compensate => seen.dirty,
        _ if seen.dirty => false,
        Action::RetryNow => !lost && trouble.retry_after_ms == 0,
        Action::RetryLater => !lost,
        Action::Reconstruct => lost,
        Action::Reroute => !lost && function.pools & !seen.banned_pools & !(1 << trouble.pool) != 0,
        Action::Fallback => function
            .rivals
            .iter()
            .any(|rival| !state.functions[*rival].given_up),
        Action::Skip => optional(state, game, trouble.function).next().is_some(),
        Action::Start { .. } | Action::Wait => false,
    };
    if allowed { Ok(()) } else { Err(Refused::Recovery) }
}

/// Open goals that need not be reached and that a function leads to.
fn optional<'a>(state: &'a State, game: &'a Game, function: usize) -> impl Iterator<Item = usize> + 'a {
    let goals = game.functions[function].goals.iter().copied();
    goals.filter(|goal| game.goals[*goal].optional && state.goals[*goal] == GoalState::Open)
}

/// Do what `check` allowed.
pub fn apply(state: &mut State, game: &Game, action: Action) {
    if state.troubles.is_empty() {
        return;
    }
    let trouble = state.troubles[0];
    let function = &game.functions[trouble.function];
    let now_ms = state.now_ms;
    let goals: Vec<usize> = optional(state, game, trouble.function).collect();
    let seen = &mut state.functions[trouble.function];
    match action {
        Action::RetryLater => {
            let growth: u64 = 1 << seen.failures.saturating_sub(1).min(8);
            let wait_ms = function.backoff_ms * growth.min(BACKOFF_GROWTH_MAX);
            seen.ready_at_ms = now_ms + wait_ms.max(trouble.retry_after_ms);
        }
        Action::RetryNow | Action::Reconstruct | Action::Start { .. } | Action::Wait => {}
        Action::Reroute => seen.banned_pools |= 1 << trouble.pool,
        Action::Fallback => seen.given_up = true,
        Action::Compensate => {
            seen.dirty = false;
            if let Some(effect) = function.side_effect {
                seen.ready_at_ms = now_ms + effect.undo_ms;
                state.spent += effect.undo_cost;
            }
            return; // the failure itself still waits for its decision
        }
        Action::Skip => {
            seen.given_up = true;
            goals
                .into_iter()
                .for_each(|goal| state.goals[goal] = GoalState::Skipped);
        }
        Action::Halt => {
            state.end = Some(if state.has_won(game) {
                End::Won
            } else {
                End::Halted
            });
        }
    }
    state.troubles.remove(0);
    if state.end.is_none() {
        state.reach(game);
    }
}
