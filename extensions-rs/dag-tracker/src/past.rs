//! Runs as they were: the log folded once more, from the newest snapshot before the moment, up to one of its events.

use std::sync::Arc;
use std::time::Duration;

use symphony_protocol::{RunView, Show};
use symphony_sdk::{Bus, Call, Error, ErrorKind};
use tokio::sync::{Mutex, Semaphore};

use crate::core::state::run_key;
use crate::core::{Effects, Fold, FoldOptions, Run, view};
use crate::follow::{Follower, event, floor, last_event, reaches};
use crate::snapshot;

/// Messages of one replay: more take longer than anybody waits. The history is there for what lies further back.
const MESSAGES_MAX: usize = 200_000;
/// Less than a client waits for its answer.
const TIME_MAX: Duration = Duration::from_secs(4);

/// What is shown of the past, one replay at a time: each holds a second fold of the partition while it lasts.
pub struct Past {
    bus: Bus,
    place: Arc<snapshot::Place>,
    options: FoldOptions,
    room: Semaphore,
    /// The run that was asked for last, and at which event: its next page needs no other replay.
    last: Mutex<Option<(u64, Arc<Run>)>>,
}

impl Past {
    pub fn new(bus: Bus, place: Arc<snapshot::Place>, options: FoldOptions) -> Self {
        Self {
            bus,
            place,
            options,
            room: Semaphore::new(1),
            last: Mutex::new(None),
        }
    }

    /// Answer a question about a run at an event of the log.
    pub async fn answer(&self, call: &Call, ask: &Show, at: u64, tenant: &str) {
        let found = tokio::time::timeout(TIME_MAX, self.run(&ask.run, at)).await;
        let late = Error::new(
            ErrorKind::TimedOut,
            format!("no replay up to {at} in {TIME_MAX:?}"),
        );
        let found = found.unwrap_or(Err(late));
        let shown = found.map(|run| match run.filter(|run| view::may_see(run, tenant)) {
            Some(run) => view::view(&run, ask),
            None => RunView {
                found: false,
                run: ask.run.clone(),
                ..Default::default()
            },
        });
        call.finish(shown).await;
    }

    /// The run after the last event up to `at`; None where it had not begun, or was archived already.
    async fn run(&self, run: &str, at: u64) -> Result<Option<Arc<Run>>, Error> {
        let key = run_key(run).ok_or_else(|| Error::new(ErrorKind::Invalid, "that is no run"))?;
        let known = |(of, run): &&(u64, Arc<Run>)| *of == at && run.key == key;
        if let Some((_, run)) = self.last.lock().await.as_ref().filter(known) {
            return Ok(Some(run.clone()));
        }
        let busy = || Error::new(ErrorKind::Busy, "another run's past is being replayed: ask again");
        let _room = self.room.try_acquire().map_err(|_| busy())?;
        let mut fold = self.begin(at).await?;
        self.follow(&mut fold, at).await?;
        let Some(run) = fold.runs.remove(&key) else {
            return Ok(None);
        };
        *self.last.lock().await = Some((at, run.clone()));
        Ok(Some(run))
    }

    /// The newest snapshot that is not past `at`, else nothing: where the log is whole, that is enough.
    async fn begin(&self, at: u64) -> Result<Fold, Error> {
        let (place, options) = (self.place.clone(), self.options.clone());
        let read = move || {
            let found = snapshot::read_fold_up_to(&place, &options, at);
            found.unwrap_or_else(|| Fold::new(options))
        };
        let fold = tokio::task::spawn_blocking(read).await.map_err(Error::internal)?;
        let gone = floor(&self.bus, self.options.partition).await?;
        let what = format!("the log before {gone} is gone, and no snapshot lies before {at}");
        reaches(fold.sequence(), gone).map_err(|_| Error::new(ErrorKind::NotFound, what))?;
        Ok(fold)
    }

    async fn follow(&self, fold: &mut Fold, at: u64) -> Result<(), Error> {
        let end = last_event(&self.bus, self.options.partition).await?.min(at);
        if fold.sequence() >= end {
            return Ok(());
        }
        let from = fold.sequence() + 1;
        let mut follower = Follower::start(&self.bus, self.options.partition, from).await?;
        let mut batch = Vec::new();
        let mut folded = 0;
        loop {
            batch.clear();
            follower.beat(&mut batch).await?;
            for message in &batch {
                let (sequence, at_ms, event) = event(message)?;
                if sequence <= at {
                    fold.apply(sequence, at_ms, event, &mut Effects::default());
                }
                if sequence >= end {
                    return Ok(());
                }
            }
            folded += batch.len();
            if folded > MESSAGES_MAX {
                let what = format!("{at} lies more than {MESSAGES_MAX} messages behind a snapshot");
                return Err(Error::new(ErrorKind::NotFound, what));
            }
            tokio::task::yield_now().await;
        }
    }
}
