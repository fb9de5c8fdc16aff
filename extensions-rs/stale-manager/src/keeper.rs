//! What retention does by itself: looks through the archive, tells of what goes, and deletes at a rate.

use std::sync::Arc;
use std::time::Duration;

use symphony_protocol::{Doomed, Occurred, RunEvent, Value, encode, subjects};
use symphony_sdk::bus::publish_error;
use symphony_sdk::clock::wall_ms;
use symphony_sdk::metrics::METRICS;
use symphony_sdk::{Error, Shutdown};

use crate::service::State;

/// Deletions are counted against their rate in steps of this.
const STEP: Duration = Duration::from_secs(1);
/// Tombstones set at once: what is asked of the archive meanwhile waits a fraction of a second.
const STONES_MAX: usize = 1000;
/// Runs that are told of at once: they fit the client's buffer.
const TOLD_MAX: usize = 1024;
/// Of these many, one event tells the count alone.
const EVENT: &str = "retention";

/// Keep the archive by its policy until told to stop.
pub(crate) async fn run(state: Arc<State>, mut shutdown: Shutdown) {
    let mut step = tokio::time::interval(STEP);
    let mut next_look_ms = 0;
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = state.look_now.notified() => next_look_ms = 0,
            _ = step.tick() => {}
        }
        let now_ms = wall_ms();
        if now_ms >= next_look_ms {
            match look(&state, now_ms).await {
                Ok(minutes) => next_look_ms = now_ms + (minutes * 60_000.0) as u64,
                Err(error) => tracing::warn!(%error, "retention waits"),
            }
        }
        if let Err(error) = announce(&state, now_ms).await {
            tracing::warn!(%error, "nothing of value goes before somebody was told");
        }
        if let Err(error) = bury(&state, now_ms).await {
            tracing::warn!(%error, "deletions wait");
        }
    }
}

/// Look through the archive; in how many minutes to look again.
async fn look(state: &Arc<State>, now_ms: u64) -> Result<f64, Error> {
    let (stones, lifted) = state
        .clone()
        .on_disk(move |archive, _| archive.look_for(now_ms))
        .await?;
    let (set, away) = (stones.len(), lifted.len());
    for some in stones.chunks(STONES_MAX) {
        let some = some.to_vec();
        let work = state
            .clone()
            .on_disk(move |archive, _| archive.catalogue.entomb(&some, now_ms));
        work.await?;
    }
    let minutes = state.clone().on_disk(move |archive, decisions| {
        archive.catalogue.lift(&lifted, now_ms)?;
        archive.compact(false)?;
        decisions.trim()?;
        let shown = archive.show()?;
        for (name, value) in [
            ("archived", shown.archived),
            ("held", shown.held),
            ("tombstoned", shown.tombstones),
        ] {
            METRICS
                .archive
                .with_label_values(&[name])
                .set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        Ok(archive.policy.look_every_minutes)
    });
    let minutes = minutes.await?;
    if set + away > 0 {
        tracing::info!(set, away, "tombstones were set and taken away");
    }
    Ok(minutes)
}

/// Tell of runs of value that go. They are marked once the broker has it; until then they stay.
async fn announce(state: &Arc<State>, now_ms: u64) -> Result<(), Error> {
    let found = state
        .clone()
        .on_disk(|archive, _| archive.catalogue.unannounced(TOLD_MAX))
        .await?;
    if found.is_empty() {
        return Ok(());
    }
    for stone in &found {
        let event = RunEvent {
            run: stone.run.clone(),
            event: "tombstoned".to_owned(),
            at_ms: now_ms,
            detail: Some(format!("by `{}`: {}", stone.rule, stone.reason)),
            ..Default::default()
        };
        state
            .bus
            .publish(
                subjects::run_event(&stone.tenant, &stone.run, "tombstoned"),
                &event,
            )
            .await?;
    }
    let sent = state
        .bus
        .publish_log(subjects::event(EVENT), encode(&told(&found))?.into(), None)
        .await?;
    sent.await.map_err(publish_error)?;
    let runs: Vec<String> = found.into_iter().map(|stone| stone.run).collect();
    state
        .clone()
        .on_disk(move |archive, _| archive.catalogue.announced(&runs, wall_ms()))
        .await
}

/// What every tenant may know: how many go, how large they are, and when the first may be gone.
fn told(found: &[Doomed]) -> Occurred {
    let number = |value: u64| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
    let value = Value::Map(vec![
        ("runs".to_owned(), number(found.len() as u64)),
        (
            "bytes".to_owned(),
            number(found.iter().map(|stone| stone.bytes).sum()),
        ),
        (
            "due_at_ms".to_owned(),
            number(
                found
                    .iter()
                    .filter_map(|stone| stone.due_at_ms)
                    .min()
                    .unwrap_or_default(),
            ),
        ),
    ]);
    Occurred {
        value: value.pack().into(),
        ..Default::default()
    }
}

async fn bury(state: &Arc<State>, now_ms: u64) -> Result<(), Error> {
    let gone = state.clone().on_disk(move |archive, _| {
        let most = usize::try_from(archive.policy.deletions_per_second).unwrap_or(1);
        let gone = archive.catalogue.bury(now_ms, most)?;
        if !gone.is_empty() {
            archive.compact(false)?;
        }
        Ok(gone)
    });
    for stone in gone.await? {
        let cause = if stone.rule == "pressure" {
            "pressure"
        } else {
            "rule"
        };
        METRICS.deleted_runs.with_label_values(&[cause]).inc();
    }
    Ok(())
}
