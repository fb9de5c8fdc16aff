//! The game's physics, over random plays of a quest with everything in it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use proptest::prelude::*;
use symphony_quest::core::advise::{advise, oracle};
use symphony_quest::core::bots::{Bot, choose};
use symphony_quest::core::chance::{Dice, factor, least};
use symphony_quest::core::document::Document;
use symphony_quest::core::game::Game;
use symphony_quest::core::observe::{ACTION_WIDTH, GLOBAL_WIDTH, NODE_WIDTH, POOL_WIDTH, observe};
use symphony_quest::core::score::score;
use symphony_quest::core::state::{End, State};
use symphony_quest::core::step::{Action, RECOVERIES};

const QUEST: &str = r#"{
  "quest": "all of it", "version": 1,
  "types": {"S": [], "A": [], "B": ["c"], "C": [], "D": [], "T": []},
  "functions": [
    {"name": "a", "inputs": [{"type": "S"}], "output": {"type": "A"}, "duration_ms": 200, "spread": 0.4, "cost": 1,
     "failures": {"transient": 0.3, "slow": 0.2}, "backoff_ms": 50, "transfer_ms": 80},
    {"name": "a2", "inputs": [{"type": "S"}], "output": {"type": "A"}, "duration_ms": 400, "cost": 2},
    {"name": "b", "inputs": [{"type": "A"}, {"type": "T", "consume": true}], "output": {"type": "B", "fields": {"c": "r"}},
     "duration_ms": 150, "cost": 1, "needs": {"lock": 1}, "failures": {"garbage": 0.2},
     "side_effect": {"undo_ms": 40, "undo_cost": 0.5}},
    {"name": "c", "inputs": [{"type": "A"}], "output": {"type": "C"}, "duration_ms": 300, "cost": 1, "needs": {"lock": 1},
     "failures": {"lost_input": 0.2}, "fresh_ms": 900},
    {"name": "t", "inputs": [{"type": "S"}], "output": {"type": "T"}, "duration_ms": 30, "cost": 0.5,
     "rate": {"calls": 1, "window_ms": 300}},
    {"name": "d", "inputs": [{"type": "B", "fields": {"c": "r"}}, {"type": "C"}], "output": {"type": "D"}, "duration_ms": 100,
     "cost": 1, "failures": {"permanent": 0.1}}
  ],
  "pools": [{"name": "p", "slots": 2, "price": 1}, {"name": "q", "slots": 1, "speed": 2, "price": 3, "warm_up_ms": 120,
    "broken": 0.2, "drift": {"at_ms": 500, "factor": 0.5}}],
  "resources": {"lock": 1},
  "artifacts": [{"type": "S"}],
  "goals": [{"type": "D"}, {"type": "C", "optional": true, "deadline_ms": 1500}],
  "limits": {"deadline_ms": 5000, "budget": 40, "calls": 40}
}"#;

fn game() -> Game {
    Game::read(QUEST.as_bytes()).unwrap()
}

fn everything(game: &Game) -> Vec<Action> {
    let mut all = vec![Action::Wait];
    all.extend(RECOVERIES);
    for function in 0..game.functions.len() {
        all.extend((0..game.pools.len()).map(|pool| Action::Start { function, pool }));
    }
    all
}

proptest! {
    #[test]
    fn no_slot_lock_budget_or_clock_is_ever_broken(world in any::<u64>(), dice in any::<u64>()) {
        let game = game();
        let mut state = State::new(&game, world);
        let mut dice = Dice(dice);
        let mut before_ms = 0;
        while let Some(action) = choose(&game, &state, Bot::Random, &mut dice) {
            state.apply(&game, action).unwrap();
            prop_assert!(state.now_ms >= before_ms);
            before_ms = state.now_ms;
            for (pool, busy) in game.pools.iter().zip(&state.busy) {
                prop_assert!(*busy <= pool.slots);
            }
            prop_assert!(state.taken[0] <= 1);
            prop_assert!(state.calls <= game.limits.calls);
            prop_assert_eq!(state.busy.iter().sum::<u32>() as usize, state.running.len());
        }
        prop_assert!(state.end.is_some());
        prop_assert_eq!(score(&game, &state) > 0.0, state.has_won(&game));
        prop_assert!((0.0..=1.0).contains(&score(&game, &state)));
    }

    #[test]
    fn what_is_legal_is_done_and_all_else_changes_nothing(world in any::<u64>(), dice in any::<u64>()) {
        let game = game();
        let mut state = State::new(&game, world);
        let mut dice = Dice(dice);
        loop {
            let legal = state.legal(&game);
            for action in everything(&game) {
                let mut copy = state.clone();
                let done = copy.apply(&game, action);
                prop_assert_eq!(done.is_ok(), legal.contains(&action), "{:?}", action);
                if done.is_err() {
                    prop_assert!(copy == state);
                }
            }
            if legal.is_empty() {
                break;
            }
            state.apply(&game, legal[dice.below(legal.len())]).unwrap();
        }
    }

    #[test]
    fn what_is_imagined_agrees_with_what_was_seen(world in any::<u64>(), other in any::<u64>(), moves in 0usize..30) {
        let game = game();
        let mut state = State::new(&game, world);
        let mut dice = Dice(world);
        for _ in 0..moves {
            let Some(action) = choose(&game, &state, Bot::Rules, &mut dice) else { break };
            state.apply(&game, action).unwrap();
        }
        let mut imagined = state.clone();
        imagined.imagine(&game, other);
        prop_assert_eq!(imagined.legal(&game), state.legal(&game));
        prop_assert_eq!(observe(&game, &imagined).globals, observe(&game, &state).globals);
        for (function, seen) in state.functions.iter().enumerate() {
            prop_assert!(seen.successes == 0 || !imagined.world.broken[function]);
        }
    }

    #[test]
    fn durations_stay_above_their_bound(bits in any::<u64>(), spread in 0.0..1.0f64) {
        prop_assert!(factor(bits, spread) >= least(spread) - 1e-12);
    }
}

#[test]
fn tables_have_the_declared_widths() {
    let game = game();
    let o = observe(&game, &State::new(&game, 1));
    assert_eq!(o.globals.len(), GLOBAL_WIDTH);
    assert_eq!(o.nodes.len() % NODE_WIDTH, 0);
    assert_eq!(o.pools.len(), 2 * POOL_WIDTH);
    assert_eq!(o.actions.len(), o.legal.len() * ACTION_WIDTH);
    assert!(
        o.globals
            .iter()
            .chain(&o.nodes)
            .chain(&o.actions)
            .all(|value| value.is_finite())
    );
}

#[test]
fn the_same_world_and_the_same_moves_have_the_same_end() {
    let game = game();
    let best = oracle(&game, &State::new(&game, 3), 30, 1);
    let mut state = State::new(&game, 3);
    for action in &best.decisions {
        state.apply(&game, *action).unwrap();
    }
    assert!((score(&game, &state) - best.score).abs() < 1e-12);
    assert!(best.won && state.end == Some(End::Won));
    assert!(best.end_ms as f64 >= game.least_ms && best.spent >= game.least_cost);
}

#[test]
fn advice_has_a_worth_for_each_legal_action_and_none_for_the_end() {
    let game = game();
    let mut state = State::new(&game, 5);
    let advice = advise(&game, &state, 4, 1);
    assert_eq!(
        advice.iter().map(|(action, _)| *action).collect::<Vec<_>>(),
        state.legal(&game)
    );
    assert!(advice.iter().any(|(_, worth)| *worth > 0.5));
    state.end = Some(End::Halted);
    assert!(advise(&game, &state, 4, 1).is_empty());
}

#[test]
fn what_is_no_quest_is_refused_with_its_place() {
    let refused = |change: &dyn Fn(&mut Document)| {
        let mut document: Document = serde_json::from_str(QUEST).unwrap();
        change(&mut document);
        Game::new(document).unwrap_err().0
    };
    assert!(refused(&|d| d.version = 2).contains("version"));
    assert!(refused(&|d| d.pools.clear()).contains("pools"));
    assert!(refused(&|d| d.functions[0].pools = vec!["moon".into()]).contains("there is no pool moon"));
    assert!(refused(&|d| d.functions[0].duration_ms = f64::NAN).contains("a: durations"));
    assert!(
        refused(&|d| d.functions[2].needs.insert("key".into(), 1).map_or((), |_| ()))
            .contains("resource key")
    );
    assert!(refused(&|d| d.goals[0].name = "X".into()).contains("X is used and not declared"));
    assert!(Game::read(b"{").is_err());
}
