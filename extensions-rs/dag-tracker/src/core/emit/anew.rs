//! A new emitter, or a new conductor: what is open is given out anew, and told in pages.

use super::*;

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

    /// Everything that is given out now, in a stable order: what `dag.resync` pages through.
    pub fn given(&self) -> Vec<ExecId> {
        let mut all: Vec<ExecId> = self.given.keys().copied().collect();
        all.sort_unstable();
        all
    }
}
