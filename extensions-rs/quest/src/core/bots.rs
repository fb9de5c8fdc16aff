//! Scripted players: what a policy is measured beside, and what planners play games to their end with.

use super::chance::Dice;
use super::estimate::{Estimate, estimate};
use super::game::Game;
use super::score::score;
use super::state::{Kind, State};
use super::step::Action;

/// No game takes more decisions: a loop of retries without end is lost.
pub const DECISIONS_MAX: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bot {
    /// Any legal action.
    Random,
    /// The needed call that ends first, wherever that is.
    Greedy,
    /// The longest remaining path first, on the first pool with a free slot.
    LongestPath,
    /// Upward rank, on the pool where it ends earliest, also if that one is busy now (Topcuoglu et al., 2002).
    Heft,
    /// Production's rules: longest remaining path on the fastest plan; retries, then fallbacks, in the document's order.
    Rules,
}

/// How a planner's player weighs and waits.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Of time, against money.
    pub weight: f64,
    /// Noise on the order of calls.
    pub noise: f64,
    /// It leaves a slow pool empty where a better one falls free soon enough.
    pub patient: bool,
    /// Tries of one function before another is taken.
    pub tries: u32,
    /// It starts a call as late as its plan allows where its result goes stale.
    pub late: bool,
}

pub const STYLES: [Style; 6] = [
    Style {
        weight: 1.0,
        noise: 0.0,
        patient: true,
        tries: 4,
        late: false,
    },
    Style {
        weight: 0.0,
        noise: 0.0,
        patient: true,
        tries: 4,
        late: false,
    },
    Style {
        weight: 0.5,
        noise: 0.0,
        patient: true,
        tries: 4,
        late: true,
    },
    Style {
        weight: 0.8,
        noise: 0.0,
        patient: false,
        tries: 8,
        late: false,
    },
    Style {
        weight: 0.2,
        noise: 0.0,
        patient: false,
        tries: 2,
        late: true,
    },
    Style {
        weight: 1.0,
        noise: 0.0,
        patient: false,
        tries: 8,
        late: true,
    },
];

/// The next action of a scripted player; none where the game is over.
pub fn choose(game: &Game, state: &State, bot: Bot, dice: &mut Dice) -> Option<Action> {
    let legal = state.legal(game);
    if legal.len() < 2 {
        return legal.first().copied();
    }
    let style = match bot {
        Bot::Random => return Some(legal[dice.below(legal.len())]),
        Bot::Greedy => return Some(greedy(game, state, &legal)),
        Bot::LongestPath => return Some(longest(game, state, &legal)),
        Bot::Heft => Style {
            weight: 1.0,
            noise: 0.0,
            patient: true,
            tries: 4,
            late: false,
        },
        Bot::Rules => return Some(rules(game, state, &legal)),
    };
    Some(styled(game, state, &legal, style, dice))
}

/// The next action of a planner's player.
pub fn play(game: &Game, state: &State, style: Style, dice: &mut Dice) -> Option<Action> {
    let legal = state.legal(game);
    if legal.len() < 2 {
        return legal.first().copied();
    }
    Some(styled(game, state, &legal, style, dice))
}

/// To the end; the score.
pub fn finish(game: &Game, state: &mut State, style: Style, dice: &mut Dice) -> f64 {
    for _ in 0..DECISIONS_MAX {
        let Some(action) = play(game, state, style, dice) else {
            break;
        };
        if state.apply(game, action).is_err() {
            break;
        }
    }
    score(game, state)
}

fn greedy(game: &Game, state: &State, legal: &[Action]) -> Action {
    if !state.troubles.is_empty() {
        return recover(game, state, legal, 3);
    }
    let e = estimate(game, state, 1.0);
    let ends = |action: &Action| match action {
        Action::Start { function, pool }
            if !game.functions[*function].goals.is_empty() && e.needed[*function] =>
        {
            Some(state.expected(game, &game.functions[*function], *pool).0)
        }
        _ => None,
    };
    least(legal, ends)
}

fn longest(game: &Game, state: &State, legal: &[Action]) -> Action {
    if !state.troubles.is_empty() {
        return recover(game, state, legal, 3);
    }
    let e = estimate(game, state, 1.0);
    least(legal, |action| match action {
        Action::Start { function, .. } if e.needed[*function] => {
            Some(-e.tail_ms[*function] - e.own_ms[*function])
        }
        _ => None,
    })
}

fn rules(game: &Game, state: &State, legal: &[Action]) -> Action {
    if !state.troubles.is_empty() {
        return recover(game, state, legal, 3);
    }
    let e = estimate(game, state, 1.0);
    least(legal, |action| match action {
        Action::Start { function, pool } if e.needed[*function] => {
            let path = -e.tail_ms[*function] - e.own_ms[*function];
            let free = game.pools[*pool].slots - state.busy[*pool];
            Some(path - f64::from(free) * 1e-6)
        }
        _ => None,
    })
}

/// The action that has the least value; WAIT where none has any, and what is legal where nothing is under way.
fn least(legal: &[Action], value: impl Fn(&Action) -> Option<f64>) -> Action {
    let mut best: Option<(f64, Action)> = None;
    for action in legal {
        if let Some(found) = value(action)
            && best.is_none_or(|(least, _)| found < least)
        {
            best = Some((found, *action));
        }
    }
    best.map_or_else(|| otherwise(legal), |(_, action)| action)
}

fn otherwise(legal: &[Action]) -> Action {
    legal.last().copied().unwrap_or(Action::Wait) // WAIT stands last wherever it is legal
}

fn styled(game: &Game, state: &State, legal: &[Action], style: Style, dice: &mut Dice) -> Action {
    if !state.troubles.is_empty() {
        return recover(game, state, legal, style.tries);
    }
    let e = estimate(game, state, style.weight);
    let e = if e.possible && (e.slack_ms < 0.0 && style.weight < 1.0) {
        estimate(game, state, 1.0)
    } else {
        e
    };
    let mut best: Option<(f64, Action)> = None;
    let mut last = usize::MAX;
    for action in legal {
        let Action::Start { function, .. } = *action else {
            continue;
        };
        if !e.needed[function] || last == function {
            continue;
        }
        last = function;
        let Some(pool) = place(game, state, legal, function, &e, style) else {
            continue;
        };
        let noise = 1.0 + style.noise * (dice.unit() - 0.5);
        if style.late && hold(game, &e, function) && legal.contains(&Action::Wait) {
            continue;
        }
        let urgency = (e.latest_ms[function] - e.own_ms[function]) * noise;
        if best.is_none_or(|(least, _)| urgency < least) {
            best = Some((urgency, Action::Start { function, pool }));
        }
    }
    best.map_or_else(|| otherwise(legal), |(_, action)| action)
}

/// Whether a result that goes stale would wait too long for the other inputs of what uses it.
fn hold(game: &Game, e: &Estimate, function: usize) -> bool {
    let one = &game.functions[function];
    if one.fresh_ms == u64::MAX {
        return false;
    }
    let mut waits = f64::INFINITY;
    for (from, to) in &game.edges {
        let to = *to as usize;
        if *from as usize == function && e.needed[to] {
            waits = waits.min(e.ready_ms[to] - e.own_ms[to] - e.ready_ms[function]);
        }
    }
    waits.is_finite() && waits > one.fresh_ms as f64 * 0.5
}

/// The pool for a call by the style's weights; none where it is better to wait for a busy one.
fn place(
    game: &Game,
    state: &State,
    legal: &[Action],
    function: usize,
    e: &Estimate,
    style: Style,
) -> Option<usize> {
    let one = &game.functions[function];
    let per_ms = style.weight.max(0.02) / (game.limits.deadline_ms as f64).max(1.0);
    let per_cost = (1.0 - style.weight) / game.limits.budget.max(1e-9);
    let mut best: Option<(f64, Option<usize>)> = None;
    for pool in 0..game.pools.len() {
        if (one.pools & !state.functions[function].banned_pools) >> pool & 1 == 0 {
            continue;
        }
        let free = legal.contains(&Action::Start { function, pool });
        if !free && (!style.patient || state.busy[pool] < game.pools[pool].slots) {
            continue;
        }
        let (ms, cost) = state.expected(game, one, pool);
        let wait = if free { 0.0 } else { release_ms(state, pool) };
        let room = (e.latest_ms[function] - wait - ms).min(0.0) * -10.0; // past its latest moment time is dear
        let worth = (ms + wait + room) * per_ms + cost * per_cost;
        if best.is_none_or(|(least, _)| worth < least) {
            best = Some((worth, free.then_some(pool)));
        }
    }
    best.and_then(|(_, pool)| pool)
}

/// When a slot of a full pool is expected to be free, from now.
pub fn release_ms(state: &State, pool: usize) -> f64 {
    let here = state.running.iter().filter(|one| one.pool == pool);
    let left = here.map(|one| {
        (one.started_ms as f64 + one.expected_ms - state.now_ms as f64).max(one.expected_ms * 0.1)
    });
    left.fold(f64::INFINITY, f64::min)
}

/// By the kind of the failure; `tries` of one function before another is taken.
fn recover(game: &Game, state: &State, legal: &[Action], tries: u32) -> Action {
    let Some(trouble) = state.troubles.first() else {
        return otherwise(legal);
    };
    let _ = game;
    let failures = state.functions[trouble.function].failures;
    let wishes: &[Action] = match trouble.kind {
        _ if legal.contains(&Action::Compensate) => &[Action::Compensate],
        Kind::Permanent => &[Action::Fallback, Action::Skip, Action::Halt],
        Kind::Infrastructure => &[Action::Reroute, Action::Fallback, Action::RetryLater],
        Kind::RateLimited => &[Action::RetryLater],
        Kind::LostInput => &[Action::Reconstruct],
        _ if failures >= tries => &[Action::Fallback, Action::RetryLater],
        Kind::Garbage => &[Action::RetryNow],
        Kind::Transient => &[Action::RetryLater],
    };
    wishes
        .iter()
        .find(|wish| legal.contains(wish))
        .copied()
        .unwrap_or_else(|| otherwise(legal))
}
