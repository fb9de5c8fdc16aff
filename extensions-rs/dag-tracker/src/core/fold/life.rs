//! A run from its beginning to its end: one event at a time, each a pure change.

use super::*;
use crate::core::run::{Library, Spent};

pub(super) fn new_run(key: u128, tenant: &str, by: &str, submit: Submit, context: &mut Context) -> Run {
    let deadline_at_ms = submit.deadline_ms.map(|ms| context.time_ms.saturating_add(ms));
    let mut run = Run {
        id: submit.run,
        key,
        tenant: context.name(tenant),
        workflow: submit.workflow,
        plan: None,
        document: submit.document,
        inputs: Payload::from_static(&[0x80]),
        given_inputs: shared(submit.inputs),
        status: RunStatus::Running,
        priority: submit.priority.unwrap_or(5),
        deadline_at_ms,
        trace: submit.trace,
        watch: submit.watch,
        submitted_at_ms: context.time_ms,
        ended_at_ms: 0,
        frames: Frames::default(),
        generation: 0,
        counts: Default::default(),
        outputs: Payload::from_static(&[0x80]),
        error: None,
        function_us: 0,
        submitted_sequence: context.sequence,
        journal: Journal::default(),
        paused: false,
        submitted: None,
        mail: None,
        undo: Vec::new(),
        undoing: None,
        spent: Spent::default(),
        library: Library::new(),
        parent: None,
        depth: 0,
        broken: None,
        budget_money: submit.budget_money,
        lock: None,
    };
    run.note(Entry {
        sequence: context.sequence,
        at_ms: context.time_ms,
        event: "submitted".into(),
        task: None,
        attempt: 0,
        accepted: true,
        by: by.to_owned(),
        detail: String::new(),
    });
    // The submission's own priority wins over the document's; 5 here would hide whether it was given.
    if submit.priority.is_none() {
        run.priority = u8::MAX;
    }
    run
}

/// The inputs of a run that is given none, which are very many: one byte for all of them.
pub(super) fn shared(inputs: Payload) -> Payload {
    if *inputs == [0x80] {
        Payload::from_static(&[0x80])
    } else {
        inputs
    }
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
    run.plan = Some(plan);
    if let Some(at_ms) = run.deadline_at_ms {
        context.timers.insert(deadline(run, at_ms));
    }
    Walk::new(run, context, effects).start();
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
    let id = run.find(&result.task)?;
    let sequence = context.sequence;
    let worker_name = context.name(worker);
    let exec = run.exec_mut(id)?;
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
        exec.worker = Some(worker_name);
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
    effects.closed.push(id);
    if let Outcome::Succeeded(_) = &result.outcome
        && let Some(called) = run.called(id)
    {
        let capability = called.function.capability.clone();
        context.measured(&capability, result.run_us);
    }
    let mut walk = Walk::new(run, context, effects);
    walk.took(id, result.run_us, result.version);
    match result.outcome {
        Outcome::Succeeded(succeeded) if symphony_protocol::raw::is_value(&succeeded.output) => {
            walk.succeed(id, succeeded.output);
        }
        Outcome::Succeeded(_) => walk.fail(id, error("contract", "the worker's output is no value")),
        Outcome::Failed(failed) => walk.fail(id, failed.error),
        Outcome::Cancelled(_) => walk.fail(
            id,
            ErrorValue {
                kind: "lost".to_owned(),
                message: "the worker gave the attempt up".to_owned(),
                ..Default::default()
            },
        ),
    }
    // What follows may use its frame again: its status is asked before.
    let status = walk.run.exec(id).map_or(Status::Failed, |exec| exec.status);
    walk.finish();
    Some(status)
}
