//! Emitting anew: what is ready, and what workers are at already, as a conductor claims it.

use std::sync::Arc;

use symphony_protocol::Claimed;

use super::*;
use crate::core::state::run_key;

impl Emitter {
    /// Forget what was given out, and queue every ready execution anew: a new emitter, or a new conductor.
    pub fn restart(&mut self, fold: &Fold) {
        self.queues.clear();
        self.given.clear();
        self.lanes_open = 0;
        self.touched.clear();
        let mut keys: Vec<&u128> = fold
            .runs
            .iter()
            .filter(|(_, run)| !run.status.ended())
            .map(|(key, _)| key)
            .collect();
        keys.sort_by_key(|key| fold.runs.get(key).map(|run| (run.submitted_sequence, **key)));
        for key in keys {
            for id in open_execs(fold, *key, Status::Ready) {
                self.enqueue(fold, id);
            }
        }
    }

    /// What workers are at counts as given out, whatever the credit and whether its run is paused: it is not begun anew.
    pub fn claim(&mut self, fold: &Fold, claimed: &[Claimed]) {
        for claim in claimed {
            let run = run_key(&claim.run).and_then(|key| fold.runs.get(&key));
            let Some(run) = run.filter(|run| run.broken.is_none()) else {
                continue;
            };
            let Some(id) = run.find(&claim.task) else { continue };
            let is_current = |exec: &Exec| {
                exec.status == Status::Ready
                    && exec.generation == claim.generation
                    && exec.r#try == claim.r#try
            };
            let Some(called) = run.called(id).filter(|called| is_current(called.exec)) else {
                continue;
            };
            let (function, window) = match lane::of(run, id, &called) {
                Some(named) => named,
                None => (called.function.capability.clone(), None),
            };
            let in_lane = lane::is_lane(&function);
            let claimant = Claimant {
                tenant: run.tenant.clone(),
                workflow: Arc::from(if in_lane { "" } else { run.workflow.as_str() }),
            };
            let queue = self.queues.entry(function.clone()).or_default();
            queue.window = window;
            let given = Given {
                function,
                claimant: claimant.clone(),
                generation: claim.generation,
                r#try: claim.r#try,
            };
            // Its place in the queue is passed over when its turn comes.
            if self.given.insert(id, given).is_none() {
                queue.give(&claimant);
                self.lanes_open += u64::from(in_lane);
            }
        }
    }

    /// Everything that is given out now, in a stable order: what `dag.resync` pages through.
    pub fn given(&self) -> Vec<ExecId> {
        let mut all: Vec<ExecId> = self.given.keys().copied().collect();
        all.sort_unstable();
        all
    }
}
