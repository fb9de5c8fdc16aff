//! Tasks that are run again though they had ended: a retry, a rollback, a move to another version.
//!
//! Only tasks of the document's own graph are chosen; what is inside one is run again with it. What is chosen is closed
//! under dependence: whoever hangs on a chosen task is chosen too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use symphony_workflow::{Graph, Plan};

use super::*;

impl Walk<'_> {
    /// Run these nodes again. With `keep_items`, a map whose list stays the same keeps its items that succeeded.
    pub(crate) fn run_again(&mut self, chosen: &BTreeSet<u32>, keep_items: bool) {
        self.forget(chosen, keep_items);
        self.begin_again(chosen);
    }

    /// These nodes are as if they had never begun, but for the items that are kept.
    pub(super) fn forget(&mut self, chosen: &BTreeSet<u32>, keep_items: bool) {
        let Some(plot) = self.run.plot(0) else { return };
        let Some(graph) = plot.graph() else { return };
        self.run.generation += 1;
        let generation = self.run.generation;
        for node in chosen {
            self.close_node(self.run.id_of(0, *node, WHOLE));
        }
        for node in chosen {
            let edges = node_edges(graph, *node);
            let fresh = edges.iter().all(|from| !chosen.contains(from));
            if !keep_items || !fresh || !self.keep_items(*node, generation) {
                self.forget_node(graph, *node, chosen);
            }
        }
        if let Some(frame) = self.run.frames.get_mut(0) {
            frame.generation = generation;
            let open = frame.nodes.iter().filter(|state| !state.exec.status.ended());
            frame.remaining = u32::try_from(open.count()).unwrap_or(u32::MAX);
        }
    }

    /// What was forgotten begins, or goes on with what it kept.
    pub(super) fn begin_again(&mut self, chosen: &BTreeSet<u32>) {
        // How it was undone before is in the history; it may come to be undone anew.
        self.run.undo.retain(|undo| {
            let again = undo.root.is_some_and(|root| chosen.contains(&root.node));
            !(again && undo.exec.status == Status::Succeeded)
        });
        if self.run.frame(0).is_some_and(|frame| frame.remaining == 0) {
            self.push(Step::Done, self.run.id_of(0, 0, WHOLE));
        }
        for node in chosen.iter().rev() {
            let id = self.run.id_of(0, *node, WHOLE);
            match self.run.node(0, *node) {
                Some(state) if state.exec.status == Status::Open => self.push(Step::Expand, id),
                Some(state) if state.missing == 0 => self.push(Step::Activate, id),
                _ => {}
            }
        }
    }

    /// Cancel what is open of a node: its items, what is inside it, itself.
    fn close_node(&mut self, id: ExecId) {
        let Some(state) = self.run.node(id.frame, id.node) else {
            return;
        };
        let items = state
            .items
            .iter()
            .flat_map(|items| items.execs.iter().enumerate());
        let items = items.filter(|(_, exec)| !exec.status.ended());
        let mut open: Vec<ExecId> = items.map(|(item, _)| id.at(item)).collect();
        if !state.exec.status.ended() && state.exec.status != Status::Pending {
            open.push(id);
        }
        for id in open {
            self.cancel(id);
        }
    }

    /// A map that keeps what it has: its other items are begun again. False: this node is no map that was begun.
    fn keep_items(&mut self, node: u32, generation: u32) -> bool {
        let whole = self.run.id_of(0, node, WHOLE);
        let state = self.run.node(0, node);
        let items = state.and_then(|state| state.items.as_ref());
        let Some(items) = items.filter(|items| !items.values.is_empty()) else {
            return false;
        };
        let stands = |exec: &Exec| exec.status.good() && exec.status != Status::Compensated;
        let left = items.execs.iter().zip(0..).filter(|(exec, _)| !stands(exec));
        let mut again: Vec<u32> = left.map(|(_, item)| item).collect();
        again.reverse();
        if again.is_empty() && items.execs.len() == items.values.len() {
            return false; // nothing of it is left to do: it is run again as a whole
        }
        for item in &again {
            let id = ExecId { item: *item, ..whole };
            self.uncount(id);
            if let Some(frame) = self.run.exec(id).and_then(Exec::inner) {
                self.run.frames.remove(frame);
            }
            if let Some(exec) = self.run.exec_mut(id) {
                *exec = Exec::default();
            }
        }
        let time_ms = self.context.time_ms;
        let Some(state) = self.run.node_mut(0, node) else {
            return false;
        };
        if let Some(items) = state.items.as_mut() {
            items.open = 0;
            items.failed = 0;
            items.ended = u32::try_from(items.execs.len() - again.len()).unwrap_or(u32::MAX);
            // The last is first in `again`.
            items
                .order
                .retain(|item| again.binary_search_by(|known| item.cmp(known)).is_err());
            items.again = again;
        }
        state.exec = Exec {
            status: Status::Open,
            generation,
            first_ready_at_ms: time_ms,
            ..Exec::default()
        };
        state.missing = 0;
        true
    }

    /// A node is as if it had never begun.
    fn forget_node(&mut self, graph: &Graph, node: u32, chosen: &BTreeSet<u32>) {
        let id = self.run.id_of(0, node, WHOLE);
        self.uncount(id);
        let inner = self.run.node(0, node).map(|state| state.inner().collect());
        let inner: Vec<u32> = inner.unwrap_or_default();
        for frame in inner {
            self.run.frames.remove(frame);
        }
        let waits = |from: &u32| {
            let state = self.run.node(0, *from);
            chosen.contains(from) || state.is_none_or(|state| !state.exec.status.ended())
        };
        let missing = node_edges(graph, node).iter().filter(|from| waits(from)).count();
        if let Some(state) = self.run.node_mut(0, node) {
            *state = NodeState {
                missing: u32::try_from(missing).unwrap_or(u32::MAX),
                ..NodeState::default()
            };
        }
    }

    /// Take a node, and all inside it that is still there, out of the run's counts.
    fn uncount(&mut self, id: ExecId) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let counted = self
                .run
                .plot(id.frame)
                .is_some_and(|plot| plot.node(id.node).is_some_and(is_counted));
            let Some(state) = self.run.node(id.frame, id.node) else {
                continue;
            };
            let items = state.items.as_ref().filter(|items| !items.values.is_empty());
            // An item by itself: the map, which is counted by its items, stays.
            let alone = id.item != WHOLE;
            let items = items.filter(|_| !alone);
            let execs: Vec<&Exec> = match items {
                Some(items) => items.execs.iter().collect(),
                None => self.run.exec(id).into_iter().collect(),
            };
            let mut gone = [0_u64; 4]; // total, succeeded, failed, skipped
            if let (Some(items), true) = (items, counted) {
                gone[0] = u64::try_from(items.values.len()).unwrap_or_default();
            }
            for exec in &execs {
                let bare = exec.status == Status::Skipped && exec.error().is_none();
                gone[0] += u64::from(items.is_none() && !alone && (bare || (counted && exec.r#try > 0)));
                gone[1] += u64::from(counted && exec.status.good());
                gone[2] += u64::from(counted && exec.status == Status::Failed);
                gone[3] += u64::from(exec.status == Status::Skipped && (bare || counted));
            }
            let inner: Vec<u32> = execs.iter().filter_map(|exec| exec.inner()).collect();
            for frame in inner {
                let count = self.run.frame(frame).map_or(0, |frame| frame.nodes.len());
                let count = u32::try_from(count).unwrap_or_default();
                open.extend((0..count).map(|node| self.run.id_of(frame, node, WHOLE)));
            }
            let counts = &mut self.run.counts;
            let [total, succeeded, failed, skipped] = gone;
            counts.total = counts.total.saturating_sub(total);
            counts.succeeded = counts.succeeded.saturating_sub(succeeded);
            counts.failed = counts.failed.saturating_sub(failed);
            counts.skipped = counts.skipped.saturating_sub(skipped);
        }
    }

    /// Follow another plan from here on: the tasks in `kept` are done, the others begin by it.
    pub(crate) fn go_on_by(
        &mut self,
        plan: Arc<Plan>,
        document: Payload,
        inputs: Payload,
        kept: &BTreeSet<String>,
    ) {
        let Some(plot) = self.run.plot(0) else { return };
        self.drop_lock(); // the other plan's may be over other tasks, or of another key
        let (Some(old), Some(graph)) = (plot.graph(), plan.graph(0)) else {
            return;
        };
        for (node, at) in old.nodes.iter().zip(0..) {
            let id = self.run.id_of(0, at, WHOLE);
            self.close_node(id);
            if !kept.contains(&node.name) {
                self.uncount(id);
            }
        }
        let states = self
            .run
            .frames
            .get_mut(0)
            .map(|frame| std::mem::take(&mut frame.nodes));
        let mut states: BTreeMap<&str, NodeState> = old
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .zip(states.unwrap_or_default())
            .collect();
        self.run.generation += 1;
        let (generation, rest_us) = (self.run.generation, self.rest_us(0));
        let mut nodes = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let done = states
                .remove(node.name.as_str())
                .filter(|_| kept.contains(&node.name));
            let waits = node.edges.iter().filter(|edge| {
                let from = graph.nodes.get(edge.from);
                from.is_none_or(|from| !kept.contains(&from.name))
            });
            let missing = u32::try_from(waits.count()).unwrap_or(u32::MAX);
            nodes.push(done.unwrap_or_else(|| NodeState {
                missing,
                ..NodeState::default()
            }));
        }
        // What is inside them names its place in the old graph; of what is done nobody asks any more.
        let all = nodes.iter_mut().chain(states.values_mut());
        for frame in all.flat_map(NodeState::take_inner) {
            self.run.frames.remove(frame);
        }
        let open: Vec<u32> = nodes
            .iter()
            .zip(0..)
            .filter(|(state, _)| !state.exec.status.ended())
            .map(|(_, at)| at)
            .collect();
        let Some(frame) = self.run.frames.get_mut(0) else {
            return;
        };
        frame.generation = generation;
        frame.rest_us = rest_us;
        frame.remaining = u32::try_from(open.len()).unwrap_or(u32::MAX);
        let free: Vec<u32> = open
            .iter()
            .copied()
            .filter(|at| {
                usize::try_from(*at).is_ok_and(|at| nodes.get(at).is_some_and(|state| state.missing == 0))
            })
            .collect();
        frame.nodes = nodes;
        self.undo_as_it_was(old, graph);
        drop(plot);
        self.run.plan = Some(plan);
        self.run.document = document;
        self.run.inputs = inputs;
        if open.is_empty() {
            self.push(Step::Done, self.run.id_of(0, 0, WHOLE));
        }
        for at in free.iter().rev() {
            self.push(Step::Activate, self.run.id_of(0, *at, WHOLE));
        }
    }

    /// An ended run goes on. A deadline begins anew, since the old one may have passed; so does the undoing of what was
    /// not undone in the end.
    pub(crate) fn revive(&mut self) {
        if !self.run.status.ended() {
            return;
        }
        self.run.status = RunStatus::Running;
        self.run.ended_at_ms = 0;
        self.run.error = None;
        self.run.outputs = Payload::from_static(&[0x80]);
        for undo in &mut self.run.undo {
            let broken_off = matches!(undo.exec.status, Status::Failed | Status::Cancelled);
            if broken_off && !undo.exec.inputs.is_empty() {
                undo.exec = Exec {
                    inputs: std::mem::take(&mut undo.exec.inputs),
                    ..Exec::default()
                };
            }
        }
        if let Some(at_ms) = self.run.deadline_at_ms {
            let span_ms = at_ms.saturating_sub(self.run.submitted_at_ms);
            let at_ms = self.context.time_ms.saturating_add(span_ms);
            self.run.deadline_at_ms = Some(at_ms);
            self.context.timers.insert(deadline(self.run, at_ms));
        }
    }
}

/// The nodes that one waits for.
fn node_edges(graph: &Graph, node: u32) -> Vec<u32> {
    let found = usize::try_from(node).ok().and_then(|at| graph.node(at));
    let edges = found.map_or(&[][..], |node| &node.edges);
    edges
        .iter()
        .filter_map(|edge| u32::try_from(edge.from).ok())
        .collect()
}

/// Some nodes of a graph, and all that hang on them.
pub fn with_dependents(graph: &Graph, first: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut open: Vec<u32> = first.into_iter().collect();
    while let Some(node) = open.pop() {
        if !found.insert(node) {
            continue;
        }
        let dependents = usize::try_from(node).ok().and_then(|at| graph.node(at));
        let dependents = dependents.map_or(&[][..], |node| &node.dependents);
        open.extend(dependents.iter().filter_map(|next| u32::try_from(*next).ok()));
    }
    found
}
