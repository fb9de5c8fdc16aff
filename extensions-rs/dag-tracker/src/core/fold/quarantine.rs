//! Rule 13: a panic while one run is folded stops that run, never the partition; a logged event ends it.
//!
//! Between the two the run does nothing: what comes for it is not applied. So a replay of the same log comes to the same
//! state, and one by a later version, which folds the run without a panic, still ends it as its clients were told.

use std::any::Any;

use symphony_protocol::QuarantinedBatch;

use super::*;

/// Characters of a panic's own words that are kept.
const WORDS_MAX: usize = 500;

/// Work on a run, which goes on for the others whatever happens to this one. None: the fold failed on it.
pub(super) fn guarded<T>(
    run: &mut Run,
    context: &mut Context,
    effects: &mut Effects,
    work: impl FnOnce(&mut Run, &mut Context, &mut Effects) -> T,
) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(|| work(run, context, effects))) {
        Ok(done) => Some(done),
        Err(panic) => {
            broke(run, &*panic, context, effects);
            None
        }
    }
}

/// What is left of the run is not to be trusted, so nothing goes on from here.
fn broke(run: &mut Run, panic: &(dyn Any + Send), context: &Context, effects: &mut Effects) {
    let key = run.key;
    let ended_now = effects
        .ended
        .split_off(effects.closed_runs.min(effects.ended.len()));
    let is_fresh = ended_now.contains(&key);
    effects
        .ended
        .extend(ended_now.into_iter().filter(|ended| *ended != key));
    if run.status.ended() && !is_fresh {
        effects
            .dead
            .push(format!("a panic over run {}, which had ended", run.id));
        return;
    }
    run.status = RunStatus::Running; // it may have come as far as its end: nobody is told of that
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    let words: String = words.chars().take(WORDS_MAX).collect();
    run.broken = Some(format!(
        "the fold failed on this run at sequence {} of the log ({words}); it is quarantined, other runs are not touched",
        context.sequence
    ));
    effects.ready.retain(|id| id.run != key);
    effects.failures.retain(|(id, ..)| id.run != key);
    effects.broken.push(key);
    let open = catch_unwind(AssertUnwindSafe(|| given_out(run)));
    effects.unwanted.extend(open.unwrap_or_default());
}

/// What workers may hold of it.
fn given_out(run: &Run) -> Vec<(ExecId, Unwanted)> {
    let ready = run.execs().filter(|(_, exec)| exec.status == Status::Ready);
    ready.map(|(id, exec)| (id, run.unwanted(id, exec))).collect()
}

impl Fold {
    /// The conductor wrote down that runs are quarantined.
    pub(super) fn quarantined(&mut self, batch: QuarantinedBatch, effects: &mut Effects) {
        for one in batch.runs {
            let Some(run) = run_key(&one.run).and_then(|key| self.runs.get_mut(&key)) else {
                continue;
            };
            let problem = error("internal", one.reason);
            run.broken = None;
            if run.status.ended() {
                // Told twice, or a version that folds the run to another end: its clients know this one.
                run.status = RunStatus::Failed;
                run.error = Some(Box::new(problem));
                run.outputs = Payload::from_static(&[0x80]);
                continue;
            }
            let told = Some(problem.clone());
            let end = || {
                Walk::new(run, &mut self.context, effects).end_run(RunStatus::Failed, told, "quarantine");
            };
            if catch_unwind(AssertUnwindSafe(end)).is_err() {
                // Not even its tasks can be walked: the end stands alone.
                run.status = RunStatus::Failed;
                run.error = Some(Box::new(problem));
                run.ended_at_ms = self.context.time_ms;
                if !effects
                    .ended
                    .iter()
                    .skip(effects.closed_runs)
                    .any(|key| *key == run.key)
                {
                    effects.ended.push(run.key);
                }
            }
        }
        self.close(effects);
    }
}
