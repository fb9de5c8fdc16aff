//! Timers of executions: set when a try begins, taken back when it ends, so that a long loop leaves none behind.

use symphony_protocol::Value;

use super::*;

impl Walk<'_> {
    pub(super) fn set_timers(&mut self, id: ExecId, node: &Node, first: bool) {
        let now_ms = self.context.time_ms;
        let called = self.run.exec(id).and_then(|exec| function(node, exec)).is_some();
        if let Some(timeout_ms) = node.queue_timeout_ms.filter(|_| called) {
            self.set_timer(id, Due::Queue, now_ms.saturating_add(timeout_ms));
        }
        // A worker measures its attempt by its own clock; what no worker runs is measured here.
        if let Some(timeout_ms) = node.timeout_ms.filter(|_| !called) {
            self.set_timer(id, Due::Attempt, now_ms.saturating_add(timeout_ms));
        }
        if let (Some(timeout_ms), true) = (node.task_timeout_ms, first) {
            self.set_timer(id, Due::Task, now_ms.saturating_add(timeout_ms));
        }
    }

    pub(super) fn set_timer(&mut self, id: ExecId, due: Due, at_ms: u64) {
        let Some(exec) = self.run.exec(id) else { return };
        self.context.timers.insert(timer(id, exec, due, at_ms));
    }

    /// A moment of the execution's own: a delay, a wait.
    pub(super) fn set_own_timer(&mut self, id: ExecId, due: Due, at_ms: u64) {
        if let Some(exec) = self.run.exec_mut(id) {
            exec.rare().due_at_ms = at_ms;
        }
        self.set_timer(id, due, at_ms);
    }

    /// Take back the timers of a try; with `all`, those of the task too.
    pub(super) fn drop_timers(&mut self, id: ExecId, node: &Node, all: bool) {
        let Some(exec) = self.run.exec(id) else { return };
        let timers = &mut self.context.timers;
        if timers.is_empty() {
            return;
        }
        let mut drop = |due: Due, at_ms: u64| timers.remove(&timer(id, exec, due, at_ms));
        if let Some(timeout_ms) = node.queue_timeout_ms {
            drop(Due::Queue, exec.ready_at_ms.saturating_add(timeout_ms));
        }
        if let Some(timeout_ms) = node.timeout_ms {
            drop(Due::Attempt, exec.ready_at_ms.saturating_add(timeout_ms));
        }
        if let (Some(timeout_ms), true) = (node.task_timeout_ms, all) {
            drop(Due::Task, exec.first_ready_at_ms.saturating_add(timeout_ms));
        }
        if let Some(at_ms) = exec.rare.as_ref().map(|rare| rare.due_at_ms).filter(|at| *at > 0) {
            drop(Due::Retry, at_ms);
            drop(Due::Resume, at_ms);
            drop(Due::Wait, at_ms);
        }
    }

    /// A timer of this run is due.
    pub fn fire(mut self, timer: Timer) {
        let id = timer.id;
        if timer.due == Due::Run {
            let problem = ErrorValue {
                retryable: false,
                ..timeout("the run's deadline has passed")
            };
            let undo = self.compensates();
            return self.close_run(undo, RunStatus::TimedOut, Some(problem), "deadline");
        }
        let Some(exec) = self.run.exec(id) else { return };
        let same_try = exec.r#try == timer.r#try || timer.due == Due::Task;
        if exec.generation != timer.generation || !same_try {
            return;
        }
        match (timer.due, exec.status) {
            (Due::Retry, Status::Delayed) => self.begin(id),
            (Due::Wait, Status::Waiting) => {
                self.waited(id, Value::Nil, Value::Nil, timer.at_ms);
            }
            (Due::Resume, Status::Open) => {
                let is_map = id.item == WHOLE
                    && self
                        .run
                        .node(id.frame, id.node)
                        .is_some_and(|s| s.items.is_some());
                self.push(if is_map { Step::Expand } else { Step::Turn }, id);
            }
            // Whether it has begun is not the log's to say: what still has no result when its queue time is over has
            // waited in the queue or runs; either way it is taken back.
            (Due::Queue, Status::Ready) => {
                self.withdraw(id);
                self.fail(id, timeout("it waited longer than its queue time"));
            }
            (Due::Attempt, status) if !status.ended() => {
                self.withdraw(id);
                self.fail(id, timeout("its time is over"));
            }
            (Due::Task, status) if !status.ended() => {
                self.withdraw(id);
                self.give_up(id, timeout("the task's time is over"));
            }
            _ => {}
        }
        self.finish();
    }
}

fn timer(id: ExecId, exec: &Exec, due: Due, at_ms: u64) -> Timer {
    Timer {
        at_ms,
        id,
        due,
        generation: exec.generation,
        r#try: if due == Due::Task { 0 } else { exec.r#try },
    }
}

fn timeout(message: &str) -> ErrorValue {
    ErrorValue {
        kind: "timeout".to_owned(),
        message: message.to_owned(),
        ..Default::default()
    }
}
