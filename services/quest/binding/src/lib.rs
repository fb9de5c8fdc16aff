//! `quest._core`: the game's core for Python. Tables cross as bytes of little-endian `float32` and `int32`.

#![allow(clippy::indexing_slicing)] // see symphony_quest

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use symphony_quest::core::advise::{advise, oracle, typical};
use symphony_quest::core::bots::{Bot, choose};
use symphony_quest::core::chance::Dice;
use symphony_quest::core::game::Game as Compiled;
use symphony_quest::core::observe::observe;
use symphony_quest::core::score::score;
use symphony_quest::core::state::{End, GoalState, State};
use symphony_quest::core::step::{Action, RECOVERIES};

/// A quest, checked and compiled.
#[pyclass(frozen)]
struct Game {
    inner: Arc<Compiled>,
}

/// A game that is being played.
#[pyclass]
struct Play {
    game: Arc<Compiled>,
    state: State,
}

/// An action as Python has it: its kind (0 start, 1 wait, then the recoveries in their order), function and pool.
type Code = (u8, i32, i32);

fn code(action: Action) -> Code {
    match action {
        Action::Start { function, pool } => (0, function as i32, pool as i32),
        Action::Wait => (1, -1, -1),
        other => (
            2 + RECOVERIES.iter().position(|one| *one == other).unwrap_or(0) as u8,
            -1,
            -1,
        ),
    }
}

fn action(code: Code) -> PyResult<Action> {
    let number = |value: i32| {
        usize::try_from(value).map_err(|_| PyValueError::new_err("a start names function and pool"))
    };
    match code.0 {
        0 => Ok(Action::Start {
            function: number(code.1)?,
            pool: number(code.2)?,
        }),
        1 => Ok(Action::Wait),
        other => RECOVERIES
            .get(usize::from(other) - 2)
            .copied()
            .ok_or_else(|| PyValueError::new_err(format!("there is no action of kind {other}"))),
    }
}

fn bot(name: &str) -> PyResult<Bot> {
    Ok(match name {
        "random" => Bot::Random,
        "greedy" => Bot::Greedy,
        "longest-path" => Bot::LongestPath,
        "heft" => Bot::Heft,
        "rules" => Bot::Rules,
        other => return Err(PyValueError::new_err(format!("there is no bot {other}"))),
    })
}

#[pymethods]
impl Game {
    /// Compile a quest's JSON; `ValueError` where it is none.
    #[new]
    fn new(json: &[u8]) -> PyResult<Self> {
        let inner = Compiled::read(json).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    #[getter]
    fn least_ms(&self) -> f64 {
        self.inner.least_ms
    }

    #[getter]
    fn least_cost(&self) -> f64 {
        self.inner.least_cost
    }

    /// (producer, consumer) pairs of function numbers.
    fn edges(&self) -> Vec<(u32, u32)> {
        self.inner.edges.clone()
    }

    /// Begin in the world of a seed.
    fn play(&self, seed: u64) -> Play {
        Play {
            game: self.inner.clone(),
            state: State::new(&self.inner, seed),
        }
    }

    /// (milliseconds, cost, calls) of good plays on average; none where too few worlds are won.
    fn typical(&self, py: Python<'_>, weight: f64, worlds: usize, seed: u64) -> Option<(f64, f64, f64)> {
        py.detach(|| typical(&self.inner, weight, worlds, seed))
    }
}

#[pymethods]
impl Play {
    fn copy(&self) -> Self {
        Self {
            game: self.game.clone(),
            state: self.state.clone(),
        }
    }

    /// Legal actions as (kind, function, pool), in the order of the observation's.
    fn legal(&self) -> Vec<Code> {
        self.state.legal(&self.game).into_iter().map(code).collect()
    }

    /// Do an action; `ValueError` where it is not legal.
    fn apply(&mut self, kind: u8, function: i32, pool: i32) -> PyResult<()> {
        let wanted = action((kind, function, pool))?;
        self.state
            .apply(&self.game, wanted)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Do the legal action of this index, then every forced one. The number of legal actions that are then to choose from.
    fn choose(&mut self, index: usize) -> PyResult<usize> {
        let legal = self.state.legal(&self.game);
        let wanted = legal
            .get(index)
            .ok_or_else(|| PyValueError::new_err(format!("action {index} of {}", legal.len())))?;
        self.state
            .apply(&self.game, *wanted)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(self.forced())
    }

    /// Play forced moves: where one action is legal, nobody is asked. How many are legal then; 0 at the end.
    fn forced(&mut self) -> usize {
        loop {
            let legal = self.state.legal(&self.game);
            match legal.as_slice() {
                [only] if self.state.apply(&self.game, *only).is_ok() => {}
                other => return other.len(),
            }
        }
    }

    /// Tables as bytes: globals, nodes, pools, actions, places, edges.
    fn observe<'py>(&self, py: Python<'py>) -> [Bound<'py, PyBytes>; 6] {
        let o = observe(&self.game, &self.state);
        let floats = |values: &[f32]| {
            PyBytes::new(
                py,
                &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>(),
            )
        };
        let pairs = |values: &[(i32, i32)]| {
            let flat = values
                .iter()
                .flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()])
                .flatten();
            PyBytes::new(py, &flat.collect::<Vec<u8>>())
        };
        [
            floats(&o.globals),
            floats(&o.nodes),
            floats(&o.pools),
            floats(&o.actions),
            pairs(&o.places),
            pairs(&o.edges),
        ]
    }

    /// What a scripted player does now; none at the end.
    fn bot(&self, name: &str, seed: u64) -> PyResult<Option<Code>> {
        Ok(choose(&self.game, &self.state, bot(name)?, &mut Dice(seed)).map(code))
    }

    /// Let a scripted player play to the end.
    fn finish(&mut self, py: Python<'_>, name: &str, seed: u64) -> PyResult<()> {
        let bot = bot(name)?;
        py.detach(|| {
            let mut dice = Dice(seed);
            for _ in 0..symphony_quest::core::bots::DECISIONS_MAX {
                let Some(next) = choose(&self.game, &self.state, bot, &mut dice) else {
                    break;
                };
                if self.state.apply(&self.game, next).is_err() {
                    break;
                }
            }
        });
        Ok(())
    }

    /// The best known play of this world from here: score, won, end in milliseconds, cost, and its actions.
    fn oracle(&self, py: Python<'_>, plays: usize, seed: u64) -> (f64, bool, u64, f64, Vec<Code>) {
        let best = py.detach(|| oracle(&self.game, &self.state, plays, seed));
        (
            best.score,
            best.won,
            best.end_ms,
            best.spent,
            best.decisions.into_iter().map(code).collect(),
        )
    }

    /// What each legal action is worth to a planner without hindsight.
    fn advise(&self, py: Python<'_>, worlds: usize, seed: u64) -> Vec<f64> {
        py.detach(|| advise(&self.game, &self.state, worlds, seed))
            .into_iter()
            .map(|(_, worth)| worth)
            .collect()
    }

    #[getter]
    fn score(&self) -> f64 {
        score(&self.game, &self.state)
    }

    #[getter]
    fn won(&self) -> bool {
        self.state.has_won(&self.game)
    }

    #[getter]
    fn now_ms(&self) -> u64 {
        self.state.now_ms
    }

    #[getter]
    fn spent(&self) -> f64 {
        self.state.spent
    }

    #[getter]
    fn calls(&self) -> u32 {
        self.state.calls
    }

    #[getter]
    fn wasted(&self) -> u32 {
        self.state.wasted
    }

    /// How the game ended: `won`, `late`, `stuck` or `halted`; none while it goes on.
    #[getter]
    fn end(&self) -> Option<&'static str> {
        self.state.end.map(|end| match end {
            End::Won => "won",
            End::Late => "late",
            End::Stuck => "stuck",
            End::Halted => "halted",
        })
    }

    /// Busy slots by pool.
    fn busy(&self) -> Vec<u32> {
        self.state.busy.clone()
    }

    /// Calls under way: function, pool, and when each is expected to end.
    fn running(&self) -> Vec<(usize, usize, f64)> {
        self.state
            .running
            .iter()
            .map(|one| (one.function, one.pool, one.started_ms as f64 + one.expected_ms))
            .collect()
    }

    /// Functions whose output is held.
    fn held(&self) -> Vec<usize> {
        (0..self.game.functions.len())
            .filter(|index| self.state.has(self.game.functions[*index].output))
            .collect()
    }

    /// The failure that waits for a decision: function, pool, kind.
    fn trouble(&self) -> Option<(usize, usize, String)> {
        self.state
            .troubles
            .first()
            .map(|one| (one.function, one.pool, format!("{:?}", one.kind)))
    }

    /// Of each goal `open`, `done`, `missed` or `skipped`.
    fn goals(&self) -> Vec<&'static str> {
        let word = |goal: &GoalState| match goal {
            GoalState::Open => "open",
            GoalState::Done(_) => "done",
            GoalState::Missed => "missed",
            GoalState::Skipped => "skipped",
        };
        self.state.goals.iter().map(word).collect()
    }
}

#[pymodule]
#[pyo3(name = "_core")]
fn quest_core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Game>()?;
    module.add_class::<Play>()
}
