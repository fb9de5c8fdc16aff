//! How a run moves on: tasks begin when what they wait for has ended, and end the run when none is left.

mod context;
mod ending;
mod map;

pub use context::{Context, Due, Timer};
pub use ending::{end, end_run, finish_if_done, node_ended};
pub use map::{begin_map, item_given_up};

use map::item_ended;

use std::collections::{BTreeMap, BTreeSet};

use symphony_expression::Template;
use symphony_protocol::raw::{Head, Reader, write_map, write_text};
use symphony_protocol::{ErrorValue, Payload, Value};
use symphony_workflow::{Action, EdgeKind, Kind, Node, Plan};

use super::fold::Effects;
use super::scope::RunScope;
use super::state::{Entry, Exec, ExecId, Items, Run, RunStatus, Status, WHOLE, run_key};

/// Items of one map that are begun and not ended: memory follows what runs, not what is left.
pub const MAP_OPEN_MAX: u32 = 8192;
/// Items of one map.
pub const MAP_ITEMS_MAX: usize = 1_000_000;

fn error(kind: &str, message: impl Into<String>) -> ErrorValue {
    let message: String = message.into();
    let message = message.chars().take(1500).collect();
    ErrorValue {
        kind: kind.to_owned(),
        message,
        retryable: false,
        ..Default::default()
    }
}

pub fn id_of(run: &Run, node: usize, item: u32) -> ExecId {
    ExecId {
        run: run_key(&run.id).unwrap_or_default(),
        node: u32::try_from(node).unwrap_or(WHOLE),
        item,
    }
}

/// Begin every task that waits for nothing.
pub fn start(run: &mut Run, plan: &Plan, context: &mut Context, effects: &mut Effects) {
    for (index, node) in plan.nodes().iter().enumerate() {
        if let Some(state) = run.nodes.get_mut(index) {
            state.missing = u32::try_from(node.edges.len()).unwrap_or(u32::MAX);
        }
    }
    for index in 0..plan.nodes().len() {
        if plan.node(index).is_some_and(|node| node.edges.is_empty()) {
            activate(run, plan, index, context, effects);
        }
    }
    finish_if_done(run, plan, context, effects);
}

/// Everything that a task waited for has ended: skip it, compute it, expand it, or make it ready.
fn activate(run: &mut Run, plan: &Plan, index: usize, context: &mut Context, effects: &mut Effects) {
    // A chain of computed or skipped tasks is followed here, not by recursion: it may be as long as the document.
    let mut begun = vec![index];
    while let Some(index) = begun.pop() {
        if run.status.ended() {
            return;
        }
        let Some(node) = plan.node(index) else { continue };
        if run
            .nodes
            .get(index)
            .is_none_or(|state| state.exec.status != Status::Pending)
        {
            continue;
        }
        if begin(run, node, index, context, effects) {
            begun.extend(release(run, plan, index));
        }
    }
}

/// The dependents that wait for nothing more, now that a node has ended.
fn release(run: &mut Run, plan: &Plan, index: usize) -> Vec<usize> {
    let mut free = Vec::new();
    for dependent in plan.node(index).map_or(&[][..], |node| &node.dependents) {
        if let Some(state) = run.nodes.get_mut(*dependent) {
            state.missing = state.missing.saturating_sub(1);
            if state.missing == 0 && state.exec.status == Status::Pending {
                free.push(*dependent);
            }
        }
    }
    free.reverse(); // taken from the end: the document's order is kept
    free
}

fn blocked(run: &Run, node: &Node) -> bool {
    node.edges.iter().any(|edge| {
        let status = run.nodes.get(edge.from).map(|state| state.exec.status);
        match edge.kind {
            EdgeKind::Soft => false,
            EdgeKind::Hard => status == Some(Status::Skipped) || status == Some(Status::Cancelled),
            EdgeKind::Optional => !matches!(status, Some(Status::Succeeded | Status::Skipped)),
        }
    })
}

/// Begin one node. True: it has ended already.
fn begin(run: &mut Run, node: &Node, index: usize, context: &mut Context, effects: &mut Effects) -> bool {
    if blocked(run, node) {
        return end(run, index, Status::Skipped, Payload::default(), None, context);
    }
    if let Some(when) = &node.when {
        match when.truth(&RunScope::of(run)) {
            Ok(true) => {}
            Ok(false) => return end(run, index, Status::Skipped, Payload::default(), None, context),
            Err(problem) => {
                return fail_node(
                    run,
                    node,
                    index,
                    error("expression", problem.to_string()),
                    context,
                    effects,
                );
            }
        }
    }
    if let Some(each) = &node.for_each {
        let mut list = Vec::new();
        return match each.items.write(&RunScope::of(run), &mut list) {
            Ok(()) => begin_map(run, node, index, list.into(), context, effects),
            Err(problem) => fail_node(
                run,
                node,
                index,
                error("expression", problem.to_string()),
                context,
                effects,
            ),
        };
    }
    begin_exec(run, node, index, WHOLE, context, effects)
}

/// The template that an execution runs with, and what it does.
fn action<'a>(node: &'a Node, exec: &Exec) -> (Option<&'a Template>, &'a Template) {
    let chosen = exec.fallback.and_then(|at| node.fallback.get(usize::from(at)));
    match chosen {
        Some(fallback) => {
            let computed = if let Action::Value(template) = &fallback.action {
                Some(template)
            } else {
                None
            };
            (computed, fallback.with.as_ref().unwrap_or(&node.with))
        }
        None => (
            if let Kind::Value(template) = &node.kind {
                Some(template)
            } else {
                None
            },
            &node.with,
        ),
    }
}

/// The function that an execution calls now.
pub fn capability<'a>(node: &'a Node, exec: &Exec) -> Option<&'a str> {
    match exec
        .fallback
        .and_then(|at| node.fallback.get(usize::from(at)))
        .map(|fallback| &fallback.action)
    {
        Some(Action::Call(function)) => Some(&function.capability),
        Some(Action::Value(_)) => None,
        None => node.capability(),
    }
}

/// Render an execution's inputs, or compute its value. True: the node has ended.
pub fn begin_exec(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    let id = id_of(run, index, item);
    let Some(exec) = run.exec(id.node, item) else {
        return false;
    };
    let (computed, with) = action(node, exec);
    let is_value = computed.is_some();
    let mut rendered = Vec::new();
    let value = match (
        item,
        &node.for_each,
        run.nodes.get(index).and_then(|state| state.items.as_ref()),
    ) {
        (WHOLE, _, _) | (_, None, _) | (_, _, None) => None,
        (_, Some(each), Some(items)) => {
            let value = usize::try_from(item).ok().and_then(|at| items.values.get(at));
            value.map(|value| (each.variable.as_str(), value.clone()))
        }
    };
    let scope = RunScope {
        run,
        item: value.as_ref().map(|(name, value)| (*name, &**value, item)),
    };
    if let Err(problem) = computed.unwrap_or(with).write(&scope, &mut rendered) {
        return settle_failure(
            run,
            node,
            index,
            item,
            error("expression", problem.to_string()),
            context,
            effects,
        );
    }
    let (time_ms, first) = (context.time_ms, item == WHOLE);
    let Some(exec) = run.exec_mut(id.node, item) else {
        return false;
    };
    if exec.r#try == 0 {
        exec.r#try = 1;
        exec.tries_here = 1;
        exec.first_ready_at_ms = time_ms;
        if first {
            run.counts.total += 1;
        }
    }
    let Some(exec) = run.exec_mut(id.node, item) else {
        return false;
    };
    exec.ready_at_ms = time_ms;
    if is_value {
        return settle_success(run, node, index, item, rendered.into(), context, effects);
    }
    exec.status = Status::Ready;
    exec.inputs = rendered.into();
    let (r#try, again) = (exec.r#try, exec.r#try > 1);
    if let Some(timeout) = node.queue_timeout_ms {
        context.timers.insert(Timer {
            at_ms: time_ms + timeout,
            id,
            due: Due::Queue,
            r#try,
        });
    }
    if let (Some(timeout), false) = (node.task_timeout_ms, again) {
        context.timers.insert(Timer {
            at_ms: time_ms + timeout,
            id,
            due: Due::Task,
            r#try: 0,
        });
    }
    effects.ready.push(id);
    false
}

/// An execution succeeded. True: its node has ended.
pub fn settle_success(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    output: Payload,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    run.counts.succeeded += 1;
    if item == WHOLE {
        return end(run, index, Status::Succeeded, output, None, context);
    }
    let time_ms = context.time_ms;
    if let Some(exec) = run.exec_mut(id_of(run, index, item).node, item) {
        exec.status = Status::Succeeded;
        exec.output = output;
        exec.inputs = Payload::default();
        exec.ended_at_ms = time_ms;
    }
    item_ended(run, node, index, item, context, effects)
}

/// A node failed before it had an execution. True: it has ended.
fn fail_node(
    run: &mut Run,
    node: &Node,
    index: usize,
    problem: ErrorValue,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    run.counts.total += 1;
    super::recover::give_up(run, node, index, WHOLE, problem, context, effects)
}

fn settle_failure(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    problem: ErrorValue,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    if run
        .exec(u32::try_from(index).unwrap_or(WHOLE), item)
        .is_some_and(|exec| exec.r#try == 0)
        && item == WHOLE
    {
        run.counts.total += 1;
    }
    super::recover::failed(run, node, index, item, problem, context, effects)
}
