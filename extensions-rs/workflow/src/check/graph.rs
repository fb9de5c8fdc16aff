//! Edges, and the order that they leave.

use std::collections::HashMap;

use symphony_expression::Path;

use super::parts::parts;
use crate::plan::{Edge, EdgeKind, Graph, GraphIndex, Node, Plan};
use crate::read::After;
use crate::words::{Place, Problems};

/// A reference to a task by its name.
type Wanted = (String, EdgeKind);

/// The edges of every task: what `after` states, then what references imply. What is inside a task and refers to the
/// outside makes an edge of that task.
pub fn connect(plan: &mut Plan, places: &[Place], after: &[Vec<After>], problems: &mut Problems) {
    // What the graphs inside a task refer to beyond themselves; a graph inside another has the higher number.
    let mut beyond: HashMap<(GraphIndex, usize), Vec<Wanted>> = HashMap::new();
    for index in (0..plan.graphs.len()).rev() {
        let (Some(graph), Some(at)) = (plan.graph(index), places.get(index)) else {
            continue;
        };
        let stated = after.get(index).map(Vec::as_slice).unwrap_or_default();
        let mut outside = Vec::new();
        let mut all = Vec::with_capacity(graph.nodes.len());
        for (place, node) in graph.nodes.iter().enumerate() {
            let at = at.child("tasks").child(&node.name);
            let mut wanted = references(plan, node, &at);
            wanted.extend(beyond.remove(&(index, place)).unwrap_or_default());
            let stated = stated.get(place).map(Vec::as_slice).unwrap_or_default();
            all.push(edges(graph, stated, wanted, &mut outside, problems));
        }
        let outputs = graph.outputs.iter().flat_map(|outputs| outputs.paths());
        let given = outputs.filter_map(wanted_by);
        outside.extend(given.filter(|(name, _)| !graph.by_name.contains_key(name)));
        if let Some(holder) = graph.outer {
            beyond.entry(holder).or_default().extend(outside);
        }
        set_edges(plan, index, all);
    }
}

fn set_edges(plan: &mut Plan, index: GraphIndex, all: Vec<Vec<Edge>>) {
    let Some(graph) = plan.graphs.get_mut(index) else {
        return;
    };
    for (place, edges) in all.into_iter().enumerate() {
        for edge in &edges {
            if let Some(other) = graph.nodes.get_mut(edge.from) {
                other.dependents.push(place);
            }
        }
        if let Some(node) = graph.nodes.get_mut(place) {
            node.edges = edges;
        }
    }
}

/// The task that a path needs, and how.
fn wanted_by(path: &Path) -> Option<Wanted> {
    let kind = match path.root.as_str() {
        "tasks" => EdgeKind::Hard,
        "tasks_meta" => EdgeKind::Soft,
        _ => return None,
    };
    Some((path.name()?.to_owned(), kind))
}

/// The tasks that a node's own words refer to, but for those inside it.
fn references(plan: &Plan, node: &Node, at: &Place) -> Vec<Wanted> {
    let mut found = Vec::new();
    for part in parts(node, at) {
        let inner = part.inner.and_then(|inner| plan.graph(inner));
        let wanted = part.expression.paths().iter().filter_map(wanted_by);
        found.extend(wanted.filter(|(name, _)| inner.is_none_or(|inner| !inner.by_name.contains_key(name))));
    }
    found
}

/// One task's edges, in the order in which the document names them. Names that are not of this graph are put `outside`.
fn edges(
    graph: &Graph,
    stated: &[(String, EdgeKind, Place)],
    wanted: Vec<Wanted>,
    outside: &mut Vec<Wanted>,
    problems: &mut Problems,
) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    // For each task that is waited for: the place of its edge, and whether `after` stated it.
    let mut known: HashMap<usize, (usize, bool)> = HashMap::new();
    for (name, kind, at) in stated {
        let Some(from) = graph.by_name.get(name).copied() else {
            let names = graph.nodes.iter().map(|node| node.name.as_str());
            problems.unknown(at, format!("there is no task `{name}`"), name, names, None);
            continue;
        };
        if known.contains_key(&from) {
            let message = format!("`{name}` stands in `after` twice");
            problems.add(at, message, "leave one of them out");
            continue;
        }
        known.insert(from, (edges.len(), true));
        edges.push(Edge { from, kind: *kind });
    }
    for (name, kind) in wanted {
        let Some(from) = graph.by_name.get(&name).copied() else {
            outside.push((name, kind));
            continue;
        };
        match known.get(&from) {
            Some((_, true)) => {}
            // A task whose state and whose output are both used: the output decides.
            Some((at, false)) => {
                if let Some(edge) = edges.get_mut(*at) {
                    edge.kind = edge.kind.max(kind);
                }
            }
            None => {
                known.insert(from, (edges.len(), false));
                edges.push(Edge { from, kind });
            }
        }
    }
    edges
}

/// Kahn's order; what is left over is on a cycle or behind one.
pub fn order(graph: &mut Graph, at: &Place, problems: &mut Problems) {
    let mut missing: Vec<usize> = graph.nodes.iter().map(|node| node.edges.len()).collect();
    let mut order: Vec<usize> = Vec::with_capacity(missing.len());
    order.extend((0..missing.len()).filter(|index| missing.get(*index) == Some(&0)));
    let mut next = 0;
    while let Some(index) = order.get(next).copied() {
        next += 1;
        for dependent in graph.nodes.get(index).map_or(&[][..], |node| &node.dependents) {
            if let Some(count) = missing.get_mut(*dependent) {
                *count -= 1;
                if *count == 0 {
                    order.push(*dependent);
                }
            }
        }
    }
    if let Some(stuck) = missing.iter().position(|count| *count > 0) {
        let cycle = cycle_through(graph, stuck, &missing);
        let nodes: Vec<_> = cycle.iter().filter_map(|index| graph.nodes.get(*index)).collect();
        let names: Vec<&str> = nodes
            .iter()
            .take(SHOWN_COUNT)
            .map(|node| node.name.as_str())
            .collect();
        let more = if nodes.len() > SHOWN_COUNT { " -> ..." } else { "" };
        let first = names.first().copied().unwrap_or_default();
        let at = at.child("tasks").child(first);
        let message = format!(
            "the tasks wait for each other in a cycle: {}{more} -> {first}",
            names.join(" -> ")
        );
        problems.add(&at, message, "take one of these references or `after` out");
    }
    graph.order = order;
}

/// Tasks of a cycle that are named.
const SHOWN_COUNT: usize = 20;

/// Walk back along edges that never came free until a task comes up again; in the order in which they wait.
fn cycle_through(graph: &Graph, start: usize, missing: &[usize]) -> Vec<usize> {
    let mut walked: Vec<usize> = Vec::new();
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut at = start;
    loop {
        if let Some(again) = places.get(&at) {
            let mut cycle = walked.split_off(*again);
            cycle.reverse();
            return cycle;
        }
        places.insert(at, walked.len());
        walked.push(at);
        let edges = graph.nodes.get(at).map_or(&[][..], |node| &node.edges);
        let held = |from: usize| missing.get(from).is_some_and(|count| *count > 0);
        match edges.iter().find(|edge| held(edge.from)) {
            Some(edge) => at = edge.from,
            None => return walked,
        }
    }
}
