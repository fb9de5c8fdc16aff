//! The service: one micro service, one loop a partition.

use std::collections::HashMap;
use std::sync::Arc;

use symphony_protocol::subjects;
use symphony_sdk::{Bus, Call, Endpoint, Error, ErrorKind, Micro, Shutdown};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::partition::{Partition, check};
use crate::registry::{Registry, follow};

/// Questions that wait for a partition's loop.
const CALLS_MAX: usize = 256;

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
        let mut partitions = HashMap::new();
        for number in self.options.held() {
            let (sender, receiver) = mpsc::channel(CALLS_MAX);
            partitions.insert(number, sender);
            let credits = bus
                .subscribe(subjects::pit("dag", "credit", &[&number.to_string()]))
                .await?;
            let (bus, secret, options) = (bus.clone(), secret.clone(), self.options.clone());
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                let partition = Partition::prepare(number, bus, secret, options).await?;
                partition.run(receiver, credits, shutdown).await
            });
        }
        tasks.spawn(route(calls, partitions, registry, shutdown.clone()));
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

    async fn micro(&self, bus: &Bus) -> Result<(Micro, mpsc::Receiver<Call>), Error> {
        let mut endpoints = vec![Endpoint {
            name: "check",
            subject: subjects::pit("dag", "check", &["*"]),
            request: "Check",
            reply: "Checked",
        }];
        for number in self.options.held() {
            let number = number.to_string();
            let of = |name, rest: &[&str], request, reply| Endpoint {
                name,
                subject: subjects::pit("dag", name, rest),
                request,
                reply,
            };
            endpoints.extend([
                of("resync", &[&number], "Resync", "ResyncPage"),
                of("export", &[&number], "Export", "ArchiveBatch"),
                of("archived", &[&number], "Archived", "Reply"),
                of("refers", &[&number], "Refers", "Referred"),
                of("status", &[&number], "Nothing", "DagShow"),
                of("show", &[&number, "*"], "Show", "RunView"),
                of("list", &[&number, "*"], "ListRuns", "RunList"),
                of("history", &[&number, "*"], "History", "HistoryPage"),
            ]);
        }
        let partitions = self.options.partitions.max(1).to_string();
        let metadata = HashMap::from([("partitions".to_owned(), partitions)]);
        Micro::start(
            bus,
            "dag",
            "DAG Tracker: run state as a fold of the log",
            metadata,
            endpoints,
        )
        .await
    }
}

/// Questions to their partitions; checks are answered here.
async fn route(
    mut calls: mpsc::Receiver<Call>,
    partitions: HashMap<u32, mpsc::Sender<Call>>,
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
        if call.name == "check" {
            let registry = registry.clone();
            // A large document takes milliseconds, which no partition should wait for.
            tokio::task::spawn_blocking(move || {
                let answer = check(&call, &registry);
                tokio::runtime::Handle::current().block_on(call.finish(answer));
            });
            continue;
        }
        let number = call
            .subject
            .split('.')
            .nth(4)
            .and_then(|token| token.parse().ok());
        match number.and_then(|number: u32| partitions.get(&number)) {
            Some(partition) => {
                if let Err(error) = partition.try_send(call) {
                    let call = error.into_inner();
                    call.fail(&Error::new(ErrorKind::Busy, "the tracker is busy; try again"))
                        .await;
                }
            }
            None => {
                call.fail(&Error::new(ErrorKind::NotFound, "there is no such partition"))
                    .await
            }
        }
    }
}
