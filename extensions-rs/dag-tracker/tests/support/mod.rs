//! A ring without a broker: the fold and its emitter, with a conductor and workers played by the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unused_imports,
    reason = "a failure is the message, and each test file uses a part"
)]

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use symphony_dag_tracker::core::emit::Message;
use symphony_dag_tracker::core::fold::NEWEST;
use symphony_dag_tracker::core::{Effects, Emitter, Event, Fold, FoldOptions, Run};
use symphony_dag_tracker::snapshot;
use symphony_protocol::subjects::{TokenInput, dispatch_token, mesh_key};
use symphony_protocol::{
    Action, Cancel, Claimed, Decided, DecidedBatch, Due, ErrorValue, Failed, Failure, Happened, Outcome,
    Owner, Payload, Quarantine, QuarantinedBatch, ReadyTask, Resolved, ResultBatch, RunEnded, Settled,
    Signal, Submit, SubmitBatch, Succeeded, TaskResult, Token, Trace, Unwanted, Value, WorkflowNeed,
};

pub mod log;
mod said;
mod stated;

pub use log::Logged;
pub use stated::{state, states};

pub const SECRET: &[u8] = b"a secret of 32 bytes for testing";
pub const WORKER: &str = "w";
pub const EPOCH: u64 = 7;

pub fn run_id(number: u64) -> String {
    format!("{number:032x}")
}

pub fn document(tasks: Json, outputs: Json) -> Payload {
    let document = json!({"workflow": "w", "version": "1.0.0", "tasks": tasks, "outputs": outputs});
    symphony_workflow::pack(document.to_string().as_bytes())
        .unwrap()
        .into()
}

/// A document of any words.
pub fn written(document: Json) -> Payload {
    let mut document = document;
    document["workflow"] = json!("w");
    document["version"] = json!("1.0.0");
    symphony_workflow::pack(document.to_string().as_bytes())
        .unwrap()
        .into()
}

pub fn succeeded(value: &Value) -> Outcome {
    Outcome::Succeeded(Succeeded {
        output: value.pack().into(),
    })
}

pub fn failed(kind: &str) -> Outcome {
    Outcome::Failed(Failed {
        error: ErrorValue {
            kind: kind.to_owned(),
            ..Default::default()
        },
    })
}

/// The owner's word that time came, whatever it is by the broker's clock.
pub fn due_now() -> Event {
    Event::Due(Due {
        epoch: EPOCH,
        ..Default::default()
    })
}

/// A ring with one run of these tasks, and its identifier.
pub fn ring(tasks: Json, outputs: Json) -> (Ring, String) {
    let mut ring = Ring::new();
    let run = run_id(1);
    ring.submit(&run, written(json!({"tasks": tasks, "outputs": outputs})));
    (ring, run)
}

pub struct Ring {
    pub fold: Fold,
    /// The same log folded without a restart; none where only the cost of one is wanted.
    pub whole: Option<Fold>,
    pub emitter: Emitter,
    pub time_ms: u64,
    pub open: Vec<ReadyTask>,
    pub failures: Vec<Failure>,
    pub unwanted: Vec<Unwanted>,
    pub settled: Vec<Settled>,
    pub quarantined: Vec<Quarantine>,
    pub ended: BTreeMap<String, RunEnded>,
    pub dead: Vec<String>,
    pub needs: Vec<WorkflowNeed>,
    pub recalls: Vec<String>,
    pub listens: BTreeMap<String, u64>,
    /// Of the submissions that follow.
    pub trace: Option<Trace>,
    dispatches: u64,
    recording: bool,
    /// What was told, where it is kept.
    pub log: Vec<Logged>,
}

pub fn options() -> FoldOptions {
    FoldOptions {
        partition: 0,
        partitions: 1,
        secret: SECRET.to_vec(),
        supports: NEWEST,
    }
}

fn emitter(fold: &Fold, epoch: u64) -> Emitter {
    let mut made = Emitter::new(epoch);
    made.credit(BTreeMap::new(), 1_000_000, &[]);
    made.restart(fold);
    made
}

/// What a conductor says of a task that a worker is at.
pub fn claimed(task: &ReadyTask) -> Claimed {
    Claimed {
        run: task.run.clone(),
        task: task.task.clone(),
        generation: task.generation,
        r#try: task.r#try,
    }
}

impl Ring {
    pub fn new() -> Self {
        Self::made(NEWEST, false)
    }

    fn made(supports: u32, recording: bool) -> Self {
        let options = FoldOptions {
            supports,
            ..options()
        };
        let fold = Fold::new(options.clone());
        let mut ring = Self {
            emitter: emitter(&fold, 1),
            fold,
            whole: Some(Fold::new(options)),
            time_ms: 1_000,
            open: Vec::new(),
            failures: Vec::new(),
            unwanted: Vec::new(),
            settled: Vec::new(),
            quarantined: Vec::new(),
            ended: BTreeMap::new(),
            dead: Vec::new(),
            needs: Vec::new(),
            recalls: Vec::new(),
            listens: BTreeMap::new(),
            trace: None,
            dispatches: 0,
            recording,
            log: Vec::new(),
        };
        ring.own(EPOCH);
        ring
    }

    /// The next message of the log.
    pub fn apply(&mut self, event: Event) {
        let sequence = self.fold.sequence() + 1;
        self.apply_at(sequence, event);
    }

    pub fn apply_at(&mut self, sequence: u64, event: Event) {
        self.time_ms += 1;
        self.keep(sequence, &event);
        let mut effects = Effects::default();
        if let Some(whole) = &mut self.whole {
            whole.apply(sequence, self.time_ms, event.clone(), &mut Effects::default());
        }
        self.fold.apply(sequence, self.time_ms, event, &mut effects);
        self.dead.append(&mut effects.dead);
        let messages = self.emitter.beat(&mut self.fold, effects, false);
        self.hear(messages);
    }

    pub fn hear(&mut self, messages: Vec<Message>) {
        for message in messages {
            let Message::Ready(ready) = message else { continue };
            let ready = *ready;
            // Where only the cost is wanted, a list is not gone through for each result.
            for settled in ready.settled.iter().filter(|_| self.whole.is_some()) {
                if settled.accepted {
                    self.open
                        .retain(|task| task.run != settled.run || task.task != settled.task);
                }
            }
            for unwanted in &ready.unwanted {
                self.open
                    .retain(|task| task.run != unwanted.run || task.task != unwanted.task);
            }
            self.settled.extend(ready.settled);
            self.quarantined.extend(ready.quarantined);
            self.unwanted.extend(ready.unwanted);
            self.open.extend(ready.tasks);
            self.failures.extend(ready.failures);
            self.needs.extend(ready.needs_workflows);
            self.recalls.extend(ready.needs_runs);
            if let Some(listens) = ready.listens {
                self.listens = listens;
            }
            for ended in ready.ended {
                self.ended.insert(ended.run.clone(), ended);
            }
        }
    }

    pub fn own(&mut self, epoch: u64) {
        self.apply(Event::Owner(Owner {
            epoch,
            conductor: "c".to_owned(),
            ..Default::default()
        }));
    }

    pub fn submit(&mut self, run: &str, document: Payload) {
        self.submit_as("t", run, document);
    }

    pub fn submit_as(&mut self, tenant: &str, run: &str, document: Payload) {
        let submit = Submit {
            run: run.to_owned(),
            workflow: "w".to_owned(),
            document,
            inputs: vec![0x80].into(),
            watch: true,
            trace: self.trace,
            ..Default::default()
        };
        self.apply(Event::Submit {
            tenant: tenant.to_owned(),
            batch: SubmitBatch {
                v: 1,
                runs: vec![submit],
            },
        });
    }

    pub fn cancel(&mut self, run: &str) {
        self.apply(Event::Cancel {
            tenant: "t".to_owned(),
            cancel: Cancel {
                run: run.to_owned(),
                ..Default::default()
            },
        });
    }

    /// A result as a worker would send it for a task, in a dispatch of its own.
    pub fn result(&mut self, task: &ReadyTask, outcome: Outcome) -> TaskResult {
        self.dispatches += 1;
        let n = self.dispatches;
        let input = TokenInput {
            run: &task.run,
            task: &task.task,
            generation: task.generation,
            r#try: task.r#try,
            epoch: EPOCH,
            n,
            worker: WORKER,
        };
        let token = dispatch_token(&mesh_key(SECRET, 0, EPOCH), &input);
        TaskResult {
            run: task.run.clone(),
            task: task.task.clone(),
            generation: task.generation,
            r#try: task.r#try,
            epoch: EPOCH,
            n,
            token: Token(token),
            outcome,
            ..Default::default()
        }
    }

    pub fn answer(&mut self, task: &ReadyTask, outcome: Outcome) {
        let result = self.result(task, outcome);
        self.send(result);
    }

    pub fn send(&mut self, result: TaskResult) {
        self.apply(Event::Result(ResultBatch {
            v: 1,
            worker: WORKER.to_owned(),
            results: vec![result],
        }));
    }

    /// Decide a failure by its first action.
    pub fn decide(&mut self, failure: &Failure, action: Action, epoch: u64) {
        let decided = Decided {
            run: failure.run.clone(),
            task: failure.task.clone(),
            generation: failure.generation,
            r#try: failure.r#try,
            action,
            ..Default::default()
        };
        self.apply(Event::Decided(DecidedBatch {
            epoch,
            decisions: vec![decided],
            ..Default::default()
        }));
    }

    pub fn quarantine(&mut self, runs: &[Quarantine], epoch: u64) {
        self.apply(Event::Quarantined(QuarantinedBatch {
            epoch,
            runs: runs.to_vec(),
            ..Default::default()
        }));
    }

    pub fn due(&mut self, epoch: u64) {
        let at_ms = self.fold.next_due_at_ms().unwrap_or(self.time_ms);
        self.time_ms = self.time_ms.max(at_ms);
        self.apply(Event::Due(Due {
            epoch,
            at_ms,
            ..Default::default()
        }));
    }

    /// The process dies, and another goes on from its snapshot: everything open is told again.
    pub fn restart(&mut self) {
        let body = snapshot::body(&self.fold).unwrap();
        if let Some(whole) = &self.whole {
            let replayed = snapshot::body(whole).unwrap();
            assert!(
                replayed == body,
                "snapshots and a full replay give the same bytes"
            );
        }
        let fold = snapshot::restore(&body, options()).unwrap();
        assert_eq!(
            snapshot::body(&fold).unwrap(),
            body,
            "a snapshot of what was restored is the same"
        );
        let mut before: Vec<String> = self.open.iter().map(|task| format!("{task:?}")).collect();
        self.fold = fold;
        self.emitter = emitter(&self.fold, self.emitter.epoch + 1);
        let open = std::mem::take(&mut self.open);
        let messages = self.emitter.beat(&mut self.fold, Effects::default(), true);
        self.hear(messages);
        // A paused run gives nothing out: what workers are at is claimed by the conductor.
        for task in open {
            if !self.run(&task.run).paused {
                continue;
            }
            self.emitter.claim(&self.fold, &[claimed(&task)]);
            self.open.push(task);
        }
        let mut after: Vec<String> = self.open.iter().map(|task| format!("{task:?}")).collect();
        before.sort();
        after.sort();
        assert_eq!(after, before, "what was open is open again, word for word");
    }

    /// The status words of a run's tasks.
    pub fn statuses(&self, run: &str) -> BTreeMap<String, String> {
        let key = u128::from_str_radix(run, 16).unwrap();
        let run = &self.fold.runs.get(&key).unwrap();
        let nodes = &run.frame(0).unwrap().nodes;
        (0..)
            .zip(nodes)
            .map(|(index, node)| {
                let path = run.path(run.id_of(0, index, u32::MAX));
                (path, node.exec.status.word().to_owned())
            })
            .collect()
    }
}
