//! Results on their way to the log: one message outstanding for each subject, and the next one gathers all that finished
//! meanwhile. One outstanding gives the largest batches, and batches are what the broker's fsync is spent on.

use std::collections::BTreeMap;
use std::time::Duration;

use symphony_protocol::bounds::{BATCH_COUNT_MAX, MESSAGE_BYTES_MAX};
use symphony_protocol::{Outcome, ResultBatch, TaskResult, encode};
use tokio::sync::mpsc;

use super::ledger::Key;
use crate::bus::{Bus, publish_error};
use crate::error::Error;
use crate::metrics::METRICS;

/// Bytes of one message of results; the broker's bound, less what encoding adds.
const BATCH_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2;
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_secs(2);

/// Results of one subject.
#[derive(Default)]
struct Lane {
    waiting: Vec<(Key, TaskResult)>,
    sending: bool,
}

/// What became of a message: its attempts, and the sequence at which the broker has it.
pub struct Sent {
    pub subject: String,
    pub keys: Vec<Key>,
    pub sequence: u64,
}

pub struct Outbox {
    bus: Bus,
    worker: String,
    lanes: BTreeMap<String, Lane>,
    done: mpsc::Sender<Sent>,
}

impl Outbox {
    /// `done` hears of every message that the broker has acknowledged.
    pub fn new(bus: Bus, worker: &str, done: mpsc::Sender<Sent>) -> Self {
        Self {
            bus,
            worker: worker.to_owned(),
            lanes: BTreeMap::new(),
            done,
        }
    }

    pub fn push(&mut self, subject: &str, key: Key, result: TaskResult) {
        let status = match &result.outcome {
            Outcome::Succeeded(_) => "succeeded",
            Outcome::Failed(_) => "failed",
            Outcome::Cancelled(_) => "cancelled",
        };
        METRICS.tasks.with_label_values(&[status]).inc();
        if !self.lanes.contains_key(subject) {
            self.lanes.insert(subject.to_owned(), Lane::default());
        }
        if let Some(lane) = self.lanes.get_mut(subject) {
            lane.waiting.push((key, result));
        }
    }

    /// Send what waits, where nothing is outstanding.
    pub fn flush(&mut self) {
        let subjects: Vec<String> = self
            .lanes
            .iter()
            .filter(|(_, lane)| !lane.sending && !lane.waiting.is_empty())
            .map(|(s, _)| s.clone())
            .collect();
        for subject in subjects {
            let Some(lane) = self.lanes.get_mut(&subject) else {
                continue;
            };
            let mut size = 0;
            let fits = lane
                .waiting
                .iter()
                .take(BATCH_COUNT_MAX)
                .take_while(|(_, result)| {
                    size += weight(result);
                    size <= BATCH_BYTES_MAX
                });
            let count = fits.count().max(1).min(lane.waiting.len());
            let (keys, results): (Vec<Key>, Vec<TaskResult>) = lane.waiting.drain(..count).unzip();
            lane.sending = true;
            let batch = ResultBatch {
                v: 1,
                worker: self.worker.clone(),
                results,
            };
            tokio::spawn(send(self.bus.clone(), subject, keys, batch, self.done.clone()));
        }
    }

    /// A message was acknowledged: the next one may go.
    pub fn sent(&mut self, subject: &str) {
        if let Some(lane) = self.lanes.get_mut(subject) {
            lane.sending = false;
        }
        self.flush();
    }

    pub fn is_empty(&self) -> bool {
        self.lanes
            .values()
            .all(|lane| !lane.sending && lane.waiting.is_empty())
    }
}

fn weight(result: &TaskResult) -> usize {
    let outcome = match &result.outcome {
        Outcome::Succeeded(succeeded) => succeeded.output.len(),
        Outcome::Failed(failed) => failed.error.message.len(),
        Outcome::Cancelled(_) => 0,
    };
    outcome + result.task.len() + 256
}

/// Publish until the broker has it: a result is not given up while the process lives.
async fn send(bus: Bus, subject: String, keys: Vec<Key>, batch: ResultBatch, done: mpsc::Sender<Sent>) {
    let data: bytes::Bytes = match encode(&batch) {
        Ok(data) => data.into(),
        Err(error) => return tracing::error!(%error, "results cannot be written"),
    };
    let mut wait = RETRY_FIRST;
    loop {
        match publish(&bus, &subject, &data).await {
            Ok(sequence) => {
                let _ = done
                    .send(Sent {
                        subject,
                        keys,
                        sequence,
                    })
                    .await; // the loop has ended: the process stops
                return;
            }
            Err(error) => {
                tracing::warn!(%error, subject, "results are not stored yet");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_LAST);
            }
        }
    }
}

async fn publish(bus: &Bus, subject: &str, data: &bytes::Bytes) -> Result<u64, Error> {
    let ack = bus.publish_log(subject.to_owned(), data.clone(), None).await?;
    Ok(ack.await.map_err(publish_error)?.sequence)
}
