//! How an execution begins, by what it does.

use super::*;
use crate::core::state::UNDO;

impl Walk<'_> {
    /// Begin an execution, or begin it again: a try of its own.
    pub(crate) fn begin(&mut self, id: ExecId) {
        if id.frame == UNDO {
            return self.undo_begin(id);
        }
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(node) = plot.node(id.node) else { return };
        let generation = self.generation(id.frame).unwrap_or_default();
        let time_ms = self.context.time_ms;
        let Some(exec) = self.run.exec_mut(id) else { return };
        self.begun += 1;
        let first = exec.r#try == 0;
        if first {
            exec.r#try = 1;
            exec.tries_here = 1;
            exec.generation = generation;
            exec.first_ready_at_ms = time_ms;
        }
        exec.ready_at_ms = time_ms;
        let doing = doing(node, exec);
        if first && id.item == WHOLE && is_counted(node) {
            self.run.counts.total += 1;
        }
        self.set_timers(id, node, first);
        match doing {
            Doing::Call(called, with) => self.begin_call(id, node, called, with),
            Doing::Value(template) => match self.render(id, template) {
                Ok(value) => self.succeed(id, value),
                Err(problem) => self.fail(id, problem),
            },
            Doing::Kind(Kind::Switch(branches)) => self.begin_switch(id, branches),
            Doing::Kind(Kind::Repeat(repeat)) => self.begin_repeat(id, repeat),
            Doing::Kind(Kind::Workflow(child)) => self.begin_workflow(id, child, &node.with),
            Doing::Kind(Kind::Wait(wait)) => self.begin_wait(id, wait),
            Doing::Kind(Kind::Approve(approve)) => self.begin_approve(id, &approve.question),
            Doing::Kind(Kind::Call(_) | Kind::Value(_)) => {} // these came first
        }
    }

    fn begin_call(&mut self, id: ExecId, node: &Node, called: &Function, with: &Template) {
        match self.render(id, with) {
            Ok(inputs) => {
                if let Some(exec) = self.run.exec_mut(id) {
                    exec.inputs = inputs;
                }
            }
            Err(problem) => return self.fail(id, problem),
        }
        if let Some(words) = &node.cache {
            match self.earlier(id, words, called) {
                Ok(None) => {}
                Ok(Some(output)) => return self.succeed_as(id, Status::Cached, output),
                Err(problem) => return self.fail(id, problem),
            }
        }
        match self.wants(id, node) {
            Ok(None) => {}
            Ok(wants) => {
                if let Some(exec) = self.run.exec_mut(id) {
                    exec.rare().wants = wants;
                }
            }
            Err(problem) => return self.fail(id, problem),
        }
        match self.spend(id) {
            Ok(()) => {}
            Err((problem, false)) => return self.fail(id, problem),
            Err((problem, true)) => return self.fail_run(id, problem),
        }
        if let Some(exec) = self.run.exec_mut(id) {
            exec.status = Status::Ready;
            self.effects.ready.push(id);
        }
    }

    /// A template as an execution sees it.
    pub(super) fn render(&self, id: ExecId, template: &Template) -> Result<Payload, ErrorValue> {
        let mut out = Vec::new();
        template
            .write(&RunScope::at(self.run, id), &mut out)
            .map_err(|problem| fault("", &problem))?;
        Ok(out.into())
    }
}
