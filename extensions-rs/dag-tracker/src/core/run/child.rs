//! Registered workflows inside a run: as runs of their own, or merged into this one.

use std::collections::BTreeMap;
use std::sync::Arc;

use symphony_expression::Template;
use symphony_protocol::subjects::partition_of;
use symphony_protocol::trace::{TraceContext, hex, run_span_id};
use symphony_protocol::{Trace, Value, WorkflowNeed};
use symphony_workflow::{Child, Plan, fill_inputs};

use super::*;
use crate::core::state::{Inline, Within};

/// Runs inside runs.
const RUNS_DEPTH_MAX: u32 = 32;
/// Tries to find an identifier that falls into the parent's partition: with as many partitions as may be, more than this
/// fail once in many lifetimes.
const IDENTIFIERS_MAX: u32 = 100_000;

/// A registered workflow as a run found it: all its tasks that name it in the same way get the same.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Found {
    pub version: String,
    pub document: Payload,
    /// Made again from `document` when a snapshot is read; None where the document is refused.
    #[serde(skip)]
    pub plan: Option<Arc<Plan>>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// Registered workflows by name and range.
pub type Library = BTreeMap<(String, String), Arc<Found>>;

/// The run that this is a child of.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Parent {
    pub id: ExecId,
    pub run: String,
    pub generation: u32,
    pub r#try: u32,
    pub trace: Option<Trace>,
}

/// What one run brings about in another.
#[derive(Clone, Debug)]
pub enum Across {
    Begin(Box<Birth>),
    /// A child's parent has no more use for it.
    Cancel(u128),
    /// A child has ended.
    Settle(u128),
    /// A child's parent was paused, or goes on.
    Pause(u128, bool),
    /// What a child has spent, for the budgets around it.
    Spend(u128, Spent),
}

/// A child run that is to begin.
#[derive(Clone, Debug)]
pub struct Birth {
    pub run: String,
    pub parent: Parent,
    pub tenant: Arc<str>,
    pub found: Arc<Found>,
    pub inputs: Payload,
    pub priority: u8,
    pub deadline_at_ms: Option<u64>,
    pub watch: bool,
    pub trace: Option<Trace>,
    pub depth: u32,
}

impl Walk<'_> {
    pub(super) fn begin_workflow(&mut self, id: ExecId, child: &Child, with: &Template) {
        match self.render(id, with) {
            Ok(inputs) => {
                if let Some(exec) = self.run.exec_mut(id) {
                    exec.inputs = inputs;
                }
            }
            Err(problem) => return self.fail(id, problem),
        }
        let range = child.range.clone().unwrap_or_default();
        if let Some(found) = self
            .run
            .library
            .get(&(child.name.clone(), range.clone()))
            .cloned()
        {
            return self.found(id, child, &found);
        }
        let Some(exec) = self.run.exec_mut(id) else { return };
        exec.status = Status::Waiting;
        let generation = exec.generation;
        let key = (self.run.tenant.to_string(), child.name.clone(), range);
        let waiting = self.context.resolving.entry(key.clone()).or_default();
        waiting.insert((id, generation));
        let (tenant, name, range) = key;
        let need = WorkflowNeed { tenant, name, range };
        if self.effects.workflows.last() != Some(&need) {
            self.effects.workflows.push(need);
        }
    }

    /// The workflow that an execution waited for is known now.
    pub(crate) fn resolved(&mut self, id: ExecId) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(Kind::Workflow(child)) = plot.node(id.node).map(|node| &node.kind) else {
            return;
        };
        let key = (child.name.clone(), child.range.clone().unwrap_or_default());
        if let Some(found) = self.run.library.get(&key).cloned() {
            self.found(id, child, &found);
        }
    }

    fn found(&mut self, id: ExecId, child: &Child, found: &Arc<Found>) {
        let (Some(plan), Some(exec)) = (&found.plan, self.run.exec(id)) else {
            let why = found.problem.clone().unwrap_or_default();
            return self.fail(
                id,
                error("invalid_workflow", format!("workflow {}: {why}", child.name)),
            );
        };
        let filled = Value::unpack(&exec.inputs)
            .map_err(|problem| problem.to_string())
            .and_then(|given| fill_inputs(plan, &given).map_err(|problem| problem.message));
        let inputs: Payload = match filled {
            Ok(filled) => filled.pack().into(),
            Err(what) => return self.fail(id, error("contract", format!("workflow {}: {what}", child.name))),
        };
        if child.inline && plan.lock.is_some() {
            let what = "it has a `lock` over its own tasks: it cannot be merged, leave `inline` out";
            return self.fail(
                id,
                error("invalid_workflow", format!("workflow {}: {what}", child.name)),
            );
        }
        if child.inline {
            let inline = Inline {
                document: found.document.clone(),
                plan: found.plan.clone(),
            };
            let within = Within {
                inline: Some(Arc::new(inline)),
                inputs,
                ..Within::new(id)
            };
            if let Some(frame) = self.open_frame(0, within) {
                self.begin_frame(frame);
            }
            return;
        }
        self.bear(id, found);
    }

    /// Begin a child run: it has an identity of its own, which follows from ours.
    fn bear(&mut self, id: ExecId, found: &Arc<Found>) {
        if self.run.depth >= RUNS_DEPTH_MAX {
            let message = format!("runs inside runs: at most {RUNS_DEPTH_MAX}");
            return self.fail(id, error("limit", message));
        }
        let path = self.run.path(id);
        let Some(exec) = self.run.exec(id) else { return };
        let (generation, r#try, inputs) = (exec.generation, exec.r#try, exec.inputs.clone());
        let Some(run) = self.identifier(&path, generation, r#try) else {
            return self.fail(id, error("internal", "no identifier for a child run"));
        };
        let key = crate::core::state::run_key(&run).unwrap_or_default();
        let priority = self.run.spec(id).and_then(|spec| spec.priority);
        let birth = Birth {
            parent: Parent {
                id,
                run: self.run.id.clone(),
                generation,
                r#try,
                trace: self.run.trace,
            },
            tenant: self.run.tenant.clone(),
            found: found.clone(),
            inputs,
            priority: priority.unwrap_or(self.run.priority),
            deadline_at_ms: self.run.deadline_at_ms,
            watch: self.run.watch,
            trace: self.run.trace.map(|trace| own_trace(&trace, key, &run)),
            depth: self.run.depth + 1,
            run,
        };
        self.note(
            "child",
            Some(path),
            "fold",
            format!("run {} of {}", birth.run, birth.found.version),
        );
        if let Some(exec) = self.run.exec_mut(id) {
            exec.status = Status::Open;
            exec.rare().child = Some(key);
        }
        self.context.across.push_back(Across::Begin(Box::new(birth)));
    }

    /// The first of the identifiers that follow from ours which falls into our partition.
    fn identifier(&self, path: &str, generation: u32, r#try: u32) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"symphony child run\0");
        for part in [self.run.id.as_str(), path] {
            hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(&generation.to_be_bytes());
        hasher.update(&r#try.to_be_bytes());
        (0..IDENTIFIERS_MAX).find_map(|number| {
            let digest = hasher.clone().update(&number.to_be_bytes()).finalize();
            let run = hex(digest.as_bytes().split_at(16).0);
            (partition_of(&run, self.context.partitions) == self.context.partition).then_some(run)
        })
    }

    /// An execution is over: its child, if that is not, is wanted no more.
    pub(super) fn leave_child(&mut self, id: ExecId) {
        let Some(exec) = self.run.exec(id) else { return };
        if let (Status::Open, Some(child)) = (exec.status, exec.rare.as_ref().and_then(|rare| rare.child)) {
            self.context.across.push_back(Across::Cancel(child));
        }
    }

    /// The child that an execution waited for has ended.
    pub(crate) fn child_ended(&mut self, id: ExecId, child: &Run) {
        if child.status == RunStatus::Succeeded {
            if let Some(exec) = self.run.exec_mut(id) {
                exec.run_us = child.function_us;
            }
            return self.succeed(id, child.outputs.clone());
        }
        let problem = child.error.as_deref().cloned().unwrap_or_default();
        let kind = match child.status {
            RunStatus::TimedOut => "timeout".to_owned(),
            _ if problem.kind.is_empty() => "internal".to_owned(),
            _ => problem.kind,
        };
        let place = problem
            .task
            .map(|task| format!(", task {task}"))
            .unwrap_or_default();
        let message = format!(
            "run {} of {}{place}: {}",
            child.id, child.workflow, problem.message
        );
        let message = message.chars().take(1500).collect();
        let retryable = problem.retryable;
        self.fail(
            id,
            ErrorValue {
                kind,
                message,
                retryable,
                ..Default::default()
            },
        );
    }
}

/// A trace of its own, sampled as ours is: the two are linked, not nested, since a child may outgrow what one trace shows.
fn own_trace(parent: &Trace, key: u128, run: &str) -> Trace {
    TraceContext {
        trace_id: key.to_be_bytes(),
        span_id: run_span_id(run),
        flags: TraceContext::unpack(parent).flags,
    }
    .pack()
}
