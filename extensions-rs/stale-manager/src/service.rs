//! The service: calls to the archive on threads that may wait for the disk, and decisions followed from their stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use futures_util::{FutureExt, StreamExt};
use symphony_protocol::{
    ArchiveBatch, Collect, Collected, DecisionBatch, ExportTrajectories, FindRuns, Hold, Purge, Purged,
    ReadRun, Reply, RunDecisions, decode, subjects,
};
use symphony_sdk::clock::wall_ms;
use symphony_sdk::{Bus, Call, Endpoint, Error, ErrorKind, Micro, Shutdown};

use crate::archive::Archive;
use crate::decisions::Decisions;
use crate::disk;
use crate::options::Options;
use crate::purge::purge;

/// How often the archive looks for what is past its retention.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(600);
/// Decision messages of one append.
const DECISIONS_BATCH: usize = 256;

pub struct Service {
    options: Options,
}

struct State {
    archive: Mutex<Archive>,
    decisions: Decisions,
    bus: Bus,
}

impl Service {
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    pub async fn run(self, bus: Bus, mut shutdown: Shutdown) -> Result<(), Error> {
        let state = Arc::new(State {
            decisions: Decisions::open(&self.options.data, self.options.decisions_bytes_max)?,
            archive: Mutex::new(Archive::open(self.options)?),
            bus: bus.clone(),
        });
        let description = "Stale Manager: archive, retention, holds and trajectories";
        let (micro, mut calls) =
            Micro::start(&bus, "stale", description, HashMap::new(), endpoints()).await?;
        bus.flush().await?;
        let follower = tokio::spawn(follow(state.clone(), shutdown.clone()));
        let mut expire = tokio::time::interval(EXPIRE_INTERVAL);
        loop {
            tokio::select! {
                () = shutdown.requested() => break,
                Some(call) = calls.recv() => {
                    let state = state.clone();
                    tokio::spawn(async move { answer(state, call).await });
                }
                _ = expire.tick() => {
                    let outcome = state.clone().on_disk(|archive, _| archive.expire(wall_ms())).await;
                    match outcome {
                        Ok(0) => {}
                        Ok(gone) => tracing::info!(gone, "runs are past their retention"),
                        Err(error) => tracing::warn!(%error, "retention waits"),
                    }
                    if let Err(error) = state.decisions.trim() {
                        tracing::warn!(%error, "decisions are not trimmed");
                    }
                }
            }
        }
        micro.stop().await;
        follower.abort();
        Ok(())
    }
}

fn endpoints() -> Vec<Endpoint> {
    let of = |name, rest: &[&str], request, reply| Endpoint {
        name,
        subject: subjects::pit("stale", name, rest),
        request,
        reply,
    };
    vec![
        of("archive", &[], "ArchiveBatch", "Reply"),
        of("list", &["*"], "FindRuns", "RunList"),
        of("read", &["*"], "ReadRun", "ArchivedRun"),
        of("decisions", &["*"], "ReadRun", "RunDecisions"),
        of("hold", &[], "Hold", "Reply"),
        of("purge", &[], "Purge", "Purged"),
        of("collect", &[], "Collect", "Collected"),
        of("export", &[], "ExportTrajectories", "Exported"),
        of("show", &[], "Nothing", "StaleShow"),
    ]
}

impl State {
    /// Work at the disk, on a thread that may wait.
    async fn on_disk<T: Send + 'static>(
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
    async fn at_decisions(self: Arc<Self>, ask: ReadRun, tenant: String) -> Result<RunDecisions, Error> {
        let looked = tokio::task::spawn_blocking(move || self.decisions.of_run(&ask.run, &tenant));
        looked.await.unwrap_or_else(|error| Err(disk(error)))
    }
}

fn done(ok: bool, why: &str) -> Reply {
    Reply {
        ok,
        kind: (!ok).then(|| "not_found".to_owned()),
        message: if ok { String::new() } else { why.to_owned() },
        ..Default::default()
    }
}

async fn answer(state: Arc<State>, call: Call) {
    let tenant = subjects::last_token(&call.subject).to_owned();
    match call.name {
        "archive" => match call.decode::<ArchiveBatch>() {
            Ok(batch) => {
                let kept = state.on_disk(move |archive, _| archive.put(batch.records)).await;
                call.finish(kept.map(|()| done(true, ""))).await;
            }
            Err(error) => call.fail(&error).await,
        },
        "list" => match call.decode::<FindRuns>() {
            Ok(ask) => {
                call.finish(state.on_disk(move |archive, _| archive.list(&ask, &tenant)).await)
                    .await
            }
            Err(error) => call.fail(&error).await,
        },
        "read" => match call.decode::<ReadRun>() {
            Ok(ask) => {
                call.finish(state.on_disk(move |archive, _| archive.read(&ask, &tenant)).await)
                    .await
            }
            Err(error) => call.fail(&error).await,
        },
        "decisions" => match call.decode::<ReadRun>() {
            Ok(ask) => call.finish(state.at_decisions(ask, tenant).await).await,
            Err(error) => call.fail(&error).await,
        },
        "hold" => match call.decode::<Hold>() {
            Ok(hold) => {
                let held = state
                    .on_disk(move |archive, _| archive.hold(&hold, wall_ms()))
                    .await;
                call.finish(held.map(|found| done(found, "no such run is archived")))
                    .await;
            }
            Err(error) => call.fail(&error).await,
        },
        "purge" => match call.decode::<Purge>() {
            Ok(ask) => call.finish(purge_log(state, &ask).await).await,
            Err(error) => call.fail(&error).await,
        },
        "collect" => match call.decode::<Collect>() {
            Ok(ask) => {
                let found = state.on_disk(move |archive, _| {
                    let free = archive.unreferenced(ask.candidates, &ask.live)?;
                    archive
                        .catalogue
                        .add_number("collected", u64::try_from(free.len()).unwrap_or_default())?;
                    Ok(Collected {
                        unreferenced: free,
                        ..Default::default()
                    })
                });
                call.finish(found.await).await;
            }
            Err(error) => call.fail(&error).await,
        },
        "export" => match call.decode::<ExportTrajectories>() {
            Ok(ask) => {
                call.finish(
                    state
                        .on_disk(move |_, decisions| decisions.export(&ask, wall_ms()))
                        .await,
                )
                .await
            }
            Err(error) => call.fail(&error).await,
        },
        "show" => {
            call.finish(state.on_disk(|archive, _| archive.show()).await)
                .await
        }
        _ => {
            call.fail(&Error::new(ErrorKind::NotFound, "no such operation"))
                .await
        }
    }
}

async fn purge_log(state: Arc<State>, ask: &Purge) -> Result<Purged, Error> {
    let messages = purge(&state.bus, ask).await?;
    state
        .on_disk(move |archive, _| archive.catalogue.add_number("purged", messages))
        .await?;
    Ok(Purged {
        messages,
        ..Default::default()
    })
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
                decisions.append(&batches)?;
                archive.catalogue.set_number("decisions", last)
            })
            .await?;
    }
    Ok(())
}
