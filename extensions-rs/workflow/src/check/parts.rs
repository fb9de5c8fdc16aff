//! Everything in a task that may refer to something, where it stands, and what it sees there.

use symphony_expression::{Expression, Template};

use crate::plan::{Action, GraphIndex, Kind, Node, Test, Wait};
use crate::words::Place;

/// One expression of a task.
pub struct Part<'a> {
    pub at: Place,
    pub expression: &'a Expression,
    /// Whether it sees the item of the task's map.
    pub sees_item: bool,
    /// Names that are seen here alone.
    pub sees: &'static [&'static str],
    /// The graph inside the task whose names it sees first.
    pub inner: Option<GraphIndex>,
}

const TURN: &[&str] = &["state", "iteration"];

/// A part of a task that is being gathered: its place, whether it sees the item, and what else.
struct Found<'a> {
    parts: Vec<Part<'a>>,
}

impl<'a> Found<'a> {
    fn template(&mut self, at: &Place, template: &'a Template, sees_item: bool) {
        self.template_seeing(at, template, sees_item, &[], None);
    }

    fn template_seeing(
        &mut self,
        at: &Place,
        template: &'a Template,
        sees_item: bool,
        sees: &'static [&'static str],
        inner: Option<GraphIndex>,
    ) {
        for (inside, expression) in template.located() {
            self.parts.push(Part {
                at: Place(format!("{}{inside}", at.0)),
                expression,
                sees_item,
                sees,
                inner,
            });
        }
    }

    fn expression(
        &mut self,
        at: Place,
        expression: &'a Expression,
        sees_item: bool,
        sees: &'static [&'static str],
        inner: Option<GraphIndex>,
    ) {
        self.parts.push(Part {
            at,
            expression,
            sees_item,
            sees,
            inner,
        });
    }
}

/// The parts of a task that stands at `at`, but for the graphs inside it.
pub fn parts<'a>(node: &'a Node, at: &Place) -> Vec<Part<'a>> {
    let mut found = Found { parts: Vec::new() };
    found.template(&at.child("with"), &node.with, true);
    if let Some(each) = &node.for_each {
        found.template(&at.child("for_each"), &each.items, false);
    }
    if let Some(expression) = &node.when {
        found.expression(at.child("when"), expression, false, &[], None);
    }
    kind(&mut found, &node.kind, at);
    for (index, fallback) in node.fallback.iter().enumerate() {
        let at = at.child("fallback").child(&index.to_string());
        if let Action::Value(template) = &fallback.action {
            found.template(&at.child("value"), template, true);
        }
        if let Some(with) = &fallback.with {
            found.template(&at.child("with"), with, true);
        }
    }
    if let Some(undo) = &node.compensate {
        let at = at.child("compensate").child("with");
        found.template_seeing(&at, &undo.with, true, &["output"], None);
    }
    if let Some(key) = &node.lock {
        found.template(&at.child("lock"), key, true);
    }
    if let Some(semaphore) = &node.semaphore {
        found.template(&at.child("semaphore").child("key"), &semaphore.key, true);
    }
    if let Some(rate) = &node.rate {
        found.template(&at.child("rate").child("key"), &rate.key, true);
    }
    if let Some(key) = node.cache.as_ref().and_then(|cache| cache.key.as_ref()) {
        found.template(&at.child("cache").child("key"), key, true);
    }
    found.parts
}

fn kind<'a>(found: &mut Found<'a>, kind: &'a Kind, at: &Place) {
    match kind {
        Kind::Value(template) => found.template(&at.child("value"), template, true),
        Kind::Switch(branches) => {
            for (index, branch) in branches.iter().enumerate() {
                if let Some(when) = &branch.when {
                    let at = at.child("switch").child(&index.to_string()).child("when");
                    found.expression(at, when, true, &[], None);
                }
            }
        }
        Kind::Repeat(repeat) => {
            let at = at.child("repeat");
            found.template(&at.child("state"), &repeat.state, true);
            match &repeat.test {
                // Asked before the turn: nothing inside has run.
                Test::While(test) => found.expression(at.child("while"), test, true, TURN, None),
                Test::Until(test) => {
                    found.expression(at.child("until"), test, true, TURN, Some(repeat.graph));
                }
            }
            if let Some(next) = &repeat.next {
                found.template_seeing(&at.child("next"), next, true, TURN, Some(repeat.graph));
            }
        }
        Kind::Wait(Wait::Event {
            condition: Some(condition),
            ..
        }) => {
            let at = at.child("wait_for").child("where");
            found.expression(at, condition, true, &["event"], None);
        }
        Kind::Wait(Wait::Time(time)) => {
            found.expression(at.child("wait_for").child("time"), time, true, &[], None);
        }
        Kind::Approve(approve) => {
            found.template(&at.child("approve").child("question"), &approve.question, true);
        }
        Kind::Call(_) | Kind::Workflow(_) | Kind::Wait(_) => {}
    }
}
