//! Planners: the oracle, which sees the world as it is, and the teacher, which does not.

use super::bots::{STYLES, Style, finish, play};
use super::chance::Dice;
use super::game::Game;
use super::score::score;
use super::state::State;
use super::step::Action;

/// The best of many plays of one world.
#[derive(Debug, Clone)]
pub struct Best {
    pub score: f64,
    pub won: bool,
    pub end_ms: u64,
    pub spent: f64,
    pub decisions: Vec<Action>,
}

/// Try `plays` styles and orders in the world as it is: hindsight, so it is the best known play and no policy's aim.
pub fn oracle(game: &Game, from: &State, plays: usize, seed: u64) -> Best {
    let mut best = Best {
        score: -1.0,
        won: false,
        end_ms: 0,
        spent: 0.0,
        decisions: Vec::new(),
    };
    let mut dice = Dice(seed);
    for turn in 0..plays {
        let mut style = STYLES[turn % STYLES.len()];
        if turn >= STYLES.len() {
            style = varied(style, &mut dice);
        }
        let mut state = from.clone();
        let mut decisions = Vec::new();
        while let Some(action) = play(game, &state, style, &mut dice) {
            if decisions.len() >= super::bots::DECISIONS_MAX || state.apply(game, action).is_err() {
                break;
            }
            decisions.push(action);
        }
        let found = score(game, &state);
        if found > best.score {
            let won = state.has_won(game);
            best = Best {
                score: found,
                won,
                end_ms: state.now_ms,
                spent: state.spent,
                decisions,
            };
        }
    }
    best
}

fn varied(style: Style, dice: &mut Dice) -> Style {
    Style {
        weight: (style.weight + (dice.unit() - 0.5) * 0.6).clamp(0.0, 1.0),
        noise: [0.2, 0.6, 1.2][dice.below(3)],
        patient: dice.unit() < 0.5,
        tries: 1 + dice.below(8) as u32,
        late: dice.unit() < 0.5,
    }
}

/// What each legal action is worth: it is done in `worlds` that agree with what was seen, and each is played to its end by
/// every style. Worth is the mean over worlds of the best style on average.
pub fn advise(game: &Game, state: &State, worlds: usize, seed: u64) -> Vec<(Action, f64)> {
    let legal = state.legal(game);
    let mut dice = Dice(seed);
    let imagined: Vec<State> = (0..worlds)
        .map(|_| {
            let mut one = state.clone();
            one.imagine(game, dice.bits());
            one
        })
        .collect();
    let value = |action: Action| {
        STYLES
            .iter()
            .map(|style| {
                let mut sum = 0.0;
                for (index, world) in imagined.iter().enumerate() {
                    let mut copy = world.clone();
                    let mut own = Dice(seed ^ index as u64);
                    if copy.apply(game, action).is_ok() {
                        sum += finish(game, &mut copy, *style, &mut own);
                    }
                }
                sum / worlds.max(1) as f64
            })
            .fold(0.0, f64::max)
    };
    legal.into_iter().map(|action| (action, value(action))).collect()
}

/// The mean time, cost and number of calls of good plays without limits, over worlds: what limits are made from.
pub fn typical(game: &Game, weight: f64, worlds: usize, seed: u64) -> Option<(f64, f64, f64)> {
    let mut found: Vec<(f64, f64, f64)> = Vec::new();
    let mut dice = Dice(seed);
    for _ in 0..worlds {
        let start = State::new(game, dice.bits());
        let mut best: Option<(f64, (f64, f64, f64))> = None;
        for style in STYLES {
            let mut state = start.clone();
            let mine = Style { weight, ..style };
            finish(game, &mut state, mine, &mut dice);
            if state.has_won(game) {
                let got = (state.now_ms as f64, state.spent, f64::from(state.calls));
                let worth = weight * got.0 / game.least_ms.max(1.0)
                    + (1.0 - weight) * got.1 / game.least_cost.max(1e-9);
                if best.is_none_or(|(least, _)| worth < least) {
                    best = Some((worth, got));
                }
            }
        }
        found.extend(best.map(|(_, got)| got));
    }
    let count = found.len() as f64;
    if found.len() * 4 < worlds * 3 {
        return None;
    }
    let mean = |part: fn(&(f64, f64, f64)) -> f64| found.iter().map(part).sum::<f64>() / count;
    Some((mean(|got| got.0), mean(|got| got.1), mean(|got| got.2)))
}
