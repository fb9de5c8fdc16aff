//! Everything that can be known to be wrong before a run begins.

mod contracts;
mod graph;
mod known;
mod parts;
mod references;

use std::sync::Arc;

use symphony_protocol::{Function, Problem};

pub(crate) use self::known::Known;
use self::parts::parts;
use crate::plan::{Kind, Plan};
use crate::read::read;
use crate::words::{Place, Problems};

/// The functions that active extensions offer.
pub trait Functions {
    fn function(&self, capability: &str) -> Option<&Function>;
    /// The versions of a function that are offered.
    fn versions(&self, capability: &str) -> Vec<&str> {
        self.function(capability)
            .map(|function| function.version.as_str())
            .into_iter()
            .collect()
    }
    /// What a version of it takes and gives.
    fn of_version(&self, capability: &str, version: &str) -> Option<&Function> {
        self.function(capability)
            .filter(|function| function.version == version)
    }
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
            turn: None,
            inputs: &inputs,
            functions,
        };
        check_graph(&known, at, &mut problems);
        if index == 0 {
            check_lock_key(&known, &mut problems);
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
    let known = &Known {
        turn: known.holder_loop(),
        ..*known
    };
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
        if known.is_shadow(&node.name) {
            let message = format!("a task around this one is called `{}` too", node.name);
            problems.add(&at, message, "give it another name");
        }
        for part in parts(node, &at) {
            let mut seen = around.clone();
            seen.extend_from_slice(part.sees);
            if let Some(each) = node.for_each.as_ref().filter(|_| part.sees_item) {
                seen.extend([each.variable.as_str(), "index"]);
            }
            // What sees the state of the loop that the task is stands as if it were inside.
            let turns = matches!(node.kind, Kind::Repeat(_)) && part.sees.contains(&"state");
            let known = Known {
                graph: part.inner.unwrap_or(known.graph),
                turn: if turns { Some(node) } else { known.holder_loop() },
                ..*known
            };
            references::check(part.expression, &seen, &known, &part.at, problems);
        }
        contracts::check(node, &at, known, problems);
    }
}

/// The key of the document's lock is made when the first of its tasks may start: it sees no task.
fn check_lock_key(known: &Known<'_>, problems: &mut Problems) {
    let Some(lock) = &known.plan.lock else { return };
    for (inside, expression) in lock.key.located() {
        let at = Place(format!("/lock/key{inside}"));
        let mut paths = expression.paths().iter();
        match paths.find(|path| matches!(path.root.as_str(), "tasks" | "tasks_meta")) {
            Some(path) => {
                let message = format!("`{path}`: the lock is taken before its tasks run");
                problems.add(&at, message, "make the key of `inputs` and `run`");
            }
            None => references::check(expression, &[], known, &at, problems),
        }
    }
}

/// The tasks that the document's lock is held over.
fn lock_scope(plan: &mut Plan, scope: &[(String, Place)], problems: &mut Problems) {
    let Some(graph) = plan.graphs.first() else { return };
    let mut found = Vec::with_capacity(scope.len());
    for (name, at) in scope {
        match graph.by_name.get(name) {
            Some(index) if found.contains(index) => {
                let message = format!("`{name}` stands in the scope twice");
                problems.add(at, message, "leave one of them out");
            }
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
