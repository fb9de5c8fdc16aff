//! How long an execution of a capability takes on average lately: what a slot that is given now will cost.

use std::collections::BTreeMap;

/// More capabilities than one mesh has; of others nothing is known.
const CAPABILITIES_MAX: usize = 4096;
/// Of a capability that nobody used yet, in seconds.
const UNKNOWN: f64 = 1.0;
/// Starts that the average goes back over.
const STARTS: f64 = 100.0;

#[derive(Clone, Copy, Debug, Default)]
struct Average {
    seconds: f64,
    starts: f64,
}

#[derive(Clone, Debug, Default)]
pub struct Durations {
    of: BTreeMap<String, Average>,
}

impl Durations {
    /// Executions that started, and seconds of those that ended: in the long run they are the same ones.
    pub fn add(&mut self, capability: &str, starts: u64, seconds: f64) {
        if starts == 0 && seconds <= 0.0
            || (self.of.len() >= CAPABILITIES_MAX && !self.of.contains_key(capability))
        {
            return;
        }
        let average = self.of.entry(capability.to_owned()).or_default();
        average.seconds += seconds.max(0.0);
        average.starts += starts as f64;
        let fade = (STARTS / average.starts.max(1.0)).min(1.0);
        average.seconds *= fade;
        average.starts *= fade;
    }

    /// Seconds, from a millisecond to an hour.
    pub fn of(&self, capability: &str) -> f64 {
        let known = self.of.get(capability).filter(|average| average.seconds > 0.0);
        known.map_or(UNKNOWN, |average| {
            (average.seconds / average.starts.max(1.0)).clamp(0.001, 3600.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_average_of_lately() {
        let mut durations = Durations::default();
        assert!((durations.of("f") - 1.0).abs() < 1e-9);
        (0..1000).for_each(|_| durations.add("f", 10, 50.0));
        assert!((durations.of("f") - 5.0).abs() < 1e-6);
        (0..1000).for_each(|_| durations.add("f", 10, 1.0));
        assert!((durations.of("f") - 0.1).abs() < 1e-3);
    }
}
