//! How long an execution takes lately, of a capability and of a workflow's calls of it: what a slot that is given now will
//! cost. Learned from what conductors settle each second; how sure it is, is known too.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use symphony_protocol::Estimate;

/// More capabilities than one mesh has; of others nothing is known.
const CAPABILITIES_MAX: usize = 4096;
/// Workflows of one capability: of the others, what is known of the capability.
const WORKFLOWS_MAX: usize = 256;
/// Of a capability that nobody used yet, in seconds.
const UNKNOWN: f64 = 1.0;
/// Starts that the average goes back over.
const STARTS: f64 = 100.0;

#[derive(Clone, Copy, Debug, Default)]
struct Average {
    seconds: f64,
    /// Of the settlements' means, each counted by its starts.
    squares: f64,
    starts: f64,
    settlements: f64,
}

impl Average {
    /// Executions that started, and seconds of those that ended: in the long run they are the same ones.
    fn add(&mut self, starts: u64, seconds: f64) {
        let seconds = seconds.max(0.0);
        let count = starts as f64;
        self.seconds += seconds;
        self.starts += count;
        if starts > 0 {
            self.squares += seconds * seconds / count;
            self.settlements += 1.0;
        }
        let fade = (STARTS / self.starts.max(1.0)).min(1.0);
        self.seconds *= fade;
        self.squares *= fade;
        self.starts *= fade;
        self.settlements *= fade;
    }

    fn mean(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| (self.seconds / self.starts.max(1.0)).clamp(0.001, 3600.0))
    }

    /// The standard error of the mean; none from fewer than two settlements.
    fn error(&self) -> Option<f64> {
        let mean = self.seconds / self.starts.max(1.0);
        let variance = (self.squares / self.starts.max(1.0) - mean * mean).max(0.0);
        (self.settlements >= 2.0).then(|| (variance / (self.settlements - 1.0)).sqrt())
    }
}

#[derive(Clone, Debug, Default)]
struct Known {
    all: Average,
    workflows: HashMap<String, Average, RandomState>,
}

#[derive(Clone, Debug, Default)]
pub struct Durations {
    of: HashMap<String, Known, RandomState>,
}

impl Durations {
    pub fn add(&mut self, capability: &str, workflow: &str, starts: u64, seconds: f64) {
        if starts == 0 && seconds <= 0.0
            || (self.of.len() >= CAPABILITIES_MAX && !self.of.contains_key(capability))
        {
            return;
        }
        let known = self.of.entry(capability.to_owned()).or_default();
        known.all.add(starts, seconds);
        if known.workflows.len() < WORKFLOWS_MAX || known.workflows.contains_key(workflow) {
            let its = known.workflows.entry(workflow.to_owned()).or_default();
            its.add(starts, seconds);
        }
    }

    /// Seconds, from a millisecond to an hour.
    pub fn of(&self, capability: &str) -> f64 {
        let known = self.of.get(capability).and_then(|known| known.all.mean());
        known.unwrap_or(UNKNOWN)
    }

    /// The same of one workflow's calls, where any are known.
    pub fn by(&self, capability: &str, workflow: &str) -> f64 {
        let known = self.of.get(capability);
        let its = known.and_then(|known| known.workflows.get(workflow)?.mean());
        its.unwrap_or_else(|| self.of(capability))
    }

    /// What is known, by name; `most` in all.
    pub fn show(&self, most: usize) -> Vec<Estimate> {
        let mut capabilities: Vec<(&String, &Known)> = self.of.iter().collect();
        capabilities.sort_by_key(|(name, _)| *name);
        let estimates = capabilities.into_iter().flat_map(|(capability, known)| {
            let mut workflows: Vec<(&String, &Average)> = known.workflows.iter().collect();
            workflows.sort_by_key(|(name, _)| *name);
            let its = workflows
                .into_iter()
                .map(|(name, average)| (Some(name.clone()), average));
            std::iter::once((None, &known.all))
                .chain(its)
                .filter_map(|(workflow, average)| {
                    Some(Estimate {
                        capability: capability.clone(),
                        workflow,
                        seconds: average.mean()?,
                        error: average.error(),
                        starts: average.starts,
                    })
                })
        });
        estimates.take(most).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_average_of_lately() {
        let mut durations = Durations::default();
        assert!((durations.of("f") - 1.0).abs() < 1e-9);
        (0..1000).for_each(|_| durations.add("f", "w", 10, 50.0));
        assert!((durations.of("f") - 5.0).abs() < 1e-6);
        (0..1000).for_each(|_| durations.add("f", "w", 10, 1.0));
        assert!((durations.of("f") - 0.1).abs() < 1e-3);
    }

    #[test]
    fn a_workflow_has_its_own_and_how_sure_it_is_shows() {
        let mut durations = Durations::default();
        durations.add("f", "long", 1, 9.0);
        assert_eq!(durations.show(9)[1].error, None);
        for seconds in [8.0, 10.0, 9.0] {
            durations.add("f", "long", 1, seconds);
            durations.add("f", "short", 1, 1.0);
        }
        assert!((durations.by("f", "long") - 9.0).abs() < 1e-9);
        assert!((durations.by("f", "short") - 1.0).abs() < 1e-9);
        assert!((durations.by("f", "another") - durations.of("f")).abs() < 1e-9);
        let shown = durations.show(9);
        let names: Vec<_> = shown.iter().map(|e| e.workflow.as_deref()).collect();
        assert_eq!(names, [None, Some("long"), Some("short")]);
        // Four settlements with a variance of a half: sqrt(0.5 / 3).
        assert!((shown[1].error.unwrap() - (0.5_f64 / 3.0).sqrt()).abs() < 1e-9);
        assert!(shown[2].error.unwrap() < 1e-9);
    }
}
