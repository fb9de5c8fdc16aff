//! How many processes a pool should have.

use super::pressure::Pressure;

/// What waits is to be worked off in so long: about the time in which a process of a slow language loads.
const DRAIN_US: u64 = 2_000_000;

/// What a pool is allowed, and how it stands.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub min: u32,
    pub max: u32,
    pub running: u32,
    /// How long at least one of its processes has had nothing to do.
    pub idle_ms: u64,
    pub idle_limit_ms: u64,
    /// Slots that are expected to be taken soon, by what came lately.
    pub expected: u64,
}

/// A number of processes and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub wanted: u32,
    pub why: String,
}

/// As many as work off what waits in two seconds, with one slot for each execution that would be late, and for what is
/// expected; fewer, one at a time, once one had nothing to do for as long as its pool allows.
pub fn target(bounds: &Bounds, pressure: &Pressure) -> Target {
    let Bounds {
        min,
        max,
        running,
        idle_ms,
        idle_limit_ms,
        expected,
    } = *bounds;
    let slots = pressure.slots.max(1);
    let by_time = if pressure.work_us == 0 {
        pressure.waiting
    } else {
        pressure.work_us.div_ceil(DRAIN_US).min(pressure.waiting)
    };
    let more = by_time.max(pressure.late.min(pressure.waiting));
    let needed = pressure.busy.saturating_add(more);
    let processes = |slots_needed: u64| u32::try_from(slots_needed.div_ceil(slots)).unwrap_or(u32::MAX);
    let (now, soon) = (processes(needed), processes(expected));
    let wish = now.max(soon);
    let wanted = if wish < running && running > min {
        running - u32::from(idle_ms >= idle_limit_ms)
    } else {
        wish.max(running)
    };
    let bounded = wanted.clamp(min.min(max), max);
    let why = if bounded < wanted {
        format!("{wanted} would be needed, its bound is {max}")
    } else if bounded > wanted {
        format!("{min} are always kept")
    } else if bounded < running {
        format!("one had nothing to do for {} ms", idle_ms)
    } else if bounded == running && wish <= running {
        format!(
            "{} of its slots are taken, {} free, {} executions wait",
            pressure.busy, pressure.free, pressure.waiting
        )
    } else if soon > now {
        format!("{expected} slots are expected to be taken soon")
    } else if pressure.late > 0 {
        format!(
            "{} executions miss their deadlines unless they start soon",
            pressure.late
        )
    } else {
        format!(
            "{} executions wait, for {:.1} s of slots",
            pressure.waiting,
            pressure.work_us as f64 / 1e6
        )
    };
    Target { wanted: bounded, why }
}

/// The wait before a crashed process is started again: doubling from 100 ms to half a minute. `spread` is from 0 to 1.
pub fn backoff_ms(crashes: u32, spread: f64) -> u64 {
    let base = 100_u64.saturating_mul(1 << crashes.min(9)).min(30_000);
    base / 2 + (base as f64 / 2.0 * spread.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Bounds = Bounds {
        min: 1,
        max: 8,
        running: 1,
        idle_ms: 0,
        idle_limit_ms: 1000,
        expected: 0,
    };

    fn pressed(waiting: u64, each_us: u64, busy: u64) -> Pressure {
        Pressure {
            waiting,
            work_us: waiting * each_us,
            busy,
            slots: 4,
            ..Default::default()
        }
    }

    fn wanted(bounds: &Bounds, pressure: &Pressure) -> u32 {
        target(bounds, pressure).wanted
    }

    #[test]
    fn as_many_as_work_off_what_waits_in_time() {
        assert_eq!(wanted(&CALM, &pressed(0, 0, 0)), 1);
        // A thousand of 10 ms are 10 s of slots: 5 slots more than the 4 that are taken.
        assert_eq!(wanted(&CALM, &pressed(1000, 10_000, 4)), 3);
        // A thousand of a second would need 500 slots.
        let far = target(&CALM, &pressed(1000, 1_000_000, 4));
        assert_eq!(far.wanted, 8);
        assert_eq!(far.why, "126 would be needed, its bound is 8");
        // Never more slots than executions.
        assert_eq!(wanted(&CALM, &pressed(3, 60_000_000, 4)), 2);
        // Where nobody knows how long they take, a slot for each.
        let unknown = Pressure {
            work_us: 0,
            ..pressed(9, 0, 4)
        };
        assert_eq!(wanted(&CALM, &unknown), 4);
    }

    #[test]
    fn what_would_be_late_has_a_slot_each_and_what_is_expected_too() {
        let late = Pressure {
            late: 20,
            ..pressed(40, 1_000, 0)
        };
        assert_eq!(wanted(&CALM, &late), 5);
        let expected = Bounds { expected: 9, ..CALM };
        let made = target(&expected, &pressed(0, 0, 0));
        assert_eq!(
            (made.wanted, made.why.as_str()),
            (3, "9 slots are expected to be taken soon")
        );
    }

    #[test]
    fn it_shrinks_one_by_one_when_idle_and_keeps_its_least() {
        let many = Bounds { running: 4, ..CALM };
        assert_eq!(wanted(&many, &pressed(0, 0, 0)), 4);
        let idle = Bounds {
            idle_ms: 1000,
            ..many
        };
        assert_eq!(wanted(&idle, &pressed(0, 0, 0)), 3);
        assert_eq!(wanted(&idle, &pressed(0, 0, 16)), 4, "all of them are at work");
        assert_eq!(
            wanted(
                &Bounds {
                    idle_ms: 1000,
                    ..CALM
                },
                &pressed(0, 0, 0)
            ),
            1
        );
        assert_eq!(wanted(&Bounds { running: 0, ..CALM }, &pressed(0, 0, 0)), 1);
        assert_eq!(
            wanted(&Bounds { running: 9, ..CALM }, &pressed(900, 1_000_000, 36)),
            8
        );
    }

    #[test]
    fn crashes_are_answered_more_and_more_slowly() {
        assert!(backoff_ms(0, 0.0) >= 50 && backoff_ms(0, 1.0) <= 100);
        assert!(backoff_ms(20, 1.0) <= 30_000);
        assert!(backoff_ms(5, 0.5) > backoff_ms(2, 0.5));
    }
}
