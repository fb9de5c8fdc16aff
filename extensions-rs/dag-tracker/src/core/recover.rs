//! Failures: what the document allows after one, and what a decision does.

use symphony_protocol::{Action, Continue, ErrorValue, Fail, Fallback, Retry, Skip};
use symphony_workflow::{Node, OnFailure};

use super::fold::Effects;
use super::run::{Context, Due, Timer, begin_exec, end, end_run, id_of, item_given_up};
use super::state::{Run, RunStatus, Status, WHOLE};

/// A try failed. Where the document leaves a choice, or a delay to be spread, it is to be decided; else it is applied at
/// once. True: the node has ended.
pub fn failed(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    problem: ErrorValue,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    let id = id_of(run, index, item);
    let time_ms = context.time_ms;
    let Some(exec) = run.exec_mut(id.node, item) else {
        return false;
    };
    exec.error = Some(problem.clone());
    let actions = allowed(node, exec, &problem, time_ms);
    match actions.first() {
        Some(Action::Retry(_) | Action::Fallback(_)) => {
            exec.status = Status::Undecided;
            effects.failures.push((id, actions));
            false
        }
        _ => give_up(run, node, index, item, problem, context, effects),
    }
}

/// The actions that a document allows, in its order: retries while they last, then fallbacks, then `on_failure`.
pub fn allowed(node: &Node, exec: &super::state::Exec, problem: &ErrorValue, time_ms: u64) -> Vec<Action> {
    let retry = &node.retry;
    let elapsed = time_ms.saturating_sub(exec.first_ready_at_ms);
    let in_time = retry.max_elapsed_ms.is_none_or(|most| elapsed < most);
    if in_time && exec.fallback.is_none() && retry.allows(&problem.kind, problem.retryable, exec.tries_here) {
        let delay_ms = problem
            .retry_after_ms
            .unwrap_or_else(|| retry.delay_ms(exec.tries_here));
        return vec![Action::Retry(Retry { delay_ms })];
    }
    let next = exec.fallback.map_or(0, |at| usize::from(at) + 1);
    if let (true, Ok(index)) = (next < node.fallback.len(), u8::try_from(next)) {
        return vec![Action::Fallback(Fallback { index: index.into() })];
    }
    vec![match node.on_failure {
        OnFailure::Fail | OnFailure::Compensate => Action::Fail(Fail {}),
        OnFailure::Skip => Action::Skip(Skip {}),
        OnFailure::Continue => Action::Continue(Continue {}),
    }]
}

/// The last try failed: `on_failure` says what becomes of the task. True: the node has ended.
pub fn give_up(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    problem: ErrorValue,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    let id = id_of(run, index, item);
    let status = if node.on_failure == OnFailure::Skip {
        Status::Skipped
    } else {
        Status::Failed
    };
    if status == Status::Skipped {
        run.counts.skipped += 1
    } else {
        run.counts.failed += 1
    }
    let named = ErrorValue {
        task: Some(run.path(id.node, item)),
        ..problem
    };
    if node.on_failure == OnFailure::Fail {
        set(run, index, item, status, &named, context);
        end_run(
            run,
            RunStatus::Failed,
            Some(named),
            "on_failure: fail",
            context,
            effects,
        );
        return false;
    }
    if item == WHOLE {
        return end(run, index, status, Default::default(), Some(named), context);
    }
    set(run, index, item, status, &named, context);
    item_given_up(run, node, index, item, context, effects)
}

fn set(run: &mut Run, index: usize, item: u32, status: Status, problem: &ErrorValue, context: &Context) {
    let id = id_of(run, index, item);
    if let Some(exec) = run.exec_mut(id.node, item) {
        exec.status = status;
        exec.error = Some(problem.clone());
        exec.inputs = Default::default();
        exec.ended_at_ms = context.time_ms;
    }
}

/// Apply a decision to a try that awaits one. True: the node has ended.
pub fn decided(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    action: &Action,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    let id = id_of(run, index, item);
    let time_ms = context.time_ms;
    let Some(exec) = run.exec_mut(id.node, item) else {
        return false;
    };
    match action {
        Action::Retry(retry) => {
            exec.r#try += 1;
            exec.tries_here += 1;
            run.counts.retried += 1;
            delay(run, node, index, item, retry.delay_ms, context, effects)
        }
        Action::Fallback(fallback) if usize::from(fallback.index as u8) < node.fallback.len() => {
            exec.r#try += 1;
            exec.tries_here = 1;
            exec.fallback = u8::try_from(fallback.index).ok();
            begin_exec(run, node, index, item, context, effects)
        }
        Action::Lost(_) => false,
        Action::Fallback(_) | Action::Skip(_) | Action::Continue(_) | Action::Fail(_) => {
            let problem = exec.error.clone().unwrap_or_default();
            exec.ended_at_ms = time_ms;
            give_up(run, node, index, item, problem, context, effects)
        }
    }
}

fn delay(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    delay_ms: u64,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    if delay_ms == 0 {
        return begin_exec(run, node, index, item, context, effects);
    }
    let id = id_of(run, index, item);
    let at_ms = context.time_ms.saturating_add(delay_ms);
    if let Some(exec) = run.exec_mut(id.node, item) {
        exec.status = Status::Delayed;
        context.timers.insert(Timer {
            at_ms,
            id,
            due: Due::Retry,
            r#try: exec.r#try,
        });
    }
    false
}
