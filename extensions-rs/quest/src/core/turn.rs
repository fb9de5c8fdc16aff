//! What an action sets going, and what comes of it once its time is over.

use super::chance::{mix, unit};
use super::game::Game;
use super::state::{Held, Kind, PoolSeen, Running, State, Trouble};

const RATE_ANSWER_MS: f64 = 5.0;
const RATIO_WEIGHT: f64 = 0.35;

impl State {
    pub(super) fn start(&mut self, game: &Game, index: usize, pool: usize) {
        let function = &game.functions[index];
        let (expected_ms, reserved) = self.expected(game, function, pool);
        let lead_ms = self.lead_ms(game, function, pool);
        let tries = self.functions[index].tries;
        let (mut finish_ms, mut failure, _) = self.outcome(game, index, pool, self.now_ms + lead_ms, tries);
        if let Some(rate) = function.rate {
            let seen = &mut self.functions[index];
            let window = self.now_ms / rate.window_ms.max(1);
            if window != seen.window {
                (seen.window, seen.window_calls) = (window, 0);
            }
            seen.window_calls += 1;
            if seen.window_calls > rate.calls {
                failure = Some(Kind::RateLimited);
                finish_ms = self.now_ms + RATE_ANSWER_MS as u64;
            }
        }
        if self.warm_at_ms[pool].is_none() {
            self.warm_at_ms[pool] = Some(self.now_ms + game.pools[pool].warm_up_ms);
        }
        for need in function.inputs.iter().filter(|need| need.consume) {
            if let Some(kind) = self.choose(&need.accepts) {
                self.held[kind].count -= 1;
            }
        }
        for (resource, amount) in &function.needs {
            self.taken[*resource] += amount;
        }
        self.busy[pool] += 1;
        self.making[function.output] += 1;
        self.reserved += reserved;
        self.calls += 1;
        let seen = &mut self.functions[index];
        seen.running = true;
        seen.tries += 1;
        let started_ms = self.now_ms;
        self.running.push(Running {
            function: index,
            pool,
            started_ms,
            expected_ms,
            finish_ms,
            reserved,
            failure,
        });
    }

    /// The next event: a call ends, or a backoff is over.
    pub fn next_ms(&self) -> Option<u64> {
        let ends = self.running.iter().map(|one| one.finish_ms);
        let waits = self
            .functions
            .iter()
            .filter(|f| f.ready_at_ms > self.now_ms && !f.given_up && !f.running);
        ends.chain(waits.map(|f| f.ready_at_ms)).min()
    }

    pub(super) fn advance(&mut self, game: &Game) {
        let Some(next_ms) = self.next_ms() else { return };
        self.now_ms = next_ms.max(self.now_ms);
        let mut index = 0;
        while index < self.running.len() {
            if self.running[index].finish_ms <= self.now_ms {
                let one = self.running.remove(index);
                self.finish(game, one);
            } else {
                index += 1;
            }
        }
        self.reach(game);
    }

    fn finish(&mut self, game: &Game, one: Running) {
        let (function, pool) = (&game.functions[one.function], &game.pools[one.pool]);
        let took_ms = (one.finish_ms - one.started_ms) as f64;
        self.busy[one.pool] -= 1;
        self.making[function.output] -= 1;
        for (resource, amount) in &function.needs {
            self.taken[*resource] -= amount;
        }
        self.reserved = (self.reserved - one.reserved).max(0.0);
        self.spent += took_ms * pool.price / 1000.0;
        if !matches!(one.failure, Some(Kind::RateLimited | Kind::Infrastructure)) {
            self.spent += function.cost;
        }
        let seen = &mut self.functions[one.function];
        seen.running = false;
        let Some(kind) = one.failure else {
            seen.successes += 1;
            seen.failures = 0;
            let until_ms = self.now_ms.saturating_add(function.fresh_ms);
            let held = &mut self.held[function.output];
            let left = if held.until_ms > self.now_ms {
                held.count
            } else {
                0
            };
            *held = Held {
                count: left + 1,
                until_ms,
                pool: one.pool as u8,
            };
            let there = &mut self.pools[one.pool];
            there.good += 1;
            learn(there, took_ms / one.expected_ms.max(1.0));
            return;
        };
        seen.failures += 1;
        self.wasted += 1;
        let mut retry_after_ms = 0;
        match kind {
            Kind::Transient => {
                let mean_ms = function.backoff_ms as f64 * 2.0;
                let drawn = unit(mix(
                    self.world.seed,
                    [15, one.function as u64, u64::from(seen.tries)],
                ));
                if seen.down_until_ms <= self.now_ms {
                    seen.down_until_ms = self.now_ms + (-mean_ms * drawn.max(1e-9).ln()) as u64;
                }
            }
            Kind::Permanent => seen.known_broken = true,
            Kind::RateLimited => {
                let window_ms = function.rate.map_or(1, |rate| rate.window_ms.max(1));
                retry_after_ms =
                    (seen.window + 1) * window_ms - self.now_ms.min((seen.window + 1) * window_ms);
            }
            Kind::LostInput => {
                if let Some(kind) = function
                    .inputs
                    .first()
                    .and_then(|need| self.choose(&need.accepts))
                {
                    self.held[kind].count = 0;
                }
            }
            Kind::Infrastructure => self.pools[one.pool].bad += 1,
            Kind::Garbage => {}
        }
        let begun = !matches!(kind, Kind::RateLimited | Kind::Infrastructure);
        self.functions[one.function].dirty = begun && function.side_effect.is_some();
        self.troubles.push(Trouble {
            function: one.function,
            pool: one.pool,
            kind,
            retry_after_ms,
        });
    }
}

/// The pool's speed as it is seen, of late first.
fn learn(pool: &mut PoolSeen, ratio: f64) {
    pool.ratio =
        (pool.ratio * ((1.0 - RATIO_WEIGHT) + RATIO_WEIGHT * ratio.clamp(0.25, 4.0))).clamp(0.2, 5.0);
}
