//! A client that submits runs and hears their ends.

use std::collections::HashMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::StreamExt;
use symphony_protocol::subjects::{self, partition_of};
use symphony_protocol::{
    ArchivedRun, ReadRun, RunEnded, RunEvent, RunView, Show, Submit, SubmitBatch, decode, encode,
};
use symphony_sdk::{Bus, Error, ErrorKind};

/// How long the end of a run is waited for before the benchmark gives up.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Submits runs of one document.
pub struct Client {
    bus: Bus,
    tenant: String,
    ends: Subscriber,
    started: HashMap<String, Instant>,
    count: u128,
}

impl Client {
    pub async fn new(bus: &Bus, tenant: &str) -> Result<Self, Error> {
        let ends = bus.subscribe(format!("sym.run.{tenant}.*.ended")).await?;
        bus.flush().await?;
        // Identifiers of one benchmark must not meet those of another on the same system.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let count = now << 40;
        Ok(Self {
            bus: bus.clone(),
            tenant: tenant.to_owned(),
            ends,
            started: HashMap::new(),
            count,
        })
    }

    fn submit(&mut self, workflow: &str, document: &[u8], inputs: &[u8]) -> Submit {
        self.count += 1;
        let run = format!(
            "{:032x}",
            self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        );
        Submit {
            run,
            workflow: workflow.to_owned(),
            document: document.into(),
            inputs: inputs.into(),
            ..Default::default()
        }
    }

    /// Submit runs, one message for each partition's; the acknowledgements are awaited.
    pub async fn begin(
        &mut self,
        count: usize,
        workflow: &str,
        document: &[u8],
        partitions: u32,
    ) -> Result<(), Error> {
        let mut batches: HashMap<u32, Vec<Submit>> = HashMap::new();
        for _ in 0..count {
            let submit = self.submit(workflow, document, &[0x80]);
            self.started.insert(submit.run.clone(), Instant::now());
            batches
                .entry(partition_of(&submit.run, partitions))
                .or_default()
                .push(submit);
        }
        for runs in batches.into_values() {
            let Some(first) = runs.first().map(|submit| submit.run.clone()) else {
                continue;
            };
            let data = encode(&SubmitBatch { v: 1, runs })?;
            let subject = subjects::submit(&self.tenant, &first);
            self.bus
                .publish_log(subject, data.into(), None)
                .await?
                .await
                .map_err(Error::unavailable)?;
        }
        Ok(())
    }

    /// One submission in a message of its own, without waiting for more than the acknowledgement.
    pub async fn submit_one(&mut self, workflow: &str, document: &[u8]) -> Result<Bytes, Error> {
        let submit = self.submit(workflow, document, &[0x80]);
        let subject = subjects::submit(&self.tenant, &submit.run);
        self.started.insert(submit.run.clone(), Instant::now());
        let data: Bytes = encode(&SubmitBatch {
            v: 1,
            runs: vec![submit],
        })?
        .into();
        self.bus
            .publish_log(subject, data.clone(), None)
            .await?
            .await
            .map_err(Error::unavailable)?;
        Ok(data)
    }

    /// The next end of a run of ours, and how long it took. A run that did not succeed ends the benchmark.
    pub async fn next_end(&mut self) -> Result<(RunEnded, u64), Error> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.ends.next()).await;
            let message =
                message.map_err(|_| Error::new(ErrorKind::TimedOut, "no run ended within a minute"))?;
            let message = message.ok_or_else(|| Error::unavailable("the subscription ended"))?;
            let event: RunEvent = decode(&message.payload)?;
            let Some(ended) = event.ended else { continue };
            let Some(began) = self.started.remove(&ended.run) else {
                continue;
            };
            if ended.status != "succeeded" {
                let why = ended.error.map(|error| error.message).unwrap_or_default();
                return Err(Error::new(
                    ErrorKind::Internal,
                    format!("a run {}: {why}", ended.status),
                ));
            }
            return Ok((
                ended,
                u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            ));
        }
    }

    /// The time that all tasks of a run were inside function code, as their workers measured it.
    pub async fn function_us(&self, run: &str, partitions: u32) -> Result<u64, Error> {
        let partition = partition_of(run, partitions).to_string();
        let subject = subjects::pit("dag", "show", &[&partition, &self.tenant]);
        let mut total = 0;
        let mut cursor = 0;
        loop {
            let show = Show {
                run: run.to_owned(),
                nodes: true,
                cursor,
                ..Default::default()
            };
            let view: RunView = self.bus.request(subject.clone(), &show).await?;
            if !view.found {
                return self.archived_us(run).await;
            }
            total += view.nodes.iter().map(|node| node.run_us).sum::<u64>();
            match view.next {
                Some(next) => cursor = next,
                None => return Ok(total),
            }
        }
    }

    /// The same from the archive, where the run has gone meanwhile.
    async fn archived_us(&self, run: &str) -> Result<u64, Error> {
        let ask = ReadRun {
            run: run.to_owned(),
            ..Default::default()
        };
        let subject = subjects::pit("stale", "read", &[&self.tenant]);
        let read: ArchivedRun = self.bus.request(subject, &ask).await?;
        let data = read
            .view
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "the run is in neither tracker nor archive"))?;
        let view: RunView = decode(&data)?;
        Ok(view.nodes.iter().map(|node| node.run_us).sum())
    }

    pub fn under_way(&self) -> usize {
        self.started.len()
    }
}
