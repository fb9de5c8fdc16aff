//! What a game is at a moment, hidden things included. Cheap to clone: planners do it thousands of times.

use super::chance::{mix, unit};
use super::game::Game;

/// What a value of an exact type is: how many there are, how long they may be used, and where the last one lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    pub count: u32,
    pub until_ms: u64,
    /// The pool that it lies in; `NOWHERE` for what was given.
    pub pool: u8,
}

pub const NOWHERE: u8 = u8::MAX;

/// What was seen of a function.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    pub tries: u32,
    pub successes: u32,
    /// In a row.
    pub failures: u32,
    pub ready_at_ms: u64,
    pub given_up: bool,
    pub banned_pools: u64,
    pub running: bool,
    /// It left something behind that has to be undone.
    pub dirty: bool,
    pub window: u64,
    pub window_calls: u32,
    /// Hidden: calls before this moment fail.
    pub down_until_ms: u64,
    /// It was seen to be broken for good.
    pub known_broken: bool,
}

/// What was seen of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PoolSeen {
    pub good: u32,
    pub bad: u32,
    /// An average of actual over expected time that forgets.
    pub ratio: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Transient,
    Permanent,
    Garbage,
    RateLimited,
    LostInput,
    /// Of the pool, not of the function.
    Infrastructure,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Running {
    pub function: usize,
    pub pool: usize,
    pub started_ms: u64,
    pub expected_ms: f64,
    pub finish_ms: u64,
    pub reserved: f64,
    /// Hidden.
    pub failure: Option<Kind>,
}

/// A failure that waits for a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trouble {
    pub function: usize,
    pub pool: usize,
    pub kind: Kind,
    pub retry_after_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoalState {
    Open,
    Done(u64),
    Missed,
    Skipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Won,
    Late,
    Stuck,
    Halted,
}

/// What is drawn once a game.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    pub seed: u64,
    pub broken: Vec<bool>,
    pub bad_pools: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub now_ms: u64,
    pub spent: f64,
    pub reserved: f64,
    pub calls: u32,
    pub wasted: u32,
    pub held: Vec<Held>,
    pub making: Vec<u32>,
    pub busy: Vec<u32>,
    /// When a pool is warm; none: it is cold.
    pub warm_at_ms: Vec<Option<u64>>,
    pub pools: Vec<PoolSeen>,
    pub taken: Vec<u32>,
    pub functions: Vec<Seen>,
    pub running: Vec<Running>,
    pub troubles: Vec<Trouble>,
    pub goals: Vec<GoalState>,
    pub end: Option<End>,
    pub world: World,
}

impl World {
    /// Draw who is broken.
    pub fn draw(game: &Game, seed: u64) -> Self {
        let broken = game
            .functions
            .iter()
            .enumerate()
            .map(|(index, one)| unit(mix(seed, [1, index as u64, 0])) < one.failures.permanent)
            .collect();
        let mut bad_pools = 0;
        for (index, pool) in game.pools.iter().enumerate() {
            if unit(mix(seed, [2, index as u64, 0])) < pool.broken {
                bad_pools |= 1 << index;
            }
        }
        Self {
            seed,
            broken,
            bad_pools,
        }
    }
}

impl State {
    /// The beginning of a game in the world of a seed.
    pub fn new(game: &Game, seed: u64) -> Self {
        let nothing = Held {
            count: 0,
            until_ms: 0,
            pool: NOWHERE,
        };
        let mut held = vec![nothing; game.types];
        for (kind, count, until_ms) in &game.given {
            held[*kind] = Held {
                count: held[*kind].count + count,
                until_ms: *until_ms,
                pool: NOWHERE,
            };
        }
        let mut state = Self {
            now_ms: 0,
            spent: 0.0,
            reserved: 0.0,
            calls: 0,
            wasted: 0,
            held,
            making: vec![0; game.types],
            busy: vec![0; game.pools.len()],
            warm_at_ms: game.pools.iter().map(|pool| pool.warm.then_some(0)).collect(),
            pools: vec![
                PoolSeen {
                    ratio: 1.0,
                    ..PoolSeen::default()
                };
                game.pools.len()
            ],
            taken: vec![0; game.resources.len()],
            functions: vec![Seen::default(); game.functions.len()],
            running: Vec::new(),
            troubles: Vec::new(),
            goals: vec![GoalState::Open; game.goals.len()],
            end: None,
            world: World::draw(game, seed),
        };
        state.reach(game);
        state
    }

    /// Whether a value of this type can be used now.
    pub fn has(&self, kind: usize) -> bool {
        let held = &self.held[kind];
        held.count > 0 && held.until_ms > self.now_ms
    }

    /// Of the types that would do, the one that may be used longest.
    pub fn choose(&self, accepts: &[usize]) -> Option<usize> {
        accepts
            .iter()
            .copied()
            .filter(|kind| self.has(*kind))
            .max_by_key(|kind| self.held[*kind].until_ms)
    }

    /// Goals that what is held fulfils, and those that are too late.
    pub fn reach(&mut self, game: &Game) {
        for (index, goal) in game.goals.iter().enumerate() {
            if self.goals[index] != GoalState::Open {
                continue;
            }
            if self.now_ms > goal.deadline_ms {
                self.goals[index] = GoalState::Missed;
            } else if self.choose(&goal.accepts).is_some() {
                self.goals[index] = GoalState::Done(self.now_ms);
            }
        }
        let must = |index: usize| !game.goals[index].optional;
        if (0..self.goals.len()).any(|index| must(index) && self.goals[index] == GoalState::Missed) {
            self.end = Some(End::Late);
        } else if self.goals.iter().all(|goal| *goal != GoalState::Open) {
            self.end = Some(End::Won);
        }
    }

    /// Whether all that must be reached is.
    pub fn has_won(&self, game: &Game) -> bool {
        let mut all = game
            .goals
            .iter()
            .zip(&self.goals)
            .filter(|(goal, _)| !goal.optional);
        all.all(|(_, state)| matches!(state, GoalState::Done(_)))
    }

    /// Another world that agrees with everything that was seen: what a player without hindsight may plan with.
    pub fn imagine(&mut self, game: &Game, seed: u64) {
        let mut world = World::draw(game, seed);
        for (index, seen) in self.functions.iter_mut().enumerate() {
            if seen.successes > 0 {
                world.broken[index] = false;
            } else if seen.known_broken {
                world.broken[index] = true;
            }
            if seen.down_until_ms > 0 && seen.failures > 0 {
                let mean_ms = game.functions[index].backoff_ms as f64 * 2.0;
                let more_ms = -mean_ms
                    * unit(mix(seed, [3, index as u64, u64::from(seen.tries)]))
                        .max(1e-9)
                        .ln();
                seen.down_until_ms = self.now_ms + more_ms as u64;
            }
        }
        for (index, seen) in self.pools.iter().enumerate() {
            if seen.good > 0 {
                world.bad_pools &= !(1 << index);
            } else if seen.bad > 0 {
                world.bad_pools |= 1 << index;
            }
        }
        self.world = world;
        for index in 0..self.running.len() {
            let one = self.running[index];
            for attempt in 0..8 {
                let drawn = self.outcome(game, one.function, one.pool, one.started_ms, 1000 + attempt);
                let finish_ms = drawn.0 + (one.expected_ms as u64).saturating_sub(drawn.2 as u64);
                if finish_ms > self.now_ms {
                    self.running[index].finish_ms = finish_ms;
                    self.running[index].failure = drawn.1;
                    break;
                }
            }
        }
    }
}
