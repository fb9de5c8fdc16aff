//! Compensation: what completed is undone in the reverse order of completion, one after the other. Then the run ends, or,
//! after a rollback, what was undone begins anew.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use symphony_expression::Root as ScopeRoot;
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
    /// The task of the document itself that it is, or is inside of. None in snapshots from before it was kept.
    #[serde(default)]
    pub root: Option<Root>,
}

/// A task of the document itself, or an item of one, as it stood when something in it completed.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Root {
    pub node: u32,
    pub item: u32,
    pub generation: u32,
}

impl Undo {
    /// It completed and nobody has undone it yet.
    pub fn is_left(&self) -> bool {
        self.exec.status == Status::Pending
    }

    /// It is being undone.
    pub fn is_open(&self) -> bool {
        self.exec.r#try > 0 && !self.exec.status.ended()
    }

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

/// What a run that is undoing does once it has: it ends, or goes on behind a checkpoint.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Undoing {
    pub status: RunStatus,
    pub error: Option<ErrorValue>,
    pub by: String,
    /// Tasks that are rolled back: only they are undone, and wait for that. None: the run ends.
    #[serde(default)]
    pub back: Option<BTreeSet<u32>>,
    /// The one that is being undone, and those before which the next is looked for: no list is searched twice.
    #[serde(default)]
    pub at: u32,
    #[serde(default = "everything")]
    pub below: u32,
}

fn everything() -> u32 {
    u32::MAX
}

impl Walk<'_> {
    /// A task completed that says how it is undone.
    pub(super) fn remember(&mut self, id: ExecId, compensate: &Compensate, output: &Payload) {
        let Some(frame) = self.run.frame(id.frame) else {
            return;
        };
        let nil = Payload::from_static(&[0xc0]);
        let output = if output.is_empty() { &nil } else { output };
        let scope = RunScope::at(self.run, id).with("output", ScopeRoot::Raw(output));
        let mut inputs = Vec::new();
        let mut exec = Exec::default();
        match compensate.with.write(&scope, &mut inputs) {
            Ok(()) => exec.inputs = inputs.into(),
            Err(problem) => {
                exec.status = Status::Failed;
                exec.rare().error = Some(fault("compensate: ", &problem));
            }
        }
        match self.run.undo.len().cmp(&UNDO_COUNT_MAX) {
            Ordering::Less => {}
            Ordering::Equal => {
                exec.status = Status::Failed;
                exec.inputs = Payload::default();
                let what = format!("more than {UNDO_COUNT_MAX} tasks to undo");
                exec.rare().error = Some(error("limit", what));
            }
            Ordering::Greater => return,
        }
        let undo = Undo {
            of: id,
            generation: self.run.exec(id).map_or(frame.generation, |exec| exec.generation),
            path: self.run.path(id),
            inline: frame.inline().cloned(),
            graph: frame.graph,
            exec,
            root: self.root(id),
        };
        self.run.undo.push(undo);
    }

    /// The task of the document itself that an execution is, or is inside of.
    fn root(&self, id: ExecId) -> Option<Root> {
        let mut root = id;
        // As deep as frames may be nested, which their making bounds.
        while let Some(parent) = self.run.frame(root.frame)?.parent() {
            root = parent;
        }
        Some(Root {
            node: root.node,
            item: root.item,
            generation: self.run.exec(root)?.generation,
        })
    }

    /// End a run: at once, or once all that completed is undone.
    pub(crate) fn close_run(&mut self, undo: bool, status: RunStatus, problem: Option<ErrorValue>, by: &str) {
        let known = self.run.undoing.as_deref();
        // A second wish to end does not wait for the first one's compensations; a rollback's are part of them.
        let first = known.is_none_or(|known| known.back.is_some());
        let left = self.run.undo.iter().any(|undo| undo.is_left() || undo.is_open());
        if !undo || !first || !left {
            return self.end_run(status, problem, by);
        }
        let at = known.map(|known| known.at);
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
            back: None,
            at: at.unwrap_or_default(),
            below: everything(),
        }));
        if at.is_none() {
            self.undo_next();
        }
    }

    pub(super) fn undo_next(&mut self) {
        let Some(undoing) = self.run.undoing.as_deref() else {
            return;
        };
        let wanted = |undo: &Undo| {
            let back = undoing.back.as_ref();
            undo.is_left() && back.is_none_or(|back| undo.root.is_some_and(|root| back.contains(&root.node)))
        };
        let below = usize::try_from(undoing.below).unwrap_or(usize::MAX);
        let found = self.run.undo.iter().take(below).rposition(wanted);
        let Some(at) = found else {
            return self.undone_all();
        };
        let number = u32::try_from(at).unwrap_or(WHOLE);
        self.run.generation += 1;
        let generation = self.run.generation;
        let time_ms = self.context.time_ms;
        if let Some(undoing) = self.run.undoing.as_mut() {
            undoing.at = number;
            undoing.below = number;
        }
        let Some(undo) = self.run.undo.get_mut(at) else {
            return;
        };
        undo.exec.generation = generation;
        undo.exec.r#try = 1;
        undo.exec.tries_here = 1;
        undo.exec.first_ready_at_ms = time_ms;
        self.undo_begin(self.run.id_of(UNDO, number, WHOLE));
    }

    /// Nothing is left to undo: the run ends, or what was rolled back begins anew.
    fn undone_all(&mut self) {
        let Some(undoing) = self.run.undoing.take() else {
            return;
        };
        match undoing.back {
            None => self.end_run(undoing.status, undoing.error, &undoing.by),
            Some(chosen) => self.begin_again(&chosen),
        }
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
        let (of, generation, root) = (undo.of, undo.generation, undo.root);
        if of.frame != 0 || root.is_none() {
            self.compensated(of, generation);
        }
        if let Some(root) = root {
            let id = self.run.id_of(0, root.node, root.item);
            // A map of which an item was undone is no whole any more.
            if self.compensated(id, root.generation) && root.item != WHOLE {
                let whole = self.run.exec(id.whole()).map(|exec| exec.generation);
                self.compensated(id.whole(), whole.unwrap_or_default());
            }
        }
        self.undo_next();
    }

    /// What succeeded does not stand any more, unless it was run again since. Whether that is so.
    fn compensated(&mut self, id: ExecId, generation: u32) -> bool {
        let same = |exec: &&mut Exec| exec.generation == generation && exec.status.good();
        let exec = self.run.exec_mut(id).filter(same);
        exec.map(|exec| exec.status = Status::Compensated).is_some()
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
            // Its inputs stay: a run that is retried may come to undo it once more.
            let inputs = std::mem::take(&mut exec.inputs);
            exec.settle(Status::Failed, Payload::default(), time_ms);
            exec.inputs = inputs;
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
