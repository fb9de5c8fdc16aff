//! How nodes end, what that releases, and how a run ends.

use super::*;

/// Put a node into its last state. Always true.
pub fn end(
    run: &mut Run,
    index: usize,
    status: Status,
    output: Payload,
    problem: Option<ErrorValue>,
    context: &Context,
) -> bool {
    let before = critical(run, index);
    if let Some(state) = run.nodes.get_mut(index) {
        if status == Status::Skipped && problem.is_none() {
            run.counts.total += 1;
            run.counts.skipped += 1;
        }
        state.exec.status = status;
        state.exec.output = output;
        state.exec.inputs = Payload::default();
        state.exec.ended_at_ms = context.time_ms;
        if problem.is_some() {
            state.exec.error = problem;
        }
        state.path_us = before + state.exec.run_us;
        run.remaining = run.remaining.saturating_sub(1);
    }
    true
}

/// Function time along the way to a node: that of whichever predecessor ended last.
pub(super) fn critical(run: &Run, index: usize) -> u64 {
    let Some(node) = run.plan.as_ref().and_then(|plan| plan.node(index)) else {
        return 0;
    };
    let states = node.edges.iter().filter_map(|edge| run.nodes.get(edge.from));
    states
        .max_by_key(|state| (state.exec.ended_at_ms, state.path_us))
        .map_or(0, |state| state.path_us)
}

/// A node has ended: begin what waited for it, and end the run where nothing is left.
pub fn node_ended(run: &mut Run, plan: &Plan, index: usize, context: &mut Context, effects: &mut Effects) {
    for next in release(run, plan, index).into_iter().rev() {
        activate(run, plan, next, context, effects);
    }
    finish_if_done(run, plan, context, effects);
}

pub fn finish_if_done(run: &mut Run, plan: &Plan, context: &mut Context, effects: &mut Effects) {
    if run.status.ended() || run.remaining > 0 {
        return;
    }
    let mut outputs = Vec::new();
    match plan.graph(0).and_then(|graph| graph.outputs.as_ref()) {
        None => outputs.push(0x80),
        Some(template) => {
            if let Err(problem) = template.write(&RunScope::of(run), &mut outputs) {
                let problem = error("expression", format!("outputs: {problem}"));
                end_run(run, RunStatus::Failed, Some(problem), "fold", context, effects);
                return;
            }
        }
    }
    run.outputs = outputs.into();
    end_run(run, RunStatus::Succeeded, None, "fold", context, effects);
}

/// End a run: what was given out and is not back is wanted no more.
pub fn end_run(
    run: &mut Run,
    status: RunStatus,
    problem: Option<ErrorValue>,
    by: &str,
    context: &mut Context,
    effects: &mut Effects,
) {
    run.status = status;
    run.ended_at_ms = context.time_ms;
    run.function_us = run
        .nodes
        .iter()
        .filter(|state| state.exec.status.ended())
        .max_by_key(|state| (state.exec.ended_at_ms, state.path_us))
        .map_or(0, |state| state.path_us);
    let detail = problem
        .as_ref()
        .map(|problem| problem.message.clone())
        .unwrap_or_default();
    run.error = problem;
    let ended_at_ms = context.time_ms;
    for index in 0..run.nodes.len() {
        let id = id_of(run, index, WHOLE);
        let Some(state) = run.nodes.get_mut(index) else {
            continue;
        };
        if !state.exec.status.ended() {
            if state.exec.status == Status::Ready {
                effects.unwanted.push(id);
            }
            state.exec.status = Status::Cancelled;
            state.exec.inputs = Payload::default();
            state.exec.ended_at_ms = ended_at_ms;
        }
        for (at, exec) in state
            .items
            .iter_mut()
            .flat_map(|items| items.execs.iter_mut().enumerate())
        {
            if !exec.status.ended() {
                if exec.status == Status::Ready {
                    effects.unwanted.push(ExecId {
                        item: u32::try_from(at).unwrap_or(WHOLE),
                        ..id
                    });
                }
                exec.status = Status::Cancelled;
                exec.inputs = Payload::default();
                exec.ended_at_ms = ended_at_ms;
            }
        }
    }
    run.note(Entry {
        sequence: context.sequence,
        at_ms: context.time_ms,
        event: "ended".into(),
        task: None,
        attempt: 0,
        accepted: true,
        by: by.to_owned(),
        detail: if detail.is_empty() {
            status.word().to_owned()
        } else {
            format!("{}: {detail}", status.word())
        },
    });
    effects.ended.push(run_key(&run.id).unwrap_or_default());
}
