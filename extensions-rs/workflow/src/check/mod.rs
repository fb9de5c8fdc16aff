//! Everything that can be known to be wrong before a run begins.

mod contracts;
mod graph;
mod references;

use std::collections::HashMap;
use std::sync::Arc;

use symphony_expression::Expression;
use symphony_protocol::{Function, Parameter, Problem};

use crate::plan::{Action, Kind, Node, Plan};
use crate::read::{Draft, read};
use crate::words::{Place, Problems};

/// The functions that active extensions offer.
pub trait Functions {
    fn function(&self, capability: &str) -> Option<&Function>;
    fn names(&self) -> Vec<&str>;
    /// Whether a function that is not listed is a mistake. False while nothing is known.
    fn complete(&self) -> bool;
}

/// When nobody can be asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn function(&self, _: &str) -> Option<&Function> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn complete(&self) -> bool {
        false
    }
}

/// Check canonical JSON. The plan, where there is no problem.
pub fn check(json: &[u8], functions: &dyn Functions) -> Result<Arc<Plan>, Vec<Problem>> {
    let mut problems = Problems::default();
    let document = match serde_json::from_slice(json) {
        Ok(document) => document,
        Err(error) => {
            let message = format!("this is not JSON: {error}");
            problems.add(&Place::default(), message, "send the document as JSON");
            return Err(problems.found);
        }
    };
    let digest = blake3::hash(json).to_hex().to_string();
    let Some(Draft { mut plan, after }) = read(&document, digest, &mut problems) else {
        return Err(problems.found);
    };
    if let Some(graph) = plan.graphs.first_mut() {
        graph::connect(graph, &after, &mut problems);
    }
    let known = Known::of(&plan, functions);
    let outputs = plan.graphs.first().and_then(|graph| graph.outputs.as_ref());
    if let Some(outputs) = outputs {
        for (at, expression) in outputs.located() {
            let at = Place(format!("/outputs{at}"));
            references::check(expression, None, &known, &at, &mut problems);
        }
    }
    for node in plan.nodes() {
        if problems.full() {
            break;
        }
        for part in parts(node) {
            let item = node.for_each.as_ref().filter(|_| part.sees_item);
            let item = item.map(|each| each.variable.as_str());
            references::check(part.expression, item, &known, &part.at, &mut problems);
        }
        contracts::check(node, &known, &mut problems);
    }
    if let Some(graph) = plan.graphs.first_mut() {
        graph::order(graph, &mut problems);
    }
    if problems.found.is_empty() {
        Ok(Arc::new(plan))
    } else {
        Err(problems.found)
    }
}

/// What names mean while a plan is checked.
pub(crate) struct Known<'a> {
    pub plan: &'a Plan,
    pub inputs: HashMap<&'a str, &'a Parameter>,
    pub functions: &'a dyn Functions,
}

impl<'a> Known<'a> {
    fn of(plan: &'a Plan, functions: &'a dyn Functions) -> Self {
        let inputs = plan
            .inputs
            .iter()
            .map(|(name, parameter)| (name.as_str(), parameter));
        Self {
            plan,
            inputs: inputs.collect(),
            functions,
        }
    }
}

fn place(node: &Node) -> Place {
    Place::default().child("tasks").child(&node.name)
}

/// An expression of a node, where it stands, and whether it sees the item of the node's map.
struct Part<'a> {
    at: Place,
    expression: &'a Expression,
    sees_item: bool,
}

/// Everything in a node that may refer to something.
fn parts(node: &Node) -> Vec<Part<'_>> {
    let at = place(node);
    let mut found = Vec::new();
    let mut all = vec![(at.child("with"), &node.with, true)];
    if let Kind::Value(template) = &node.kind {
        all.push((at.child("value"), template, true));
    }
    if let Some(each) = &node.for_each {
        all.push((at.child("for_each"), &each.items, false));
    }
    for (index, fallback) in node.fallback.iter().enumerate() {
        let at = at.child("fallback").child(&index.to_string());
        if let Action::Value(template) = &fallback.action {
            all.push((at.child("value"), template, true));
        }
        if let Some(with) = &fallback.with {
            all.push((at.child("with"), with, true));
        }
    }
    for (at, template, sees_item) in all {
        for (inside, expression) in template.located() {
            let at = Place(format!("{}{inside}", at.0));
            found.push(Part {
                at,
                expression,
                sees_item,
            });
        }
    }
    if let Some(expression) = &node.when {
        let at = at.child("when");
        found.push(Part {
            at,
            expression,
            sees_item: false,
        });
    }
    found
}
