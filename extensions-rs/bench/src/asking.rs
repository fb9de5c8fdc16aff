//! What the system says of a run: its status, and the time that its tasks took.

use std::time::Duration;

use symphony_protocol::subjects::{self, partition_of};
use symphony_protocol::{ArchivedRun, ReadRun, RunView, Show, decode};
use symphony_sdk::{Bus, Error, ErrorKind};

/// How often a run is asked after until it waits.
const LOOK: Duration = Duration::from_millis(1);
const LOOKS_MAX: usize = 10_000;

pub struct Asking<'a> {
    pub bus: &'a Bus,
    pub tenant: &'a str,
    pub partitions: u32,
}

impl Asking<'_> {
    async fn show(&self, run: &str, nodes: bool, cursor: u64) -> Result<RunView, Error> {
        let partition = partition_of(run, self.partitions).to_string();
        let subject = subjects::pit("dag", "show", &[&partition, self.tenant]);
        let show = Show {
            run: run.to_owned(),
            nodes,
            cursor,
            ..Default::default()
        };
        self.bus.request(subject, &show).await
    }

    /// Until a run has the status `waiting`.
    pub async fn until_waiting(&self, run: &str) -> Result<(), Error> {
        for _ in 0..LOOKS_MAX {
            let view = self.show(run, false, 0).await?;
            if view.found && view.status == "waiting" {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Error::new(ErrorKind::TimedOut, "a run does not come to its wait"))
    }

    /// The time that all tasks of a run were inside function code, as their workers measured it.
    pub async fn function_us(&self, run: &str) -> Result<u64, Error> {
        let mut total = 0;
        let mut cursor = 0;
        loop {
            let view = self.show(run, true, cursor).await?;
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
        let subject = subjects::pit("stale", "read", &[self.tenant]);
        let read: ArchivedRun = self.bus.request(subject, &ask).await?;
        let data = read
            .view
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "the run is in neither tracker nor archive"))?;
        let view: RunView = decode(&data)?;
        Ok(view.nodes.iter().map(|node| node.run_us).sum())
    }
}
