//! How executions end, and how a run does.

use super::*;
use crate::core::state::UNDO;

impl Walk<'_> {
    /// An execution succeeded.
    pub(crate) fn succeed(&mut self, id: ExecId, output: Payload) {
        if id.frame == UNDO {
            return self.undone(id, output);
        }
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        if let Some(node) = plot.node(id.node) {
            self.keep_result(id, node, &output);
        }
        self.succeed_as(id, Status::Succeeded, output);
    }

    pub(super) fn succeed_as(&mut self, id: ExecId, status: Status, output: Payload) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(node) = plot.node(id.node) else { return };
        self.run.counts.succeeded += u64::from(is_counted(node));
        if let Some(compensate) = &node.compensate {
            self.remember(id, compensate, &output);
        }
        self.end(id, status, output, None);
    }

    /// Put an execution into its last state: what waited for it is next.
    pub(super) fn end(&mut self, id: ExecId, status: Status, output: Payload, problem: Option<ErrorValue>) {
        self.leave(id, true);
        if status == Status::Skipped && problem.is_none() {
            self.run.counts.total += 1;
            self.run.counts.skipped += 1;
        }
        let time_ms = self.context.time_ms;
        let Some(exec) = self.run.exec_mut(id) else { return };
        exec.settle(status, output, time_ms);
        if problem.is_some() {
            exec.rare().error = problem;
        }
        if id.item != WHOLE {
            return self.item_ended(id);
        }
        let run_us = exec.run_us;
        self.leave_scope(id);
        if let Some(state) = self.run.node_mut(id.frame, id.node) {
            state.path_us += run_us;
        }
        let Some(frame) = self.run.frames.get_mut(id.frame) else {
            return;
        };
        frame.remaining = frame.remaining.saturating_sub(1);
        if frame.remaining == 0 {
            self.push(Step::Done, id);
        }
        if status.good() {
            self.note_checkpoint(id);
        }
        self.push(Step::Release, id);
    }

    /// Function time along the way to a node: that of whichever predecessor ended last.
    pub(super) fn critical(&self, frame: u32, node: &Node) -> u64 {
        let Some(frame) = self.run.frame(frame) else {
            return 0;
        };
        let states = node.edges.iter().filter_map(|edge| frame.nodes.get(edge.from));
        states
            .max_by_key(|state| (state.exec.ended_at_ms, state.path_us))
            .map_or(frame.base_us, |state| state.path_us)
    }

    /// A try is over, however: its timers go, and what is inside it. With `all`, the task is over too.
    pub(super) fn leave(&mut self, id: ExecId, all: bool) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(node) = plot.node(id.node) else { return };
        self.drop_timers(id, node, all);
        match &node.kind {
            Kind::Wait(_) | Kind::Approve(_) => self.leave_waits(id, node),
            Kind::Workflow(_) => self.leave_child(id),
            _ => {}
        }
        self.close_inside(id);
    }

    /// A named point of the run was passed.
    fn note_checkpoint(&mut self, id: ExecId) {
        if let Some(name) = self.run.spec(id).and_then(|spec| spec.checkpoint.clone()) {
            let path = self.run.path(id);
            self.note("checkpoint", Some(path), "fold", name);
        }
    }

    /// Whether a run that fails or is cancelled undoes what completed.
    pub(crate) fn compensates(&self) -> bool {
        self.run.plan.as_ref().is_some_and(|plan| plan.compensates)
    }

    /// A task fails, and the run with it, whatever the task's own words say.
    pub(super) fn fail_run(&mut self, id: ExecId, problem: ErrorValue) {
        let time_ms = self.context.time_ms;
        let problem = ErrorValue {
            task: Some(self.run.path(id)),
            ..problem
        };
        self.run.counts.failed += 1;
        self.leave(id, true);
        if let Some(exec) = self.run.exec_mut(id) {
            exec.settle(Status::Failed, Payload::default(), time_ms);
            exec.rare().error = Some(problem.clone());
        }
        self.close_run(self.compensates(), RunStatus::Failed, Some(problem), "fold");
    }

    /// What was given out is wanted no more.
    pub(super) fn withdraw(&mut self, id: ExecId) {
        if let Some(exec) = self.run.exec(id).filter(|exec| exec.status == Status::Ready) {
            self.effects.unwanted.push((id, self.run.unwanted(id, exec)));
        }
    }

    /// An execution, and all inside it, is over before it has ended by itself.
    pub(super) fn cancel(&mut self, id: ExecId) {
        self.withdraw(id);
        self.leave(id, true);
        let time_ms = self.context.time_ms;
        if let Some(exec) = self.run.exec_mut(id) {
            exec.settle(Status::Cancelled, Payload::default(), time_ms);
        }
    }

    /// Every task has ended.
    pub(super) fn finish_run(&mut self) {
        match self.outputs(0, None) {
            Ok(outputs) => {
                self.run.outputs = outputs;
                self.end_run(RunStatus::Succeeded, None, "fold");
            }
            Err(problem) => self.end_run(RunStatus::Failed, Some(problem), "fold"),
        }
    }

    /// End a run: what was given out and is not back is wanted no more.
    pub(crate) fn end_run(&mut self, status: RunStatus, problem: Option<ErrorValue>, by: &str) {
        self.run.status = status;
        self.run.ended_at_ms = self.context.time_ms;
        let nodes = self.run.frame(0).map_or(&[][..], |frame| &frame.nodes);
        let ended = nodes.iter().filter(|state| state.exec.status.ended());
        self.run.function_us = ended
            .max_by_key(|state| (state.exec.ended_at_ms, state.path_us))
            .map_or(0, |state| state.path_us);
        self.close_frame(0);
        self.drop_lock();
        self.run.undoing = None;
        if let Some(at) = self.run.undo.iter().position(Undo::is_open) {
            let id = self.run.id_of(UNDO, u32::try_from(at).unwrap_or(WHOLE), WHOLE);
            let inputs = self.run.exec(id).map(|exec| exec.inputs.clone());
            self.cancel(id);
            if let (Some(exec), Some(inputs)) = (self.run.exec_mut(id), inputs) {
                exec.inputs = inputs;
            }
        }
        // What was kept for it is of no more use; how to undo what stands is, if the run is taken up again.
        self.run.mail = None;
        if let (Some(at_ms), true) = (self.run.deadline_at_ms, self.run.plan.is_some()) {
            self.context.timers.remove(&deadline(self.run, at_ms));
        }
        let detail = match &problem {
            Some(problem) if !problem.message.is_empty() => format!("{}: {}", status.word(), problem.message),
            _ => status.word().to_owned(),
        };
        self.run.error = problem.map(Box::new);
        self.note("ended", None, by, detail);
        self.effects.ended.push(self.run.key);
    }

    pub(super) fn note(&mut self, event: &'static str, task: Option<String>, by: &str, detail: String) {
        self.run.note(Entry {
            sequence: self.context.sequence,
            at_ms: self.context.time_ms,
            event: event.into(),
            task,
            attempt: 0,
            accepted: true,
            by: by.to_owned(),
            detail,
        });
    }
}

/// The timer of a run's deadline.
pub(crate) fn deadline(run: &Run, at_ms: u64) -> Timer {
    Timer {
        at_ms,
        id: run.id_of(WHOLE, WHOLE, WHOLE),
        due: Due::Run,
        generation: 0,
        r#try: 0,
    }
}
