//! A run from its beginning to its end: one event at a time, each a pure change.

use super::*;

pub(super) fn new_run(tenant: &str, submit: Submit, context: &Context) -> Run {
    let deadline_at_ms = submit.deadline_ms.map(|ms| context.time_ms.saturating_add(ms));
    let mut run = Run {
        id: submit.run,
        tenant: tenant.into(),
        workflow: submit.workflow,
        plan: None,
        document: submit.document,
        inputs: Payload::from_static(&[0x80]),
        given_inputs: submit.inputs,
        status: RunStatus::Running,
        priority: submit.priority.unwrap_or(5),
        deadline_at_ms,
        trace: submit.trace,
        watch: submit.watch,
        submitted_at_ms: context.time_ms,
        ended_at_ms: 0,
        nodes: Vec::new(),
        remaining: 0,
        counts: Default::default(),
        outputs: Payload::from_static(&[0x80]),
        error: None,
        function_us: 0,
        submitted_sequence: context.sequence,
        journal: Vec::new(),
        rest_us: Arc::from([]),
    };
    run.note(Entry {
        sequence: context.sequence,
        at_ms: context.time_ms,
        event: "submitted".into(),
        task: None,
        attempt: 0,
        accepted: true,
        by: tenant.to_owned(),
        detail: String::new(),
    });
    // The submission's own priority wins over the document's; 5 here would hide whether it was given.
    if submit.priority.is_none() {
        run.priority = u8::MAX;
    }
    run
}

pub(super) fn begin_run(run: &mut Run, plan: Arc<Plan>, context: &mut Context, effects: &mut Effects) {
    run.workflow.clone_from(&plan.name);
    if run.priority == u8::MAX {
        run.priority = plan.priority;
    }
    if let Some(deadline) = plan.deadline_ms {
        let at_ms = context.time_ms.saturating_add(deadline);
        run.deadline_at_ms = Some(run.deadline_at_ms.map_or(at_ms, |known| known.min(at_ms)));
    }
    run.remaining = u32::try_from(plan.nodes().len()).unwrap_or(u32::MAX);
    run.nodes = vec![NodeState::default(); plan.nodes().len()];
    let rest_us = plan
        .graph(0)
        .map(|graph| graph.rest_us(|node| context.estimate(node)));
    run.rest_us = rest_us.unwrap_or_default().into();
    run.plan = Some(plan.clone());
    if let (Some(at_ms), Some(key)) = (run.deadline_at_ms, run_key(&run.id)) {
        let id = ExecId {
            run: key,
            node: WHOLE,
            item: WHOLE,
        };
        context.timers.insert(Timer {
            at_ms,
            id,
            due: Due::Run,
            r#try: 0,
        });
    }
    start(run, &plan, context, effects);
}

/// Rule 1: the first success whose generation and try are current; a failure counts once a try. The new status, or None
/// where the result is not accepted.
pub(super) fn take_result(
    run: &mut Run,
    worker: &str,
    result: TaskResult,
    context: &mut Context,
    effects: &mut Effects,
) -> Option<Status> {
    let plan = run.plan.clone()?;
    let (node, item) = run.find(&result.task)?;
    let index = usize::try_from(node).ok()?;
    let spec = plan.node(index)?;
    let sequence = context.sequence;
    let exec = run.exec_mut(node, item)?;
    let current = exec.generation == result.generation && exec.r#try == result.r#try;
    let success = matches!(result.outcome, Outcome::Succeeded(_));
    let open = exec.status == Status::Ready || (success && exec.status == Status::Undecided);
    let accepted = current && open;
    let (event, detail) = match &result.outcome {
        Outcome::Succeeded(_) => ("succeeded", String::new()),
        Outcome::Failed(failed) => (
            "failed",
            format!("{}: {}", failed.error.kind, failed.error.message),
        ),
        Outcome::Cancelled(_) => ("cancelled", String::new()),
    };
    if accepted {
        let ready_at_us = exec.ready_at_ms * 1000;
        exec.queued_us = result.started_at_us.saturating_sub(ready_at_us);
        exec.run_us = result.run_us;
        exec.worker = Some(worker.to_owned());
    }
    run.note(Entry {
        sequence,
        at_ms: context.time_ms,
        event: event.into(),
        task: Some(result.task),
        attempt: result.r#try,
        accepted,
        by: worker.to_owned(),
        detail,
    });
    if !accepted {
        return None;
    }
    effects.closed.push(crate::core::run::id_of(run, index, item));
    let ended = match result.outcome {
        Outcome::Succeeded(succeeded) => {
            let function = run
                .exec(node, item)
                .and_then(|exec| crate::core::run::capability(spec, exec));
            context.measured(function.unwrap_or_default(), result.run_us);
            if symphony_protocol::raw::is_value(&succeeded.output) {
                settle_success(run, spec, index, item, succeeded.output, context, effects)
            } else {
                let message = "the worker's output is no value".to_owned();
                let problem = ErrorValue {
                    kind: "contract".to_owned(),
                    message,
                    retryable: false,
                    ..Default::default()
                };
                recover::failed(run, spec, index, item, problem, context, effects)
            }
        }
        Outcome::Failed(failed) => recover::failed(run, spec, index, item, failed.error, context, effects),
        Outcome::Cancelled(_) => {
            let message = "the worker gave the attempt up".to_owned();
            let problem = ErrorValue {
                kind: "lost".to_owned(),
                message,
                ..Default::default()
            };
            recover::failed(run, spec, index, item, problem, context, effects)
        }
    };
    if ended {
        node_ended(run, &plan, index, context, effects);
    }
    run.exec(node, item).map(|exec| exec.status)
}

pub(super) fn fire(run: &mut Run, timer: Timer, context: &mut Context, effects: &mut Effects) {
    if timer.due == Due::Run {
        let message = "the run's deadline has passed".to_owned();
        let problem = ErrorValue {
            kind: "timeout".to_owned(),
            message,
            retryable: false,
            ..Default::default()
        };
        end_run(
            run,
            RunStatus::TimedOut,
            Some(problem),
            "deadline",
            context,
            effects,
        );
        return;
    }
    let (Some(plan), Ok(index)) = (run.plan.clone(), usize::try_from(timer.id.node)) else {
        return;
    };
    let (Some(node), Some(exec)) = (plan.node(index), run.exec(timer.id.node, timer.id.item)) else {
        return;
    };
    let item = timer.id.item;
    let ended = match (timer.due, exec.status) {
        (Due::Retry, Status::Delayed) if exec.r#try == timer.r#try => {
            begin_exec(run, node, index, item, context, effects)
        }
        // Whether it has begun is not the log's to say: what still has no result when its queue time is over has waited
        // in the queue or runs; either way it is taken back.
        (Due::Queue, Status::Ready) if exec.r#try == timer.r#try => {
            effects.unwanted.push(timer.id);
            effects.closed.push(timer.id);
            let problem = timeout("it waited longer than its queue time");
            recover::failed(run, node, index, item, problem, context, effects)
        }
        (Due::Task, status) if !status.ended() => {
            if status == Status::Ready {
                effects.unwanted.push(timer.id);
                effects.closed.push(timer.id);
            }
            recover::give_up(
                run,
                node,
                index,
                item,
                timeout("the task's time is over"),
                context,
                effects,
            )
        }
        _ => false,
    };
    if ended {
        node_ended(run, &plan, index, context, effects);
    }
}

pub(super) fn timeout(message: &str) -> ErrorValue {
    ErrorValue {
        kind: "timeout".to_owned(),
        message: message.to_owned(),
        ..Default::default()
    }
}

/// A panic while one run was folded ends that run, never the partition. It happens again at replay, in the same place.
pub(super) fn quarantine(run: &mut Run, context: &mut Context, effects: &mut Effects) {
    let message = "the fold failed on this run; it is quarantined".to_owned();
    let problem = ErrorValue {
        kind: "internal".to_owned(),
        message,
        retryable: false,
        ..Default::default()
    };
    if !run.status.ended() {
        end_run(
            run,
            RunStatus::Failed,
            Some(problem),
            "quarantine",
            context,
            effects,
        );
    }
}
