//! The plan: a document compiled to the graph that the tracker follows. It never changes, and runs share it.

mod node;
mod retry;

pub use node::*;
pub use retry::Retry;

use std::collections::{BTreeMap, HashMap};

use symphony_expression::Template;
use symphony_protocol::Parameter;

/// A graph of a plan: 0 is the document's own, the others stand inside tasks.
pub type GraphIndex = usize;

/// How a task hangs on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// The other must have ended, however.
    Soft,
    /// It must have succeeded or been skipped; if it failed, this is skipped.
    Optional,
    /// It must have succeeded; if it was skipped, this is skipped.
    Hard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The index of the task that has to end first.
    pub from: usize,
    pub kind: EdgeKind,
}

/// Tasks, how they hang together, and what they give to the outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub by_name: HashMap<String, usize>,
    /// Every node after those that it hangs on.
    pub order: Vec<usize>,
    /// An object.
    pub outputs: Option<Template>,
    /// The graph and the node that it stands in; None for the document's own.
    pub outer: Option<(GraphIndex, usize)>,
}

impl Graph {
    pub fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    pub fn named(&self, name: &str) -> Option<(usize, &Node)> {
        let index = *self.by_name.get(name)?;
        Some((index, self.nodes.get(index)?))
    }

    /// For each node, the time from its start to the end of its graph along the longest path, given an estimate of each
    /// node's own time in microseconds.
    pub fn rest_us(&self, estimate: impl Fn(&Node) -> u64) -> Vec<u64> {
        let mut rest = vec![0_u64; self.nodes.len()];
        for index in self.order.iter().rev() {
            let Some(node) = self.nodes.get(*index) else {
                continue;
            };
            let behind = node
                .dependents
                .iter()
                .filter_map(|d| rest.get(*d))
                .max()
                .copied()
                .unwrap_or_default();
            if let Some(slot) = rest.get_mut(*index) {
                *slot = behind.saturating_add(estimate(node));
            }
        }
        rest
    }
}

/// A lock that is held over several tasks: from the start of the first of them to the end of the last.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedLock {
    pub key: Template,
    /// Indexes in the document's own graph.
    pub scope: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub name: String,
    pub version: String,
    /// BLAKE3 of the canonical JSON, in hexadecimal.
    pub digest: String,
    pub description: String,
    pub inputs: Vec<(String, Parameter)>,
    /// The document's own graph first; graphs inside others after those that hold them.
    pub graphs: Vec<Graph>,
    pub deadline_ms: Option<u64>,
    pub priority: u8,
    pub budget: Option<Budget>,
    pub lock: Option<ScopedLock>,
    /// `on_failure: compensate` of the run.
    pub compensates: bool,
    pub tags: BTreeMap<String, String>,
}

impl Plan {
    pub fn graph(&self, index: GraphIndex) -> Option<&Graph> {
        self.graphs.get(index)
    }

    /// A node of the document's own graph.
    pub fn node(&self, index: usize) -> Option<&Node> {
        self.graphs.first()?.node(index)
    }

    /// A node of the document's own graph, by its name.
    pub fn named(&self, name: &str) -> Option<(usize, &Node)> {
        self.graphs.first()?.named(name)
    }

    /// `Graph::rest_us` of a graph whose tasks may have tasks inside them.
    pub fn rest_us(&self, graph: GraphIndex, estimate: &dyn Fn(&Node) -> u64) -> Vec<u64> {
        self.graph(graph)
            .map(|graph| graph.rest_us(|node| self.own_us(node, estimate)))
            .unwrap_or_default()
    }

    /// A node's own time, with that of the longest way through what is inside it: the longest of its branches, one turn of
    /// its loop, since nobody knows how many there will be.
    pub fn own_us(&self, node: &Node, estimate: &dyn Fn(&Node) -> u64) -> u64 {
        let inside = node.graphs().into_iter();
        let longest = inside.flat_map(|graph| self.rest_us(graph, estimate)).max();
        estimate(node).saturating_add(longest.unwrap_or_default())
    }

    /// Nodes of the document's own graph.
    pub fn nodes(&self) -> &[Node] {
        self.graphs.first().map_or(&[], |graph| &graph.nodes)
    }

    /// Tasks of all graphs.
    pub fn task_count(&self) -> usize {
        self.graphs.iter().map(|graph| graph.nodes.len()).sum()
    }
}
