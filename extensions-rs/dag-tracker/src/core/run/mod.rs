//! How a run moves on: tasks begin when what they wait for has ended, and end the run when none is left.
//!
//! A `Walk` follows what one event brought about until nothing moves any more. What is to be done next stands in a list, so
//! that a chain of computed tasks, a loop or a nest of maps may be as long as a document makes it.

mod again;
mod back;
mod begin;
mod budget;
mod cache;
mod child;
mod context;
mod ending;
mod failure;
mod hold;
mod inside;
mod map;
mod moment;
mod scoped;
mod served;
mod timers;
mod undo;
mod wait;

pub use again::with_dependents;
pub use budget::Spent;
pub use cache::Cache;
pub use child::{Across, Birth, Found, Library, Parent};
pub use context::{Context, Due, Timer};
pub(crate) use ending::deadline;
pub use failure::allowed;
pub(crate) use scoped::NOTHING;
pub use scoped::{LOCK_PATH, Scoped};
pub use served::Serves;
pub use undo::{Root, Undo, Undoing};
pub use wait::{Listeners, Mail};

use symphony_expression::Template;
use symphony_protocol::{ErrorValue, Payload};
use symphony_workflow::{Action, EdgeKind, Function, Kind, Node};

use super::fold::Effects;
use super::scope::RunScope;
use super::state::{Entry, Exec, ExecId, Frame, Items, NodeState, Run, RunStatus, Status, WHOLE};

/// Executions and turns that one walk begins; what is left goes on at a timer that is due at once, so that no run holds
/// up the others of its partition.
const STEPS_MAX: u32 = 20_000;

/// What is to be done next. Each carries the generation of its frame: of an earlier one it means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Everything that a task waited for has ended.
    Activate(ExecId, u32),
    /// A task has ended: what waited for it may begin.
    Release(ExecId, u32),
    /// The next items of a map.
    Expand(ExecId, u32),
    /// The next turn of a loop.
    Turn(ExecId, u32),
    /// The last task of a frame has ended.
    Done(ExecId, u32),
}

/// One run, and what an event does to it.
pub struct Walk<'a> {
    pub run: &'a mut Run,
    pub context: &'a mut Context,
    pub effects: &'a mut Effects,
    steps: Vec<Step>,
    begun: u32,
    /// The version of the function that has just answered, where its worker declares one.
    answered_by: Option<String>,
}

pub(super) fn error(kind: &str, message: impl Into<String>) -> ErrorValue {
    let message: String = message.into();
    let message = message.chars().take(1500).collect();
    ErrorValue {
        kind: kind.to_owned(),
        message,
        retryable: false,
        ..Default::default()
    }
}

/// What an expression or a template failed with, as a failure: what is too large to hand over is of kind `limit`.
pub(super) fn fault(at: &str, problem: &symphony_expression::Error) -> ErrorValue {
    let kind = match problem.kind() {
        symphony_expression::ErrorKind::TooLarge => "limit",
        _ => "expression",
    };
    error(kind, format!("{at}{problem}"))
}

impl<'a> Walk<'a> {
    pub fn new(run: &'a mut Run, context: &'a mut Context, effects: &'a mut Effects) -> Self {
        Self {
            run,
            context,
            effects,
            steps: Vec::new(),
            begun: 0,
            answered_by: None,
        }
    }

    /// Begin the run's own graph.
    pub fn start(mut self) {
        let root = Frame {
            remaining: u32::MAX,
            ..Frame::default()
        };
        self.run.frames.add(root);
        self.begin_frame(0);
        self.finish();
    }

    /// Follow what was begun until nothing moves any more.
    pub fn finish(mut self) {
        while let Some(step) = self.steps.pop() {
            if self.run.status.ended() || self.run.closes() {
                return;
            }
            match step {
                Step::Activate(id, generation) if self.is_current(id, generation) => self.activate(id),
                Step::Release(id, generation) if self.is_current(id, generation) => self.release(id),
                Step::Expand(id, generation) if self.is_current(id, generation) => self.expand(id),
                Step::Turn(id, generation) if self.is_current(id, generation) => self.turn(id),
                Step::Done(id, generation) if self.is_current(id, generation) => self.frame_done(id.frame),
                _ => {}
            }
        }
    }

    fn is_current(&self, id: ExecId, generation: u32) -> bool {
        self.generation(id.frame) == Some(generation)
    }

    fn generation(&self, frame: u32) -> Option<u32> {
        self.run.frame(frame).map(|frame| frame.generation)
    }

    fn push(&mut self, step: fn(ExecId, u32) -> Step, id: ExecId) {
        if let Some(generation) = self.generation(id.frame) {
            let step = step(id, generation);
            if self.steps.last() != Some(&step) {
                self.steps.push(step);
            }
        }
    }

    fn status(&self, id: ExecId) -> Option<Status> {
        self.run.exec(id).map(|exec| exec.status)
    }

    /// Everything that a task waited for has ended: skip it, expand it, or begin it.
    fn activate(&mut self, id: ExecId) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(node) = plot.node(id.node) else { return };
        if self.status(id) != Some(Status::Pending) || self.run.holds_back(id) {
            return;
        }
        let before = self.critical(id.frame, node);
        if let Some(state) = self.run.node_mut(id.frame, id.node) {
            state.path_us = before;
        }
        if self.is_blocked(id.frame, node) {
            return self.end(id, Status::Skipped, Payload::default(), None);
        }
        if let Some(when) = &node.when {
            match when.truth(&RunScope::of(self.run, id.frame)) {
                Ok(true) => {}
                Ok(false) => return self.end(id, Status::Skipped, Payload::default(), None),
                Err(problem) => return self.fail_unbegun(id, fault("", &problem)),
            }
        }
        match self.waits_for_lock(id) {
            Ok(false) => {}
            Ok(true) => return,
            Err(problem) => return self.fail_unbegun(id, problem),
        }
        let Some(each) = &node.for_each else {
            return self.begin(id);
        };
        let mut list = Vec::new();
        match each.items.write(&RunScope::of(self.run, id.frame), &mut list) {
            Ok(()) => self.begin_map(id, list.into()),
            Err(problem) => self.fail_unbegun(id, fault("", &problem)),
        }
    }

    fn is_blocked(&self, frame: u32, node: &Node) -> bool {
        let nodes = self.run.frame(frame).map_or(&[][..], |frame| &frame.nodes);
        node.edges.iter().any(|edge| {
            let status = nodes.get(edge.from).map(|state| state.exec.status);
            match edge.kind {
                EdgeKind::Soft => false,
                EdgeKind::Hard => matches!(status, Some(Status::Skipped | Status::Cancelled)),
                EdgeKind::Optional => !status.is_some_and(|s| s.good() || s == Status::Skipped),
            }
        })
    }

    /// A task has ended: those that wait for nothing more are next, in the document's order.
    fn release(&mut self, id: ExecId) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        for dependent in plot
            .node(id.node)
            .map_or(&[][..], |node| &node.dependents)
            .iter()
            .rev()
        {
            let next = self
                .run
                .id_of(id.frame, u32::try_from(*dependent).unwrap_or(WHOLE), WHOLE);
            let Some(state) = self.run.node_mut(next.frame, next.node) else {
                continue;
            };
            state.missing = state.missing.saturating_sub(1);
            if state.missing == 0 && state.exec.status == Status::Pending {
                self.push(Step::Activate, next);
            }
        }
    }
}

/// What an execution does now: its own kind, or the fallback that it has come to.
pub(super) enum Doing<'a> {
    Call(&'a Function, &'a Template),
    Value(&'a Template),
    Kind(&'a Kind),
}

pub(super) fn doing<'a>(node: &'a Node, exec: &Exec) -> Doing<'a> {
    let chosen = exec.fallback.and_then(|at| node.fallback.get(usize::from(at)));
    match (chosen.map(|fallback| (&fallback.action, fallback)), &node.kind) {
        (Some((Action::Call(function), fallback)), _) => {
            Doing::Call(function, fallback.with.as_ref().unwrap_or(&node.with))
        }
        (Some((Action::Value(template), _)), _) | (None, Kind::Value(template)) => Doing::Value(template),
        (None, Kind::Call(function)) => Doing::Call(function, &node.with),
        (None, kind) => Doing::Kind(kind),
    }
}

/// The function that an execution calls now.
pub fn function<'a>(node: &'a Node, exec: &Exec) -> Option<&'a Function> {
    match doing(node, exec) {
        Doing::Call(function, _) => Some(function),
        _ => None,
    }
}

/// Whether a task is counted as one, or by what is inside it.
fn is_counted(node: &Node) -> bool {
    match &node.kind {
        Kind::Switch(_) | Kind::Repeat(_) => false,
        Kind::Workflow(child) => !child.inline,
        Kind::Call(_) | Kind::Value(_) | Kind::Wait(_) | Kind::Approve(_) => true,
    }
}
