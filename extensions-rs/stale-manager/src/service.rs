//! The service: calls to the archive on threads that may wait for the disk, and decisions followed from their stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use futures_util::{FutureExt, StreamExt};
use symphony_protocol::{DecisionBatch, ReadRun, RunDecisions, decode};
use symphony_sdk::clock::wall_ms;
use symphony_sdk::{Bus, Error, Micro, Shutdown};
use tokio::sync::Notify;

use crate::answers::{answer, endpoints};
use crate::archive::Archive;
use crate::decisions::Decisions;
use crate::options::Options;
use crate::policy::Policies;
use crate::{disk, keeper, surprise};

/// Decision messages of one append.
const DECISIONS_BATCH: usize = 256;

pub struct Service {
    options: Options,
}

pub(crate) struct State {
    pub archive: Mutex<Archive>,
    pub decisions: Decisions,
    pub policies: tokio::sync::Mutex<Policies>,
    /// Another policy is in force: the archive is looked through at once.
    pub look_now: Notify,
    pub bus: Bus,
}

impl Service {
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    pub async fn run(self, bus: Bus, mut shutdown: Shutdown) -> Result<(), Error> {
        let decisions = Decisions::open(&self.options.data, self.options.decisions_bytes_max)?;
        let policies = Policies::load(&bus, self.options.policy()).await?;
        let mut archive = Archive::open(self.options)?;
        archive.resume_erasures(&decisions)?;
        let (policy, version) = policies.current();
        archive.adopt(policy, version, wall_ms())?;
        let state = Arc::new(State {
            archive: Mutex::new(archive),
            decisions,
            policies: tokio::sync::Mutex::new(policies),
            look_now: Notify::new(),
            bus: bus.clone(),
        });
        let description = "Stale Manager: archive, retention, holds and trajectories";
        let (micro, mut calls) =
            Micro::start(&bus, "stale", description, HashMap::new(), endpoints()).await?;
        bus.flush().await?;
        let follower = tokio::spawn(follow(state.clone(), shutdown.clone()));
        let keeper = tokio::spawn(keeper::run(state.clone(), shutdown.clone()));
        loop {
            tokio::select! {
                () = shutdown.requested() => break,
                Some(call) = calls.recv() => {
                    let state = state.clone();
                    tokio::spawn(async move { answer(state, call).await });
                }
            }
        }
        micro.stop().await;
        follower.abort();
        keeper.abort();
        Ok(())
    }
}

impl State {
    /// Work at the disk, on a thread that may wait.
    pub async fn on_disk<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&mut Archive, &Decisions) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let done = tokio::task::spawn_blocking(move || {
            let mut archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut archive, &self.decisions)
        });
        done.await.unwrap_or_else(|error| Err(disk(error)))
    }

    /// A look through the trajectories, which does not hold up the archive.
    pub async fn at_decisions(self: Arc<Self>, ask: ReadRun, tenant: String) -> Result<RunDecisions, Error> {
        let looked = tokio::task::spawn_blocking(move || self.decisions.of_run(&ask.run, &tenant));
        looked.await.unwrap_or_else(|error| Err(disk(error)))
    }
}

/// Follow the decisions until told to stop; the position outlives the process.
async fn follow(state: Arc<State>, mut shutdown: Shutdown) {
    while !shutdown.is_set() {
        tokio::select! {
            outcome = follow_once(&state) => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "following the decisions");
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            () = shutdown.requested() => return,
        }
    }
}

async fn follow_once(state: &Arc<State>) -> Result<(), Error> {
    let from = state
        .clone()
        .on_disk(|archive, _| archive.catalogue.number("decisions"))
        .await?;
    let stream = state
        .bus
        .jetstream()
        .get_stream("SYM_DECISIONS")
        .await
        .map_err(Error::unavailable)?;
    let config = OrderedConfig {
        deliver_subject: state.bus.client().new_inbox(),
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: from + 1,
        },
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.map_err(Error::unavailable)?;
    let mut messages = consumer.messages().await.map_err(Error::unavailable)?;
    while let Some(first) = messages.next().await {
        let mut batches = Vec::new();
        let mut last = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            let message = message.map_err(Error::unavailable)?;
            last = message.info().map_err(Error::unavailable)?.stream_sequence;
            match decode::<DecisionBatch>(&message.payload) {
                Ok(batch) => batches.push((last, batch)),
                Err(error) => tracing::warn!(%error, "decisions are passed over"),
            }
            next = if batches.len() < DECISIONS_BATCH {
                messages.next().now_or_never().flatten()
            } else {
                None
            };
        }
        state
            .clone()
            .on_disk(move |archive, decisions| {
                archive.catalogue.without_erased(&mut batches)?;
                decisions.append(&batches)?;
                archive
                    .catalogue
                    .add_surprise(&surprise::of(&batches), last, wall_ms())
            })
            .await?;
    }
    Ok(())
}
