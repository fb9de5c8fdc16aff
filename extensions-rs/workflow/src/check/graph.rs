//! Edges, and the order that they leave.

use std::collections::HashMap;

use super::{parts, place};
use crate::plan::{Edge, EdgeKind, Graph};
use crate::read::After;
use crate::words::Problems;

/// The edges of every task: what `after` states, then what references imply.
pub fn connect(graph: &mut Graph, after: &[After], problems: &mut Problems) {
    let all: Vec<Vec<Edge>> = (0..graph.nodes.len())
        .map(|index| {
            let stated = after.get(index).map(Vec::as_slice).unwrap_or_default();
            edges(graph, index, stated, problems)
        })
        .collect();
    for (index, edges) in all.into_iter().enumerate() {
        for edge in &edges {
            if let Some(other) = graph.nodes.get_mut(edge.from) {
                other.dependents.push(index);
            }
        }
        if let Some(node) = graph.nodes.get_mut(index) {
            node.edges = edges;
        }
    }
}

/// One task's edges, in the order in which the document names them.
fn edges(
    graph: &Graph,
    index: usize,
    stated: &[(String, EdgeKind, crate::words::Place)],
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
    let Some(node) = graph.nodes.get(index) else {
        return edges;
    };
    let parts = parts(node);
    for path in parts.iter().flat_map(|part| part.expression.paths()) {
        let kind = match path.root.as_str() {
            "tasks" => EdgeKind::Hard,
            "tasks_meta" => EdgeKind::Soft,
            _ => continue,
        };
        let Some(from) = path.name().and_then(|name| graph.by_name.get(name)).copied() else {
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
pub fn order(graph: &mut Graph, problems: &mut Problems) {
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
        let at = nodes.first().map(|node| place(node)).unwrap_or_default();
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
