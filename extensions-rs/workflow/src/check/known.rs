//! What names mean while a plan is checked.

use std::collections::HashMap;

use symphony_expression::Template;
use symphony_protocol::Parameter;

use super::Functions;
use crate::plan::{Graph, GraphIndex, Kind, Node, Plan};

/// What names mean in one graph of a plan: its own first, then those around it.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub plan: &'a Plan,
    pub graph: GraphIndex,
    /// The loop whose `state` is seen.
    pub turn: Option<&'a Node>,
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

    /// Whether a task around this graph has the name of one of its own: who reads a reference must not have to look where
    /// it stands.
    pub fn is_shadow(&self, name: &str) -> bool {
        self.outwards()
            .skip(1)
            .any(|graph| graph.by_name.contains_key(name))
    }

    /// The task that a hidden one of this name stands in, as it is called where that can be seen.
    pub fn hidden_in(&self, name: &str) -> Option<&'a str> {
        let hidden = self
            .plan
            .graphs
            .iter()
            .find(|graph| graph.by_name.contains_key(name))?;
        let (outer, index) = hidden.outer?;
        Some(self.plan.graph(outer)?.node(index)?.name.as_str())
    }

    /// The tasks that hold this graph, innermost first.
    fn holders(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        let plan = self.plan;
        self.outwards().filter_map(move |graph| {
            let (outer, index) = graph.outer?;
            plan.graph(outer)?.node(index)
        })
    }

    /// The innermost loop around this graph.
    pub fn holder_loop(&self) -> Option<&'a Node> {
        self.holders().find(|node| matches!(node.kind, Kind::Repeat(_)))
    }

    /// The fields of `state`: those that the loop begins with, and those that `next` makes.
    pub fn state_names(&self) -> Vec<&'a str> {
        let Some(Kind::Repeat(repeat)) = self.turn.map(|node| &node.kind) else {
            return Vec::new();
        };
        let templates = repeat.next.iter().chain([&repeat.state]);
        let entries = templates.flat_map(|template| match template {
            Template::Map(entries) => entries.as_slice(),
            _ => &[],
        });
        entries.map(|(name, _)| name.as_str()).collect()
    }

    /// What the tasks around this graph let it see: their items, the state of their loops.
    pub fn seen_around(&self) -> Vec<&'a str> {
        let mut seen = Vec::new();
        for holder in self.holders() {
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
