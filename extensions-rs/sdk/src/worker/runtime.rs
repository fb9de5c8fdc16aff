//! The worker's loop: tasks in, results out, heartbeats in between.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Subscriber;
use futures_util::{FutureExt, StreamExt};
use symphony_protocol::{Manifest, RollCall, Task, TaskBatch, TaskResult, Value, decode, subjects};
use tokio::sync::{mpsc, watch};

use super::WorkerOptions;
use super::attempt::{Ended, Running, failed, now_us, succeeded, unpack};
use super::context::Context;
use super::function::{FunctionError, Handler, Offered};
use super::leaving::{Threads, forsaken};
use super::ledger::{Identity, Key, Ledger};
use super::outbox::{Outbox, Sent};
use super::payloads::has_reference;
use super::starter::Starter;
use crate::artifacts::Artifacts;
use crate::bus::Bus;
use crate::component::Shutdown;
use crate::current::within_here;
use crate::error::Error;
use crate::telemetry;

const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(250);
/// How long attempts under way may go on after the process was told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// Attempts that have ended and wait for the loop.
const ENDED_MAX: usize = 65_536;

/// A worker of functions.
pub struct Worker {
    pub(super) options: WorkerOptions,
    functions: HashMap<String, Arc<Offered>>,
}

pub(super) struct Held {
    pub stop: watch::Sender<bool>,
}

impl Worker {
    pub fn new(options: WorkerOptions) -> Self {
        let functions = HashMap::new();
        Self { options, functions }
    }

    pub fn offer(mut self, offered: Offered) -> Self {
        self.functions
            .insert(offered.manifest.capability.clone(), Arc::new(offered));
        self
    }

    pub(super) fn manifest(&self) -> Manifest {
        let mut functions: Vec<_> = self
            .functions
            .values()
            .map(|offered| offered.manifest.clone())
            .collect();
        functions.sort_by(|a, b| a.capability.cmp(&b.capability));
        Manifest {
            name: self.options.manifest_name.clone(),
            version: crate::VERSION.to_owned(),
            functions,
            ..Default::default()
        }
    }

    /// Serve until told to stop; then finish what is under way. Functions in threads may go on after it: whoever calls
    /// this ends the process.
    pub async fn run(self, bus: Bus, shutdown: Shutdown) -> Result<(), Error> {
        // A worker without a pool is its user's own: it outlives the terminal that it was started from.
        let starter = self.options.pool.is_some().then(Starter::find);
        tokio::select! {
            served = self.serve(bus, shutdown, starter) => served,
            () = forsaken(starter) => Ok(()),
        }
    }

    async fn serve(self, bus: Bus, mut shutdown: Shutdown, starter: Option<Starter>) -> Result<(), Error> {
        let began = Instant::now();
        let orphaned = || starter.is_some_and(Starter::is_gone);
        let mut tasks = bus.subscribe(subjects::tasks_of(&self.options.name)).await?;
        let mut roll = bus.subscribe(subjects::ROLL_CALL.to_owned()).await?;
        bus.flush().await?;
        if orphaned() {
            tracing::warn!("the Pool Manager that started this worker is gone: it does not begin");
            return Ok(());
        }
        let (ended_sender, mut ended) = mpsc::channel(ENDED_MAX);
        let (sent_sender, mut sent) = mpsc::channel(1024);
        let mut state = State {
            outbox: Outbox::new(bus.clone(), &self.options.name, sent_sender),
            artifacts: Artifacts::new(bus.clone()),
            ledger: Ledger::default(),
            held: HashMap::new(),
            threads: Threads::default(),
            pending: VecDeque::new(),
            beat: 0,
            ready_us: 0,
            draining: false,
            ended: ended_sender,
            worker: self.options.name.as_str().into(),
            spec: self,
            bus,
        };
        state.ready_us = u64::try_from(began.elapsed().as_micros()).unwrap_or_default();
        state.heartbeat(true, false, None).await;
        let mut tick = tokio::time::interval(HEARTBEAT_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut deadline: Option<tokio::time::Instant> = None;
        loop {
            let over = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.requested(), if deadline.is_none() => {
                    state.draining = true;
                    for (key, _, _) in std::mem::take(&mut state.pending) {
                        state.ledger.refuse(key); // others take them at once
                    }
                    deadline = Some(tokio::time::Instant::now() + DRAIN_TIME);
                    state.heartbeat(false, false, None).await;
                }
                () = over => {
                    tracing::warn!(held = state.ledger.held(), "attempts are abandoned");
                    break;
                }
                Some(message) = tasks.next() => {
                    // Whoever started it is gone, and its successor starts another one under the same name: both would do this.
                    if orphaned() {
                        break;
                    }
                    state.take_all(message, &mut tasks);
                }
                Some(first) = ended.recv() => {
                    state.finish(first);
                    while let Ok(next) = ended.try_recv() {
                        state.finish(next);
                    }
                    state.outbox.flush();
                }
                Some(done) = sent.recv() => state.stored(done),
                Some(call) = roll.next() => {
                    let call = decode::<RollCall>(&call.payload).unwrap_or_default();
                    if let Some(partition) = call.partition {
                        state.ledger.owned(partition, call.epoch);
                    }
                    state.heartbeat(call.manifests, call.attempts, None).await;
                }
                _ = tick.tick() => {
                    if orphaned() {
                        break;
                    }
                    state.heartbeat(false, false, None).await;
                }
            }
            if state.draining && state.ledger.held() == 0 && state.outbox.is_empty() {
                break;
            }
        }
        state.leave(ended).await;
        Ok(())
    }
}

pub(super) struct State {
    pub spec: Worker,
    pub bus: Bus,
    worker: Arc<str>,
    outbox: Outbox,
    artifacts: Artifacts,
    pub ledger: Ledger,
    pub held: HashMap<Key, Held>,
    pub threads: Threads,
    pending: VecDeque<(Key, Arc<str>, Task)>,
    pub beat: u64,
    pub ready_us: u64,
    pub draining: bool,
    ended: mpsc::Sender<Ended>,
}

impl State {
    /// A message of tasks, and all that have arrived behind it.
    fn take_all(&mut self, first: async_nats::Message, tasks: &mut Subscriber) {
        self.take(&first.payload);
        while let Some(Some(message)) = tasks.next().now_or_never() {
            self.take(&message.payload);
        }
        self.outbox.flush();
    }

    fn take(&mut self, data: &[u8]) {
        let batch: TaskBatch = match decode(data) {
            Ok(batch) => batch,
            Err(error) => return tracing::warn!(%error, "a message of tasks is passed over"),
        };
        for attempt in &batch.cancel {
            let key = (attempt.partition, attempt.epoch, attempt.n);
            if let Some(held) = self.held.get(&key) {
                held.stop.send_replace(true);
            } else if self.pending.iter().any(|(waiting, _, _)| *waiting == key) {
                self.pending.retain(|(waiting, _, _)| *waiting != key);
                self.ledger.refuse(key);
            }
        }
        let reply: Arc<str> = batch.reply.as_str().into();
        for task in batch.tasks {
            let key = (batch.partition, batch.epoch, task.n);
            if !self.ledger.arrive(key, Identity::of(&task)) {
                continue;
            }
            let slots = usize::try_from(self.spec.options.slots).unwrap_or(usize::MAX);
            let quick = self
                .spec
                .functions
                .get(&task.capability)
                .is_some_and(|f| matches!(f.handler, Handler::Quick(_)));
            if self.draining || (!quick && self.pending.len() >= slots) {
                self.ledger.refuse(key);
            } else if !quick && self.held.len() >= slots {
                // As many as there are slots may wait here, so that one that falls free is filled at once.
                self.pending.push_back((key, reply.clone(), task));
            } else {
                self.begin(key, batch.epoch, &reply, task);
            }
        }
    }

    fn begin(&mut self, key: Key, epoch: u64, reply: &Arc<str>, task: Task) {
        let received_at_us = now_us();
        let mut blank = TaskResult {
            run: task.run,
            task: task.task,
            generation: task.generation,
            r#try: task.r#try,
            epoch,
            n: task.n,
            token: task.token,
            received_at_us,
            started_at_us: received_at_us,
            ..Default::default()
        };
        let (stop, stopped) = watch::channel(false);
        let context = Context {
            run: blank.run.as_str().into(),
            task: blank.task.as_str().into(),
            generation: blank.generation,
            r#try: blank.r#try,
            worker: self.worker.clone(),
            artifacts: self.artifacts.of_tenant(&task.tenant),
            fences: Arc::new(task.fences),
            stop: stopped,
        };
        let traced = telemetry::traced(task.trace.as_ref(), &task.capability);
        let offered = self.spec.functions.get(&task.capability).cloned();
        blank.version = offered.as_ref().and_then(|offered| offered.version());
        let offered = offered.ok_or_else(|| {
            let text = format!("this worker has no function `{}`", task.capability);
            FunctionError::lasting("contract", text)
        });
        let (inputs, offered) = match offered.and_then(|known| Ok((unpack(&task.inputs, &known)?, known))) {
            Ok(made) => made,
            Err(error) => {
                blank.outcome = failed(&error);
                return self.outbox.push(reply, key, blank);
            }
        };
        if let (Handler::Quick(run), false) = (&offered.handler, has_reference(&inputs)) {
            let began = Instant::now();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                within_here(traced.at(), || run(&context, inputs))
            }));
            let outcome =
                outcome.unwrap_or_else(|_| Err(FunctionError::new("internal", "the function panicked")));
            let run_us = u64::try_from(began.elapsed().as_micros()).unwrap_or_default();
            let small = outcome.as_ref().map(Value::pack).unwrap_or_default();
            if small.len() <= symphony_protocol::bounds::INLINE_PAYLOAD_BYTES_MAX {
                blank.outcome = match outcome {
                    Ok(_) => succeeded(small.into()),
                    Err(error) => failed(&error),
                };
                blank.run_us = run_us;
                telemetry::attempt(traced, &task.capability, &self.worker, &blank);
                return self.outbox.push(reply, key, blank);
            }
            let run = Running {
                key,
                reply: reply.clone(),
                blank,
                offered,
                context,
                timeout_ms: None,
                traced,
                threads: self.threads.clone(),
            };
            tokio::spawn(run.deliver(outcome, run_us, self.ended.clone()));
            self.held.insert(key, Held { stop });
            return;
        }
        self.held.insert(key, Held { stop });
        let run = Running {
            key,
            reply: reply.clone(),
            blank,
            offered,
            context,
            timeout_ms: task.timeout_ms,
            traced,
            threads: self.threads.clone(),
        };
        tokio::spawn(run.run(inputs, self.ended.clone()));
    }

    fn finish(&mut self, ended: Ended) {
        self.held.remove(&ended.key);
        let capability = &ended.offered.manifest.capability;
        telemetry::attempt(ended.traced, capability, &self.worker, &ended.result);
        self.outbox.push(&ended.reply, ended.key, ended.result);
        let slots = usize::try_from(self.spec.options.slots).unwrap_or(usize::MAX);
        while self.held.len() < slots {
            let Some((key, reply, task)) = self.pending.pop_front() else {
                break;
            };
            self.begin(key, key.1, &reply, task);
        }
    }

    fn stored(&mut self, done: Sent) {
        for key in done.keys {
            self.ledger.store(key, done.sequence);
        }
        self.outbox.sent(&done.subject);
    }
}
