//! Compensation: what completed is undone in the reverse order of completion, one after the other, and then the run ends.

use symphony_expression::Root;
use symphony_protocol::{Action as Decision, Fail, Retry};
use symphony_workflow::{Compensate, Plan};

use super::*;
use crate::core::state::{Inline, UNDO};

/// Completed tasks of one run that can be undone: each keeps its inputs until the end.
const UNDO_COUNT_MAX: usize = 100_000;

/// A completed task that can be undone.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Undo {
    /// What is undone, and how it was called; its frame may be gone.
    pub of: ExecId,
    pub generation: u32,
    pub path: String,
    pub inline: Option<std::sync::Arc<Inline>>,
    pub graph: u32,
    /// Of the compensation; its inputs were made when the task completed, since what they refer to may be gone later.
    pub exec: Exec,
}

impl Undo {
    pub fn compensate<'a>(&'a self, plan: Option<&'a Plan>) -> Option<&'a Compensate> {
        let plan = match &self.inline {
            Some(inline) => inline.plan.as_deref()?,
            None => plan?,
        };
        let graph = plan.graph(usize::try_from(self.graph).ok()?)?;
        graph
            .node(usize::try_from(self.of.node).ok()?)?
            .compensate
            .as_ref()
    }
}

/// Why a run that is undoing ends, once it has.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Undoing {
    pub status: RunStatus,
    pub error: Option<ErrorValue>,
    pub by: String,
}

impl Walk<'_> {
    /// A task completed that says how it is undone.
    pub(super) fn remember(&mut self, id: ExecId, compensate: &Compensate, output: &Payload) {
        let Some(frame) = self.run.frame(id.frame) else {
            return;
        };
        let nil = Payload::from_static(&[0xc0]);
        let output = if output.is_empty() { &nil } else { output };
        let scope = RunScope::at(self.run, id).with("output", Root::Raw(output));
        let mut inputs = Vec::new();
        let mut exec = Exec::default();
        match compensate.with.write(&scope, &mut inputs) {
            Ok(()) => exec.inputs = inputs.into(),
            Err(problem) => {
                exec.status = Status::Failed;
                exec.rare().error = Some(fault("compensate: ", &problem));
            }
        }
        if self.run.undo.len() >= UNDO_COUNT_MAX {
            exec.status = Status::Failed;
            exec.inputs = Payload::default();
            exec.rare().error = Some(error(
                "limit",
                format!("more than {UNDO_COUNT_MAX} tasks to undo"),
            ));
        }
        let undo = Undo {
            of: id,
            generation: frame.generation,
            path: self.run.path(id),
            inline: frame.inline().cloned(),
            graph: frame.graph,
            exec,
        };
        self.run.undo.push(undo);
    }

    /// End a run: at once, or once all that completed is undone.
    pub(crate) fn close_run(&mut self, undo: bool, status: RunStatus, problem: Option<ErrorValue>, by: &str) {
        // A second wish to end does not wait for the first one's compensations.
        let first = self.run.undoing.is_none();
        if !undo || !first || self.run.undo.is_empty() {
            return self.end_run(status, problem, by);
        }
        self.close_frame(0);
        if let Some(at_ms) = self.run.deadline_at_ms {
            self.context.timers.remove(&deadline(self.run, at_ms));
        }
        let detail = problem.as_ref().map(|problem| problem.message.clone());
        self.note("compensating", None, by, detail.unwrap_or_default());
        self.run.undoing = Some(Box::new(Undoing {
            status,
            error: problem,
            by: by.to_owned(),
        }));
        self.undo_next();
    }

    fn undo_next(&mut self) {
        let pending = |undo: &Undo| undo.exec.status == Status::Pending;
        let Some(at) = self.run.undo.iter().rposition(pending) else {
            let Some(undoing) = self.run.undoing.take() else {
                return;
            };
            return self.end_run(undoing.status, undoing.error, &undoing.by);
        };
        self.run.generation += 1;
        let generation = self.run.generation;
        let time_ms = self.context.time_ms;
        let Some(undo) = self.run.undo.get_mut(at) else {
            return;
        };
        undo.exec.generation = generation;
        undo.exec.r#try = 1;
        undo.exec.tries_here = 1;
        undo.exec.first_ready_at_ms = time_ms;
        let id = self.run.id_of(UNDO, u32::try_from(at).unwrap_or(WHOLE), WHOLE);
        self.undo_begin(id);
    }

    /// A compensation is ready, for the first time or again.
    pub(super) fn undo_begin(&mut self, id: ExecId) {
        let time_ms = self.context.time_ms;
        if let Some(exec) = self.run.exec_mut(id) {
            exec.status = Status::Ready;
            exec.ready_at_ms = time_ms;
            self.effects.ready.push(id);
        }
    }

    pub(super) fn undone(&mut self, id: ExecId, output: Payload) {
        let time_ms = self.context.time_ms;
        let at = usize::try_from(id.node).unwrap_or(usize::MAX);
        let Some(undo) = self.run.undo.get_mut(at) else {
            return;
        };
        undo.exec.settle(Status::Succeeded, output, time_ms);
        let (of, generation) = (undo.of, undo.generation);
        let same = |exec: &&mut Exec| exec.generation == generation && exec.status.good();
        if let Some(exec) = self.run.exec_mut(of).filter(same) {
            exec.status = Status::Compensated;
        }
        self.undo_next();
    }

    pub(super) fn undo_failed(&mut self, id: ExecId, problem: ErrorValue) {
        let time_ms = self.context.time_ms;
        let actions = allowed(self.run, id, &problem, time_ms);
        let Some(exec) = self.run.exec_mut(id) else { return };
        exec.rare().error = Some(problem.clone());
        if let Some(Decision::Retry(_)) = actions.first() {
            exec.status = Status::Undecided;
            let (generation, r#try) = (exec.generation, exec.r#try);
            self.effects.failures.push((id, generation, r#try, actions));
            return;
        }
        self.undo_given_up(id, problem);
    }

    /// A compensation failed for good: the others go on, and people are told.
    pub(super) fn undo_given_up(&mut self, id: ExecId, problem: ErrorValue) {
        let time_ms = self.context.time_ms;
        let path = self.run.path(id);
        if let Some(exec) = self.run.exec_mut(id) {
            exec.settle(Status::Failed, Payload::default(), time_ms);
        }
        let detail = format!("{}: {}", problem.kind, problem.message);
        self.effects
            .dead
            .push(format!("{path} of run {} failed: {detail}", self.run.id));
        self.note("dead_letter", Some(path), "fold", detail);
        self.undo_next();
    }
}

/// What may follow the failure of a compensation.
pub(super) fn undo_allowed(run: &Run, id: ExecId, problem: &ErrorValue, time_ms: u64) -> Vec<Decision> {
    let again = || {
        let undo = run.undo.get(usize::try_from(id.node).ok()?)?;
        let retry = &undo.compensate(run.plan.as_deref())?.retry;
        let elapsed = time_ms.saturating_sub(undo.exec.first_ready_at_ms);
        let in_time = retry.max_elapsed_ms.is_none_or(|most| elapsed < most);
        let tries = undo.exec.tries_here;
        (in_time && retry.allows(&problem.kind, problem.retryable, tries))
            .then(|| problem.retry_after_ms.unwrap_or_else(|| retry.delay_ms(tries)))
    };
    vec![again().map_or(Decision::Fail(Fail {}), |delay_ms| {
        Decision::Retry(Retry { delay_ms })
    })]
}
