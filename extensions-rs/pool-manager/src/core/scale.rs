//! How many processes a pool should have.

/// What a pool is allowed, and what presses on it.
#[derive(Clone, Copy, Debug)]
pub struct Pressure {
    pub min: u32,
    pub max: u32,
    pub running: u32,
    /// Executions that wait for the pool's functions.
    pub waiting: u64,
    /// Slots of its workers that are free.
    pub free: u64,
    /// How long at least one of its processes has had nothing to do.
    pub idle_ms: u64,
    pub idle_limit_ms: u64,
}

/// One more, one less, or as it is: +1, -1, 0. One at a time, so that what was started can show its effect.
pub fn step(pressure: &Pressure) -> i32 {
    let Pressure {
        min,
        max,
        running,
        waiting,
        free,
        idle_ms,
        idle_limit_ms,
    } = *pressure;
    if running < min || (running < max && waiting > free) {
        1
    } else if running > max || (running > min && waiting == 0 && idle_ms >= idle_limit_ms) {
        -1
    } else {
        0
    }
}

/// The wait before a crashed process is started again: doubling from 100 ms to half a minute. `spread` is from 0 to 1.
pub fn backoff_ms(crashes: u32, spread: f64) -> u64 {
    let base = 100_u64.saturating_mul(1 << crashes.min(9)).min(30_000);
    base / 2 + (base as f64 / 2.0 * spread.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Pressure = Pressure {
        min: 1,
        max: 3,
        running: 1,
        waiting: 0,
        free: 4,
        idle_ms: 0,
        idle_limit_ms: 1000,
    };

    #[test]
    fn a_pool_grows_on_backlog_and_shrinks_when_idle_within_its_bounds() {
        assert_eq!(step(&Pressure { running: 0, ..CALM }), 1);
        assert_eq!(step(&CALM), 0);
        assert_eq!(step(&Pressure { waiting: 9, ..CALM }), 1);
        assert_eq!(
            step(&Pressure {
                waiting: 9,
                running: 3,
                ..CALM
            }),
            0
        );
        assert_eq!(
            step(&Pressure {
                running: 2,
                idle_ms: 1000,
                ..CALM
            }),
            -1
        );
        assert_eq!(
            step(&Pressure {
                idle_ms: 1000,
                ..CALM
            }),
            0
        );
    }

    #[test]
    fn crashes_are_answered_more_and_more_slowly() {
        assert!(backoff_ms(0, 0.0) >= 50 && backoff_ms(0, 1.0) <= 100);
        assert!(backoff_ms(20, 1.0) <= 30_000);
        assert!(backoff_ms(5, 0.5) > backoff_ms(2, 0.5));
    }
}
