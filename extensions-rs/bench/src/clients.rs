//! A client that submits runs of one document and hears their ends.

use std::collections::HashMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::Subscriber;
use async_nats::jetstream::context::PublishAckFuture;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value as Json;
use symphony_protocol::subjects::{self, partition_of};
use symphony_protocol::{Payload, RunEnded, RunEvent, Submit, SubmitBatch, decode, encode};
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::documents::packed;

/// How long the end of a run is waited for before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(60);

type Ack = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What became of a run of ours.
pub struct Ended {
    pub run: RunEnded,
    /// From the moment of its submission, or from that at which it was to be submitted.
    pub took: Duration,
}

pub struct Client {
    bus: Bus,
    partitions: u32,
    workflow: String,
    document: Payload,
    inputs: Payload,
    ends: Subscriber,
    started: HashMap<String, Instant>,
    /// Submissions that the broker has not acknowledged.
    acks: FuturesUnordered<Ack>,
    count: u128,
}

impl Client {
    /// A client of one tenant, or of all (`*`).
    pub async fn new(bus: &Bus, tenant: &str, partitions: u32, document: &Json) -> Result<Self, Error> {
        let ends = bus.subscribe(format!("sym.run.{tenant}.*.ended")).await?;
        bus.flush().await?;
        // Identifiers of one benchmark must not meet those of another on the same system.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let mut client = Self {
            bus: bus.clone(),
            partitions,
            workflow: String::new(),
            document: Payload::default(),
            inputs: vec![0x80].into(),
            ends,
            started: HashMap::new(),
            acks: FuturesUnordered::new(),
            count: now << 40,
        };
        client.take(document)?;
        Ok(client)
    }

    /// The inputs of the runs that follow, as a msgpack map.
    pub fn give(&mut self, inputs: Vec<u8>) {
        self.inputs = inputs.into();
    }

    /// The document of the runs that follow.
    pub fn take(&mut self, document: &Json) -> Result<(), Error> {
        let workflow = document.get("workflow").and_then(Json::as_str);
        workflow.unwrap_or("bench").clone_into(&mut self.workflow);
        self.document = packed(document)?.into();
        Ok(())
    }

    fn draft(&mut self) -> Submit {
        self.count += 1;
        let run = format!(
            "{:032x}",
            self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        );
        Submit {
            run,
            workflow: self.workflow.clone(),
            document: self.document.clone(),
            inputs: self.inputs.clone(),
            ..Default::default()
        }
    }

    async fn publish(&mut self, tenant: &str, runs: Vec<Submit>) -> Result<(), Error> {
        let Some(first) = runs.first().map(|submit| submit.run.clone()) else {
            return Ok(());
        };
        let data = encode(&SubmitBatch { v: 1, runs })?;
        let subject = subjects::submit(tenant, &first);
        let sent = self.bus.publish_log(subject, data.into(), None).await?;
        self.acks.push(Box::pin(acknowledged(sent)));
        Ok(())
    }

    /// Submit runs together: a message for each partition's.
    pub async fn begin(&mut self, tenant: &str, count: usize) -> Result<(), Error> {
        let mut batches: HashMap<u32, Vec<Submit>> = HashMap::new();
        for _ in 0..count {
            let submit = self.draft();
            self.started.insert(submit.run.clone(), Instant::now());
            batches
                .entry(partition_of(&submit.run, self.partitions))
                .or_default()
                .push(submit);
        }
        for runs in batches.into_values() {
            self.publish(tenant, runs).await?;
        }
        Ok(())
    }

    /// Submit a run alone, that was to be submitted at this moment. Gives its identifier.
    pub async fn post(&mut self, tenant: &str, meant: Instant) -> Result<String, Error> {
        let submit = self.draft();
        let run = submit.run.clone();
        self.started.insert(run.clone(), meant);
        self.publish(tenant, vec![submit]).await?;
        Ok(run)
    }

    /// Until the broker has every submission on its disk.
    pub async fn acknowledged(&mut self) -> Result<(), Error> {
        while let Some(ack) = self.acks.next().await {
            ack?;
        }
        Ok(())
    }

    /// The next end of a run of ours. A run that did not succeed ends the benchmark. What is dropped loses nothing.
    pub async fn next_end(&mut self) -> Result<Ended, Error> {
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            let message = tokio::select! {
                Some(ack) = self.acks.next(), if !self.acks.is_empty() => {
                    ack?;
                    continue;
                }
                message = self.ends.next() => message,
                () = &mut patience => {
                    return Err(Error::new(ErrorKind::TimedOut, "no run ended within a minute"));
                }
            };
            let message = message.ok_or_else(|| Error::unavailable("the subscription ended"))?;
            let event: RunEvent = decode(&message.payload)?;
            let Some(run) = event.ended else { continue };
            let Some(began) = self.started.remove(&run.run) else {
                continue;
            };
            if run.status != "succeeded" {
                let why = run.error.map(|error| error.message).unwrap_or_default();
                let text = format!("a run of {} {}: {why}", self.workflow, run.status);
                return Err(Error::new(ErrorKind::Internal, text));
            }
            let took = began.elapsed();
            return Ok(Ended { run, took });
        }
    }

    /// Until nothing of ours is under way: what follows is measured alone.
    pub async fn drain(&mut self) -> Result<(), Error> {
        while self.under_way() > 0 {
            self.next_end().await?;
        }
        self.acknowledged().await
    }

    pub fn under_way(&self) -> usize {
        self.started.len()
    }
}

async fn acknowledged(sent: PublishAckFuture) -> Result<(), Error> {
    sent.into_future().await.map(|_| ()).map_err(Error::unavailable)
}
