//! The fold: events of the log in, the state of runs out.

mod across;
mod archive;
mod control;
mod life;
mod plans;
mod quarantine;
mod results;
mod version;
mod words;

pub use archive::Tombstone;
use archive::fingerprint;
pub use control::Control;
use life::{begin_run, new_run, shared, take_result};
use quarantine::guarded;
pub use version::{FIRST, NEWEST};

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use symphony_protocol::subjects::{TokenInput, dispatch_token, mesh_key, partition_of};
use symphony_protocol::{
    Action, Archived, ArtifactNeed, Cancel, DecidedBatch, Due as DueEvent, ErrorValue, FoldVersion, Happened,
    Outcome, Owner, Payload, QuarantinedBatch, Recalled, Resolved, ResultBatch, Served, Settled, Signal,
    Submit, SubmitBatch, Supplied, TaskResult, Unwanted, WorkflowNeed,
};
use symphony_workflow::{Plan, fill_inputs};

use super::run::{Across, Context, Found, Walk, deadline, error};
use super::shared::{Runs, Shared};
use super::state::{Entry, ExecId, Frames, Journal, Run, RunStatus, Status, run_key};

/// Owner epochs whose token keys are kept: results of attempts that an earlier owner sent still come.
const KEYS_MAX: usize = 16;
/// Runs that were spoken to and whose submission has not come yet.
const PARKED_MAX: usize = 4096;
/// Pieces of artifacts that are on their way.
const SUPPLIED_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct FoldOptions {
    pub partition: u32,
    pub partitions: u32,
    /// The mesh's secret, from which the keys of tokens are derived.
    pub secret: Vec<u8>,
    /// The newest version of the fold that is known here: `NEWEST`, unless an operator holds it back.
    pub supports: u32,
}

/// One message of the log, decoded.
#[derive(Clone, Debug)]
pub enum Event {
    Submit {
        tenant: String,
        batch: SubmitBatch,
    },
    Cancel {
        tenant: String,
        cancel: Cancel,
    },
    Control {
        tenant: String,
        control: Control,
    },
    Result(ResultBatch),
    Decided(DecidedBatch),
    Due(DueEvent),
    Supplied(Supplied),
    Archived(Archived),
    Signal {
        tenant: String,
        signal: Signal,
    },
    Resolved(Resolved),
    Happened(Happened),
    Served(Served),
    Recalled(Recalled),
    Quarantined(QuarantinedBatch),
    Owner(Owner),
    Version(FoldVersion),
    /// What could not be decoded: it is counted and passed over.
    Bad(String),
}

/// What an event brought about, for the emitter.
#[derive(Debug, Default)]
pub struct Effects {
    pub settled: Vec<Settled>,
    pub started: Vec<u128>,
    /// Runs that had ended and go on.
    pub revived: Vec<u128>,
    pub ready: Vec<ExecId>,
    /// Tries that await a decision, each with its generation and its number.
    pub failures: Vec<(ExecId, u32, u32, Vec<Action>)>,
    pub unwanted: Vec<(ExecId, Unwanted)>,
    pub closed: Vec<ExecId>,
    pub needs: Vec<ArtifactNeed>,
    pub workflows: Vec<WorkflowNeed>,
    /// Archived runs that are asked to go on.
    pub recalls: Vec<String>,
    /// The names of events that runs wait for have changed.
    pub listens: bool,
    pub ended: Vec<u128>,
    /// How many of these have left the live runs.
    closed_runs: usize,
    /// Runs that the fold failed on: the conductor is to write that down.
    pub broken: Vec<u128>,
    /// Sentences about what was refused.
    pub dead: Vec<String>,
}

/// A client's word to a run.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Word {
    Cancel(Cancel),
    Signal(Signal),
}

/// A copy of it shares what is large: see `shared.rs`.
#[derive(Clone)]
pub struct Fold {
    pub options: FoldOptions,
    pub context: Context,
    pub owner: Option<Owner>,
    pub runs: Runs,
    pub live: u64,
    /// Ended runs that are not archived yet, oldest first.
    pub ended: VecDeque<u128>,
    pub tombstones: Shared<Tombstone>,
    pub buried: VecDeque<u128>,
    /// Words to runs whose submission has not come yet.
    pub parked: BTreeMap<u128, Vec<(String, Word)>>,
    pub supplied: BTreeMap<String, Vec<Option<Payload>>>,
    /// What was asked of archived runs, until the archive has given them back.
    pub recalls: BTreeMap<u128, Vec<(String, Control)>>,
    /// By whose rules events are folded, as the log says.
    pub version: u32,
    /// The version that the log goes on with and that is not known here: nothing is folded from there on.
    pub beyond: Option<u32>,
    keys: BTreeMap<u64, [u8; 32]>,
    plans: HashMap<[u8; 32], (Arc<Plan>, Payload)>,
}

impl Fold {
    pub fn new(options: FoldOptions) -> Self {
        Self {
            context: Context::new(options.partition, options.partitions),
            options,
            owner: None,
            runs: Runs::default(),
            live: 0,
            ended: VecDeque::new(),
            tombstones: Shared::new(),
            buried: VecDeque::new(),
            parked: BTreeMap::new(),
            supplied: BTreeMap::new(),
            recalls: BTreeMap::new(),
            version: FIRST,
            beyond: None,
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
        if sequence <= self.context.sequence || self.is_beyond(&event) {
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
            Event::Control { tenant, control } => self.control(&tenant, control, effects),
            Event::Result(batch) => {
                for result in batch.results {
                    self.result(&batch.worker, result, effects);
                }
            }
            Event::Decided(batch) => self.decided(batch, effects),
            Event::Due(due) if self.is_owner(due.epoch) => self.due(effects),
            Event::Supplied(supplied) if self.is_owner(supplied.epoch) => self.supply(supplied, effects),
            Event::Archived(done) if self.is_owner(done.epoch) => self.archived(&done.runs),
            Event::Signal { tenant, signal } => self.signal(&tenant, signal, effects),
            Event::Resolved(resolved) if self.is_owner(resolved.epoch) => self.resolved(resolved, effects),
            Event::Happened(happened) if self.is_owner(happened.epoch) => self.happened(&happened, effects),
            Event::Served(served) if self.is_owner(served.epoch) => self.context.serve(&served.functions),
            Event::Recalled(recalled) if self.is_owner(recalled.epoch) => self.recalled(recalled, effects),
            Event::Quarantined(batch) if self.is_owner(batch.epoch) => self.quarantined(batch, effects),
            Event::Version(told) if self.is_owner(told.epoch) => self.versioned(&told),
            Event::Due(_)
            | Event::Version(_)
            | Event::Quarantined(_)
            | Event::Supplied(_)
            | Event::Archived(_)
            | Event::Resolved(_)
            | Event::Served(_)
            | Event::Recalled(_)
            | Event::Happened(_) => effects.dead.push("an event of an earlier owner".to_owned()),
            Event::Owner(owner) => {
                if self.owner.as_ref().is_none_or(|now| owner.epoch > now.epoch) {
                    self.owner = Some(owner);
                }
            }
            Event::Bad(why) => effects.dead.push(why),
        }
        self.carry(effects);
    }

    fn is_owner(&self, epoch: u64) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.epoch == epoch)
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
            Some(run) => Some(
                run.submitted
                    .as_deref()
                    .copied()
                    .unwrap_or_else(|| fingerprint(&run.document, &run.given_inputs)),
            ),
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
        let mut run = new_run(key, tenant, tenant, submit, &mut self.context);
        self.live += 1;
        effects.started.push(key);
        let prepared = self
            .plan(&run.document)
            .map_err(|what| ("invalid_workflow", what))
            .and_then(|(plan, document)| {
                run.document = document;
                let given = symphony_protocol::Value::unpack(&run.given_inputs)
                    .map_err(|e| ("user", e.to_string()))?;
                let filled = fill_inputs(&plan, &given).map_err(|problem| ("user", problem.message))?;
                Ok((plan, filled))
            });
        match prepared {
            Ok((plan, filled)) => {
                run.inputs = shared(filled.pack().into());
                guarded(&mut run, &mut self.context, effects, |run, context, effects| {
                    begin_run(run, plan, context, effects);
                });
            }
            Err((kind, message)) => {
                let problem = error(kind, message);
                Walk::new(&mut run, &mut self.context, effects).end_run(
                    RunStatus::Failed,
                    Some(problem),
                    "submission",
                );
            }
        }
        self.runs.insert(key, run);
        self.close(effects);
        for (tenant, word) in self.parked.remove(&key).unwrap_or_default() {
            match word {
                Word::Cancel(cancel) => self.cancel(&tenant, cancel, effects),
                Word::Signal(signal) => self.signal(&tenant, signal, effects),
            }
        }
    }

    /// Runs that ended in this event leave the live ones.
    fn close(&mut self, effects: &mut Effects) {
        for key in effects.ended.iter().skip(effects.closed_runs) {
            self.ended.push_back(*key);
            self.live = self.live.saturating_sub(1);
            if self.runs.get(key).is_some_and(|run| run.parent.is_some()) {
                self.context.across.push_back(Across::Settle(*key));
            }
        }
        effects.closed_runs = effects.ended.len();
    }

    fn cancel(&mut self, tenant: &str, cancel: Cancel, effects: &mut Effects) {
        let Some(key) = run_key(&cancel.run) else { return };
        match self.runs.get_mut(&key) {
            Some(run) if &*run.tenant != tenant && tenant != symphony_protocol::subjects::EVERY_TENANT => {
                effects
                    .dead
                    .push(format!("a cancel of run {} by another tenant", cancel.run));
            }
            Some(run) if run.broken.is_some() => {} // its end is on its way
            Some(run) if !run.status.ended() => {
                let message = if cancel.reason.is_empty() {
                    "cancelled".to_owned()
                } else {
                    cancel.reason
                };
                let problem = error("cancelled", message);
                guarded(run, &mut self.context, effects, |run, context, effects| {
                    let mut walk = Walk::new(run, context, effects);
                    walk.close_run(walk.compensates(), RunStatus::Cancelled, Some(problem), tenant);
                });
                self.close(effects);
            }
            Some(run) => run.note(Entry {
                sequence: self.context.sequence,
                at_ms: self.context.time_ms,
                event: "cancel".into(),
                task: None,
                attempt: 0,
                accepted: false,
                by: tenant.to_owned(),
                detail: "the run has ended".to_owned(),
            }),
            None if self.tombstones.contains_key(&key) => {}
            None => self.park(key, tenant, Word::Cancel(cancel), effects),
        }
    }
}
