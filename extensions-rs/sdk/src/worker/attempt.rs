//! One attempt: its inputs read, its function run within its time, its outcome made a result.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use symphony_protocol::{Cancelled, Failed, Lineage, Payload, Succeeded, TaskResult, Value};
use tokio::sync::mpsc;

use super::context::Context;
use super::function::{FunctionError, Handler, Offered, Outcome};
use super::leaving::Threads;
use super::ledger::Key;
use super::payloads::{has_reference, resolve, spill};
use crate::current::{within, within_here};
use crate::telemetry::Traced;

pub(super) fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}

/// An attempt that has ended.
pub(super) struct Ended {
    pub key: Key,
    pub reply: Arc<str>,
    pub result: TaskResult,
    pub offered: Arc<Offered>,
    pub traced: Traced,
}

pub(super) fn unpack(data: &Payload, offered: &Offered) -> Result<Value, FunctionError> {
    let inputs = Value::unpack(data)
        .map_err(|error| FunctionError::contract(format!("the inputs are no value: {error}")))?;
    if !inputs.is_reference() {
        offered.check(&inputs)?;
    }
    Ok(inputs)
}

pub(super) fn failed(error: &FunctionError) -> symphony_protocol::Outcome {
    symphony_protocol::Outcome::Failed(Failed { error: error.value() })
}

pub(super) fn succeeded(output: Payload) -> symphony_protocol::Outcome {
    symphony_protocol::Outcome::Succeeded(Succeeded { output })
}

/// An attempt under way.
pub(super) struct Running {
    pub key: Key,
    pub reply: Arc<str>,
    pub blank: TaskResult,
    pub offered: Arc<Offered>,
    pub context: Context,
    pub timeout_ms: Option<u64>,
    pub traced: Traced,
    pub threads: Threads,
}

impl Running {
    pub async fn run(self, inputs: Value, ended: mpsc::Sender<Ended>) {
        within(self.traced.at(), self.run_here(inputs, ended)).await;
    }

    async fn run_here(mut self, inputs: Value, ended: mpsc::Sender<Ended>) {
        let inputs = if has_reference(&inputs) {
            resolve(inputs, &self.offered.manifest, &self.context.artifacts).await
        } else {
            Ok(inputs)
        };
        self.blank.started_at_us = now_us();
        let began = Instant::now();
        let outcome = match inputs.and_then(|inputs| self.offered.check(&inputs).map(|()| inputs)) {
            Ok(inputs) => self.call(inputs).await,
            Err(error) => Some(Err(error)),
        };
        let run_us = u64::try_from(began.elapsed().as_micros()).unwrap_or_default();
        match outcome {
            Some(outcome) => self.deliver_here(outcome, run_us, ended).await,
            None => {
                let outcome = symphony_protocol::Outcome::Cancelled(Cancelled {});
                let result = TaskResult {
                    outcome,
                    run_us,
                    ..self.blank
                };
                let _ = ended
                    .send(Ended {
                        key: self.key,
                        reply: self.reply,
                        result,
                        offered: self.offered,
                        traced: self.traced,
                    })
                    .await;
            }
        }
    }

    /// The outcome, or None where the attempt was cancelled.
    async fn call(&self, inputs: Value) -> Option<Outcome> {
        let (context, handler) = (self.context.clone(), self.offered.handler.clone());
        let mut stop = self.context.stop.clone();
        let (at, threads) = (self.traced.at(), self.threads.clone());
        let running = tokio::spawn(within(at, async move {
            match handler {
                Handler::Async(run) => run(context, inputs).await,
                Handler::Quick(run) | Handler::Blocking(run) => {
                    let entered = threads.enter();
                    let done = tokio::task::spawn_blocking(move || {
                        let _entered = entered;
                        within_here(at, || run(&context, inputs))
                    })
                    .await;
                    done.unwrap_or_else(|_| Err(FunctionError::new("internal", "the function panicked")))
                }
            }
        }));
        let abort = running.abort_handle();
        let limit = async {
            match self.timeout_ms {
                Some(timeout) => tokio::time::sleep(Duration::from_millis(timeout)).await,
                None => std::future::pending().await,
            }
        };
        let cancelled = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            done = running => {
                Some(done.unwrap_or_else(|_| Err(FunctionError::new("internal", "the function panicked"))))
            }
            () = limit => {
                abort.abort();
                let timeout = self.timeout_ms.unwrap_or_default();
                Some(Err(FunctionError::new("timeout", format!("it took longer than {timeout} ms"))))
            }
            () = cancelled => {
                abort.abort();
                None
            }
        }
    }

    pub async fn deliver(self, outcome: Outcome, run_us: u64, ended: mpsc::Sender<Ended>) {
        within(self.traced.at(), self.deliver_here(outcome, run_us, ended)).await;
    }

    async fn deliver_here(self, outcome: Outcome, run_us: u64, ended: mpsc::Sender<Ended>) {
        let outcome = match outcome {
            Ok(value) => {
                let lineage = Lineage {
                    run: Some(self.blank.run.clone()),
                    task: Some(self.blank.task.clone()),
                    ..Default::default()
                };
                spill(value, &self.context.artifacts, &lineage).await
            }
            Err(error) => Err(error),
        };
        let outcome = match outcome {
            Ok(output) => succeeded(output),
            Err(error) => failed(&error),
        };
        let result = TaskResult {
            outcome,
            run_us,
            ..self.blank
        };
        let _ = ended
            .send(Ended {
                key: self.key,
                reply: self.reply,
                result,
                offered: self.offered,
                traced: self.traced,
            })
            .await; // the loop has ended: nothing to tell
    }
}
