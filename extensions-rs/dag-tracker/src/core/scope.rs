//! What a run's expressions see.

use std::borrow::Cow;

use symphony_expression::{Root, Scope};
use symphony_protocol::{ErrorValue, Value};

use super::state::{Exec, ExecId, Frame, NodeState, Run, Status, WHOLE};

const NIL: &[u8] = &[0xc0];

/// A place in a run: names are looked for there, and then further out.
pub struct RunScope<'a> {
    run: &'a Run,
    frame: u32,
    /// The execution whose item is seen.
    exec: Option<ExecId>,
    /// What is known here alone: `output` of what is undone, `event`, the `state` of a turn that is not begun.
    here: Vec<(&'static str, Root<'a>)>,
}

impl<'a> RunScope<'a> {
    /// Inside a frame.
    pub fn of(run: &'a Run, frame: u32) -> Self {
        Self {
            run,
            frame,
            exec: None,
            here: Vec::new(),
        }
    }

    /// Where an execution's own words stand: it sees its item.
    pub fn at(run: &'a Run, id: ExecId) -> Self {
        Self {
            exec: Some(id),
            ..Self::of(run, id.frame)
        }
    }

    pub fn with(mut self, name: &'static str, root: Root<'a>) -> Self {
        self.here.push((name, root));
        self
    }

    /// The frames from here outwards, each with the execution that is looked from.
    fn outwards(&self) -> impl Iterator<Item = (&'a Frame, Option<ExecId>)> {
        let run = self.run;
        let mut next = Some((self.frame, self.exec));
        std::iter::from_fn(move || {
            let (number, exec) = next.take()?;
            let frame = run.frame(number)?;
            if !frame.is_outermost() {
                next = frame.parent().map(|parent| (parent.frame, Some(parent)));
            }
            Some((frame, exec))
        })
    }

    /// The item that an execution goes over: what it is called, its value, its place.
    fn item(&self, frame: &'a Frame, id: ExecId, name: &str) -> Option<Root<'a>> {
        if id.item == WHOLE {
            return None;
        }
        let items = node(frame, id.node)?.items.as_ref()?;
        let value = items.values.get(usize::try_from(id.item).ok()?)?;
        if name == "index" {
            return Some(Root::Value(Cow::Owned(Value::Int(i64::from(id.item)))));
        }
        let plot = self.run.plot(id.frame)?;
        let each = plot.node(id.node)?.for_each.as_ref()?;
        (each.variable == name).then_some(Root::Raw(value))
    }

    fn state(&self, name: &str) -> Option<&'a NodeState> {
        let run = self.run;
        let mut next = Some(self.frame);
        while let Some(number) = next {
            let frame = run.frame(number)?;
            if let Some(index) = run.plot(number)?.graph()?.by_name.get(name) {
                return frame.nodes.get(*index);
            }
            next = frame
                .parent()
                .filter(|_| !frame.is_outermost())
                .map(|parent| parent.frame);
        }
        None
    }
}

fn node(frame: &Frame, index: u32) -> Option<&NodeState> {
    frame.nodes.get(usize::try_from(index).ok()?)
}

fn output(exec: &Exec) -> &[u8] {
    if exec.status.good() && !exec.output.is_empty() {
        &exec.output
    } else {
        NIL
    }
}

impl Scope for RunScope<'_> {
    fn variable(&self, name: &str) -> Option<Root<'_>> {
        if let Some((_, root)) = self.here.iter().find(|(known, _)| *known == name) {
            return Some(root.clone());
        }
        if name == "run" {
            return Some(Root::Value(Cow::Owned(Value::from([
                ("id", self.run.id.as_str().into()),
                ("started", Value::Float(self.run.submitted_at_ms as f64 / 1000.0)),
                ("attempt", Value::Int(1)),
            ]))));
        }
        for (frame, exec) in self.outwards() {
            if let Some(found) = exec.and_then(|id| self.item(frame, id, name)) {
                return Some(found);
            }
            match name {
                "state" => {
                    if let Some((state, _)) = frame.turn() {
                        return Some(Root::Raw(state));
                    }
                }
                "iteration" => {
                    if let Some((_, iteration)) = frame.turn() {
                        return Some(Root::Value(Cow::Owned(Value::from(iteration))));
                    }
                }
                "inputs" if frame.is_outermost() => {
                    let own = frame.within.as_ref().filter(|within| within.inline.is_some());
                    return Some(Root::Raw(own.map_or(&*self.run.inputs, |within| &within.inputs)));
                }
                _ => {}
            }
        }
        None
    }

    fn task(&self, name: &str) -> Option<Root<'_>> {
        let state = self.state(name)?;
        if !state.exec.status.ended() {
            return None;
        }
        let Some(items) = state.items.as_ref().filter(|_| state.exec.status.good()) else {
            return Some(Root::Raw(output(&state.exec)));
        };
        let whole = items.order.len() == items.execs.len();
        Some(Root::Gather(if whole && !items.order.is_empty() {
            let ended = items.order.iter().filter_map(|at| usize::try_from(*at).ok());
            ended.filter_map(|at| items.execs.get(at)).map(output).collect()
        } else {
            items.execs.iter().map(output).collect()
        }))
    }

    fn meta(&self, name: &str) -> Option<Value> {
        let exec = &self.state(name)?.exec;
        let error = |error: &ErrorValue| {
            Value::from([
                ("kind", error.kind.as_str().into()),
                ("message", error.message.as_str().into()),
            ])
        };
        let seconds = |at_ms: u64| {
            if at_ms == 0 {
                Value::Nil
            } else {
                Value::Float(at_ms as f64 / 1000.0)
            }
        };
        let status = match exec.status {
            // What is seen is ended; that it was undone later is told to people, not to expressions.
            Status::Compensated => Status::Succeeded,
            status => status,
        };
        Some(Value::from([
            ("status", status.word().into()),
            ("attempts", Value::Int(i64::from(exec.r#try))),
            ("error", exec.error().map_or(Value::Nil, error)),
            ("started", seconds(exec.first_ready_at_ms)),
            ("ended", seconds(exec.ended_at_ms)),
        ]))
    }
}
