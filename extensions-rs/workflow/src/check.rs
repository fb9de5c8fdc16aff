//! Everything that can be known to be wrong before a run begins.

use std::sync::Arc;

use symphony_expression::{Expression, Path, Segment, Template};
use symphony_protocol::{Function, Problem};

use crate::plan::{Action, EdgeKind, Kind, Node, Plan};
use crate::read::{Draft, merge_edge, read};
use crate::types::{compatible, of_template};
use crate::words::{Place, Problems, suggest};

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
            problems.add(
                &Place::default(),
                format!("this is not JSON: {error}"),
                "send the canonical form",
            );
            return Err(problems.found);
        }
    };
    let digest = blake3::hash(json).to_hex().to_string();
    let Some(Draft { mut plan, after }) = read(&document, digest, &mut problems) else {
        return Err(problems.found);
    };
    for (index, stated) in after.iter().enumerate() {
        resolve(&mut plan, index, stated, &mut problems);
    }
    if let Some(outputs) = &plan.outputs {
        references(
            outputs,
            &plan,
            None,
            functions,
            &Place("/outputs".to_owned()),
            &mut problems,
        );
    }
    for node in &plan.nodes {
        check_node(node, &plan, functions, &mut problems);
    }
    order(&mut plan, &mut problems);
    if problems.found.is_empty() {
        Ok(Arc::new(plan))
    } else {
        Err(problems.found)
    }
}

fn place(node: &Node) -> Place {
    Place::default().child("tasks").child(&node.name)
}

/// Everything in a node that may refer to something, with its place, and whether it sees the map's item.
fn parts(node: &Node) -> Vec<(Place, Vec<&Expression>, bool)> {
    let at = place(node);
    let mut found = vec![(at.child("with"), node.with.expressions(), true)];
    if let Kind::Value(template) = &node.kind {
        found.push((at.child("value"), template.expressions(), true));
    }
    found.extend(node.when.iter().map(|when| (at.child("when"), vec![when], false)));
    found.extend(
        node.for_each
            .iter()
            .map(|each| (at.child("for_each"), each.items.expressions(), false)),
    );
    for fallback in &node.fallback {
        let at = at.child("fallback");
        if let Action::Value(template) = &fallback.action {
            found.push((at.clone(), template.expressions(), true));
        }
        found.extend(
            fallback
                .with
                .iter()
                .map(|with| (at.clone(), with.expressions(), true)),
        );
    }
    found
}

/// Edges of a task: what `after` states, then what its references imply.
fn resolve(plan: &mut Plan, index: usize, stated: &[(String, EdgeKind, Place)], problems: &mut Problems) {
    let mut edges = Vec::new();
    for (name, kind, at) in stated {
        match plan.by_name.get(name) {
            Some(from) => merge_edge(&mut edges, *from, *kind),
            None => unknown_task(name, plan, at, problems),
        }
    }
    let Some(node) = plan.nodes.get(index) else { return };
    for (_, expressions, _) in parts(node) {
        for path in expressions.into_iter().flat_map(Expression::paths) {
            let kind = match path.root.as_str() {
                "tasks" => EdgeKind::Hard,
                "tasks_meta" => EdgeKind::Soft,
                _ => continue,
            };
            if let Some(from) = path.name().and_then(|name| plan.by_name.get(name)) {
                let weaker = edges
                    .iter_mut()
                    .find(|edge| edge.from == *from && edge.kind == EdgeKind::Soft);
                let stated = stated
                    .iter()
                    .any(|(name, _, _)| plan.by_name.get(name) == Some(from));
                match weaker {
                    // A task whose state and whose output are both used: the output decides.
                    Some(edge) if kind == EdgeKind::Hard && !stated => edge.kind = kind,
                    _ => merge_edge(&mut edges, *from, kind),
                }
            }
        }
    }
    for from in edges.iter().map(|edge| edge.from).collect::<Vec<_>>() {
        if let Some(other) = plan.nodes.get_mut(from) {
            other.dependents.push(index);
        }
    }
    if let Some(node) = plan.nodes.get_mut(index) {
        node.edges = edges;
    }
}

fn unknown_task(name: &str, plan: &Plan, at: &Place, problems: &mut Problems) {
    let known: Vec<&str> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
    problems.add(at, format!("there is no task `{name}`"), suggest(name, &known));
}

fn check_node(node: &Node, plan: &Plan, functions: &dyn Functions, problems: &mut Problems) {
    for (at, expressions, inside) in parts(node) {
        let item = node
            .for_each
            .as_ref()
            .filter(|_| inside)
            .map(|each| each.variable.as_str());
        for expression in expressions {
            check_paths(expression, plan, item, functions, &at, problems);
        }
    }
    let at = place(node);
    if let Some(each) = &node.for_each {
        let kind = of_template(&each.items, plan, functions);
        use symphony_protocol::TypeName::{Any, Array, Artifact, Object};
        if ![Any, Array, Object, Artifact].contains(&kind) {
            let message = format!("for_each goes over a list or an object, not a {}", kind.as_str());
            problems.add(&at.child("for_each"), message, "refer to a list");
        }
    }
    if let Kind::Call { capability, .. } = &node.kind {
        check_call(capability, &node.with, plan, functions, &at, problems);
    }
    for (index, fallback) in node.fallback.iter().enumerate() {
        if let Action::Call { capability, .. } = &fallback.action {
            let at = at.child("fallback").child(&index.to_string());
            check_call(
                capability,
                fallback.with.as_ref().unwrap_or(&node.with),
                plan,
                functions,
                &at,
                problems,
            );
        }
    }
}

fn references(
    template: &Template,
    plan: &Plan,
    item: Option<&str>,
    functions: &dyn Functions,
    at: &Place,
    problems: &mut Problems,
) {
    for expression in template.expressions() {
        check_paths(expression, plan, item, functions, at, problems);
    }
}

fn check_paths(
    expression: &Expression,
    plan: &Plan,
    item: Option<&str>,
    functions: &dyn Functions,
    at: &Place,
    problems: &mut Problems,
) {
    for path in expression.paths() {
        match path.root.as_str() {
            "inputs" => match path.name() {
                Some(name) if !plan.inputs.iter().any(|(known, _)| known == name) => {
                    let known: Vec<&str> = plan.inputs.iter().map(|(known, _)| known.as_str()).collect();
                    problems.add(
                        at,
                        format!("`{path}`: there is no input `{name}`"),
                        suggest(name, &known),
                    );
                }
                _ => {}
            },
            "tasks" | "tasks_meta" => match path.name() {
                Some(name) => match plan.named(name) {
                    Some((_, node)) if path.root == "tasks" => {
                        check_field(path, node, functions, at, problems)
                    }
                    Some(_) => {}
                    None => unknown_task(name, plan, at, problems),
                },
                None => problems.add(at, format!("`{path}` names no task"), "write tasks.NAME"),
            },
            "run" => {}
            root if item == Some(root) || (root == "index" && item.is_some()) => {}
            root => {
                let mut known = vec!["inputs", "tasks", "tasks_meta", "run"];
                known.extend(item);
                known.extend(item.map(|_| "index"));
                problems.add(
                    at,
                    format!("`{root}` is not known in `{}`", expression.text()),
                    suggest(root, &known),
                );
            }
        }
    }
}

/// The first field of a task's output, where its function declares its outputs.
fn check_field(path: &Path, node: &Node, functions: &dyn Functions, at: &Place, problems: &mut Problems) {
    let Kind::Call { capability, .. } = &node.kind else {
        return;
    };
    let steps = path.segments.get(1..).unwrap_or_default();
    let field = match (steps, node.for_each.is_some()) {
        ([Segment::Field(field), ..], false)
        | ([Segment::Each | Segment::Index(_), Segment::Field(field), ..], true) => field,
        ([Segment::Field(field), ..], true) => {
            let message = format!(
                "`{path}`: the task `{}` is a map; its output is a list",
                node.name
            );
            problems.add(at, message, format!("write tasks.{}[*].{field}", node.name));
            return;
        }
        _ => return,
    };
    let Some(outputs) = functions.function(capability).and_then(|f| f.outputs.as_ref()) else {
        return;
    };
    if !outputs.contains_key(field) {
        let known: Vec<&str> = outputs.keys().map(String::as_str).collect();
        let message = format!("`{path}`: the function `{capability}` gives no `{field}`");
        problems.add(at, message, suggest(field, &known));
    }
}

fn check_call(
    capability: &str,
    with: &Template,
    plan: &Plan,
    functions: &dyn Functions,
    at: &Place,
    problems: &mut Problems,
) {
    let Some(function) = functions.function(capability) else {
        if functions.complete() {
            let message = format!("no active extension offers the function `{capability}`");
            problems.add(
                &at.child("call"),
                message,
                suggest(capability, &functions.names()),
            );
        }
        return;
    };
    let Template::Map(entries) = with else { return };
    let at = at.child("with");
    for (name, template) in entries {
        let Some(parameter) = function.inputs.get(name) else {
            if !function.open_inputs {
                let known: Vec<&str> = function.inputs.keys().map(String::as_str).collect();
                let message = format!("the function `{capability}` takes no `{name}`");
                problems.add(&at.child(name), message, suggest(name, &known));
            }
            continue;
        };
        let have = of_template(template, plan, functions);
        if !compatible(have, parameter.r#type) {
            let (have, wanted) = (have.as_str(), parameter.r#type.as_str());
            let message = format!("`{name}` of `{capability}` is of type {wanted}, not {have}");
            problems.add(&at.child(name), message, "give a value of the declared type");
        }
    }
    for (name, _) in function.inputs.iter().filter(|(_, parameter)| parameter.required) {
        if !entries.iter().any(|(known, _)| known == name) {
            let message = format!("the function `{capability}` needs `{name}`");
            problems.add(&at, message, format!("add `{name}:` to its inputs"));
        }
    }
}

/// Kahn's order; what is left over is on a cycle or behind one.
fn order(plan: &mut Plan, problems: &mut Problems) {
    let mut missing: Vec<usize> = plan.nodes.iter().map(|node| node.edges.len()).collect();
    let mut order: Vec<usize> = (0..plan.nodes.len())
        .filter(|index| missing.get(*index) == Some(&0))
        .collect();
    let mut next = 0;
    while let Some(index) = order.get(next).copied() {
        next += 1;
        for dependent in plan.nodes.get(index).map_or(&[][..], |node| &node.dependents) {
            if let Some(count) = missing.get_mut(*dependent) {
                *count -= 1;
                if *count == 0 {
                    order.push(*dependent);
                }
            }
        }
    }
    if order.len() < plan.nodes.len() {
        let stuck = missing.iter().position(|count| *count > 0).unwrap_or_default();
        let cycle = cycle_through(plan, stuck, &missing);
        let names: Vec<&str> = cycle
            .iter()
            .filter_map(|i| plan.nodes.get(*i))
            .map(|n| n.name.as_str())
            .collect();
        let at = cycle
            .first()
            .and_then(|i| plan.nodes.get(*i))
            .map(place)
            .unwrap_or_default();
        let first = names.first().copied().unwrap_or_default();
        let message = format!("the tasks wait for each other: {} -> {first}", names.join(" -> "));
        problems.add(&at, message, "take one of these references or `after` out");
    }
    plan.order = order;
}

/// Walk back along edges that never came free until a task comes up again.
fn cycle_through(plan: &Plan, start: usize, missing: &[usize]) -> Vec<usize> {
    let mut walked: Vec<usize> = Vec::new();
    let mut at = start;
    loop {
        if let Some(again) = walked.iter().position(|seen| *seen == at) {
            let mut cycle: Vec<usize> = walked.split_off(again);
            cycle.reverse();
            return cycle;
        }
        walked.push(at);
        let edges = plan.nodes.get(at).map_or(&[][..], |node| &node.edges);
        match edges
            .iter()
            .find(|edge| missing.get(edge.from).is_some_and(|count| *count > 0))
        {
            Some(edge) => at = edge.from,
            None => return walked,
        }
    }
}
