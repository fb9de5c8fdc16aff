//! One partition: its fold, its emitter while the lease is held, and the loop around them.

mod answers;
mod office;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Subscriber;
use futures_util::StreamExt;
use symphony_protocol::{
    Checked, Credit, DagShow, Export, History, ListRuns, Referred, Refers, Resync, ResyncPage, Show, decode,
    encode, subjects,
};
use symphony_sdk::metrics::METRICS;
use symphony_sdk::{Bus, Call, Error, ErrorKind, Shutdown};
use tokio::sync::watch;

use crate::core::emit::{Message, failure, open_execs, quarantines, ready_task, run_ended};
use crate::core::state::{ExecId, Status, run_key};
use crate::core::{Effects, Emitter, Fold, FoldOptions, view};
use crate::follow::{Follower, event, floor as recorded_floor, reaches, stream_state};
use crate::past::Past;
use crate::snapshot;

use office::{Awaited, Office};

/// Executions of one page of a resync.
const PAGE_COUNT_MAX: usize = 512;
const PAGE_BYTES_MAX: usize = 768 * 1024;
/// Ended runs that are told again at a resync; older ones are found by asking.
const ENDED_AGAIN_MAX: usize = 1000;
const LEVEL_INTERVAL: Duration = Duration::from_secs(1);

/// The loop of one partition.
pub struct Partition {
    pub number: u32,
    bus: Bus,
    fold: Fold,
    emitter: Option<Emitter>,
    place: Arc<snapshot::Place>,
    options: crate::Options,
    folded_at_snapshot: u64,
    folded: u64,
    snapshot_at: Instant,
    snapshot_sequence: u64,
    floor: watch::Sender<(u64, u64)>,
    announced: watch::Receiver<u32>,
    listed: Vec<ExecId>,
    office: Option<Office>,
    awaited: Option<Awaited>,
    past: Arc<Past>,
}

impl Partition {
    pub async fn prepare(
        number: u32,
        bus: Bus,
        secret: Vec<u8>,
        options: crate::Options,
        announced: watch::Receiver<u32>,
    ) -> Result<Self, Error> {
        let state = stream_state(&bus).await?;
        let place = snapshot::Place {
            folder: options.data.join("snapshots").join(number.to_string()),
            partition: number,
            stream_created_ns: state.created_ns,
        };
        let fold_options = FoldOptions {
            partition: number,
            partitions: options.partitions.max(1),
            secret,
            supports: options.supports(),
        };
        let fold = match snapshot::read_fold(&place, &fold_options) {
            Some(fold) => {
                let (sequence, runs) = (fold.sequence(), fold.runs.len());
                tracing::info!(partition = number, sequence, runs, "read the snapshot");
                fold
            }
            None => Fold::new(fold_options),
        };
        let next = fold.sequence() + 1;
        if next < state.first_sequence && fold.sequence() > 0 {
            tracing::warn!(
                partition = number,
                next,
                first = state.first_sequence,
                "the log begins after the snapshot"
            );
        }
        if fold.sequence() > state.last_sequence {
            let text = format!(
                "the log ends at {} before the snapshot's {}",
                state.last_sequence,
                fold.sequence()
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        reaches(fold.sequence(), recorded_floor(&bus, number).await?)?;
        let floor = snapshot::floor_of(&place);
        let place = Arc::new(place);
        let past = Past::new(bus.clone(), place.clone(), fold.options.clone());
        let sequence = fold.sequence();
        Ok(Self {
            number,
            bus,
            fold,
            emitter: None,
            place,
            options,
            folded_at_snapshot: 0,
            folded: 0,
            snapshot_at: Instant::now(),
            snapshot_sequence: sequence,
            floor: watch::Sender::new((sequence, floor)),
            announced,
            listed: Vec::new(),
            office: None,
            awaited: None,
            past: Arc::new(past),
        })
    }

    pub async fn run(
        mut self,
        mut lease: watch::Receiver<Option<u64>>,
        mut credits: Subscriber,
        mut shutdown: Shutdown,
    ) -> Result<(), Error> {
        let mut follower: Option<Follower> = None;
        let mut level = tokio::time::interval(LEVEL_INTERVAL);
        let mut batch = Vec::new();
        loop {
            if follower.is_none() {
                // A standby that slept may find the log gone where it was: the process begins again from the newest snapshot.
                if let Ok(floor) = recorded_floor(&self.bus, self.number).await {
                    reaches(self.fold.sequence(), floor)?;
                }
                match Follower::start(&self.bus, self.number, self.fold.sequence() + 1).await {
                    Ok(made) => follower = Some(made),
                    Err(error) => {
                        tracing::warn!(%error, partition = self.number, "the log cannot be followed");
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                }
            }
            batch.clear();
            tokio::select! {
                biased;
                () = shutdown.requested() => break,
                outcome = next_beat(&mut follower, &mut batch) => {
                    match outcome {
                        Ok(()) => {
                            self.beat(&batch).await;
                            self.follows()?;
                            self.take_office_if_due().await;
                        }
                        Err(error) => {
                            tracing::warn!(%error, partition = self.number, "following the log again");
                            follower = None;
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                    }
                }
                Some(message) = credits.next() => {
                    if let (Ok(credit), Some(emitter)) = (decode::<Credit>(&message.payload), self.emitter.as_mut()) {
                        emitter.credit(credit.windows, credit.default, &credit.weights);
                        self.emit(Effects::default(), false).await;
                    }
                }
                call = Office::next(&mut self.office) => self.answer(call).await,
                changed = lease.changed() => {
                    if changed.is_ok() {
                        let held = *lease.borrow_and_update();
                        self.leased(held).await;
                    }
                }
                _ = level.tick() => {
                    let held = *lease.borrow();
                    self.leased(held).await;
                    self.emit(Effects::default(), true).await;
                    self.snapshot_if_due(false).await;
                }
            }
        }
        self.snapshot_if_due(true).await;
        self.leave_office().await;
        Ok(())
    }

    /// Rule 12: where the log goes on by rules that are not known here, this program has to stop, and another takes over.
    fn follows(&self) -> Result<(), Error> {
        let Some(version) = self.fold.beyond else {
            return Ok(());
        };
        let text = format!(
            "behind {} the log of partition {} goes on with version {version} of the fold, and this program knows {}: \
             upgrade it, or raise `fold_version_max` where it is set",
            self.fold.sequence(),
            self.number,
            self.options.supports()
        );
        Err(Error::new(ErrorKind::Config, text))
    }

    async fn beat(&mut self, batch: &[async_nats::jetstream::message::Message]) {
        let mut effects = Effects::default();
        for message in batch {
            match event(message) {
                Ok((sequence, at_ms, event)) => self.fold.apply(sequence, at_ms, event, &mut effects),
                Err(error) => tracing::error!(%error, "a message of the log has no place"),
            }
        }
        let count = u64::try_from(batch.len()).unwrap_or_default();
        self.folded += count;
        let number = self.number.to_string();
        METRICS.folded.with_label_values(&[&number]).inc_by(count);
        let live = i64::try_from(self.fold.live).unwrap_or(i64::MAX);
        METRICS.live.with_label_values(&[&number]).set(live);
        for dead in effects.dead.drain(..) {
            tracing::warn!(partition = self.number, dead, "dead letter");
        }
        self.emit(effects, false).await;
    }

    async fn emit(&mut self, effects: Effects, level: bool) {
        let Some(emitter) = self.emitter.as_mut() else {
            return;
        };
        if level {
            METRICS.backlog.reset();
            for (capability, count) in emitter.backlog() {
                METRICS.backlog.with_label_values(&[&capability]).set(count);
            }
        }
        emitter.floor = self.floor.borrow().1;
        emitter.announced = *self.announced.borrow();
        let messages = emitter.beat(&mut self.fold, effects, level);
        for message in messages {
            let (subject, data) = match &message {
                Message::Frame(frame) => (subjects::frame(self.number), encode(frame)),
                Message::Ready(ready) => (subjects::ready(self.number), encode(&**ready)),
            };
            let sent = match data {
                Ok(data) => self.bus.publish_bytes(subject, data.into()).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = sent {
                tracing::error!(%error, "the conductor was not told; it will ask");
            }
        }
    }

    /// Only the emitter writes: the snapshots of a partition lie in one folder, from which every tracker of it begins.
    async fn snapshot_if_due(&mut self, last: bool) {
        if self.emitter.is_none() {
            return;
        }
        let new = self.folded - self.folded_at_snapshot;
        let rested = self.snapshot_at.elapsed() >= Duration::from_secs(self.options.snapshot_seconds);
        // An idle system writes one too, a while after the last message, so that a restart has little to replay.
        let due = new >= self.options.snapshot_messages || (rested && new > 0);
        if !(due && rested || last && new > 0) {
            return;
        }
        // A copy that shares what does not change: the beat is not held up while it is put into bytes.
        let fold = self.fold.clone();
        let sequence = fold.sequence();
        self.folded_at_snapshot = self.folded;
        self.snapshot_at = Instant::now();
        self.snapshot_sequence = sequence;
        let (place, floor) = (self.place.clone(), self.floor.clone());
        let written = tokio::task::spawn_blocking(move || {
            let written =
                snapshot::body(&fold).and_then(|body| snapshot::write(&place, fold.version, sequence, &body));
            match written {
                Ok(below) => {
                    floor.send_replace((sequence, below));
                }
                Err(error) => tracing::error!(%error, "no snapshot"),
            }
        });
        if last {
            let _ = written.await; // its own error is logged inside
        }
    }
}

async fn next_beat(
    follower: &mut Option<Follower>,
    batch: &mut Vec<async_nats::jetstream::message::Message>,
) -> Result<(), Error> {
    match follower {
        Some(follower) => follower.beat(batch).await,
        None => std::future::pending().await,
    }
}

/// The answer to `dag.check`.
pub fn check(call: &Call, registry: &crate::registry::Registry) -> Result<Checked, Error> {
    let ask: symphony_protocol::Check = call.decode()?;
    let known = registry.read().map(|known| known.clone()).unwrap_or_default();
    Ok(crate::check::answer(&ask, &known))
}
