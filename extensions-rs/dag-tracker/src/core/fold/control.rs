//! What clients ask of a run: pause, resume, retry, rollback, move. What no longer fits is noted and passed over.

use std::collections::BTreeSet;

use symphony_protocol::{MoveRun, PauseRun, ResumeRun, RetryRun, RollbackRun};

use crate::core::run::{Walk, with_dependents};

use super::*;

/// What is asked of which run, and why.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Control {
    pub(super) run: String,
    reason: String,
    what: What,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
enum What {
    Pause,
    Resume,
    Retry { from: Option<String> },
    Rollback { checkpoint: String },
    Move { document: Payload },
}

impl Control {
    pub(super) fn word(&self) -> &'static str {
        self.what.word()
    }

    /// Whether it makes a run go on that has ended.
    pub(super) fn takes_up(&self) -> bool {
        matches!(self.what, What::Retry { .. } | What::Rollback { .. })
    }
}

impl What {
    fn word(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry { .. } => "retry",
            Self::Rollback { .. } => "rollback",
            Self::Move { .. } => "move",
        }
    }
}

/// A message of the log as the fold takes it: what all of them say, and what it alone says.
macro_rules! control {
    ($($message:ident($ask:ident) => $what:expr;)+) => {
        $(impl From<$message> for Control {
            fn from($ask: $message) -> Self {
                Self { what: $what, run: $ask.run, reason: $ask.reason }
            }
        })+
    };
}

control! {
    PauseRun(ask) => What::Pause;
    ResumeRun(ask) => What::Resume;
    RetryRun(ask) => What::Retry { from: ask.from };
    RollbackRun(ask) => What::Rollback { checkpoint: ask.checkpoint };
    MoveRun(ask) => What::Move { document: ask.document };
}

impl Fold {
    pub(super) fn control(&mut self, tenant: &str, control: Control, effects: &mut Effects) {
        let Some(key) = run_key(&control.run) else { return };
        match self.runs.get(&key) {
            None => return self.recall(key, tenant, control, effects),
            Some(run) if &*run.tenant != tenant && tenant != symphony_protocol::subjects::EVERY_TENANT => {
                let what = format!("a {} of run {} by another tenant", control.word(), run.id);
                return effects.dead.push(what);
            }
            Some(run) if run.broken.is_some() => return, // its end is on its way
            Some(_) => {}
        }
        let Control { reason, what, .. } = control;
        let word = what.word();
        // Compiling costs: only of a run that the document may be for.
        let plan = match &what {
            What::Move { document } => Some(self.plan(document).map(|(plan, _)| plan)),
            _ => None,
        };
        let Some(run) = self.runs.get_mut(&key) else {
            return;
        };
        let was_ended = run.status.ended();
        let done = guarded(run, &mut self.context, effects, |run, context, effects| {
            follow(run, what, plan, context, effects)
        });
        let Some(outcome) = done else {
            if was_ended && run.broken.is_some() {
                self.ended.retain(|ended| *ended != key); // it had begun again
                self.live += 1;
            }
            return self.close(effects);
        };
        let accepted = outcome.is_ok();
        let detail = match outcome {
            Ok(said) if reason.is_empty() => said,
            Ok(said) if said.is_empty() => reason,
            Ok(said) => format!("{said}: {reason}"),
            Err(why) => why,
        };
        run.note(Entry {
            sequence: self.context.sequence,
            at_ms: self.context.time_ms,
            event: word.into(),
            task: None,
            attempt: 0,
            accepted,
            by: tenant.to_owned(),
            detail,
        });
        if was_ended && accepted {
            self.ended.retain(|ended| *ended != key);
            self.live += 1;
            effects.revived.push(key);
        }
        self.close(effects);
    }
}

/// Apply it. What was done, in words; or why it was not.
fn follow(
    run: &mut Run,
    what: What,
    plan: Option<Result<Arc<Plan>, String>>,
    context: &mut Context,
    effects: &mut Effects,
) -> Result<String, String> {
    match what {
        What::Pause if run.status.ended() => Err("the run has ended".to_owned()),
        What::Pause if run.paused => Err("it is paused already".to_owned()),
        What::Pause => {
            halt(run, true, context, effects);
            Ok(String::new())
        }
        What::Resume if run.status.ended() => Err("the run has ended".to_owned()),
        What::Resume if !run.paused => Err("it is not paused".to_owned()),
        What::Resume => {
            halt(run, false, context, effects);
            Ok(String::new())
        }
        What::Retry { .. } | What::Rollback { .. } | What::Move { .. } if run.undoing.is_some() => {
            Err("what completed is being undone: ask again when it is".to_owned())
        }
        What::Retry { from } => retry(run, from.as_deref(), context, effects),
        What::Rollback { checkpoint } => rollback(run, &checkpoint, context, effects),
        What::Move { document } => {
            let plan = plan.unwrap_or_else(|| Err("there is no document".to_owned()))?;
            move_on(run, plan, document, context, effects)
        }
    }
}

/// Pause a run, or let it go on; the runs that it has begun do the same.
pub(super) fn halt(run: &mut Run, paused: bool, context: &mut Context, effects: &mut Effects) {
    run.paused = paused;
    let open = run.execs().filter(|(_, exec)| exec.status == Status::Open);
    let children = open.filter_map(|(_, exec)| exec.rare.as_ref()?.child);
    context
        .across
        .extend(children.map(|child| Across::Pause(child, paused)));
    if !paused {
        let ready = run.execs().filter(|(_, exec)| exec.status == Status::Ready);
        effects.ready.extend(ready.map(|(id, _)| id));
    }
}

fn retry(
    run: &mut Run,
    from: Option<&str>,
    context: &mut Context,
    effects: &mut Effects,
) -> Result<String, String> {
    let plot = run
        .plot(0)
        .ok_or("the run never began: its document or its inputs were refused")?;
    let graph = plot.graph().ok_or("the run never began")?;
    let chosen = match from {
        Some(name) => {
            let known = graph.by_name.get(name).copied();
            let at = known.ok_or_else(|| format!("`{name}` is no task of the document itself"))?;
            with_dependents(graph, u32::try_from(at).ok())
        }
        None if !run.status.ended() => {
            return Err("the run is under way: name a task, or wait until it has ended".to_owned());
        }
        None if run.status == RunStatus::Succeeded => {
            return Err("the run has succeeded: name the task to begin from".to_owned());
        }
        None => with_dependents(graph, to_retry(run)),
    };
    let count = chosen.len();
    let mut walk = Walk::new(run, context, effects);
    walk.revive();
    walk.run_again(&chosen, from.is_none());
    walk.finish();
    Ok(format!("{count} tasks are run again"))
}

/// What a retry begins with: what failed or was cancelled, and what was undone since.
fn to_retry(run: &Run) -> Vec<u32> {
    let again =
        |status: Status| status == Status::Compensated || (!status.good() && status != Status::Skipped);
    let nodes = run.frame(0).map_or(&[][..], |frame| &frame.nodes);
    let chosen = nodes.iter().zip(0..);
    chosen
        .filter(|(state, _)| again(state.exec.status))
        .map(|(_, node)| node)
        .collect()
}

fn rollback(
    run: &mut Run,
    checkpoint: &str,
    context: &mut Context,
    effects: &mut Effects,
) -> Result<String, String> {
    let plot = run.plot(0).ok_or("the run never began")?;
    let graph = plot.graph().ok_or("the run never began")?;
    let named = graph.nodes.iter().zip(0_u32..);
    let points: Vec<u32> = named
        .filter(|(node, _)| node.checkpoint.as_deref() == Some(checkpoint))
        .map(|(_, at)| at)
        .collect();
    if points.is_empty() {
        return Err(format!("the document has no checkpoint `{checkpoint}`"));
    }
    let stands = |at: &u32| {
        let status = run.node(0, *at).map(|state| state.exec.status);
        status.is_some_and(|status| status.good() && status != Status::Compensated)
    };
    if !points.iter().all(stands) {
        return Err(format!(
            "the checkpoint `{checkpoint}` was not passed yet, or was undone"
        ));
    }
    let mut chosen = with_dependents(graph, points.iter().copied());
    for point in &points {
        chosen.remove(point);
    }
    if run.status.ended() && run.status != RunStatus::Succeeded {
        // A run that goes on must not leave behind what ended it.
        chosen.extend(with_dependents(graph, to_retry(run)));
        if points.iter().any(|point| chosen.contains(point)) {
            return Err(format!(
                "what `{checkpoint}` stands on failed or was undone: retry the run"
            ));
        }
    }
    let count = chosen.len();
    let mut walk = Walk::new(run, context, effects);
    walk.revive();
    let undone = walk.roll_back(chosen);
    walk.finish();
    let first = match undone {
        0 => String::new(),
        undone => format!("{undone} are undone, and "),
    };
    Ok(format!(
        "back at {checkpoint}: {first}{count} tasks are run again"
    ))
}

/// Go on by another plan: what is done must stand in it, word for word; what is not is begun by the new one.
fn move_on(
    run: &mut Run,
    plan: Arc<Plan>,
    document: Payload,
    context: &mut Context,
    effects: &mut Effects,
) -> Result<String, String> {
    if run.status.ended() {
        return Err("the run has ended: run it anew".to_owned());
    }
    let plot = run.plot(0).ok_or("the run never began")?;
    let (old, new) = match (plot.graph(), plan.graph(0)) {
        (Some(old), Some(new)) => (old, new),
        _ => return Err("the run never began".to_owned()),
    };
    if plan.name != run.workflow {
        return Err(format!("it is a run of {}, not of {}", run.workflow, plan.name));
    }
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let nodes = run.frame(0).map_or(&[][..], |frame| &frame.nodes);
    for (state, node) in nodes.iter().zip(&old.nodes) {
        if !state.exec.status.ended() {
            continue;
        }
        let name = &node.name;
        let (_, now) = new
            .named(name)
            .ok_or_else(|| format!("`{name}` is done, and is not in it any more"))?;
        if !same_work(node, now) {
            return Err(format!("`{name}` is done, and does something else in it"));
        }
        kept.insert(name.clone());
    }
    let given = symphony_protocol::Value::unpack(&run.given_inputs).map_err(|error| error.to_string())?;
    let filled = fill_inputs(&plan, &given).map_err(|problem| problem.message)?;
    let version = plan.version.clone();
    // The same submission, sent again, is the same run whatever it follows now.
    let submitted = fingerprint(&run.document, &run.given_inputs);
    run.submitted.get_or_insert_with(|| Box::new(submitted));
    let mut walk = Walk::new(run, context, effects);
    walk.go_on_by(plan, document, filled.pack().into(), &kept);
    walk.finish();
    Ok(format!("version {version}, with {} tasks done", kept.len()))
}

/// Whether two tasks do the same. How often they are tried, and what hangs on them, may differ.
fn same_work(one: &symphony_workflow::Node, other: &symphony_workflow::Node) -> bool {
    one.kind == other.kind
        && one.with == other.with
        && one.for_each == other.for_each
        && one.when == other.when
}
