//! Failures: what the document allows after one, and what a decision does.

use symphony_protocol::{Action as Decision, Continue, Fail, Fallback, Retry, Skip};
use symphony_workflow::OnFailure;

use super::undo::undo_allowed;
use super::*;
use crate::core::state::UNDO;

/// Attempts of one task that may be lost with their workers: a task that kills whoever runs it ends there.
const LOST_COUNT_MAX: u32 = 3;

/// The actions that a document allows, in its order: retries while they last, then fallbacks, then `on_failure`. While both
/// are left, a policy may choose to take the next fallback at once: the document names it as a way to go on.
pub fn allowed(run: &Run, id: ExecId, problem: &ErrorValue, time_ms: u64) -> Vec<Decision> {
    if id.frame == UNDO {
        return undo_allowed(run, id, problem, time_ms);
    }
    let (Some(node), Some(exec)) = (run.spec(id), run.exec(id)) else {
        return vec![Decision::Fail(Fail {})];
    };
    let retry = &node.retry;
    let elapsed = time_ms.saturating_sub(exec.first_ready_at_ms);
    let in_time = retry.max_elapsed_ms.is_none_or(|most| elapsed < most);
    // What is inside a task was tried again by its own words already; the whole is only if its document says so.
    let whole = !is_counted(node) && exec.fallback.is_none();
    let asked = !whole || retry.max_attempts.is_some();
    let poisons = exec.rare.as_ref().is_some_and(|rare| rare.lost >= LOST_COUNT_MAX);
    let again = in_time && asked && !poisons && exec.fallback.is_none();
    let next = exec.fallback.map_or(0, |at| usize::from(at) + 1);
    let index = u8::try_from(next).ok().filter(|_| next < node.fallback.len());
    let fallback = index.map(|index| Decision::Fallback(Fallback { index: index.into() }));
    if again && retry.allows(&problem.kind, problem.retryable, exec.tries_here) {
        let delay_ms = problem
            .retry_after_ms
            .unwrap_or_else(|| retry.delay_ms(exec.tries_here));
        let retry = Decision::Retry(Retry { delay_ms });
        return std::iter::once(retry).chain(fallback).collect();
    }
    if let Some(fallback) = fallback {
        return vec![fallback];
    }
    vec![match node.on_failure {
        OnFailure::Fail | OnFailure::Compensate => Decision::Fail(Fail {}),
        OnFailure::Skip => Decision::Skip(Skip {}),
        OnFailure::Continue => Decision::Continue(Continue {}),
    }]
}

impl Walk<'_> {
    /// A try failed. Where the document leaves a choice, or a delay to be spread, it is to be decided; else it is applied
    /// at once.
    pub(crate) fn fail(&mut self, id: ExecId, problem: ErrorValue) {
        if id.frame == UNDO {
            return self.undo_failed(id, problem);
        }
        self.leave(id, false);
        let actions = allowed(self.run, id, &problem, self.context.time_ms);
        let Some(exec) = self.run.exec_mut(id) else { return };
        exec.rare().error = Some(problem.clone());
        match actions.first() {
            Some(Decision::Retry(_) | Decision::Fallback(_)) => {
                exec.status = Status::Undecided;
                let (generation, r#try) = (exec.generation, exec.r#try);
                self.effects.failures.push((id, generation, r#try, actions));
            }
            _ => self.give_up(id, problem),
        }
    }

    /// An attempt will never answer. The broker's word that its worker is gone is not proof that the task did it; several
    /// in a row are taken for it, where a worker had begun them.
    pub(crate) fn lose(&mut self, id: ExecId, problem: ErrorValue, begun: bool, attempts: u32) {
        if !begun {
            return self.fail(id, problem);
        }
        let Some(exec) = self.run.exec_mut(id) else { return };
        let rare = exec.rare();
        let before = rare.lost;
        rare.lost = before.saturating_add(attempts.max(1));
        if before < LOST_COUNT_MAX && rare.lost >= LOST_COUNT_MAX {
            let path = self.run.path(id);
            let detail =
                format!("{LOST_COUNT_MAX} attempts were lost with their workers; it is not tried again");
            self.effects
                .dead
                .push(format!("task {path} of run {}: {detail}", self.run.id));
            self.note("dead_letter", Some(path), "fold", detail);
        }
        self.fail(id, problem);
    }

    /// A task failed before it had an execution.
    pub(crate) fn fail_unbegun(&mut self, id: ExecId, problem: ErrorValue) {
        if self
            .run
            .plot(id.frame)
            .is_some_and(|plot| plot.node(id.node).is_some_and(is_counted))
        {
            self.run.counts.total += 1;
        }
        self.give_up(id, problem);
    }

    /// The last try failed: `on_failure` says what becomes of the task.
    pub(crate) fn give_up(&mut self, id: ExecId, problem: ErrorValue) {
        if id.frame == UNDO {
            return self.undo_given_up(id, problem);
        }
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(node) = plot.node(id.node) else { return };
        // Its attempt is back, or was called back: it is not one of those that are wanted no more.
        if let Some(exec) = self.run.exec_mut(id).filter(|exec| exec.status == Status::Ready) {
            exec.status = Status::Undecided;
        }
        let skips = node.on_failure == OnFailure::Skip;
        let inside = problem.task.is_some();
        let state = self.run.node(id.frame, id.node);
        // A map is counted by its items.
        let is_map =
            id.item == WHOLE && state.is_some_and(|s| s.items.as_ref().is_some_and(|i| !i.values.is_empty()));
        if !is_map && (is_counted(node) || !inside) {
            let counts = &mut self.run.counts;
            // What is counted by what is inside it counts itself where nothing inside is to blame.
            counts.total += u64::from(!is_counted(node));
            *(if skips {
                &mut counts.skipped
            } else {
                &mut counts.failed
            }) += 1;
        }
        let problem = ErrorValue {
            task: problem.task.clone().or_else(|| Some(self.run.path(id))),
            ..problem
        };
        let share = node.for_each.as_ref().and_then(|each| each.min_success);
        match (node.on_failure, share) {
            (_, Some(share)) if id.item != WHOLE => self.let_pass(id, share, problem),
            (OnFailure::Fail | OnFailure::Compensate, _) => {
                self.leave(id, true);
                let time_ms = self.context.time_ms;
                if let Some(exec) = self.run.exec_mut(id) {
                    exec.settle(Status::Failed, Payload::default(), time_ms);
                    exec.rare().error = Some(problem.clone());
                }
                if node.on_failure == OnFailure::Compensate {
                    return self.close_run(true, RunStatus::Failed, Some(problem), "on_failure: compensate");
                }
                self.fail_around(id, problem);
            }
            (OnFailure::Skip, _) => self.end(id, Status::Skipped, Payload::default(), Some(problem)),
            (OnFailure::Continue, _) => self.end(id, Status::Failed, Payload::default(), Some(problem)),
        }
    }

    /// A task that may not fail has failed: what is around it fails, a run or the task that it is inside of.
    fn fail_around(&mut self, id: ExecId, problem: ErrorValue) {
        match self.run.frame(id.frame).and_then(Frame::parent) {
            None => self.close_run(
                self.compensates(),
                RunStatus::Failed,
                Some(problem),
                "on_failure: fail",
            ),
            Some(parent) => {
                self.close_frame(id.frame);
                self.fail(parent, problem);
            }
        }
    }

    /// Apply a decision to a try that awaits one.
    pub(crate) fn decided(&mut self, id: ExecId, action: &Decision) {
        let fallbacks = self.run.spec(id).map_or(0, |spec| spec.fallback.len());
        let time_ms = self.context.time_ms;
        let Some(exec) = self.run.exec_mut(id) else { return };
        match action {
            Decision::Retry(retry) => {
                exec.r#try += 1;
                exec.tries_here += 1;
                exec.status = Status::Delayed;
                self.run.counts.retried += 1;
                if retry.delay_ms == 0 {
                    return self.begin(id);
                }
                self.set_own_timer(id, Due::Retry, time_ms.saturating_add(retry.delay_ms));
            }
            Decision::Fallback(fallback) if usize::from(fallback.index as u8) < fallbacks => {
                exec.r#try += 1;
                exec.tries_here = 1;
                exec.fallback = u8::try_from(fallback.index).ok();
                self.begin(id);
            }
            Decision::Lost(_) | Decision::Acquired(_) => {}
            Decision::Fallback(_) | Decision::Skip(_) | Decision::Continue(_) | Decision::Fail(_) => {
                let problem = exec.error().cloned().unwrap_or_default();
                self.give_up(id, problem);
            }
        }
    }
}
