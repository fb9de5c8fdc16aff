//! What may be done, and what comes of it. Starting a call takes no time; waiting goes on to the next event.

use super::chance::{factor, mix, unit};
use super::game::{Function, Game};
use super::recover;
use super::state::{End, Kind, NOWHERE, State};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Start { function: usize, pool: usize },
    Wait,
    RetryNow,
    RetryLater,
    Reroute,
    Fallback,
    Reconstruct,
    Compensate,
    Skip,
    Halt,
}

pub const RECOVERIES: [Action; 8] = [
    Action::RetryNow,
    Action::RetryLater,
    Action::Reroute,
    Action::Fallback,
    Action::Reconstruct,
    Action::Compensate,
    Action::Skip,
    Action::Halt,
];

/// Why an action cannot be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the game is over")]
    Over,
    #[error("a failure waits for a decision")]
    Trouble,
    #[error("nothing has failed")]
    NoTrouble,
    #[error("the function runs, or was given up")]
    Function,
    #[error("an input is missing")]
    Input,
    #[error("there is enough of its output")]
    Useless,
    #[error("it waits for its backoff")]
    Backoff,
    #[error("the pool does not serve it, or has no free slot")]
    Pool,
    #[error("a resource is taken")]
    Resource,
    #[error("the budget or the number of calls does not suffice")]
    Budget,
    #[error("nothing is under way")]
    Idle,
    #[error("the failure does not allow this")]
    Recovery,
}

/// How much of a call's time is over when it fails.
const FAILED_AT: f64 = 0.5;

impl State {
    /// Everything that may be done now, in one order.
    pub fn legal(&self, game: &Game) -> Vec<Action> {
        if self.end.is_some() {
            return Vec::new();
        }
        if !self.troubles.is_empty() {
            return RECOVERIES
                .into_iter()
                .filter(|action| self.check(game, *action).is_ok())
                .collect();
        }
        let mut out = Vec::new();
        for (function, one) in game.functions.iter().enumerate() {
            if self.check_function(game, function).is_err() {
                continue;
            }
            let mut pools = one.pools;
            while pools != 0 {
                let pool = pools.trailing_zeros() as usize;
                pools &= pools - 1;
                if self.check_pool(game, function, pool).is_ok() {
                    out.push(Action::Start { function, pool });
                }
            }
        }
        if self.check(game, Action::Wait).is_ok() {
            out.push(Action::Wait);
        }
        out
    }

    /// # Errors
    /// It cannot be done now.
    pub fn check(&self, game: &Game, action: Action) -> Result<(), Refused> {
        if self.end.is_some() {
            return Err(Refused::Over);
        }
        match action {
            Action::Start { function, pool } => {
                if !self.troubles.is_empty() {
                    return Err(Refused::Trouble);
                }
                if function >= game.functions.len() || pool >= game.pools.len() {
                    return Err(Refused::Pool);
                }
                self.check_function(game, function)?;
                self.check_pool(game, function, pool)
            }
            Action::Wait if !self.troubles.is_empty() => Err(Refused::Trouble),
            Action::Wait => self.next_ms().map(|_| ()).ok_or(Refused::Idle),
            _ => recover::check(self, game, action),
        }
    }

    fn check_function(&self, game: &Game, index: usize) -> Result<(), Refused> {
        let (function, seen) = (&game.functions[index], &self.functions[index]);
        if seen.running || seen.given_up || seen.dirty {
            return Err(Refused::Function);
        }
        if seen.ready_at_ms > self.now_ms {
            return Err(Refused::Backoff);
        }
        let fresh = if self.has(function.output) {
            self.held[function.output].count
        } else {
            0
        };
        if fresh + self.making[function.output] >= function.useful {
            return Err(Refused::Useless);
        }
        for (place, need) in function.inputs.iter().enumerate() {
            let Some(kind) = self.choose(&need.accepts) else {
                return Err(Refused::Input);
            };
            let also = function.inputs[..place]
                .iter()
                .filter(|other| other.consume && self.choose(&other.accepts) == Some(kind));
            if self.held[kind].count <= also.count() as u32 {
                return Err(Refused::Input);
            }
        }
        for (resource, amount) in &function.needs {
            if self.taken[*resource] + amount > game.resources[*resource] {
                return Err(Refused::Resource);
            }
        }
        if self.calls >= game.limits.calls {
            return Err(Refused::Budget);
        }
        Ok(())
    }

    fn check_pool(&self, game: &Game, index: usize, pool: usize) -> Result<(), Refused> {
        let function = &game.functions[index];
        let open = function.pools & !self.functions[index].banned_pools;
        if open >> pool & 1 == 0 || self.busy[pool] >= game.pools[pool].slots {
            return Err(Refused::Pool);
        }
        let (_, cost) = self.expected(game, function, pool);
        if self.spent + self.reserved + cost > game.limits.budget + 1e-9 {
            return Err(Refused::Budget);
        }
        Ok(())
    }

    /// What a call is expected to take in milliseconds, warming and moving included, and to cost.
    pub fn expected(&self, game: &Game, function: &Function, pool: usize) -> (f64, f64) {
        let there = &game.pools[pool];
        let run_ms = function.duration_ms / there.speed * self.pools[pool].ratio;
        let ms = self.lead_ms(game, function, pool) as f64 + run_ms;
        (ms, function.cost + ms * there.price / 1000.0)
    }

    /// Warming the pool and moving the inputs there, at the same time.
    pub(super) fn lead_ms(&self, game: &Game, function: &Function, pool: usize) -> u64 {
        self.warming_ms(game, pool)
            .max(self.moving_ms(game, function, pool))
    }

    /// Until the pool is warm.
    pub fn warming_ms(&self, game: &Game, pool: usize) -> u64 {
        match self.warm_at_ms[pool] {
            None => game.pools[pool].warm_up_ms,
            Some(at_ms) => at_ms.saturating_sub(self.now_ms),
        }
    }

    /// Moving the inputs into the pool.
    pub fn moving_ms(&self, game: &Game, function: &Function, pool: usize) -> u64 {
        let mut moving = 0;
        for need in &function.inputs {
            let Some(kind) = self.choose(&need.accepts) else {
                continue;
            };
            let lies = self.held[kind].pool;
            if lies != NOWHERE && lies as usize != pool {
                let maker = game.makers[kind].first();
                moving = moving.max(maker.map_or(0, |maker| game.functions[*maker].transfer_ms));
            }
        }
        moving
    }

    /// Do it.
    ///
    /// # Errors
    /// It cannot be done now, and nothing has changed.
    pub fn apply(&mut self, game: &Game, action: Action) -> Result<(), Refused> {
        self.check(game, action)?;
        match action {
            Action::Start { function, pool } => self.start(game, function, pool),
            Action::Wait => self.advance(game),
            _ => recover::apply(self, game, action),
        }
        if self.end.is_none() && self.legal(game).is_empty() {
            self.end = Some(if self.has_won(game) { End::Won } else { End::Stuck });
        }
        Ok(())
    }

    /// When it ends, how, and how long the call itself takes: drawn from the world.
    pub fn outcome(
        &self,
        game: &Game,
        index: usize,
        pool: usize,
        at_ms: u64,
        attempt: u32,
    ) -> (u64, Option<Kind>, f64) {
        let (function, there) = (&game.functions[index], &game.pools[pool]);
        let draw = |what: u64| mix(self.world.seed, [what, index as u64, u64::from(attempt)]);
        let speed = there.speed
            * there
                .drift
                .map_or(1.0, |(from_ms, by)| if at_ms >= from_ms { by } else { 1.0 });
        let mut run_ms = function.duration_ms * factor(draw(10), function.spread) / speed;
        let failures = &function.failures;
        let failure = if self.world.bad_pools >> pool & 1 == 1 {
            Some(Kind::Infrastructure)
        } else if self.world.broken[index] {
            Some(Kind::Permanent)
        } else if at_ms < self.functions[index].down_until_ms || unit(draw(11)) < failures.transient {
            Some(Kind::Transient)
        } else if unit(draw(12)) < failures.lost_input && !function.inputs.is_empty() {
            Some(Kind::LostInput)
        } else if unit(draw(13)) < failures.garbage {
            Some(Kind::Garbage)
        } else {
            None
        };
        if unit(draw(14)) < failures.slow {
            run_ms *= function.slow_factor;
        }
        if matches!(failure, Some(kind) if kind != Kind::Garbage) {
            run_ms *= FAILED_AT;
        }
        (at_ms + run_ms.ceil().max(1.0) as u64, failure, run_ms)
    }
}
