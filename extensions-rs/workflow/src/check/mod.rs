//! Everything that can be known to be wrong before a run begins.

mod contracts;
mod graph;
mod parts;
mod references;

use std::collections::HashMap;
use std::sync::Arc;

use symphony_protocol::{Function, Parameter, Problem};

use self::parts::parts;
use crate::plan::{Graph, GraphIndex, Kind, Node, Plan};
use crate::read::read;
use crate::words::{Place, Problems, Words};

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
    check_words(json, functions, Words::Followed)
}

/// The same, for the words that the fold follows or for the whole grammar.
pub fn check_words(json: &[u8], functions: &dyn Functions, words: Words) -> Result<Arc<Plan>, Vec<Problem>> {
    let mut problems = Problems::of(words);
    let document = match serde_json::from_slice(json) {
        Ok(document) => document,
        Err(error) => {
            let message = format!("this is not JSON: {error}");
            problems.add(&Place::default(), message, "send the document as JSON");
            return Err(problems.found);
        }
    };
    let digest = blake3::hash(json).to_hex().to_string();
    let Some(draft) = read(&document, digest, &mut problems) else {
        return Err(problems.found);
    };
    let (mut plan, mut places, mut after) = (draft.plan, Vec::new(), Vec::new());
    for made in draft.graphs {
        plan.graphs.push(made.graph);
        places.push(made.at);
        after.push(made.after);
    }
    graph::connect(&mut plan, &places, &after, &mut problems);
    lock_scope(&mut plan, &draft.scope, &mut problems);
    let inputs = plan
        .inputs
        .iter()
        .map(|(name, parameter)| (name.as_str(), parameter));
    let inputs = inputs.collect();
    for (index, at) in places.iter().enumerate() {
        let known = Known {
            plan: &plan,
            graph: index,
            inputs: &inputs,
            functions,
        };
        check_graph(&known, at, &mut problems);
    }
    if let Some(lock) = &plan.lock {
        let known = Known {
            plan: &plan,
            graph: 0,
            inputs: &inputs,
            functions,
        };
        for (inside, expression) in lock.key.located() {
            let at = Place(format!("/lock/key{inside}"));
            references::check(expression, &[], &known, &at, &mut problems);
        }
    }
    for (graph, at) in plan.graphs.iter_mut().zip(&places) {
        graph::order(graph, at, &mut problems);
    }
    if problems.found.is_empty() {
        Ok(Arc::new(plan))
    } else {
        Err(problems.found)
    }
}

/// The tasks of one graph, and what it gives to the outside.
fn check_graph(known: &Known<'_>, at: &Place, problems: &mut Problems) {
    let Some(graph) = known.plan.graph(known.graph) else {
        return;
    };
    let around = known.seen_around();
    if let Some(outputs) = &graph.outputs {
        for (inside, expression) in outputs.located() {
            let at = Place(format!("{}/outputs{inside}", at.0));
            references::check(expression, &around, known, &at, problems);
        }
    }
    for node in &graph.nodes {
        if problems.full() {
            break;
        }
        let at = at.child("tasks").child(&node.name);
        for part in parts(node, &at) {
            let mut seen = around.clone();
            seen.extend_from_slice(part.sees);
            if let Some(each) = node.for_each.as_ref().filter(|_| part.sees_item) {
                seen.extend([each.variable.as_str(), "index"]);
            }
            let known = Known {
                graph: part.inner.unwrap_or(known.graph),
                ..*known
            };
            references::check(part.expression, &seen, &known, &part.at, problems);
        }
        contracts::check(node, &at, known, problems);
    }
}

/// The tasks that the document's lock is held over.
fn lock_scope(plan: &mut Plan, scope: &[(String, Place)], problems: &mut Problems) {
    let Some(graph) = plan.graphs.first() else { return };
    let mut found = Vec::with_capacity(scope.len());
    for (name, at) in scope {
        match graph.by_name.get(name) {
            Some(index) => found.push(*index),
            None => {
                let names = graph.nodes.iter().map(|node| node.name.as_str());
                problems.unknown(at, format!("there is no task `{name}`"), name, names, None);
            }
        }
    }
    if let Some(lock) = &mut plan.lock {
        lock.scope = found;
    }
}

/// What names mean in one graph of a plan: its own first, then those around it.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub plan: &'a Plan,
    pub graph: GraphIndex,
    pub inputs: &'a HashMap<&'a str, &'a Parameter>,
    pub functions: &'a dyn Functions,
}

impl<'a> Known<'a> {
    /// The graphs from here outwards.
    fn outwards(&self) -> impl Iterator<Item = &'a Graph> + use<'a> {
        let plan = self.plan;
        let mut next = Some(self.graph);
        std::iter::from_fn(move || {
            let graph = plan.graph(next?)?;
            next = graph.outer.map(|(outer, _)| outer);
            Some(graph)
        })
    }

    /// The task that a name means here.
    pub fn task(&self, name: &str) -> Option<&'a Node> {
        self.outwards()
            .find_map(|graph| graph.named(name).map(|(_, node)| node))
    }

    /// Names of the tasks that are seen here.
    pub fn task_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.outwards()
            .flat_map(|graph| graph.nodes.iter().map(|node| node.name.as_str()))
    }

    /// What the tasks around this graph let it see: their items, the state of their loops.
    fn seen_around(&self) -> Vec<&'a str> {
        let mut seen = Vec::new();
        for graph in self.outwards() {
            let holder = graph
                .outer
                .and_then(|(outer, index)| self.plan.graph(outer)?.node(index));
            let Some(holder) = holder else { continue };
            if let Some(each) = &holder.for_each {
                seen.extend([each.variable.as_str(), "index"]);
            }
            if let Kind::Repeat(_) = holder.kind {
                seen.extend(["state", "iteration"]);
            }
        }
        seen
    }
}
