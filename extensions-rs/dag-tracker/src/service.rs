//! The service: one loop a partition, the leases beside them, and the checking of documents.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};

use symphony_protocol::{ListActive, subjects};
use symphony_sdk::{Bus, Call, Endpoint, Error, ErrorKind, Micro, Shutdown};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::partition::{Partition, check};
use crate::registry::{Registry, follow};
use crate::tenure::Tenure;

pub(crate) const DESCRIPTION: &str = "DAG Tracker: run state as a fold of the log";

pub struct Service {
    options: crate::Options,
}

impl Service {
    pub fn new(options: crate::Options) -> Self {
        Self { options }
    }

    pub async fn run(self, bus: Bus, shutdown: Shutdown) -> Result<(), Error> {
        let path = &self.options.secret_file;
        let secret = std::fs::read(path).map_err(|error| {
            Error::new(
                ErrorKind::Config,
                format!("the mesh's secret {}: {error}", path.display()),
            )
        })?;
        let (micro, calls) = self.micro(&bus).await?;
        let registry: Registry = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let (bus, registry, shutdown) = (bus.clone(), registry.clone(), shutdown.clone());
            async move {
                follow(bus, registry, shutdown).await;
                Ok(())
            }
        });
        let mut told = BTreeMap::new();
        let (announce, announced) = watch::channel(0);
        for number in self.options.held() {
            let (sender, lease) = watch::channel(None);
            told.insert(number, sender);
            let credits = bus
                .subscribe(subjects::pit("dag", "credit", &[&number.to_string()]))
                .await?;
            let (bus, secret, options) = (bus.clone(), secret.clone(), self.options.clone());
            let (shutdown, announced) = (shutdown.clone(), announced.clone());
            tasks.spawn(async move {
                let partition = Partition::prepare(number, bus, secret, options, announced).await?;
                partition.run(lease, credits, shutdown).await
            });
        }
        let tenure = Tenure::new(bus.clone(), told, self.options.supports(), announce);
        tasks.spawn(tenure.run(shutdown.clone()));
        tasks.spawn(checks(calls, registry, shutdown.clone()));
        let mut outcome = Ok(());
        while let Some(ended) = tasks.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(Error::internal(error)));
            if ended.is_err() {
                outcome = ended;
                break; // the process comes back as a whole: half a tracker would answer for what it does not follow
            }
        }
        micro.stop().await;
        outcome
    }

    /// What any tracker answers. Questions about a partition go to the one that emits it: `office.rs`.
    async fn micro(&self, bus: &Bus) -> Result<(Micro, mpsc::Receiver<Call>), Error> {
        let check = Endpoint {
            name: "check",
            subject: subjects::pit("dag", "check", &["*"]),
            request: "Check",
            reply: "Checked",
        };
        let active = Endpoint {
            name: "active",
            subject: subjects::pit("dag", "active", &[]),
            request: "ListActive",
            reply: "ActiveList",
        };
        let endpoints = vec![check, active];
        Micro::start(bus, "dag", DESCRIPTION, metadata(&self.options), endpoints).await
    }
}

/// How many partitions there are: clients compute a run's from it.
pub(crate) fn metadata(options: &crate::Options) -> HashMap<String, String> {
    HashMap::from([("partitions".to_owned(), options.partitions.max(1).to_string())])
}

/// Documents are checked here; a large one takes milliseconds, which no partition should wait for.
async fn checks(
    mut calls: mpsc::Receiver<Call>,
    registry: Registry,
    mut shutdown: Shutdown,
) -> Result<(), Error> {
    loop {
        let call = tokio::select! {
            () = shutdown.requested() => return Ok(()),
            call = calls.recv() => match call {
                Some(call) => call,
                None => return Ok(()),
            },
        };
        if call.name == "active" {
            let answer = call.decode().map(|ask: ListActive| {
                let known = registry.read().unwrap_or_else(PoisonError::into_inner);
                known.active(&ask)
            });
            call.finish(answer).await;
            continue;
        }
        let registry = registry.clone();
        tokio::task::spawn_blocking(move || {
            let answer = check(&call, &registry);
            tokio::runtime::Handle::current().block_on(call.finish(answer));
        });
    }
}
