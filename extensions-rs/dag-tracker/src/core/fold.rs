//! The fold: events of the log in, the state of runs out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use symphony_protocol::subjects::{TokenInput, dispatch_token, mesh_key, partition_of};
use symphony_protocol::{
    Action, Cancel, DecidedBatch, Due as DueEvent, ErrorValue, Outcome, Owner, Payload, ResultBatch, Settled,
    Submit, SubmitBatch, Supplied, TaskResult,
};
use symphony_workflow::{NoFunctions, Plan, check, fill_inputs, unpack};

use super::recover;
use super::run::{Context, Due, Timer, begin_exec, begin_map, end_run, node_ended, settle_success, start};
use super::state::{Entry, ExecId, NodeState, Run, RunStatus, Status, WHOLE, run_key};

/// Plans kept for documents; one that fell out is compiled again.
const PLANS_MAX: usize = 1024;
/// Ended runs remembered after they were archived, so that the same key is the same run.
const TOMBSTONES_MAX: usize = 200_000;
/// Owner epochs whose token keys are kept: results of attempts that an earlier owner sent still come.
const KEYS_MAX: usize = 16;
/// Cancels of runs whose submission has not come yet.
const PARKED_MAX: usize = 4096;
/// Pieces of artifacts that are on their way.
const SUPPLIED_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct FoldOptions {
    pub partition: u32,
    pub partitions: u32,
    /// The mesh's secret, from which the keys of tokens are derived.
    pub secret: Vec<u8>,
}

/// One message of the log, decoded.
#[derive(Debug)]
pub enum Event {
    Submit {
        tenant: String,
        batch: SubmitBatch,
    },
    Cancel {
        tenant: String,
        cancel: Cancel,
    },
    Result(ResultBatch),
    Decided(DecidedBatch),
    Due(DueEvent),
    Supplied(Supplied),
    Owner(Owner),
    /// What could not be decoded: it is counted and passed over.
    Bad(String),
}

/// What an event brought about, for the emitter.
#[derive(Debug, Default)]
pub struct Effects {
    pub settled: Vec<Settled>,
    pub started: Vec<u128>,
    pub ready: Vec<ExecId>,
    pub failures: Vec<(ExecId, Vec<Action>)>,
    pub unwanted: Vec<ExecId>,
    pub closed: Vec<ExecId>,
    pub needs: Vec<String>,
    pub ended: Vec<u128>,
    /// Sentences about what was refused.
    pub dead: Vec<String>,
}

/// What is left of a run that was archived.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tombstone {
    pub status: RunStatus,
    pub fingerprint: [u8; 32],
}

pub struct Fold {
    pub options: FoldOptions,
    pub context: Context,
    pub owner: Option<Owner>,
    pub runs: HashMap<u128, Box<Run>>,
    pub live: u64,
    /// Ended runs that are not archived yet, oldest first.
    pub ended: VecDeque<u128>,
    pub tombstones: HashMap<u128, Tombstone>,
    pub buried: VecDeque<u128>,
    pub parked: BTreeMap<u128, (String, Cancel)>,
    pub supplied: BTreeMap<String, Vec<Option<Payload>>>,
    keys: BTreeMap<u64, [u8; 32]>,
    plans: HashMap<[u8; 32], Arc<Plan>>,
}

/// What makes two submissions of one run the same: its document and its inputs.
fn fingerprint(document: &[u8], inputs: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&u64::try_from(document.len()).unwrap_or_default().to_be_bytes());
    hasher.update(document);
    hasher.update(inputs);
    *hasher.finalize().as_bytes()
}

impl Fold {
    pub fn new(options: FoldOptions) -> Self {
        Self {
            options,
            context: Context::default(),
            owner: None,
            runs: HashMap::new(),
            live: 0,
            ended: VecDeque::new(),
            tombstones: HashMap::new(),
            buried: VecDeque::new(),
            parked: BTreeMap::new(),
            supplied: BTreeMap::new(),
            keys: BTreeMap::new(),
            plans: HashMap::new(),
        }
    }

    pub fn sequence(&self) -> u64 {
        self.context.sequence
    }

    pub fn next_due_at_ms(&self) -> Option<u64> {
        self.context.timers.first().map(|timer| timer.at_ms)
    }

    /// Apply the message at `sequence`. What was folded before changes nothing.
    pub fn apply(&mut self, sequence: u64, broker_time_ms: u64, event: Event, effects: &mut Effects) {
        if sequence <= self.context.sequence {
            return;
        }
        self.context.sequence = sequence;
        self.context.time_ms = self.context.time_ms.max(broker_time_ms);
        match event {
            Event::Submit { tenant, batch } => {
                for submit in batch.runs {
                    self.submit(&tenant, submit, effects);
                }
            }
            Event::Cancel { tenant, cancel } => self.cancel(&tenant, cancel, effects),
            Event::Result(batch) => {
                for result in batch.results {
                    self.result(&batch.worker, result, effects);
                }
            }
            Event::Decided(batch) => self.decided(batch, effects),
            Event::Due(due) if self.is_owner(due.epoch) => self.due(effects),
            Event::Supplied(supplied) if self.is_owner(supplied.epoch) => self.supply(supplied, effects),
            Event::Due(_) | Event::Supplied(_) => {
                effects.dead.push("an event of an earlier owner".to_owned())
            }
            Event::Owner(owner) => {
                if self.owner.as_ref().is_none_or(|now| owner.epoch > now.epoch) {
                    self.owner = Some(owner);
                }
            }
            Event::Bad(why) => effects.dead.push(why),
        }
    }

    fn is_owner(&self, epoch: u64) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.epoch == epoch)
    }

    /// The plan of a packed document, compiled once.
    pub fn plan(&mut self, document: &[u8]) -> Result<Arc<Plan>, String> {
        let digest = *blake3::hash(document).as_bytes();
        if let Some(plan) = self.plans.get(&digest) {
            return Ok(plan.clone());
        }
        let json = unpack(document)?;
        let plan = check(&json, &NoFunctions).map_err(|problems| {
            let first = problems
                .first()
                .map(|p| format!("{}: {}", p.at, p.message))
                .unwrap_or_default();
            let more = problems.len().saturating_sub(1);
            if more > 0 {
                format!("{first} (and {more} more)")
            } else {
                first
            }
        })?;
        if self.plans.len() >= PLANS_MAX {
            self.plans.clear(); // what is in use is held by its runs
        }
        self.plans.insert(digest, plan.clone());
        Ok(plan)
    }

    fn submit(&mut self, tenant: &str, submit: Submit, effects: &mut Effects) {
        let Some(key) = run_key(&submit.run) else { return };
        if partition_of(&submit.run, self.options.partitions) != self.options.partition {
            effects
                .dead
                .push(format!("run {} does not belong to this partition", submit.run));
            return;
        }
        let print = fingerprint(&submit.document, &submit.inputs);
        let known = match self.runs.get(&key) {
            Some(run) => Some(fingerprint(&run.document, &run.given_inputs)),
            None => self.tombstones.get(&key).map(|tomb| tomb.fingerprint),
        };
        if let Some(known) = known {
            if known != print {
                let run = &submit.run;
                effects.dead.push(format!(
                    "run {run} was submitted again with another document or inputs: conflict"
                ));
                let (sequence, at_ms) = (self.context.sequence, self.context.time_ms);
                if let Some(known) = self.runs.get_mut(&key) {
                    known.note(Entry {
                        sequence,
                        at_ms,
                        event: "submitted".into(),
                        task: None,
                        attempt: 0,
                        accepted: false,
                        by: tenant.to_owned(),
                        detail: "conflict: the same key with another document or other inputs".to_owned(),
                    });
                }
            }
            return;
        }
        let mut run = Box::new(new_run(tenant, submit, &self.context));
        self.live += 1;
        effects.started.push(key);
        let prepared = self
            .plan(&run.document)
            .map_err(|what| ("invalid_workflow", what))
            .and_then(|plan| {
                let given = symphony_protocol::Value::unpack(&run.given_inputs)
                    .map_err(|e| ("user", e.to_string()))?;
                let filled = fill_inputs(&plan, &given).map_err(|problem| ("user", problem.message))?;
                Ok((plan, filled))
            });
        match prepared {
            Ok((plan, filled)) => {
                run.inputs = filled.pack().into();
                begin_run(&mut run, plan, &mut self.context, effects);
            }
            Err((kind, message)) => {
                let message = message.chars().take(1500).collect();
                let problem = ErrorValue {
                    kind: kind.to_owned(),
                    message,
                    retryable: false,
                    ..Default::default()
                };
                end_run(
                    &mut run,
                    RunStatus::Failed,
                    Some(problem),
                    "submission",
                    &mut self.context,
                    effects,
                );
            }
        }
        self.runs.insert(key, run);
        self.close(effects);
        if let Some((tenant, cancel)) = self.parked.remove(&key) {
            self.cancel(&tenant, cancel, effects);
        }
    }

    /// Runs that ended in this event leave the live ones.
    fn close(&mut self, effects: &Effects) {
        for key in &effects.ended {
            if self.ended.back() != Some(key) && !self.ended.contains(key) {
                self.ended.push_back(*key);
                self.live = self.live.saturating_sub(1);
            }
        }
    }

    fn cancel(&mut self, tenant: &str, cancel: Cancel, effects: &mut Effects) {
        let Some(key) = run_key(&cancel.run) else { return };
        match self.runs.get_mut(&key) {
            Some(run) if &*run.tenant != tenant && tenant != symphony_protocol::subjects::EVERY_TENANT => {
                effects
                    .dead
                    .push(format!("a cancel of run {} by another tenant", cancel.run));
            }
            Some(run) if !run.status.ended() => {
                let message = if cancel.reason.is_empty() {
                    "cancelled".to_owned()
                } else {
                    cancel.reason
                };
                let problem = ErrorValue {
                    kind: "cancelled".to_owned(),
                    message,
                    retryable: false,
                    ..Default::default()
                };
                end_run(
                    run,
                    RunStatus::Cancelled,
                    Some(problem),
                    &cancel.by,
                    &mut self.context,
                    effects,
                );
                self.close(effects);
            }
            Some(_) => {}
            None if self.tombstones.contains_key(&key) => {}
            None if self.parked.len() < PARKED_MAX => {
                self.parked.insert(key, (tenant.to_owned(), cancel));
            }
            None => effects.dead.push("too many cancels of unknown runs".to_owned()),
        }
    }

    fn key(&mut self, epoch: u64) -> [u8; 32] {
        if let Some(key) = self.keys.get(&epoch) {
            return *key;
        }
        let key = mesh_key(&self.options.secret, self.options.partition, epoch);
        while self.keys.len() >= KEYS_MAX {
            self.keys.pop_first();
        }
        self.keys.insert(epoch, key);
        key
    }

    fn result(&mut self, worker: &str, result: TaskResult, effects: &mut Effects) {
        let input = TokenInput {
            run: &result.run,
            task: &result.task,
            generation: result.generation,
            r#try: result.r#try,
            epoch: result.epoch,
            n: result.n,
            worker,
        };
        let key = self.key(result.epoch);
        if dispatch_token(&key, &input) != result.token.0 {
            effects
                .dead
                .push(format!("a result of {worker} without a valid token"));
            return;
        }
        let mut settled = Settled {
            worker: worker.to_owned(),
            epoch: result.epoch,
            n: result.n,
            run: result.run.clone(),
            task: result.task.clone(),
            accepted: false,
            status: "cancelled".to_owned(),
            run_us: result.run_us,
        };
        if let Some(run) = run_key(&result.run).and_then(|key| self.runs.get_mut(&key)) {
            let context = &mut self.context;
            let done = catch_unwind(AssertUnwindSafe(|| {
                take_result(run, worker, result, context, effects)
            }));
            match done {
                Ok(Some(status)) => {
                    settled.accepted = true;
                    settled.status = status.word().to_owned();
                }
                Ok(None) => {}
                Err(_) => quarantine(run, &mut self.context, effects),
            }
        }
        effects.settled.push(settled);
        self.close(effects);
    }

    fn decided(&mut self, batch: DecidedBatch, effects: &mut Effects) {
        if !self.is_owner(batch.epoch) {
            effects.dead.push("a decision of an earlier owner".to_owned());
            return;
        }
        for decision in batch.decisions {
            let Some(run) = run_key(&decision.run).and_then(|key| self.runs.get_mut(&key)) else {
                continue;
            };
            let Some((node, item)) = run.find(&decision.task) else {
                continue;
            };
            let lost = if let Action::Lost(lost) = &decision.action {
                Some(lost.message.clone())
            } else {
                None
            };
            let wanted = if lost.is_some() {
                Status::Ready
            } else {
                Status::Undecided
            };
            let current = run.exec(node, item).is_some_and(|exec| {
                exec.status == wanted
                    && exec.generation == decision.generation
                    && exec.r#try == decision.r#try
            });
            run.note(Entry {
                sequence: self.context.sequence,
                at_ms: self.context.time_ms,
                event: "decided".into(),
                task: Some(decision.task.clone()),
                attempt: decision.r#try,
                accepted: current,
                by: decision.policy.clone(),
                detail: format!("{:?}: {}", decision.action, decision.reason),
            });
            if !current {
                continue;
            }
            let context = &mut self.context;
            let done = catch_unwind(AssertUnwindSafe(|| {
                let (Some(plan), Ok(index)) = (run.plan.clone(), usize::try_from(node)) else {
                    return;
                };
                let Some(spec) = plan.node(index) else { return };
                let ended = match lost {
                    Some(message) => {
                        effects.closed.push(super::run::id_of(run, index, item));
                        let problem = ErrorValue {
                            kind: "lost".to_owned(),
                            message,
                            ..Default::default()
                        };
                        recover::failed(run, spec, index, item, problem, context, effects)
                    }
                    None => recover::decided(run, spec, index, item, &decision.action, context, effects),
                };
                if ended {
                    node_ended(run, &plan, index, context, effects);
                }
            }));
            if done.is_err() {
                quarantine(run, &mut self.context, effects);
            }
        }
        self.close(effects);
    }

    /// Release every timer that is due by the broker's time of this event.
    fn due(&mut self, effects: &mut Effects) {
        while let Some(timer) = self
            .context
            .timers
            .first()
            .copied()
            .filter(|t| t.at_ms <= self.context.time_ms)
        {
            self.context.timers.remove(&timer);
            let Some(run) = self.runs.get_mut(&timer.id.run).filter(|run| !run.status.ended()) else {
                continue;
            };
            let context = &mut self.context;
            if catch_unwind(AssertUnwindSafe(|| fire(run, timer, context, effects))).is_err() {
                quarantine(run, &mut self.context, effects);
            }
        }
        self.close(effects);
    }

    /// A piece of an artifact; once all are here, the maps that wait for it go on.
    fn supply(&mut self, supplied: Supplied, effects: &mut Effects) {
        let Some(waiting) = self.context.waiting.get(&supplied.digest).cloned() else {
            return;
        };
        let total: usize = self
            .supplied
            .values()
            .flatten()
            .flatten()
            .map(|piece| piece.len())
            .sum();
        let count = usize::try_from(supplied.count).unwrap_or(1);
        let pieces = self
            .supplied
            .entry(supplied.digest.clone())
            .or_insert_with(|| vec![None; count]);
        let missing = supplied.missing || total + supplied.data.len() > SUPPLIED_BYTES_MAX;
        if let Some(slot) = usize::try_from(supplied.index)
            .ok()
            .and_then(|at| pieces.get_mut(at))
        {
            *slot = Some(supplied.data);
        }
        if !missing && pieces.iter().any(Option::is_none) {
            return;
        }
        let data: Vec<u8> = pieces
            .iter()
            .flatten()
            .flat_map(|piece| piece.iter().copied())
            .collect();
        self.supplied.remove(&supplied.digest);
        self.context.waiting.remove(&supplied.digest);
        let whole = !missing && blake3::hash(&data).to_hex().as_str() == supplied.digest;
        let list = Payload::from(data);
        for (key, node) in waiting {
            let Some(run) = self.runs.get_mut(&key).filter(|run| !run.status.ended()) else {
                continue;
            };
            let (Some(plan), Ok(index)) = (run.plan.clone(), usize::try_from(node)) else {
                continue;
            };
            let Some(spec) = plan.node(index) else { continue };
            let ended = if whole {
                begin_map(run, spec, index, list.clone(), &mut self.context, effects)
            } else {
                let message = format!(
                    "the artifact {} that the map goes over cannot be read",
                    supplied.digest
                );
                let problem = ErrorValue {
                    kind: "unavailable".to_owned(),
                    message,
                    ..Default::default()
                };
                run.counts.total += 1;
                recover::give_up(run, spec, index, WHOLE, problem, &mut self.context, effects)
            };
            if ended {
                node_ended(run, &plan, index, &mut self.context, effects);
            }
        }
        self.close(effects);
    }

    /// Forget runs that are safe elsewhere; their identifiers stay.
    pub fn archived(&mut self, keys: &[u128]) {
        for key in keys {
            let Some(run) = self.runs.get(key).filter(|run| run.status.ended()) else {
                continue;
            };
            let fingerprint = fingerprint(&run.document, &run.given_inputs);
            let tomb = Tombstone {
                status: run.status,
                fingerprint,
            };
            self.runs.remove(key);
            self.tombstones.insert(*key, tomb);
            self.buried.push_back(*key);
        }
        let runs = &self.runs;
        self.ended.retain(|key| runs.contains_key(key));
        while self.buried.len() > TOMBSTONES_MAX {
            if let Some(key) = self.buried.pop_front() {
                self.tombstones.remove(&key);
            }
        }
    }
}

fn new_run(tenant: &str, submit: Submit, context: &Context) -> Run {
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

fn begin_run(run: &mut Run, plan: Arc<Plan>, context: &mut Context, effects: &mut Effects) {
    run.workflow.clone_from(&plan.name);
    if run.priority == u8::MAX {
        run.priority = plan.priority;
    }
    if let Some(deadline) = plan.deadline_ms {
        let at_ms = context.time_ms.saturating_add(deadline);
        run.deadline_at_ms = Some(run.deadline_at_ms.map_or(at_ms, |known| known.min(at_ms)));
    }
    run.remaining = u32::try_from(plan.nodes.len()).unwrap_or(u32::MAX);
    run.nodes = vec![NodeState::default(); plan.nodes.len()];
    run.rest_us = plan.rest_us(|node| context.estimate(node)).into();
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
fn take_result(
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
    effects.closed.push(super::run::id_of(run, index, item));
    let ended = match result.outcome {
        Outcome::Succeeded(succeeded) => {
            let function = run
                .exec(node, item)
                .and_then(|exec| super::run::capability(spec, exec));
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

fn fire(run: &mut Run, timer: Timer, context: &mut Context, effects: &mut Effects) {
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

fn timeout(message: &str) -> ErrorValue {
    ErrorValue {
        kind: "timeout".to_owned(),
        message: message.to_owned(),
        ..Default::default()
    }
}

/// A panic while one run was folded ends that run, never the partition. It happens again at replay, in the same place.
fn quarantine(run: &mut Run, context: &mut Context, effects: &mut Effects) {
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
