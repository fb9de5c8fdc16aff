//! What a run's expressions see.

use std::borrow::Cow;

use symphony_expression::{Root, Scope};
use symphony_protocol::{ErrorValue, Value};

use super::state::{Exec, NodeState, Run, Status};

const NIL: &[u8] = &[0xc0];

/// A run, and the item of the map that is being rendered, if it is one.
pub struct RunScope<'a> {
    pub run: &'a Run,
    pub item: Option<(&'a str, &'a [u8], u32)>,
}

impl<'a> RunScope<'a> {
    pub fn of(run: &'a Run) -> Self {
        Self { run, item: None }
    }

    fn state(&self, name: &str) -> Option<&'a NodeState> {
        let (index, _) = self.run.plan.as_ref()?.named(name)?;
        self.run.nodes.get(index)
    }
}

fn output(exec: &Exec) -> &[u8] {
    if exec.status == Status::Succeeded && !exec.output.is_empty() {
        &exec.output
    } else {
        NIL
    }
}

impl Scope for RunScope<'_> {
    fn variable(&self, name: &str) -> Option<Root<'_>> {
        match (name, self.item) {
            ("inputs", _) => Some(Root::Raw(&self.run.inputs)),
            ("run", _) => Some(Root::Value(Cow::Owned(Value::from([
                ("id", self.run.id.as_str().into()),
                ("started", Value::Float(self.run.submitted_at_ms as f64 / 1000.0)),
                ("attempt", Value::Int(1)),
            ])))),
            ("index", Some((_, _, index))) => Some(Root::Value(Cow::Owned(Value::Int(i64::from(index))))),
            (name, Some((variable, data, _))) if name == variable => Some(Root::Raw(data)),
            _ => None,
        }
    }

    fn task(&self, name: &str) -> Option<Root<'_>> {
        let state = self.state(name)?;
        if !state.exec.status.ended() {
            return None;
        }
        Some(match &state.items {
            Some(items) if state.exec.status == Status::Succeeded => {
                Root::Gather(items.execs.iter().map(output).collect())
            }
            _ => Root::Raw(output(&state.exec)),
        })
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
        Some(Value::from([
            ("status", exec.status.word().into()),
            ("attempts", Value::Int(i64::from(exec.r#try))),
            ("error", exec.error.as_ref().map_or(Value::Nil, error)),
            ("started", seconds(exec.first_ready_at_ms)),
            ("ended", seconds(exec.ended_at_ms)),
        ]))
    }
}
