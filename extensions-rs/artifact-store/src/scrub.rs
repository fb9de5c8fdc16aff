//! The slow check: blobs are read again, a little each second, so that bit rot is found while others still have the content.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use symphony_sdk::Shutdown;
use symphony_sdk::clock::wall_ms;

use crate::service::State;

const INTERVAL: Duration = Duration::from_secs(1);
/// A store is not read anew sooner than this after its last blob was.
const REST: Duration = Duration::from_secs(3600);
/// Damaged blobs that are told of.
const DAMAGED_MAX: usize = 1024;

/// What it found since the start of the service.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub read: u64,
    pub damaged: Vec<String>,
}

pub type Shared = Arc<Mutex<Found>>;

/// Until told to stop.
pub async fn run(state: Arc<State>, found: Shared, mut shutdown: Shutdown) {
    let budget = state.options.scrub_kib_per_second.saturating_mul(1024);
    if budget == 0 {
        return;
    }
    let mut behind: Option<String> = None;
    let mut wait = INTERVAL;
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let (its, from) = (state.clone(), behind.clone());
        let read =
            tokio::task::spawn_blocking(move || its.storage.scrub(from.as_deref(), budget, wall_ms())).await;
        wait = INTERVAL;
        match read {
            Ok(Ok(made)) => {
                for digest in &made.damaged {
                    tracing::error!(
                        digest,
                        "an artifact is damaged: `symphony pit artifacts explain` says who needs it"
                    );
                }
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.read += made.read;
                found.damaged.extend(made.damaged);
                found.damaged.truncate(DAMAGED_MAX);
                // A blob that is larger than a second's share is read whole, and paid for by waiting.
                wait = match made.behind {
                    Some(_) => INTERVAL.max(Duration::from_secs(made.bytes / budget)),
                    None => REST,
                };
                behind = made.behind;
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "artifacts cannot be checked");
                wait = REST;
            }
            Err(error) => tracing::warn!(%error, "a check of artifacts ended early"),
        }
    }
}
