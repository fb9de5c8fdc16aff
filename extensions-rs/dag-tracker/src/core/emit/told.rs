//! Executions, failures and ends as the conductor is told of them.

use symphony_protocol::{Quarantine, Requires};
use symphony_workflow::Node;

use super::*;

/// Runs of one message; the others are told at the next resync.
const QUARANTINES_MAX: usize = 256;

/// The task as the conductor gets it, with what has to be stored first.
pub fn ready_task(fold: &Fold, id: ExecId) -> Option<Result<(ReadyTask, Vec<Composed>), String>> {
    let run = fold.runs.get(&id.run)?;
    let called = run
        .called(id)
        .filter(|called| called.exec.status == Status::Ready)?;
    let exec = called.exec;
    let (inputs, composed) = match compose(&exec.inputs) {
        Ok(made) => made,
        Err(problem) => return Some(Err(problem.to_string())),
    };
    let mut frames: Vec<String> = composed.iter().map(|part| part.digest.clone()).collect();
    frames.dedup();
    let task = ReadyTask {
        run: run.id.clone(),
        tenant: run.tenant.to_string(),
        workflow: run.workflow.clone(),
        task: run.path(id),
        generation: exec.generation,
        r#try: exec.r#try,
        capability: called.function.capability.clone(),
        range: called.function.range.clone(),
        inputs,
        priority: called.priority,
        rest_us: called.rest_us,
        ready_at_ms: exec.ready_at_ms,
        timeout_ms: called.timeout_ms,
        deadline_at_ms: run.deadline_at_ms,
        retry_safe: called.retry_safe.unwrap_or(true),
        watch: run.watch,
        trace: run.trace,
        frames,
        requires: called.node.and_then(requires),
        wants: called.wants.cloned(),
        fences: run.fence(id).into_iter().collect(),
    };
    Some(Ok((task, composed)))
}

/// Where a task may run; none where it says nothing of it.
pub fn requires(node: &Node) -> Option<Requires> {
    let resources = node.resources.as_ref().map(|resources| {
        let memory = resources.memory_bytes as f64;
        let fixed = [("cpu", resources.cpu), ("gpu", resources.gpu), ("memory", memory)];
        let fixed = fixed.into_iter().map(|(name, count)| (name.to_owned(), count));
        let named = resources.named.iter().map(|(name, count)| (name.clone(), *count));
        fixed.chain(named).filter(|(_, count)| *count > 0.0).collect()
    });
    let made = Requires {
        pool: node.pool.clone(),
        labels: node.labels.clone(),
        resources: resources.unwrap_or_default(),
    };
    (made != Requires::default()).then_some(made)
}

/// Of some runs, those that the fold failed on, until the log says so.
pub fn quarantines<'a>(fold: &Fold, keys: impl IntoIterator<Item = &'a u128>) -> Vec<Quarantine> {
    let runs = keys.into_iter().filter_map(|key| fold.runs.get(key));
    let told = runs.filter_map(|run| {
        Some(Quarantine {
            run: run.id.clone(),
            reason: run.broken.clone()?,
        })
    });
    told.take(QUARANTINES_MAX).collect()
}

pub fn failure(run: &Run, id: ExecId, actions: Vec<Action>) -> Option<Failure> {
    let exec = run.exec(id)?;
    let called = run.called(id);
    let error = exec.error().cloned().unwrap_or_default();
    let jitter = run.retry(id).is_some_and(|retry| retry.jitter) && error.retry_after_ms.is_none();
    let kind = if error.kind.is_empty() {
        "internal".to_owned()
    } else {
        error.kind.clone()
    };
    Some(Failure {
        run: run.id.clone(),
        tenant: run.tenant.to_string(),
        workflow: run.workflow.clone(),
        task: run.path(id),
        generation: exec.generation,
        r#try: exec.r#try,
        capability: called.map_or_else(|| "value".to_owned(), |called| called.function.capability.clone()),
        error: ErrorValue { kind, ..error },
        actions,
        jitter,
        rest_us: run.rest_us(id),
        watch: run.watch,
        trace: run.trace,
    })
}

pub(super) fn started(run: &Run) -> Started {
    Started {
        run: run.id.clone(),
        tenant: run.tenant.to_string(),
        workflow: run.workflow.clone(),
        version: version(run),
        watch: run.watch,
        trace: run.trace,
        submitted_at_ms: run.submitted_at_ms,
    }
}

pub fn version(run: &Run) -> String {
    run.plan
        .as_ref()
        .map_or_else(|| "0.0.0".to_owned(), |plan| plan.version.clone())
}

/// The end of a run as it is told, with what its outputs refer to.
pub fn run_ended(run: &Run) -> (RunEnded, Vec<Composed>) {
    let (outputs, composed) = compose(&run.outputs).unwrap_or_default();
    let outputs = if outputs.is_empty() {
        symphony_protocol::Payload::from_static(&[0x80])
    } else {
        outputs
    };
    let ended = RunEnded {
        run: run.id.clone(),
        tenant: run.tenant.to_string(),
        workflow: run.workflow.clone(),
        version: version(run),
        status: run.status.word().to_owned(),
        outputs,
        error: run.error.as_deref().cloned(),
        tasks: run.counts.clone(),
        submitted_at_ms: run.submitted_at_ms,
        ended_at_ms: run.ended_at_ms,
        duration_us: run.ended_at_ms.saturating_sub(run.submitted_at_ms) * 1000,
        function_us: run.function_us,
        trace: run.trace,
        parent: run.parent.as_ref().map(|parent| parent.run.clone()),
        link: run.parent.as_ref().and_then(|parent| parent.trace),
        frames: composed.iter().map(|part| part.digest.clone()).collect(),
    };
    (ended, composed)
}

/// The names of events that runs wait for, each with the moment since when.
pub fn listens(fold: &Fold) -> BTreeMap<String, u64> {
    let listening = fold.context.listening.iter();
    listening
        .map(|(name, waits)| (name.clone(), waits.since_ms))
        .collect()
}

/// Executions of a run in a state.
pub fn open_execs(fold: &Fold, key: u128, status: Status) -> Vec<ExecId> {
    let Some(run) = fold.runs.get(&key) else {
        return Vec::new();
    };
    let all = run.execs();
    all.filter(|(_, exec)| exec.status == status)
        .map(|(id, _)| id)
        .collect()
}
