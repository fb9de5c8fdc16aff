//! How an execution begins, by what it does.

use symphony_expression::Template;

use super::*;

impl Walk<'_> {
    /// Begin an execution, or begin it again: a try of its own.
    pub(crate) fn begin(&mut self, id: ExecId) {
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
            Doing::Call(_, with) => self.begin_call(id, with),
            Doing::Value(template) => match self.render(id, template) {
                Ok(value) => self.succeed(id, value),
                Err(problem) => self.fail(id, problem),
            },
            Doing::Kind(Kind::Switch(branches)) => self.begin_switch(id, branches),
            Doing::Kind(Kind::Repeat(repeat)) => self.begin_repeat(id, repeat),
            Doing::Kind(_) => self.fail(id, error("internal", "this version does not follow such a task")),
        }
    }

    fn begin_call(&mut self, id: ExecId, with: &Template) {
        match self.render(id, with) {
            Ok(inputs) => {
                let Some(exec) = self.run.exec_mut(id) else { return };
                exec.status = Status::Ready;
                exec.inputs = inputs;
                self.effects.ready.push(id);
            }
            Err(problem) => self.fail(id, problem),
        }
    }

    /// A template as an execution sees it.
    pub(super) fn render(&self, id: ExecId, template: &Template) -> Result<Payload, ErrorValue> {
        let mut out = Vec::new();
        template
            .write(&RunScope::at(self.run, id), &mut out)
            .map_err(|problem| error("expression", problem.to_string()))?;
        Ok(out.into())
    }
}
